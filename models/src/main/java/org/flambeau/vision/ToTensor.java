package org.flambeau.vision;

import org.flambeau.Generator;
import org.flambeau.Tensor;

/// From bytes to numbers between 0 and 1: x = byte / 255.
///
/// Shapes: an image of height h, width w and c channels → (c, h, w). DTypes: float32.
public record ToTensor() implements Transform<Image, Tensor> {
  private static final float[] UNIT = new float[256];

  static {
    for (int value = 0; value < UNIT.length; value++) {
      UNIT[value] = value / 255f;
    }
  }

  @Override
  public Tensor apply(Image image, Generator random) {
    byte[] pixels = image.pixels();
    int channels = image.channels();
    int plane = image.height() * image.width();
    float[] values = new float[pixels.length];
    for (int c = 0; c < channels; c++) {
      for (int i = 0, from = c, to = c * plane; i < plane; i++, from += channels) {
        values[to++] = UNIT[pixels[from] & 0xff];
      }
    }
    return Tensor.fromArray(values, channels, image.height(), image.width());
  }

  @Override
  public String toString() {
    return "ToTensor()";
  }
}
