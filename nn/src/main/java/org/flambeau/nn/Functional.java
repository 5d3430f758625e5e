package org.flambeau.nn;

import java.util.Arrays;
import java.util.Locale;
import org.flambeau.GradMode;
import org.flambeau.Tensor;
import org.flambeau.internal.ops.Attention;
import org.flambeau.internal.ops.AutocastPolicy;
import org.flambeau.internal.ops.Dropouts;
import org.flambeau.internal.ops.Interpolation;
import org.flambeau.internal.ops.Interpolation.Mode;
import org.flambeau.internal.ops.Op;
import org.flambeau.internal.ops.Padding;
import org.flambeau.internal.ops.Padding.Border;
import org.flambeau.internal.ops.Rearranging;
import org.flambeau.internal.ops.Shapes;
import org.jspecify.annotations.Nullable;

/// What layers compute, as functions: parameters come as arguments, and so does whether one is training.
public final class Functional extends LayerFunctions {
  /// What stands around a padded tensor.
  public enum PaddingMode {
    /// Mirrored at the edge, which is not repeated: `c b | a b c | b a`.
    REFLECT(Border.REFLECT),
    /// The edge again and again: `a a | a b c | c c`.
    REPLICATE(Border.REPLICATE),
    /// From the opposite edge: `b c | a b c | a b`.
    CIRCULAR(Border.CIRCULAR);

    private final Border border;

    PaddingMode(Border border) {
      this.border = border;
    }
  }

  /// How a place between elements gets its value.
  public enum InterpolationMode {
    /// From the element before it.
    NEAREST(Mode.NEAREST, 0),
    /// Of rows, from the two elements around it, by how near they are.
    LINEAR(Mode.LINEAR, 3),
    /// Of images, from the two elements around it in each dimension, by how near they are.
    BILINEAR(Mode.LINEAR, 4),
    /// Of images, from the four elements around it in each dimension, by cubic convolution; results may be beyond the elements'.
    BICUBIC(Mode.CUBIC, 4),
    /// Of volumes, from the two elements around it in each dimension, by how near they are.
    TRILINEAR(Mode.LINEAR, 5);

    private final Mode mode;
    private final int dims;

    /// @param dims how many dimensions it needs, or 0 where it takes all
    InterpolationMode(Mode mode, int dims) {
      this.mode = mode;
      this.dims = dims;
    }

    /// PyTorch's name.
    String label() {
      return name().toLowerCase(Locale.ROOT);
    }

    private void requireFor(Tensor x) {
      if (dims > 0 && x.dim() >= 3 && x.dim() <= 5 && x.dim() != dims) {
        throw new IllegalArgumentException(
            "[interpolate] Got " + x.dim() + "D input, but " + label() + " mode needs " + dims + "D input");
      }
    }
  }

  private Functional() {}

  // ---- attention ----

  /// [#scaledDotProductAttention(Tensor, Tensor, Tensor, Tensor, double, boolean, double)] with all scores and 1/√d.
  public static Tensor scaledDotProductAttention(Tensor query, Tensor key, Tensor value) {
    return scaledDotProductAttention(query, key, value, null, 0, false);
  }

  /// [#scaledDotProductAttention(Tensor, Tensor, Tensor, Tensor, double, boolean, double)] with the scale 1/√d.
  public static Tensor scaledDotProductAttention(Tensor query, Tensor key, Tensor value, @Nullable Tensor mask, double dropoutP,
      boolean causal) {
    return scaledDotProductAttention(query, key, value, mask, dropoutP, causal, 1 / Math.sqrt(query.dim() == 0 ? 1 : query.size(-1)));
  }

  /// `dropout(softmax(query·keyᵀ·scale + mask))·value`.
  ///
  /// Shapes: query (…, s, d), key (…, t, d), value (…, t, e), mask broadcasts to (…, s, t) → (…, s, e). DTypes: float, one for
  /// all; a bool mask tells which scores count, one of numbers is added.
  ///
  /// Reference: Vaswani et al., "Attention Is All You Need", 2017; Dao et al., "FlashAttention", 2022, for the fused kernels.
  ///
  /// @param causal whether place i sees the places j ≤ i only; then there can be no mask
  public static Tensor scaledDotProductAttention(Tensor query, Tensor key, Tensor value, @Nullable Tensor mask, double dropoutP,
      boolean causal, double scale) {
    return Attention.scaledDotProductAttention(query, key, value, mask, dropoutP, causal, scale);
  }

  // ---- dropout ----

  /// Where `training`, x with each element zeroed with probability p and the others divided by 1 − p; else x itself. The
  /// same seed zeroes what PyTorch zeroes on the CPU.
  ///
  /// Reference: Srivastava et al., "Dropout", 2014.
  public static Tensor dropout(Tensor x, double p, boolean training) {
    requireProbability("dropout", p);
    return training ? Dropouts.dropout(x, p) : x;
  }

  /// [#dropout] of whole channels of x (n, c, …).
  ///
  /// Reference: Tompson et al., "Efficient Object Localization Using Convolutional Networks", 2015.
  public static Tensor featureDropout(Tensor x, double p, boolean training) {
    requireProbability("feature_dropout", p);
    return training ? Dropouts.featureDropout(x, p) : x;
  }

  /// [#dropout] of whole samples of x (n, …): of what a residual branch gives, so that the block is skipped.
  ///
  /// Reference: Huang et al., "Deep Networks with Stochastic Depth", 2016.
  public static Tensor stochasticDepth(Tensor x, double p, boolean training) {
    requireProbability("stochastic_depth", p);
    return training ? Dropouts.stochasticDepth(x, p) : x;
  }

  private static void requireProbability(String op, double p) {
    if (!(p >= 0 && p <= 1)) {
      throw new IllegalArgumentException("[" + op + "] dropout probability has to be between 0 and 1, but got " + p);
    }
  }

  // ---- tables ----

  /// The rows of `weight` that `indices` name.
  ///
  /// Shapes: indices (…) of int64, weight (rows, d) → (…, d).
  ///
  /// @throws IndexOutOfBoundsException if an index names no row
  public static Tensor embedding(Tensor indices, Tensor weight) {
    return Tensor.embedding(weight, indices);
  }

  /// [#embedding(Tensor, Tensor)], where row `paddingIdx` gets no gradient; a negative one counts from the end.
  public static Tensor embedding(Tensor indices, Tensor weight, long paddingIdx) {
    return Tensor.embedding(weight, indices, paddingIdx);
  }

  /// [#oneHot(Tensor, long)] with as many classes as the largest element needs, which is read on the host.
  public static Tensor oneHot(Tensor x) {
    if (x.numel() == 0) {
      throw new IllegalArgumentException("[one_hot] Can not infer total number of classes from empty tensor.");
    }
    return oneHot(x, -1);
  }

  /// A row for each element, with 1 at the element's place and 0 elsewhere.
  ///
  /// Shapes: x (…) → (…, classes). DTypes: int64.
  ///
  /// @param classes how many places a row has; −1 for as many as the largest element needs
  public static Tensor oneHot(Tensor x, long classes) {
    return x.oneHot(classes);
  }

  // ---- distances ----

  /// [#normalize(Tensor, double, int, double)] by the norm of order 2 along dimension 1, with an epsilon of 10⁻¹².
  public static Tensor normalize(Tensor x) {
    return normalize(x, 2, 1, 1e-12);
  }

  /// [#normalize(Tensor, double, int, double)] with an epsilon of 10⁻¹².
  public static Tensor normalize(Tensor x, double p, int dim) {
    return normalize(x, p, dim, 1e-12);
  }

  /// `x/max((Σ |x|ᵖ)^(1/p), eps)` with the sum along `dim`.
  ///
  /// Shapes: x's. DTypes: float.
  public static Tensor normalize(Tensor x, double p, int dim, double eps) {
    return Op.scoped("normalize", () -> x.div(x.norm(p, new int[] {dim}, true).clampMin(eps).expandAs(x)));
  }

  /// [#cosineSimilarity(Tensor, Tensor, int, double)] along dimension 1 with an epsilon of 10⁻⁸.
  public static Tensor cosineSimilarity(Tensor x1, Tensor x2) {
    return cosineSimilarity(x1, x2, 1, 1e-8);
  }

  /// `x1·x2/(max(‖x1‖, eps)·max(‖x2‖, eps))` along `dim`.
  ///
  /// Shapes: x1 and x2 broadcast; the result has no `dim`. DTypes: float.
  public static Tensor cosineSimilarity(Tensor x1, Tensor x2, int dim, double eps) {
    AutocastPolicy policy = AutocastPolicy.of("cosine_similarity", x1);
    if (policy != null) {
      return policy.run(c -> cosineSimilarity(c[0], c[1], dim, eps), x1, x2);
    }
    return Op.scoped("cosine_similarity", () -> {
      long[] sizes = Shapes.broadcast("cosine_similarity", x1.sizes(), x2.sizes());
      int last = Shapes.dim("cosine_similarity", dim, sizes.length) - sizes.length; // counted from the end, as broadcasting does
      long[] vector = Arrays.copyOfRange(sizes, sizes.length + last, sizes.length);
      for (int d = 1; d < vector.length; d++) {
        vector[d] = 1;
      }
      return unit(x1, vector, last, eps).mul(unit(x2, vector, last, eps)).sum(last);
    });
  }

  /// x, broadcast along `dim` alone, where that changes its norm, divided by its norm there. The norm counts as at least eps, but has the
  /// derivative of a norm everywhere, as in PyTorch.
  private static Tensor unit(Tensor x, long[] vector, int dim, double eps) {
    Tensor whole = x.expand(Shapes.broadcast("cosine_similarity", x.sizes(), vector));
    Tensor norm = whole.norm(2, new int[] {dim}, true).clone();
    try (var _ = GradMode.noGrad()) {
      Tensor _ = norm.clampMin_(eps);
    }
    return whole.div(norm);
  }

  // ---- padding ----

  /// x with zeros around, as many as `widths` say: before and after the last dimension, then before and after the one
  /// before it, and so on. Negative widths cut off.
  public static Tensor pad(Tensor x, long... widths) {
    return pad(x, 0, widths);
  }

  /// x with elements of `value` around.
  public static Tensor pad(Tensor x, double value, long... widths) {
    return Op.scoped("pad", () -> Padding.constant(x, widths, value));
  }

  /// x with elements of its own around the last one, two or three dimensions.
  ///
  /// Shapes: with as many dimensions before the padded ones as one or two.
  public static Tensor pad(Tensor x, PaddingMode mode, long... widths) {
    return Op.scoped("pad", () -> Padding.border(x, widths, mode.border));
  }

  // ---- other sizes ----

  /// Channels laid out as pixels: images `factor` times as large in both dimensions.
  ///
  /// Shapes: x (…, c·factor², h, w) → (…, c, h·factor, w·factor). DTypes: any.
  ///
  /// Reference: Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel Convolutional Neural Network", 2016.
  public static Tensor pixelShuffle(Tensor x, int factor) {
    return Rearranging.pixelShuffle(x, factor);
  }

  /// Rows, images or volumes in the given sizes, their corners lying half an element outside of the outermost elements.
  public static Tensor interpolate(Tensor x, InterpolationMode mode, long... sizes) {
    return interpolate(x, mode, false, sizes);
  }

  /// Rows, images or volumes in the given sizes.
  ///
  /// Shapes: x (n, c, l), (n, c, h, w) or (n, c, d, h, w) → the same with `sizes` in place of the last one, two or three.
  /// DTypes: float.
  ///
  /// @param alignCorners whether the outermost elements stay where they are; not for [InterpolationMode#NEAREST]
  public static Tensor interpolate(Tensor x, InterpolationMode mode, boolean alignCorners, long... sizes) {
    if (alignCorners && mode == InterpolationMode.NEAREST) {
      throw new IllegalArgumentException(
          "[interpolate] align_corners option can only be set with the interpolating modes: linear | bilinear | "
              + "bicubic | trilinear | lanczos");
    }
    mode.requireFor(x);
    return Interpolation.interpolate(x, sizes, new double[sizes.length], mode.mode, alignCorners);
  }

  /// Rows, images or volumes, `scale` times as large in each dimension, rounded down.
  public static Tensor interpolateBy(Tensor x, InterpolationMode mode, double scale) {
    mode.requireFor(x);
    double[] scales = new double[Math.max(x.dim() - 2, 0)];
    long[] sizes = new long[scales.length];
    for (int d = 0; d < sizes.length; d++) {
      scales[d] = 1 / scale;
      sizes[d] = (long) Math.floor(x.size(2 + d) * scale);
    }
    return Interpolation.interpolate(x, sizes, scales, mode.mode, false);
  }
}
