package org.flambeau.vision;

import java.awt.image.Raster;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/// What the components of a JPEG file mean, and the way from there to RGB: libjpeg's rules and integer arithmetic, then Pillow's
/// for CMYK, whose values it takes to be inverted, as Photoshop writes them.
///
/// Reference: *libjpeg*, jdapimin.c and jdcolor.c; ITU-T T.871 for the formula.
enum JpegColors {
  GREY, RGB, YCC, CMYK, YCCK;

  private static final int SOF0 = 0xc0;
  private static final int SOF15 = 0xcf;
  private static final int SOS = 0xda;
  private static final int APP0 = 0xe0;
  private static final int APP14 = 0xee;

  // 1.402, 1.772, 0.34414 and 0.71414 with 16 fractional bits
  private static final int RED_OF_CR = 91881;
  private static final int BLUE_OF_CB = 116130;
  private static final int GREEN_OF_CB = 22554;
  private static final int GREEN_OF_CR = 46802;
  private static final int HALF = 1 << 15;

  /// By the markers before the first scan.
  static JpegColors of(byte[] file) throws IOException {
    boolean jfif = false;
    int adobe = -1;
    for (int at = 2; at + 4 <= file.length;) {
      if ((file[at] & 0xff) != 0xff) {
        at++; // bytes between markers, which libjpeg skips
        continue;
      }
      int marker = file[at + 1] & 0xff;
      if (marker == 0xff || marker == 0 || marker == 1 || marker >= 0xd0 && marker <= 0xd8) {
        at += marker == 0xff ? 1 : 2;
        continue;
      }
      int length = (file[at + 2] & 0xff) << 8 | file[at + 3] & 0xff;
      if (marker == SOS || length < 2) {
        break;
      }
      int from = at + 4;
      int to = Math.min(at + 2 + length, file.length);
      if (marker == APP0 && startsWith(file, from, to, "JFIF\0")) {
        jfif = true;
      } else if (marker == APP14 && to - from >= 12 && startsWith(file, from, to, "Adobe")) {
        adobe = file[from + 11] & 0xff;
      } else if (marker >= SOF0 && marker <= SOF15 && marker != 0xc4 && marker != 0xc8 && marker != 0xcc && to - from >= 6) {
        int components = file[from + 5] & 0xff;
        boolean namedRgb = to - from >= 13 && file[from + 6] == 'R' && file[from + 9] == 'G' && file[from + 12] == 'B';
        return of(components, jfif, adobe, namedRgb);
      }
      at += 2 + length;
    }
    throw new IOException("it has no frame");
  }

  private static JpegColors of(int components, boolean jfif, int adobe, boolean namedRgb) throws IOException {
    return switch (components) {
      case 1 -> GREY;
      case 3 -> !jfif && (adobe == 0 || adobe < 0 && namedRgb) ? RGB : YCC;
      case 4 -> adobe <= 0 ? CMYK : YCCK;
      default -> throw new IOException("expected 1, 3 or 4 components, got " + components);
    };
  }

  private static boolean startsWith(byte[] file, int from, int to, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
    return to - from >= bytes.length && Arrays.equals(file, from, from + bytes.length, bytes, 0, bytes.length);
  }

  Image toRgb(Raster raster) throws IOException {
    int bands = this == GREY ? 1 : this == RGB || this == YCC ? 3 : 4;
    if (raster.getNumBands() != bands) {
      throw new IOException("expected " + bands + " components, got " + raster.getNumBands());
    }
    int width = raster.getWidth();
    int height = raster.getHeight();
    byte[] rgb = new byte[3 * width * height];
    byte[] row = new byte[bands * width];
    for (int y = 0; y < height; y++) {
      raster.getDataElements(0, y, width, 1, row);
      toRgb(row, bands, rgb, 3 * y * width, width);
    }
    return Image.of(width, height, 3, rgb);
  }

  private void toRgb(byte[] row, int bands, byte[] rgb, int at, int width) {
    for (int x = 0; x < width; x++, at += 3) {
      int first = row[bands * x] & 0xff;
      int second = bands == 1 ? first : row[bands * x + 1] & 0xff;
      int third = bands == 1 ? first : row[bands * x + 2] & 0xff;
      if (this == YCC || this == YCCK) {
        int luma = first;
        int blueness = second - 128;
        int redness = third - 128;
        first = Math.clamp(luma + (RED_OF_CR * redness + HALF >> 16), 0, 255);
        second = Math.clamp(luma + (HALF - GREEN_OF_CB * blueness - GREEN_OF_CR * redness >> 16), 0, 255);
        third = Math.clamp(luma + (BLUE_OF_CB * blueness + HALF >> 16), 0, 255);
      }
      if (bands == 4) {
        int light = row[4 * x + 3] & 0xff;
        boolean inverted = this == CMYK; // of YCCK comes the ink itself
        first = withBlack(inverted ? 255 - first : first, light);
        second = withBlack(inverted ? 255 - second : second, light);
        third = withBlack(inverted ? 255 - third : third, light);
      }
      rgb[at] = (byte) first;
      rgb[at + 1] = (byte) second;
      rgb[at + 2] = (byte) third;
    }
  }

  /// The same of inks that are not inverted, as in TIFF: cyan, magenta, yellow and black.
  static void inksToRgb(byte[] inks, byte[] rgb, int at, int width) {
    for (int x = 0; x < width; x++) {
      int light = 255 - (inks[4 * x + 3] & 0xff);
      for (int i = 0; i < 3; i++) {
        rgb[at + 3 * x + i] = (byte) withBlack(inks[4 * x + i] & 0xff, light);
      }
    }
  }

  /// What an ink of 0 to 255 leaves of the light that black leaves, in Pillow's rounding.
  private static int withBlack(int ink, int light) {
    int product = ink * light + 128;
    return Math.clamp(light - ((product >> 8) + product >> 8), 0, 255);
  }
}
