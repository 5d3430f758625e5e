package org.flambeau.vision;

import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.ComponentColorModel;
import java.awt.image.DataBuffer;
import java.awt.image.IndexColorModel;
import java.awt.image.Raster;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.Iterator;
import java.util.Locale;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;
import javax.imageio.stream.MemoryCacheImageInputStream;
import org.flambeau.io.Trouble;

/// From a file's bytes to pixels, as Pillow's `Image.open(…).convert("RGB")` sees them: no colour profile, no gamma and no rotation
/// is applied, alpha is dropped.
final class Decoder {
  private Decoder() {}

  static Image decode(byte[] file) {
    if (file.length == 0) {
      throw new ImageException("expected an image, got an empty file");
    }
    if (Netpbm.matches(file)) {
      return Netpbm.decode(file);
    }
    try (ImageInputStream in = new MemoryCacheImageInputStream(new ByteArrayInputStream(file))) {
      Iterator<ImageReader> readers = ImageIO.getImageReaders(in);
      if (!readers.hasNext()) {
        throw new ImageException("not an image of a known format (JPEG, PNG, WebP, BMP, GIF, TIFF, binary PPM and PGM)");
      }
      ImageReader reader = readers.next();
      try {
        reader.setInput(in, true, !Palette.isTiff(reader));
        return decode(reader, file);
      } finally {
        reader.dispose();
      }
    } catch (IOException e) {
      throw new ImageException("cannot be read: " + Trouble.reason(e), e);
    }
  }

  private static Image decode(ImageReader reader, byte[] file) {
    String format = "image";
    try {
      format = reader.getFormatName().toUpperCase(Locale.ROOT);
      if (format.equals("WEBP") && file.length >= 8 && file.length - 8 < riffSize(file)) {
        throw new ImageException("truncated WEBP");
      }
      int width = reader.getWidth(0);
      int height = reader.getHeight(0);
      if ((long) width * height > Image.MAX_PIXELS) {
        throw new ImageException(
            "too large: this " + format + " of " + width + "x" + height + " pixels may be a decompression bomb; the limit is "
                + Image.MAX_PIXELS);
      }
      boolean[] truncated = new boolean[1];
      reader.addIIOReadWarningListener((_, warning) -> truncated[0] |= warning.startsWith("Truncated File"));
      Image image = format.startsWith("JPEG") ? JpegColors.of(file).toRgb(reader.readRaster(0, null)) : toRgb(reader);
      if (truncated[0]) {
        throw new ImageException("truncated " + format);
      }
      return image;
    } catch (ImageException e) {
      throw e;
    } catch (IOException | RuntimeException e) {
      throw new ImageException("corrupt or truncated " + format + ": " + (e.getMessage() == null ? e : e.getMessage()), e);
    } catch (OutOfMemoryError e) {
      throw new ImageException("corrupt " + format + ", or one that needs more memory than there is: " + e.getMessage(), e);
    }
  }

  /// How many bytes a WebP file says that it has behind its first eight.
  private static long riffSize(byte[] file) {
    return (file[4] & 0xff | (file[5] & 0xff) << 8 | (file[6] & 0xff) << 16 | (file[7] & 0xffL) << 24);
  }

  private static Image toRgb(ImageReader reader) throws IOException {
    BufferedImage image = reader.read(0);
    int width = image.getWidth();
    int height = image.getHeight();
    byte[] rgb = new byte[3 * width * height];
    Raster raster = image.getRaster();
    int transfer = raster.getTransferType();
    if (image.getColorModel() instanceof IndexColorModel model) {
      Palette palette = Palette.of(reader, model);
      int[] row = new int[width];
      for (int y = 0, at = 0; y < height; y++) {
        raster.getSamples(0, y, width, 1, 0, row);
        for (int index : row) {
          palette.put(index, rgb, at);
          at += 3;
        }
      }
    } else
      if (raster.getNumBands() == 4 && transfer == DataBuffer.TYPE_BYTE
          && image.getColorModel().getColorSpace().getType() == ColorSpace.TYPE_CMYK) {
            byte[] inks = new byte[4 * width];
            for (int y = 0; y < height; y++) {
              raster.getDataElements(0, y, width, 1, inks);
              JpegColors.inksToRgb(inks, rgb, 3 * y * width, width);
            }
          } else
        if (image.getColorModel() instanceof ComponentColorModel colors && isPlain(colors)
            && (transfer == DataBuffer.TYPE_BYTE || transfer == DataBuffer.TYPE_USHORT)) {
              int bands = raster.getNumBands();
              boolean grey = bands < 3;
              byte[] bytes = new byte[width * bands];
              for (int y = 0, at = 0; y < height; y++) {
                row(raster, y, bytes);
                for (int x = 0; x < bytes.length; x += bands) {
                  rgb[at++] = bytes[x];
                  rgb[at++] = bytes[grey ? x : x + 1];
                  rgb[at++] = bytes[grey ? x : x + 2];
                }
              }
            } else
          if (transfer == DataBuffer.TYPE_FLOAT || transfer == DataBuffer.TYPE_DOUBLE) {
            throw new ImageException("expected whole numbers as pixels, got floating-point ones");
          } else {
            int[] row = new int[width];
            for (int y = 0, at = 0; y < height; y++) {
              image.getRGB(0, y, width, 1, row, 0, width);
              for (int color : row) {
                rgb[at++] = (byte) (color >> 16);
                rgb[at++] = (byte) (color >> 8);
                rgb[at++] = (byte) color;
              }
            }
          }
    return Image.of(width, height, 3, rgb);
  }

  /// Whether samples are shades of grey or of red, green and blue, maybe with alpha, of 8 or 16 bits.
  private static boolean isPlain(ComponentColorModel colors) {
    int type = colors.getColorSpace().getType();
    for (int bits : colors.getComponentSize()) {
      if (bits != 8 && bits != 16) {
        return false;
      }
    }
    return type == ColorSpace.TYPE_GRAY || type == ColorSpace.TYPE_RGB;
  }

  /// A row's samples in 8 bits. Of 16 bits the upper 8 remain, but for grey alone, whose values Pillow cuts off at 255.
  private static void row(Raster raster, int y, byte[] bytes) {
    if (raster.getTransferType() == DataBuffer.TYPE_BYTE) {
      raster.getDataElements(0, y, raster.getWidth(), 1, bytes);
      return;
    }
    short[] wide = (short[]) raster.getDataElements(0, y, raster.getWidth(), 1, null);
    boolean cut = raster.getNumBands() == 1;
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) (cut ? Math.min(wide[i] & 0xffff, 255) : wide[i] >> 8);
    }
  }
}
