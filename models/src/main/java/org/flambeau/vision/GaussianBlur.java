package org.flambeau.vision;

import org.flambeau.Generator;

/// The image blurred by a bell curve whose standard deviation is drawn between `minSigma` and `maxSigma` pixels, uniformly. Its edges are mirrored
/// for it.
///
/// Equal to torchvision's to the bit but where the sums, which it makes in float32, end within their rounding of one half: there a value may be one
/// more or less.
///
/// @param height over how many rows the curve reaches, odd
/// @param width over how many columns, odd
public record GaussianBlur(int height, int width, double minSigma, double maxSigma) implements Transform<Image, Image> {
  public GaussianBlur {
    if (height < 1 || height % 2 == 0 || width < 1 || width % 2 == 0) {
      throw new IllegalArgumentException(
          "[GaussianBlur] Kernel size value should be an odd and positive number, got " + height + "x" + width);
    }
    if (!(minSigma > 0 && minSigma <= maxSigma)) {
      throw new IllegalArgumentException(
          "[GaussianBlur] sigma values should be positive and of the form (min, max), got " + minSigma + " and "
              + maxSigma);
    }
  }

  /// Over `size` rows and columns, by 0.1 to 2 pixels.
  public GaussianBlur(int size) {
    this(size, 0.1, 2);
  }

  /// Over `size` rows and columns.
  public GaussianBlur(int size, double minSigma, double maxSigma) {
    this(size, size, minSigma, maxSigma);
  }

  @Override
  public Image apply(Image image, Generator random) {
    double sigma = Draws.uniform(random, minSigma, maxSigma);
    if (height / 2 >= image.height() || width / 2 >= image.width()) {
      throw new ImageException("Padding size should be less than the corresponding input dimension, but a blur over " + height + "x" + width
          + " pixels needs more than the " + image.height() + "x" + image.width() + " of the image");
    }
    double[] across = along(rows(image), image.width(), image.channels(), curve(width, sigma));
    double[] both = along(across, image.height(), image.width() * image.channels(), curve(height, sigma));
    byte[] pixels = new byte[both.length];
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = (byte) (int) Math.rint(both[i]);
    }
    return Image.of(image.width(), image.height(), image.channels(), pixels);
  }

  private static double[] rows(Image image) {
    double[] values = new double[image.pixels().length];
    for (int i = 0; i < values.length; i++) {
      values[i] = image.pixels()[i] & 0xff;
    }
    return values;
  }

  /// Weights whose sum is 1.
  private static double[] curve(int size, double sigma) {
    double[] weights = new double[size];
    double sum = 0;
    for (int i = 0; i < size; i++) {
      double x = (i - size / 2) / sigma;
      weights[i] = Math.exp(-0.5 * x * x);
      sum += weights[i];
    }
    for (int i = 0; i < size; i++) {
      weights[i] /= sum;
    }
    return weights;
  }

  /// Weighted sums along a dimension of `n` places, `step` numbers apart.
  private static double[] along(double[] from, int n, int step, double[] weights) {
    double[] to = new double[from.length];
    for (int line = 0; line < from.length; line += n * step) {
      for (int place = 0; place < n; place++) {
        for (int tap = 0; tap < weights.length; tap++) {
          int source = line + Pad.Mode.REFLECT.source(place + tap - weights.length / 2, n) * step;
          for (int i = 0; i < step; i++) {
            to[line + place * step + i] += weights[tap] * from[source + i];
          }
        }
      }
    }
    return to;
  }

  @Override
  public String toString() {
    return "GaussianBlur(kernel_size=(" + width + ", " + height + "), sigma=(" + minSigma + ", " + maxSigma + "))";
  }
}
