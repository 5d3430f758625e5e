package org.flambeau.vision;

import java.awt.image.IndexColorModel;
import java.io.IOException;
import java.util.Locale;
import javax.imageio.ImageReader;
import javax.imageio.plugins.tiff.BaselineTIFFTagSet;
import javax.imageio.plugins.tiff.TIFFDirectory;
import javax.imageio.plugins.tiff.TIFFField;

/// The colours that the pixels of an image name by number. TIFF's are found in its metadata, which its reader must not skip.
///
/// @param rgb red, green and blue of each
record Palette(byte[] rgb) {
  static Palette of(ImageReader reader, IndexColorModel model) throws IOException {
    if (isTiff(reader)) {
      TIFFField colors = TIFFDirectory.createFromMetadata(reader.getImageMetadata(0)).getTIFFField(BaselineTIFFTagSet.TAG_COLOR_MAP);
      if (colors != null) {
        return ofTiff(colors.getAsChars());
      }
    }
    byte[] rgb = new byte[3 * model.getMapSize()];
    for (int i = 0; i < model.getMapSize(); i++) {
      rgb[3 * i] = (byte) model.getRed(i);
      rgb[3 * i + 1] = (byte) model.getGreen(i);
      rgb[3 * i + 2] = (byte) model.getBlue(i);
    }
    return new Palette(rgb);
  }

  static boolean isTiff(ImageReader reader) throws IOException {
    return reader.getFormatName().toUpperCase(Locale.ROOT).startsWith("TIF");
  }

  /// Of TIFF's 16 bits the upper 8 remain; ImageIO rounds instead.
  private static Palette ofTiff(char[] colors) {
    int count = colors.length / 3;
    byte[] rgb = new byte[3 * count];
    for (int i = 0; i < rgb.length; i++) {
      rgb[i] = (byte) (colors[i % 3 * count + i / 3] >> 8);
    }
    return new Palette(rgb);
  }

  /// Writes colour number `index`, black where there is none, to `into`.
  void put(int index, byte[] into, int at) {
    if (3 * index < rgb.length) {
      System.arraycopy(rgb, 3 * index, into, at, 3);
    }
  }
}
