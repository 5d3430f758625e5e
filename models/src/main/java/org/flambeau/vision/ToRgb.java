package org.flambeau.vision;

import org.flambeau.Generator;

/// In three channels: a grey image has its one three times.
public record ToRgb() implements Transform<Image, Image> {
  private static final Grayscale THREE_CHANNELS = new Grayscale(3);

  @Override
  public Image apply(Image image, Generator random) {
    return image.channels() == 3 ? image : THREE_CHANNELS.apply(image, random);
  }

  @Override
  public String toString() {
    return "RGB()";
  }
}
