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
/// in a frozen backbone), and where no hook looks at what is between them, it is one operation: what the norm multiplies by and adds
/// is computed once, kept with the convolution and computed again after a change of a parameter or statistic, and the kernel that
/// convolves does that, too, adds the residual and applies ReLU. Where a device has no kernel that multiplies, a weight that the norm is folded into
/// is kept, under autocast in the region's lower precision. Results differ by rounding. Otherwise, in training above all, the norm, the sum and ReLU
/// are one operation, if the device has a kernel for their dtypes and no hook looks on, which rounds as they do. [Sequential] does the same
/// with a convolution, a norm and ReLU that follow each other.
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

  /// relu(norm(conv(x)) + residual); without what is null. The residual has the result's sizes. It is asked for once, before what
  /// it is one operation with, else after the norm.
  public static Tensor call(Conv2d conv, BatchNorm2d norm, @Nullable Supplier<Tensor> residual, @Nullable ReLU relu, Tensor x) {
    if (relu != null && !relu.isCalledPlainly()) {
      return Sequential.chain(x, y -> call(conv, norm, residual, null, y), relu::call);
    }
    if (ModuleCalls.called(conv) instanceof Conv2d c && ModuleCalls.called(norm) instanceof BatchNorm2d n && isOne(c, n, x)) {
      Tensor addend = residual == null ? null : residual.get();
      DType dtype = AutocastPolicy.dtypeOf(CONV, x);
      FoldedNorm folded = c.fold(n, x, dtype);
      Activation activation = relu == null ? Activation.NONE : Activation.RELU;
      if (addend == null || addend.dtype() == dtype) {
        return folded.convolve(c, x, addend, activation);
      }
      Tensor sum = folded.convolve(c, x, null, Activation.NONE).add_(addend);
      return relu == null ? sum : relu.call(sum);
    }
    if (relu != null && norm.isCalledPlainly()) {
      return Sequential.chain(x, conv::call, y -> norm.callAndActivate(residual, y));
    }
    boolean inPlace = !norm.isHooked(); // what a backward hook watches must not change
    return Sequential.chain(x, conv::call, norm::call,
        y -> residual == null ? y : inPlace ? y.add_(residual.get()) : y.add(residual.get()), y -> relu == null ? y : relu.call(y));
  }

  /// pool(relu(norm(conv(x)))), as a network that reads images begins. If they are one operation, what the convolution gives, which is larger than all
  /// that follows, is pooled some images at a time where the device is faster so, and never there as a whole.
  ///
  /// Shapes: x (n, c, h, w) → (n, o, h′, w′), those of the pool's result.
  public static Tensor callAndPool(Conv2d conv, BatchNorm2d norm, ReLU relu, MaxPool2d pool, Tensor x) {
    if (ModuleCalls.called(conv) instanceof Conv2d c && ModuleCalls.called(norm) instanceof BatchNorm2d n
        && ModuleCalls.called(pool) instanceof MaxPool2d p && !p.isHooked() && relu.isCalledPlainly()
        && isOne(c, n, x)) {
      long images = LayerFunctions.imagesInCache(x, c);
      if (images < x.size(0)) {
        return LayerFunctions.maxPool2d(x, images, part -> call(conv, norm, relu, part), p.options());
      }
    }
    return Sequential.chain(x, y -> call(conv, norm, relu, y), pool::call);
  }

  private static boolean isOne(Conv2d conv, BatchNorm2d norm, Tensor x) {
    Tensor weight = conv.weight();
    return !norm.usesInputStats() && conv.options().padsEvenlyByZeros()
        && !conv.isHooked() && !norm.isHooked()
        && x.dim() == 4 && AutocastPolicy.dtypeOf(CONV, x) == AutocastPolicy.dtypeOf(CONV, weight) && x.device().equals(weight.device())
        && FoldedNorm.isPossible(conv, norm)
        && (!GradMode.isEnabled() || !x.requiresGrad() && !FoldedNorm.requiresGrad(conv, norm));
  }
}
