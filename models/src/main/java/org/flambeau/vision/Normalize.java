package org.flambeau.vision;

import java.util.Arrays;
import java.util.List;
import org.flambeau.DType;
import org.flambeau.Generator;
import org.flambeau.Tensor;

/// Each channel by its mean and standard deviation over the training images: y = (x − mean) / std.
///
/// Shapes: (c, h, w) → (c, h, w), c being the number of means. DTypes: float32.
///
/// Errors: where the numbers of channels, means and deviations differ, or a deviation is 0.
public final class Normalize implements Transform<Tensor, Tensor> {
  private final float[] mean;
  private final float[] std;

  public Normalize(List<Double> mean, List<Double> std) {
    if (mean.size() != std.size() || mean.isEmpty()) {
      throw new IllegalArgumentException("[Normalize] expected a mean and a std for each channel, got " + mean + " and " + std);
    }
    if (std.contains(0.0)) {
      throw new IllegalArgumentException("[Normalize] std evaluated to zero, leading to division by zero: " + std);
    }
    this.mean = floats(mean);
    this.std = floats(std);
  }

  private static float[] floats(List<Double> values) {
    float[] floats = new float[values.size()];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = values.get(i).floatValue();
    }
    return floats;
  }

  @Override
  public Tensor apply(Tensor image, Generator random) {
    if (image.dtype() != DType.FLOAT32 || image.dim() != 3 || image.size(0) != mean.length) {
      throw new IllegalArgumentException(
          "[Normalize] expected a float32 tensor of sizes (" + mean.length + ", h, w), got " + image.describe());
    }
    float[] values = image.toFloatArray();
    int plane = values.length / mean.length;
    for (int c = 0; c < mean.length; c++) {
      for (int i = c * plane; i < (c + 1) * plane; i++) {
        values[i] = (values[i] - mean[c]) / std[c];
      }
    }
    return Tensor.fromArray(values, image.sizes());
  }

  @Override
  public String toString() {
    return "Normalize(mean=" + Arrays.toString(mean) + ", std=" + Arrays.toString(std) + ")";
  }
}
