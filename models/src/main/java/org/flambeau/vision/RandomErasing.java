package org.flambeau.vision;

import static java.util.stream.Collectors.joining;

import java.util.Arrays;
import java.util.List;
import org.flambeau.DType;
import org.flambeau.Generator;
import org.flambeau.Tensor;
import org.jspecify.annotations.Nullable;

/// The image, or with probability p a copy in which a random rectangle is overwritten. A step after [Normalize].
///
/// The rectangle's area is a fraction of the image's between `minScale` and `maxScale`, uniformly; the proportion of its height to its width lies
/// between `minRatio` and `maxRatio`, uniformly in its logarithm. Where ten tries do not fit into the image, it stays as it is.
///
/// Shapes: (c, h, w) → (c, h, w). DTypes: float32.
///
/// Reference: Zhong et al., "Random Erasing Data Augmentation", 2017.
///
/// @param values what is written: one number for all channels, or one for each, or null for normally distributed noise
public record RandomErasing(double p, double minScale, double maxScale, double minRatio, double maxRatio, @Nullable List<Double> values)
    implements
      Transform<Tensor, Tensor> {
  private static final int TRIES = 10;

  public RandomErasing {
    if (!(p >= 0 && p <= 1 && minScale >= 0 && minScale <= maxScale && maxScale <= 1 && minRatio > 0 && minRatio <= maxRatio)) {
      throw new IllegalArgumentException("[RandomErasing] expected p between 0 and 1, a range of scale within that and a positive range of "
          + "ratio, got " + p + ", " + minScale + " to " + maxScale + " and " + minRatio + " to " + maxRatio);
    }
    if (values != null && values.isEmpty()) {
      throw new IllegalArgumentException("[RandomErasing] expected one value or one for each channel, got none");
    }
    values = values == null ? null : List.copyOf(values);
  }

  /// With probability ½.
  public RandomErasing() {
    this(0.5);
  }

  /// 2 to 33 % of the area with zeros, which is the mean after [Normalize].
  public RandomErasing(double p) {
    this(p, 0.02, 0.33, 0.3, 3.3, List.of(0.0));
  }

  @Override
  public Tensor apply(Tensor image, Generator random) {
    if (image.dtype() != DType.FLOAT32 || image.dim() != 3) {
      throw new IllegalArgumentException("[RandomErasing] expected a float32 tensor of sizes (c, h, w), got " + image.describe());
    }
    int channels = (int) image.size(0);
    if (values != null && values.size() != 1 && values.size() != channels) {
      throw new IllegalArgumentException("[RandomErasing] expected one value or one for each of " + channels + " channels, got " + values);
    }
    return Draws.unit(random) < p ? erase(image, channels, random) : image;
  }

  private Tensor erase(Tensor image, int channels, Generator random) {
    int height = (int) image.size(1);
    int width = (int) image.size(2);
    float logMin = (float) Math.log((float) minRatio);
    float logMax = (float) Math.log((float) maxRatio);
    for (int i = 0; i < TRIES; i++) {
      double area = (double) height * width * Draws.uniform(random, minScale, maxScale);
      double ratio = (float) Math.exp(Draws.uniform(random, logMin, logMax));
      int h = (int) Math.rint(Math.sqrt(area * ratio));
      int w = (int) Math.rint(Math.sqrt(area / ratio));
      if (h < height && w < width) {
        float[] content = content(channels, h * w, random);
        int top = Draws.below(random, height - h + 1);
        int left = Draws.below(random, width - w + 1);
        float[] pixels = image.toFloatArray();
        for (int row = 0; row < channels * h; row++) {
          int at = (row / h * height + top + row % h) * width + left;
          System.arraycopy(content, row * w, pixels, at, w);
        }
        return Tensor.fromArray(pixels, image.sizes());
      }
    }
    return image;
  }

  /// What the rectangle becomes, `area` numbers for each channel.
  private float[] content(int channels, int area, Generator random) {
    if (values == null) {
      return Tensor.randn(random, DType.FLOAT32, channels, area).toFloatArray();
    }
    float[] content = new float[channels * area];
    for (int c = 0; c < channels; c++) {
      Arrays.fill(content, c * area, (c + 1) * area, values.get(values.size() == 1 ? 0 : c).floatValue());
    }
    return content;
  }

  @Override
  public String toString() {
    return "RandomErasing(p=" + p + ", scale=(" + minScale + ", " + maxScale + "), ratio=(" + minRatio + ", " + maxRatio + "), value="
        + (values == null ? "random" : values.stream().map(String::valueOf).collect(joining(", ", "(", values.size() == 1 ? ",)" : ")")))
        + ", inplace=False)";
  }
}
