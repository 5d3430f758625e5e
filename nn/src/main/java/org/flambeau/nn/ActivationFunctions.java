package org.flambeau.nn;

import java.util.Arrays;
import org.flambeau.DType;
import org.flambeau.Tensor;
import org.flambeau.internal.ops.Activations;
import org.flambeau.internal.ops.AutocastPolicy;
import org.flambeau.internal.ops.Op;
import org.flambeau.internal.ops.Selection;
import org.flambeau.internal.ops.Shapes;
import org.flambeau.internal.ops.Softmax;
import org.flambeau.internal.ops.Unary;

/// The part of [Functional] that works element by element, and along one dimension.
abstract sealed class ActivationFunctions permits LossFunctions {
  ActivationFunctions() {}

  /// max(x, 0).
  ///
  /// Shapes: any. DTypes: any but bool. Autograd: 0 at 0.
  public static Tensor relu(Tensor x) {
    return Unary.RELU.of(x);
  }

  /// `min(max(x, 0), 6)`.
  ///
  /// Reference: Howard et al., "MobileNets", 2017.
  public static Tensor relu6(Tensor x) {
    return Op.scoped("relu6", () -> Activations.hardtanh(x, 0, 6));
  }

  /// `x·Φ(x)`, with Φ the normal distribution function.
  ///
  /// DTypes: float. Reference: Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016.
  public static Tensor gelu(Tensor x) {
    return Unary.GELU.of(requireFloat("gelu", x));
  }

  /// The approximation `x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³)))` of [#gelu]; PyTorch's `approximate="tanh"`.
  public static Tensor geluTanh(Tensor x) {
    return Unary.GELU_TANH.of(requireFloat("gelu_tanh", x));
  }

  /// `x·σ(x)`, also known as swish.
  ///
  /// DTypes: float. Reference: Elfwing, Uchibe and Doya, "Sigmoid-Weighted Linear Units", 2017.
  public static Tensor silu(Tensor x) {
    return Unary.SILU.of(requireFloat("silu", x));
  }

  /// `σ(x) = 1/(1 + exp(−x))`. DTypes: any; integral ones as float32.
  public static Tensor sigmoid(Tensor x) {
    return Unary.SIGMOID.of(x);
  }

  /// tanh x. DTypes: any; integral ones as float32.
  public static Tensor tanh(Tensor x) {
    return Unary.TANH.of(x);
  }

  /// `log(1 + exp(x))`.
  public static Tensor softplus(Tensor x) {
    return softplus(x, 1, 20);
  }

  /// `log(1 + exp(beta·x))/beta`, and x itself where beta·x is above `threshold`. DTypes: float.
  public static Tensor softplus(Tensor x, double beta, double threshold) {
    return Activations.softplus(x, beta, threshold);
  }

  /// x where it is positive, else 0.01·x.
  public static Tensor leakyRelu(Tensor x) {
    return leakyRelu(x, 0.01);
  }

  /// x where it is positive, else slope·x. DTypes: float.
  public static Tensor leakyRelu(Tensor x, double slope) {
    return Selection.leakyRelu(x, slope);
  }

  /// x where it is positive, else `exp(x) − 1`.
  public static Tensor elu(Tensor x) {
    return elu(x, 1);
  }

  /// x where it is positive, else `alpha·(exp(x) − 1)`. DTypes: float.
  ///
  /// Reference: Clevert, Unterthiner and Hochreiter, "Exponential Linear Units", 2016.
  public static Tensor elu(Tensor x, double alpha) {
    return Activations.elu(x, alpha, 1);
  }

  /// x where it is positive, else `alpha·(exp(x/alpha) − 1)`. DTypes: float.
  ///
  /// Reference: Barron, "Continuously Differentiable Exponential Linear Units", 2017.
  ///
  /// @throws IllegalArgumentException if alpha is 0
  public static Tensor celu(Tensor x, double alpha) {
    if (alpha == 0) {
      throw new IllegalArgumentException("[celu] alpha cannot be 0");
    }
    return Activations.celu(x, alpha);
  }

  /// `scale·x` where x is positive, else `scale·alpha·(exp(x) − 1)`, with the constants that keep means at 0 and variances at 1. DTypes: float.
  ///
  /// Reference: Klambauer et al., "Self-Normalizing Neural Networks", 2017.
  public static Tensor selu(Tensor x) {
    return Op.scoped("selu", () -> Activations.elu(x, 1.6732632423543772848170429916717, 1.0507009873554804934193349852946));
  }

  /// x where it is positive, else `weight·x`.
  ///
  /// Shapes: x any, weight of one element; or x (n, c, …), weight (c). DTypes: float, one for both. Autograd: both.
  ///
  /// Reference: He et al., "Delving Deep into Rectifiers", 2015.
  public static Tensor prelu(Tensor x, Tensor weight) {
    AutocastPolicy policy = AutocastPolicy.of("prelu", x);
    if (policy != null) {
      return policy.run(c -> prelu(c[0], c[1]), x, weight);
    }
    if (weight.dim() > 1) {
      throw new IllegalArgumentException(
          "[prelu] Expected `weight` to be a scalar or 1D tensor, but got sizes " + Shapes.show(weight.sizes()));
    }
    long channels = x.dim() < 2 ? 1 : x.size(1);
    if (weight.numel() != 1 && weight.numel() != channels) {
      throw new IllegalArgumentException("[prelu] Mismatch of parameter numbers and input channel size. Found parameter numbers = "
          + weight.numel() + " and channel size = " + channels + ".");
    }
    long[] sizes = new long[x.dim()];
    Arrays.fill(sizes, 1);
    if (weight.numel() != 1) {
      sizes[1] = channels;
    }
    return Op.scoped("prelu", () -> Activations.prelu(x, weight.reshape(sizes)));
  }

  /// x where it is above `threshold`, else `value`.
  public static Tensor threshold(Tensor x, double threshold, double value) {
    return Activations.threshold(x, threshold, value);
  }

  /// `min(max(x, −1), 1)`.
  public static Tensor hardtanh(Tensor x) {
    return hardtanh(x, -1, 1);
  }

  /// `min(max(x, low), high)`. Autograd: 0 at the bounds and beyond.
  ///
  /// @throws IllegalArgumentException if low is greater than high
  public static Tensor hardtanh(Tensor x, double low, double high) {
    return Activations.hardtanh(x, low, high);
  }

  /// `x·min(max(x + 3, 0), 6)/6`. DTypes: float.
  ///
  /// Reference: Howard et al., "Searching for MobileNetV3", 2019.
  public static Tensor hardswish(Tensor x) {
    return Activations.hardswish(x);
  }

  /// `min(max(x + 3, 0), 6)/6`. DTypes: float.
  public static Tensor hardsigmoid(Tensor x) {
    return Activations.hardsigmoid(x);
  }

  /// `x·tanh(log(1 + exp(x)))`. DTypes: float.
  ///
  /// Reference: Misra, "Mish: A Self Regularized Non-Monotonic Activation Function", 2019.
  public static Tensor mish(Tensor x) {
    return Activations.mish(x);
  }

  /// `log σ(x)`, without overflow. DTypes: float.
  public static Tensor logSigmoid(Tensor x) {
    return Activations.logSigmoid(x);
  }

  /// `x/(1 + |x|)`.
  public static Tensor softsign(Tensor x) {
    return Op.scoped("softsign", () -> x.div(x.abs().add(1)));
  }

  /// `a·σ(b)`, for the two halves a and b of x along `dim`.
  ///
  /// Reference: Dauphin et al., "Language Modeling with Gated Convolutional Networks", 2017.
  ///
  /// @throws IllegalArgumentException if x has an odd size there
  public static Tensor glu(Tensor x, int dim) {
    return Activations.glu(x, dim);
  }

  /// `exp(x)/Σ exp(x)` along `dim`, computed without overflow.
  ///
  /// Shapes: x's. DTypes: float.
  public static Tensor softmax(Tensor x, int dim) {
    return Softmax.softmax(x, dim);
  }

  /// [#softmax(Tensor, int)] of x cast to `dtype`.
  public static Tensor softmax(Tensor x, int dim, DType dtype) {
    return Softmax.softmax(x.to(dtype), dim);
  }

  /// `log(softmax(x))`, more exact and faster than the two functions one after the other.
  public static Tensor logSoftmax(Tensor x, int dim) {
    return Softmax.logSoftmax(x, dim);
  }

  /// [#logSoftmax(Tensor, int)] of x cast to `dtype`.
  public static Tensor logSoftmax(Tensor x, int dim, DType dtype) {
    return Softmax.logSoftmax(x.to(dtype), dim);
  }

  private static Tensor requireFloat(String op, Tensor x) {
    if (!x.dtype().isFloating()) {
      throw new IllegalArgumentException(
          "[" + op + "] expected a float tensor, got " + x.dtype().label() + ": cast it with to(FLOAT32) first");
    }
    return x;
  }
}
