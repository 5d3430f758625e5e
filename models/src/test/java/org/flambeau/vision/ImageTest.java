package org.flambeau.vision;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Random;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/// Images of every kind become the RGB pixels that Pillow makes of them.
class ImageTest {
  @TempDir Path folder;

  private static Path images() {
    try {
      return Path.of(Objects.requireNonNull(ImageTest.class.getResource("images")).toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  /// JPEG and lossless formats to the bit; rotations that EXIF asks for, colour profiles and gamma are not applied.
  @TestFactory
  Stream<DynamicTest> pixelsArePillows() throws IOException {
    return Files.readAllLines(images().resolve("decoded.txt")).stream().map(line -> line.split(" "))
        .filter(part -> !part[0].startsWith("lossy"))
        .map(part -> DynamicTest.dynamicTest(part[0], () -> {
          Image image = Image.read(images().resolve(part[0]));
          CRC32 crc = new CRC32();
          crc.update(image.pixels());
          assertEquals(part[1] + "x" + part[2], image.width() + "x" + image.height());
          assertEquals(3, image.channels());
          assertEquals(part[3], String.format(Locale.ROOT, "%08x", crc.getValue()));
        }));
  }

  /// Lossy WebP has colours of half the resolution; libwebp smooths them and TwelveMonkeys does not, so edges of colour differ, by up to 70
  /// here, and all pixels by about 5 of 255.
  @Test
  void pixelsOfLossyWebpAreNearlyPillows() {
    for (String name : List.of("lossy.webp", "lossy-alpha.webp")) {
      byte[] actual = Image.read(images().resolve(name)).pixels();
      byte[] expected = Image.read(images().resolve(name + ".expected.png")).pixels();
      assertEquals(expected.length, actual.length);
      long sum = 0;
      for (int i = 0; i < expected.length; i++) {
        int difference = Math.abs((expected[i] & 0xff) - (actual[i] & 0xff));
        assertTrue(difference <= 75, () -> name + ": " + difference);
        sum += difference;
      }
      assertTrue(sum <= 6L * expected.length, name + ": " + (double) sum / expected.length);
    }
  }

  private String error(byte[] file) throws IOException {
    Path path = Files.write(folder.resolve("odd"), file);
    String message = String.valueOf(assertThrows(ImageException.class, () -> Image.read(path)).getMessage());
    assertTrue(message.startsWith(path + ": "), message);
    return message.substring((path + ": ").length());
  }

  private static byte[] bytes(String name) throws IOException {
    return Files.readAllBytes(images().resolve(name));
  }

  @Test
  void whatIsNoImageIsSaid() throws IOException {
    assertEquals("expected an image, got an empty file", error(new byte[0]));
    assertEquals("not an image of a known format (JPEG, PNG, WebP, BMP, GIF, TIFF, binary PPM and PGM)",
        error("<html>".getBytes(StandardCharsets.US_ASCII)));
    assertEquals(folder.resolve("none") + ": there is no such file",
        assertThrows(ImageException.class, () -> Image.read(folder.resolve("none"))).getMessage());
    assertTrue(String.valueOf(assertThrows(ImageException.class, () -> Image.read(folder)).getMessage())
        .startsWith(folder + ": cannot be read: "));
  }

  /// As Pillow, which reads a PNG whose pixels are complete; these begin to be so at nine tenths.
  @TestFactory
  Stream<DynamicTest> aTruncatedImageIsRefused() {
    return Stream
        .of("420.jpg", "progressive.jpg", "grey.jpg", "cmyk.jpg", "rgb.png", "grey16.png", "rgb.bmp", "palette.gif", "rgb.tif", "rgb.ppm",
            "lossless.webp",
            "lossy.webp")
        .map(name -> DynamicTest.dynamicTest(name, () -> {
          byte[] whole = bytes(name);
          for (double part : name.endsWith("png") ? new double[] {0.1, 0.3, 0.6} : new double[] {0.1, 0.3, 0.6, 0.9, 0.99}) {
            String message = error(Arrays.copyOf(whole, (int) (whole.length * part)));
            assertTrue(message.contains("truncated") || message.startsWith("not an image"), message);
          }
        }));
  }

  @Test
  void aDecompressionBombIsRefusedBeforeItIsUnpacked() throws IOException {
    byte[] png = bytes("rgb.png");
    ByteBuffer.wrap(png).putInt(16, 100_000).putInt(20, 100_000);
    CRC32 crc = new CRC32();
    crc.update(png, 12, 17);
    ByteBuffer.wrap(png).putInt(29, (int) crc.getValue());
    assertEquals("too large: this PNG of 100000x100000 pixels may be a decompression bomb; the limit is 178956970", error(png));
  }

  /// Whatever happens to a file, it is decoded or refused by a message.
  @TestFactory
  Stream<DynamicTest> twoHundredDamagedFilesAreDecodedOrRefused() {
    return Stream.of("420.jpg", "progressive.jpg", "cmyk.jpg", "swapped-profile.jpg", "rgb.png", "palette.png", "rgb16.png", "rgb.bmp",
        "palette.bmp",
        "palette.gif", "rgb.tif", "rgb.ppm", "lossless.webp", "lossy-alpha.webp").map(name -> DynamicTest.dynamicTest(name, () -> {
          byte[] whole = bytes(name);
          Random random = new Random(name.hashCode());
          int refused = 0;
          for (int i = 0; i < 200; i++) {
            byte[] damaged = whole.clone();
            for (int k = random.nextInt(4); k >= 0; k--) {
              damaged[random.nextInt(random.nextBoolean() ? Math.min(64, damaged.length) : damaged.length)] = (byte) random.nextInt(256);
            }
            try {
              assertEquals(3, Image.decode(damaged).channels());
            } catch (ImageException e) {
              assertTrue(e.getMessage() != null && !e.getMessage().isBlank());
              refused++;
            }
          }
          assertTrue(refused > 10, "the damage must show: " + refused);
        }));
  }
}
