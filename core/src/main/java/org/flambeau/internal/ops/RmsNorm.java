package org.flambeau.internal.ops;

import static org.flambeau.internal.text.Shapes.list;

import java.util.Arrays;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.Tensor;
import org.jspecify.annotations.Nullable;

/// Division by the root of the mean square over the last dimensions of each sample. Composed of other operations.
public final class RmsNorm {
  private static final String OP = "rms_norm";

  private RmsNorm() {}

  /// x/√(mean x² + eps)·weight.
  ///
  /// @param eps where null, the distance from 1 to the next number of the dtype that it computes in
  public static Tensor rmsNorm(Tensor x, long[] shape, @Nullable Tensor weight, @Nullable Double eps) {
    AutocastPolicy policy = AutocastPolicy.of("rms_norm", x);
    if (policy != null) {
      return policy.run(c -> rmsNorm(c[0], shape, c[1], eps), x, weight);
    }
    check(x, shape, weight);
    DType wide = LayerNorm.statistics(x.dtype());
    double least = eps != null ? eps : wide == DType.FLOAT64 ? Math.ulp(1.0) : Math.ulp(1f);
    int[] last = new int[shape.length];
    Arrays.setAll(last, d -> d - shape.length);
    return Op.scoped(OP, () -> {
      Tensor in = x.to(wide);
      Tensor y = in.mul(in.square().mean(last, true).add(least).rsqrt());
      return (weight == null ? y : y.mul(weight)).to(x.dtype());
    });
  }

  private static void check(Tensor x, long[] shape, @Nullable Tensor weight) {
    if (shape.length == 0) {
      throw new IllegalArgumentException(
          "[" + OP + "] Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one "
              + "element, but got normalized_shape = []");
    }
    if (weight != null && !Arrays.equals(weight.sizes(), shape)) {
      throw new IllegalArgumentException("[" + OP + "] Expected weight to be of same shape as normalized_shape, but got weight of shape "
          + list(weight.sizes()) + " and normalized_shape = " + list(shape));
    }
    int lead = x.dim() - shape.length;
    if (lead < 0 || !Arrays.equals(shape, Arrays.copyOfRange(x.sizes(), lead, x.dim()))) {
      throw new IllegalArgumentException("[" + OP + "] Given normalized_shape=" + list(shape) + ", expected input with shape [*, "
          + list(shape).substring(1) + ", but got input of size" + list(x.sizes()));
    }
    Promotion.requireFloat(OP, x);
    Device _ = Binary.device(OP, x, weight, null);
  }
}
