package org.flambeau.nn;

import java.util.function.Supplier;
import org.flambeau.DType;
import org.flambeau.GradMode;
import org.flambeau.Tensor;
import org.flambeau.internal.ops.AutocastPolicy;
import org.flambeau.spi.Activation;
import org.jspecify.annotations.Nullable;

/// Calls a convolution, the batch norm behind it, and what follows: the sum with a residual, ReLU. For the `forward` of modules that have them as
/// children.
///
/// ```java
/// Tensor y = ConvNorm.call(conv1, bn1, relu, x);          // relu(bn1(conv1(x)))
/// ```
/// It is what calling them one after the other is. Where the norm evaluates, neither the images nor a parameter of the two ask for a gradient (under `noGrad`,
/// in a frozen backbone), and where no hook looks at what is between them, it is one operation: the norm is folded into the convolution's weight
/// and bias, which are computed once, kept with the convolution and computed again after a change of a parameter or statistic, and the kernel that
/// convolves also adds the residual and applies ReLU. Results differ by rounding. Under autocast the folded weight is computed in float32 and kept
/// in the region's lower precision. [Sequential] does the same
/// with a convolution and a norm that follow each other.
public final class ConvNorm {
  private static final String CONV = "conv2d";

  private ConvNorm() {}

  /// norm(conv(x)).
  public static Tensor call(Conv2d conv, BatchNorm2d norm, Tensor x) {
    return call(conv, norm, null, null, x);
  }

  /// relu(norm(conv(x))).
  public static Tensor call(Conv2d conv, BatchNorm2d norm, ReLU relu, Tensor x) {
    return call(conv, norm, null, relu, x);
  }

  /// relu(norm(conv(x)) + residual); without what is null. The residual has the result's sizes. It is asked for once, before the two are called if
  /// they are one operation, else after them.
  public static Tensor call(Conv2d conv, BatchNorm2d norm, @Nullable Supplier<Tensor> residual, @Nullable ReLU relu, Tensor x) {
    if (ModuleCalls.called(conv) instanceof Conv2d c && ModuleCalls.called(norm) instanceof BatchNorm2d n && isOne(c, n, relu, x)) {
      Tensor addend = residual == null ? null : residual.get();
      DType dtype = AutocastPolicy.dtypeOf(CONV, x);
      FoldedNorm folded = c.fold(n, dtype);
      Activation activation = relu == null ? Activation.NONE : Activation.RELU;
      if (addend == null || addend.dtype() == dtype) {
        return LayerFunctions.fusedConv2d(x, folded.weight(), folded.bias(), addend, activation, c.options());
      }
      Tensor sum = LayerFunctions.fusedConv2d(x, folded.weight(), folded.bias(), null, Activation.NONE, c.options()).add_(addend);
      return relu == null ? sum : relu.call(sum);
    }
    return Sequential.chain(x, conv::call, norm::call, y -> residual == null ? y : y.add_(residual.get()),
        y -> relu == null ? y : relu.call(y));
  }

  private static boolean isOne(Conv2d conv, BatchNorm2d norm, @Nullable ReLU relu, Tensor x) {
    Tensor weight = conv.weight();
    return !norm.usesInputStats() && !conv.options().samePadding()
        && !conv.isHooked() && !norm.isHooked() && (relu == null || ModuleCalls.called(relu) instanceof ReLU r && !r.isHooked())
        && x.dim() == 4 && AutocastPolicy.dtypeOf(CONV, x) == AutocastPolicy.dtypeOf(CONV, weight) && x.device() == weight.device()
        && FoldedNorm.isPossible(conv, norm)
        && (!GradMode.isEnabled() || !x.requiresGrad() && !FoldedNorm.requiresGrad(conv, norm));
  }
}
