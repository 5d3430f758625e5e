package org.flambeau.vision;

/// The binary forms of PGM and PPM: a header in ASCII, then a byte for each sample.
///
/// Reference: *Netpbm*, pgm(5) and ppm(5).
final class Netpbm {
  private final byte[] file;
  private int at = 2;

  private Netpbm(byte[] file) {
    this.file = file;
  }

  static boolean matches(byte[] file) {
    return file.length > 2 && file[0] == 'P' && (file[1] == '5' || file[1] == '6') && (isSpace(file[2]) || file[2] == '#');
  }

  static Image decode(byte[] file) {
    return new Netpbm(file).decode();
  }

  private Image decode() {
    int width = number("width");
    int height = number("height");
    int greatest = number("greatest value");
    if (greatest > 255) {
      throw new ImageException("expected a PPM or PGM of values up to 255, got up to " + greatest);
    }
    if ((long) width * height > Image.MAX_PIXELS) {
      throw new ImageException("too large: this PPM or PGM has " + width + "x" + height + " pixels; the limit is " + Image.MAX_PIXELS);
    }
    at++; // the one white space behind the header
    int samples = file[1] == '5' ? 1 : 3;
    int pixels = width * height;
    if (file.length - at < (long) samples * pixels) {
      throw new ImageException("truncated PPM or PGM: expected " + (long) samples * pixels + " bytes behind its header, got "
          + Math.max(file.length - at, 0));
    }
    byte[] rgb = new byte[3 * pixels];
    for (int i = 0; i < rgb.length; i++) {
      int value = file[at + (samples == 3 ? i : i / 3)] & 0xff;
      rgb[i] = (byte) (greatest == 255 ? value : Math.min(Math.rint((double) value / greatest * 255), 255));
    }
    return Image.of(width, height, 3, rgb);
  }

  /// The next number of the header; white space and comments may precede it.
  private int number(String what) {
    while (at < file.length && (isSpace(file[at]) || file[at] == '#')) {
      if (file[at] == '#') {
        while (at < file.length && file[at] != '\n') {
          at++;
        }
      } else {
        at++;
      }
    }
    long value = 0;
    int digits = at;
    while (at < file.length && file[at] >= '0' && file[at] <= '9' && value < Integer.MAX_VALUE) {
      value = 10 * value + file[at++] - '0';
    }
    if (at == digits || value < 1 || value > Integer.MAX_VALUE) {
      throw new ImageException("corrupt PPM or PGM: expected its " + what + " at byte " + digits);
    }
    return (int) value;
  }

  private static boolean isSpace(byte character) {
    return character == ' ' || character >= '\t' && character <= '\r';
  }
}
