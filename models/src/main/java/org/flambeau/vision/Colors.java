package org.flambeau.vision;

import java.util.Arrays;

/// Changes of colour, in Pillow's arithmetic.
final class Colors {
  private Colors() {}

  /// Darker or brighter: 0 is black, 1 the image itself.
  static Image brightness(Image image, double factor) {
    return blend(new byte[image.pixels().length], image, factor);
  }

  /// With less or more contrast: 0 is grey of the mean brightness, 1 the image itself.
  static Image contrast(Image image, double factor) {
    byte[] grey = Grayscale.luminance(image);
    long sum = 0;
    for (byte value : grey) {
      sum += value & 0xff;
    }
    byte[] mean = new byte[image.pixels().length];
    Arrays.fill(mean, (byte) ((double) sum / grey.length + 0.5));
    return blend(mean, image, factor);
  }

  /// Less or more colourful: 0 is grey, 1 the image itself.
  static Image saturation(Image image, double factor) {
    return blend(new Grayscale(image.channels()).apply(image).pixels(), image, factor);
  }

  /// Less or more sharp: 0 is smoothed, 1 the image itself.
  static Image sharpness(Image image, double factor) {
    return blend(Tones.smooth(image).pixels(), image, factor);
  }

  /// The colours a part of the way round the circle of hues: −½ and ½ are the opposite ones, 0 the image itself but for rounding.
  static Image hue(Image image, double factor) {
    if (image.channels() == 1) {
      return image;
    }
    byte[] pixels = image.pixels().clone();
    for (int i = 0; i < pixels.length; i += 3) {
      turnHue(pixels, i, (int) (factor * 255));
    }
    return Image.of(image.width(), image.height(), 3, pixels);
  }

  /// from + factor·(image − from), cut off.
  private static Image blend(byte[] from, Image image, double factor) {
    if (factor == 1) {
      return image;
    }
    float alpha = (float) factor;
    byte[] pixels = new byte[from.length];
    for (int i = 0; i < pixels.length; i++) {
      int low = from[i] & 0xff;
      float value = low + alpha * ((image.pixels()[i] & 0xff) - low);
      pixels[i] = (byte) (int) Math.clamp(value, 0f, 255f);
    }
    return Image.of(image.width(), image.height(), image.channels(), pixels);
  }

  /// Through hue, saturation and value of 8 bits each.
  private static void turnHue(byte[] rgb, int at, int turn) {
    int r = rgb[at] & 0xff;
    int g = rgb[at + 1] & 0xff;
    int b = rgb[at + 2] & 0xff;
    int value = Math.max(r, Math.max(g, b));
    float chroma = value - Math.min(r, Math.min(g, b));
    if (chroma == 0) {
      return;
    }
    int saturation = (int) (chroma / value * 255.0);
    if (saturation == 0) {
      rgb[at] = rgb[at + 1] = rgb[at + 2] = (byte) value;
      return;
    }
    int hue = hueOf((value - r) / chroma, (value - g) / chroma, (value - b) / chroma, r == value, g == value) + turn & 0xff;

    double sixths = hue * 6.0 / 255.0;
    int sector = (int) sixths;
    float beyond = (float) (sixths - sector);
    float part = (float) (saturation / 255.0);
    byte v = (byte) value;
    byte p = rounded(value * (1.0 - part));
    byte q = rounded(value * (1.0 - part * beyond));
    byte t = rounded(value * (1.0 - part * (1.0 - beyond)));
    switch (sector % 6) {
      case 0 -> set(rgb, at, v, t, p);
      case 1 -> set(rgb, at, q, v, p);
      case 2 -> set(rgb, at, p, v, t);
      case 3 -> set(rgb, at, p, q, v);
      case 4 -> set(rgb, at, t, p, v);
      default -> set(rgb, at, v, p, q);
    }
  }

  private static int hueOf(float red, float green, float blue, boolean mostlyRed, boolean mostlyGreen) {
    float sixths = mostlyRed ? blue - green : (float) (mostlyGreen ? 2.0 + red - blue : 4.0 + green - red);
    float hue = (float) ((sixths / 6.0 + 1.0) % 1.0);
    return (int) (hue * 255.0);
  }

  private static byte rounded(double value) {
    return (byte) (int) Math.floor(value + 0.5);
  }

  private static void set(byte[] rgb, int at, byte r, byte g, byte b) {
    rgb[at] = r;
    rgb[at + 1] = g;
    rgb[at + 2] = b;
  }
}
