package org.flambeau.nn;

import java.util.function.Consumer;
import org.flambeau.Generator;
import org.flambeau.GradMode;
import org.flambeau.MemoryScope;
import org.flambeau.Tensor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The values that parameters start from. Every method overwrites its tensor, records nothing, and returns the tensor. What is
/// random is drawn from the generator given, else from the device's default one; the same seed gives PyTorch's numbers.
public final class Init {
  private static final Logger LOG = LoggerFactory.getLogger(Init.class);

  /// Which neighbours of a layer its initial values should be moderate for.
  public enum FanMode {
    /// The inputs: the forward pass keeps its magnitude.
    FAN_IN,
    /// The outputs: the backward pass keeps its magnitude.
    FAN_OUT
  }

  /// What follows a layer.
  public enum Nonlinearity {
    LINEAR, SIGMOID, TANH, RELU, LEAKY_RELU, SELU
  }

  /// How many numbers one output is made of, and into how many outputs one input goes.
  record Fans(long in, long out) {
    static Fans of(Tensor tensor) {
      if (tensor.dim() < 2) {
        throw new IllegalArgumentException("[init] Fan in and fan out can not be computed for tensor with fewer than 2 dimensions");
      }
      long field = 1;
      for (int d = 2; d < tensor.dim(); d++) {
        field *= tensor.size(d);
      }
      return new Fans(tensor.size(1) * field, tensor.size(0) * field);
    }

    long of(FanMode mode) {
      return mode == FanMode.FAN_IN ? in : out;
    }

    double glorot(double gain) {
      return gain * Math.sqrt(2.0 / (in + out));
    }
  }

  private Init() {}

  private static Tensor overwrite(Tensor tensor, Consumer<Tensor> values) {
    try (var _ = GradMode.noGrad(); var _ = MemoryScope.open()) {
      values.accept(tensor);
    }
    return tensor;
  }

  private static Generator defaultOf(Tensor tensor) {
    return Generator.defaultOf(tensor.device());
  }

  private static void requireRank2(Tensor tensor, String what) {
    if (tensor.dim() != 2) {
      throw new IllegalArgumentException("[" + what + "] Only tensors with 2 dimensions are supported, but got " + tensor.dim());
    }
  }

  // ---- constants ----

  /// Every element is `value`.
  public static Tensor constant_(Tensor tensor, double value) {
    return overwrite(tensor, t -> t.fill_(value));
  }

  /// Every element is 1.
  public static Tensor ones_(Tensor tensor) {
    return constant_(tensor, 1);
  }

  /// Every element is 0.
  public static Tensor zeros_(Tensor tensor) {
    return constant_(tensor, 0);
  }

  /// 1 on the diagonal, 0 elsewhere: a linear layer passes on as many inputs as it can.
  ///
  /// Shapes: (rows, columns).
  public static Tensor eye_(Tensor tensor) {
    requireRank2(tensor, "eye_");
    return overwrite(tensor, t -> t.zero_().diagonal().fill_(1));
  }

  /// [#dirac_(Tensor, long)] with one group.
  public static Tensor dirac_(Tensor tensor) {
    return dirac_(tensor, 1);
  }

  /// 1 in the middle of each kernel that leads from a channel to itself, 0 elsewhere: each group of a convolution passes on as
  /// many channels as it can.
  ///
  /// Shapes: a convolution's weight of 3, 4 or 5 dimensions.
  public static Tensor dirac_(Tensor tensor, long groups) {
    if (tensor.dim() < 3 || tensor.dim() > 5) {
      throw new IllegalArgumentException("[dirac_] Only tensors with 3, 4, or 5 dimensions are supported, but got " + tensor.dim());
    }
    if (groups < 1 || tensor.size(0) % groups != 0) {
      throw new IllegalArgumentException("[dirac_] dim 0 must be divisible by groups, but got " + tensor.size(0) + " and " + groups);
    }
    long channels = tensor.size(0) / groups;
    return overwrite(tensor, t -> {
      Tensor centre = t.zero_();
      for (int d = 2; d < t.dim(); d++) {
        centre = centre.select(2, t.size(d) / 2);
      }
      for (Tensor group : centre.split(channels, 0)) {
        group.diagonal().fill_(1);
      }
    });
  }

  // ---- distributions ----

  /// [#uniform_(Tensor, double, double, Generator)] from [0, 1).
  public static Tensor uniform_(Tensor tensor) {
    return uniform_(tensor, 0, 1);
  }

  /// [#uniform_(Tensor, double, double, Generator)] from the default generator.
  public static Tensor uniform_(Tensor tensor, double low, double high) {
    return uniform_(tensor, low, high, defaultOf(tensor));
  }

  /// Drawn uniformly from [low, high).
  public static Tensor uniform_(Tensor tensor, double low, double high, Generator generator) {
    return overwrite(tensor, t -> t.uniform_(low, high, generator));
  }

  /// [#normal_(Tensor, double, double, Generator)] with mean 0 and standard deviation 1.
  public static Tensor normal_(Tensor tensor) {
    return normal_(tensor, 0, 1);
  }

  /// [#normal_(Tensor, double, double, Generator)] from the default generator.
  public static Tensor normal_(Tensor tensor, double mean, double std) {
    return normal_(tensor, mean, std, defaultOf(tensor));
  }

  /// Normally distributed.
  public static Tensor normal_(Tensor tensor, double mean, double std, Generator generator) {
    return overwrite(tensor, t -> t.normal_(mean, std, generator));
  }

  /// [#truncNormal_(Tensor, double, double, double, double, Generator)] with mean 0, standard deviation 1, from [−2, 2].
  public static Tensor truncNormal_(Tensor tensor) {
    return truncNormal_(tensor, 0, 1);
  }

  /// [#truncNormal_(Tensor, double, double, double, double, Generator)] from [−2, 2], whatever the standard deviation.
  public static Tensor truncNormal_(Tensor tensor, double mean, double std) {
    return truncNormal_(tensor, mean, std, -2, 2);
  }

  /// [#truncNormal_(Tensor, double, double, double, double, Generator)] from the default generator.
  public static Tensor truncNormal_(Tensor tensor, double mean, double std, double low, double high) {
    return truncNormal_(tensor, mean, std, low, high, defaultOf(tensor));
  }

  /// Normally distributed, given that it lies in [low, high].
  public static Tensor truncNormal_(Tensor tensor, double mean, double std, double low, double high, Generator generator) {
    if (mean < low - 2 * std || mean > high + 2 * std) {
      LOG.warn("mean is more than 2 std from [a, b] in nn.init.trunc_normal_. The distribution of values may be incorrect.");
    }
    var truncated = new TruncatedNormal(mean, std, low, high, generator);
    return overwrite(tensor, truncated::fill);
  }

  // ---- by the layer's size ----

  /// [#xavierUniform_(Tensor, double, Generator)] with a gain of 1.
  public static Tensor xavierUniform_(Tensor tensor) {
    return xavierUniform_(tensor, 1);
  }

  /// [#xavierUniform_(Tensor, double, Generator)] from the default generator.
  public static Tensor xavierUniform_(Tensor tensor, double gain) {
    return xavierUniform_(tensor, gain, defaultOf(tensor));
  }

  /// Drawn uniformly from [−a, a) with `a = gain·√(6/(fan_in + fan_out))`.
  ///
  /// Shapes: (out, in, …).
  ///
  /// Reference: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.
  public static Tensor xavierUniform_(Tensor tensor, double gain, Generator generator) {
    double bound = Math.sqrt(3) * Fans.of(tensor).glorot(gain);
    return uniform_(tensor, -bound, bound, generator);
  }

  /// [#xavierNormal_(Tensor, double, Generator)] with a gain of 1.
  public static Tensor xavierNormal_(Tensor tensor) {
    return xavierNormal_(tensor, 1);
  }

  /// [#xavierNormal_(Tensor, double, Generator)] from the default generator.
  public static Tensor xavierNormal_(Tensor tensor, double gain) {
    return xavierNormal_(tensor, gain, defaultOf(tensor));
  }

  /// Normally distributed with the standard deviation `gain·√(2/(fan_in + fan_out))`.
  ///
  /// Shapes: (out, in, …).
  ///
  /// Reference: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.
  public static Tensor xavierNormal_(Tensor tensor, double gain, Generator generator) {
    return normal_(tensor, 0, Fans.of(tensor).glorot(gain), generator);
  }

  /// [#kaimingUniform_(Tensor, double, FanMode, Nonlinearity, Generator)] by the inputs, before a ReLU.
  public static Tensor kaimingUniform_(Tensor tensor) {
    return kaimingUniform_(tensor, 0, FanMode.FAN_IN, Nonlinearity.LEAKY_RELU);
  }

  /// [#kaimingUniform_(Tensor, double, FanMode, Nonlinearity, Generator)] from the default generator.
  public static Tensor kaimingUniform_(Tensor tensor, double a, FanMode mode, Nonlinearity nonlinearity) {
    return kaimingUniform_(tensor, a, mode, nonlinearity, defaultOf(tensor));
  }

  /// Drawn uniformly from [−b, b) with `b = gain·√(3/fan)`.
  ///
  /// Shapes: (out, in, …).
  ///
  /// Reference: He et al., "Delving Deep into Rectifiers", 2015.
  ///
  /// @param a the negative slope, where a leaky ReLU follows
  public static Tensor kaimingUniform_(Tensor tensor, double a, FanMode mode, Nonlinearity nonlinearity, Generator generator) {
    if (isEmpty(tensor)) {
      return tensor;
    }
    double bound = Math.sqrt(3) * kaimingStd(tensor, a, mode, nonlinearity);
    return uniform_(tensor, -bound, bound, generator);
  }

  /// [#kaimingNormal_(Tensor, double, FanMode, Nonlinearity, Generator)] by the inputs, before a ReLU.
  public static Tensor kaimingNormal_(Tensor tensor) {
    return kaimingNormal_(tensor, 0, FanMode.FAN_IN, Nonlinearity.LEAKY_RELU);
  }

  /// [#kaimingNormal_(Tensor, double, FanMode, Nonlinearity, Generator)] from the default generator.
  public static Tensor kaimingNormal_(Tensor tensor, double a, FanMode mode, Nonlinearity nonlinearity) {
    return kaimingNormal_(tensor, a, mode, nonlinearity, defaultOf(tensor));
  }

  /// Normally distributed with the standard deviation `gain/√fan`.
  ///
  /// Shapes: (out, in, …).
  ///
  /// Reference: He et al., "Delving Deep into Rectifiers", 2015.
  ///
  /// @param a the negative slope, where a leaky ReLU follows
  public static Tensor kaimingNormal_(Tensor tensor, double a, FanMode mode, Nonlinearity nonlinearity, Generator generator) {
    return isEmpty(tensor) ? tensor : normal_(tensor, 0, kaimingStd(tensor, a, mode, nonlinearity), generator);
  }

  private static double kaimingStd(Tensor tensor, double a, FanMode mode, Nonlinearity nonlinearity) {
    return calculateGain(nonlinearity, a) / Math.sqrt(Fans.of(tensor).of(mode));
  }

  private static boolean isEmpty(Tensor tensor) {
    if (tensor.numel() > 0) {
      return false;
    }
    LOG.warn("Initializing zero-element tensors is a no-op");
    return true;
  }

  /// By how much the layer before a nonlinearity has to amplify for magnitudes to stay; a leaky ReLU's slope is 0.01.
  public static double calculateGain(Nonlinearity nonlinearity) {
    return calculateGain(nonlinearity, 0.01);
  }

  /// By how much the layer before a nonlinearity has to amplify for magnitudes to stay.
  ///
  /// @param negativeSlope a leaky ReLU's
  public static double calculateGain(Nonlinearity nonlinearity, double negativeSlope) {
    return switch (nonlinearity) {
      case LINEAR, SIGMOID -> 1;
      case TANH -> 5.0 / 3;
      case RELU -> Math.sqrt(2);
      case LEAKY_RELU -> Math.sqrt(2 / (1 + negativeSlope * negativeSlope));
      case SELU -> 3.0 / 4;
    };
  }

  // ---- matrices ----

  /// [#orthogonal_(Tensor, double, Generator)] with a gain of 1.
  public static Tensor orthogonal_(Tensor tensor) {
    return orthogonal_(tensor, 1);
  }

  /// [#orthogonal_(Tensor, double, Generator)] from the default generator.
  public static Tensor orthogonal_(Tensor tensor, double gain) {
    return orthogonal_(tensor, gain, defaultOf(tensor));
  }

  /// `gain` times a matrix drawn uniformly from those whose rows, or where there are more rows than columns whose columns, are
  /// orthonormal. Trailing dimensions count as one. The decomposition runs on the host.
  ///
  /// Shapes: (rows, columns, …).
  ///
  /// Reference: Saxe, McClelland and Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear neural
  /// networks", 2013; Mezzadri, "How to generate random matrices from the classical compact groups", 2006.
  public static Tensor orthogonal_(Tensor tensor, double gain, Generator generator) {
    if (tensor.dim() < 2) {
      throw new IllegalArgumentException("[orthogonal_] Only tensors with 2 or more dimensions are supported, but got " + tensor.dim());
    }
    if (tensor.numel() == 0) {
      return tensor;
    }
    return overwrite(tensor, t -> {
      Tensor drawn = Tensor.empty(t.device(), t.dtype(), t.size(0), t.numel() / t.size(0)).normal_(0, 1, generator);
      boolean wide = drawn.size(0) < drawn.size(1);
      Tensor columns = wide ? drawn : drawn.t();
      int count = (int) columns.size(0);
      int length = (int) columns.size(1);
      double[] orthonormal = Householder.orthonormalize(columns.toDoubleArray(), count, length);
      Tensor q = Tensor.fromArray(orthonormal, count, length);
      t.copy_((wide ? q : q.t()).reshape(t.sizes())).mul_(gain);
    });
  }

  /// [#sparse_(Tensor, double, double, Generator)] with a standard deviation of 0.01, from the default generator.
  public static Tensor sparse_(Tensor tensor, double sparsity) {
    return sparse_(tensor, sparsity, 0.01, defaultOf(tensor));
  }

  /// Normally distributed, but for the fraction `sparsity` of each column, rounded up, which is 0. Which elements these are is
  /// drawn from the CPU's default generator.
  ///
  /// Shapes: (rows, columns).
  ///
  /// Reference: Martens, "Deep learning via Hessian-free optimization", 2010.
  public static Tensor sparse_(Tensor tensor, double sparsity, double std, Generator generator) {
    requireRank2(tensor, "sparse_");
    long zeros = (long) Math.ceil(sparsity * tensor.size(0));
    return overwrite(tensor, t -> {
      t.normal_(0, std, generator);
      for (Tensor column : t.unbind(1)) {
        column.indexFill_(0, Tensor.randperm(t.size(0)).slice(0, 0, zeros).to(t.device()), 0);
      }
    });
  }
}
