package org.flambeau.vision;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Objects;
import org.flambeau.io.Trouble;
import org.jspecify.annotations.Nullable;

/// An image of 8 bits a channel: grey (one channel) or RGB (three).
///
/// Pixels lie row by row, the channels of a pixel beside each other.
public final class Image {
  /// No image has more pixels, as with Pillow: a small file may claim to hold an image that fills all memory.
  public static final int MAX_PIXELS = 178_956_970;

  private final int width;
  private final int height;
  private final int channels;
  private final byte[] pixels;

  private Image(int width, int height, int channels, byte[] pixels) {
    this.width = width;
    this.height = height;
    this.channels = channels;
    this.pixels = pixels;
  }

  /// An image over `pixels`, which is not copied.
  ///
  /// @throws IllegalArgumentException where there are not width · height · channels of them, or channels is neither 1 nor 3
  public static Image of(int width, int height, int channels, byte[] pixels) {
    if (width < 1 || height < 1 || channels != 1 && channels != 3) {
      throw new IllegalArgumentException(
          "[image] expected a width and height from 1 and 1 or 3 channels, got " + width + "x" + height + " of " + channels);
    }
    if ((long) width * height > MAX_PIXELS) {
      throw new IllegalArgumentException("[image] expected at most " + MAX_PIXELS + " pixels, got " + width + "x" + height);
    }
    if (pixels.length != (long) width * height * channels) {
      throw new IllegalArgumentException(
          "[image] " + width + "x" + height + " pixels of " + channels + " bytes take " + (long) width * height * channels + " bytes, got "
              + pixels.length);
    }
    return new Image(width, height, channels, pixels);
  }

  /// Reads an image file as RGB: JPEG, PNG, WebP, BMP, GIF (its first picture), TIFF, or PPM and PGM in
  /// binary form.
  ///
  /// The pixels are those of Pillow's `Image.open(path).convert("RGB")`: alpha is dropped, grey becomes three equal channels, CMYK
  /// is converted by formula. Neither a colour profile nor the rotation that EXIF asks for is applied, as with torchvision's default loader.
  ///
  /// @throws ImageException where the file cannot be read, is no image, is truncated, corrupt, or has more than [#MAX_PIXELS] pixels
  public static Image read(Path file) {
    try {
      return Decoder.decode(Files.readAllBytes(file));
    } catch (NoSuchFileException e) {
      throw new ImageException(file, "there is no such file", e);
    } catch (IOException e) {
      throw new ImageException(file, "cannot be read: " + Trouble.reason(e), e);
    } catch (ImageException e) {
      throw new ImageException(file, String.valueOf(e.getMessage()), e);
    }
  }

  /// [#read(Path)] of a file's bytes.
  public static Image decode(byte[] file) {
    return Decoder.decode(file);
  }

  public int width() {
    return width;
  }

  public int height() {
    return height;
  }

  /// 1 where it is grey, 3 where it is RGB.
  public int channels() {
    return channels;
  }

  /// The bytes themselves, not a copy: treat them as read-only.
  public byte[] pixels() {
    return pixels;
  }

  /// One channel of one pixel, between 0 and 255.
  public int get(int x, int y, int channel) {
    Objects.checkIndex(x, width);
    Objects.checkIndex(channel, channels);
    return pixels[(y * width + x) * channels + channel] & 0xff;
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof Image image && width == image.width && height == image.height && channels == image.channels
        && Arrays.equals(pixels, image.pixels);
  }

  @Override
  public int hashCode() {
    return 31 * width + Arrays.hashCode(pixels);
  }

  @Override
  public String toString() {
    return "Image(" + width + "x" + height + (channels == 1 ? ", grey)" : ", RGB)");
  }
}
