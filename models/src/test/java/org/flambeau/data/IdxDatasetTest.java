package org.flambeau.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.zip.GZIPOutputStream;
import org.flambeau.vision.ToTensor;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class IdxDatasetTest {
  @TempDir Path folder;

  private Path images;
  private Path labels;

  @BeforeEach
  void writeThreeImages() throws IOException {
    images = Files.write(folder.resolve("train-images-idx3-ubyte"), images(3));
    labels = Files.write(folder.resolve("train-labels-idx1-ubyte"), labels(7, 0, 9));
  }

  /// Images of 2 rows of 4 bytes that count up.
  private static byte[] images(int n) {
    ByteBuffer bytes = ByteBuffer.allocate(16 + 8 * n).putInt(0x803).putInt(n).putInt(2).putInt(4);
    for (int i = 0; i < 8 * n; i++) {
      bytes.put((byte) (10 * i));
    }
    return bytes.array();
  }

  private static byte[] labels(int... labels) {
    ByteBuffer bytes = ByteBuffer.allocate(8 + labels.length).putInt(0x801).putInt(labels.length);
    for (int label : labels) {
      bytes.put((byte) label);
    }
    return bytes.array();
  }

  private static byte[] gzip(byte[] bytes) throws IOException {
    ByteArrayOutputStream to = new ByteArrayOutputStream();
    try (GZIPOutputStream gzip = new GZIPOutputStream(to)) {
      gzip.write(bytes);
    }
    return to.toByteArray();
  }

  private IdxDataset read() {
    return IdxDataset.of(images, labels, 10, new ToTensor());
  }

  private String error() {
    return String.valueOf(assertThrows(DataException.class, this::read).getMessage());
  }

  @Test
  void imagesAndLabelsAreRead() {
    IdxDataset dataset = IdxDataset.of(folder, true);
    assertEquals(3, dataset.size());
    assertEquals(10, dataset.classes().size());
    assertEquals("Image(4x2, grey)", dataset.image(1).toString());
    assertEquals(230, dataset.image(2).get(3, 1, 0));
    assertEquals(9, dataset.label(2));
    Sample sample = dataset.get(0);
    assertArrayEquals(new long[] {1, 2, 4}, sample.input().sizes());
    assertArrayEquals(new float[] {0, 10 / 255f, 20 / 255f, 30 / 255f, 40 / 255f, 50 / 255f, 60 / 255f, 70 / 255f},
        sample.input().toFloatArray());
    assertEquals("tensor(7)", sample.target().toString());
    assertThrows(IndexOutOfBoundsException.class, () -> dataset.get(3));
  }

  @Test
  void compressedFilesAreReadWhateverTheirName() throws IOException {
    Files.write(images, gzip(images(3)));
    Files.delete(labels);
    Files.write(folder.resolve("train-labels-idx1-ubyte.gz"), gzip(labels(1, 2, 3)));
    assertEquals(2, IdxDataset.of(folder, true).label(1));
    assertEquals(folder + ": expected t10k-images-idx3-ubyte or t10k-images-idx3-ubyte.gz in this folder, found neither",
        assertThrows(DataException.class, () -> IdxDataset.of(folder, false)).getMessage());
  }

  @Test
  void everyKindOfBadFileHasItsMessage() throws IOException {
    Files.write(images, new byte[0]);
    assertEquals(images + ": not an IDX file of bytes with 3 dimensions: expected it to begin with 00000803, got ", error());
    Files.write(images, labels(1));
    assertEquals(images + ": not an IDX file of bytes with 3 dimensions: expected it to begin with 00000803, got 00000801", error());
    Files.write(images, Arrays.copyOf(images(3), 10));
    assertEquals(images + ": truncated: it ends within its header, after 10 bytes", error());
    Files.write(images, Arrays.copyOf(images(3), 30));
    assertEquals(images + ": truncated: expected 24 bytes behind the header for sizes [3, 2, 4], got 14", error());
    Files.write(images, Arrays.copyOf(images(3), 41));
    assertEquals(images + ": has bytes behind the 24 that its header tells of, sizes [3, 2, 4]", error());
    Files.write(images, ByteBuffer.allocate(16).putInt(0x803).putInt(1 << 20).putInt(1 << 20).putInt(1 << 30).array());
    assertTrue(error().startsWith(images + ": too large: its header tells of more than 2 GiB"));
    Files.write(images, ByteBuffer.allocate(16).putInt(0x803).putInt(-1).putInt(2).putInt(4).array());
    assertTrue(error().startsWith(images + ": too large"));
    Files.write(images, ByteBuffer.allocate(16).putInt(0x803).putInt(3).putInt(0).putInt(4).array());
    assertEquals(images + ": its images are empty: 0x4", error());
    byte[] compressed = gzip(images(3));
    Files.write(images, Arrays.copyOf(compressed, compressed.length - 12));
    assertEquals(images + ": truncated: its compressed data end too early", error());
    Files.write(images, images(2));
    assertEquals(labels + ": expected a label for each of the 2 images of " + images + ", got 3", error());
    Files.write(images, images(3));
    Files.write(labels, labels(7, 10, 9));
    assertEquals(labels + ": label 10 at 1 is out of range: expected 0 to 9", error());
    Files.delete(labels);
    assertEquals(labels + ": cannot be read: no such file or folder", error());
  }

  @Test
  void aThousandDamagedFilesAreReadOrRefusedByAMessage() throws IOException {
    Random random = new Random(20261122);
    byte[][] originals = {images(3), gzip(images(3))};
    int refused = 0;
    for (int i = 0; i < 1000; i++) {
      byte[] damaged = originals[i % 2].clone();
      for (int k = random.nextInt(3); k >= 0; k--) {
        damaged[random.nextInt(damaged.length)] = (byte) random.nextInt(256);
      }
      if (random.nextInt(4) == 0) {
        damaged = Arrays.copyOf(damaged, random.nextInt(damaged.length + 8));
      }
      Files.write(images, damaged);
      try {
        assertEquals(3, read().size());
      } catch (DataException e) {
        assertTrue(String.valueOf(e.getMessage()).contains("idx"), e.getMessage());
        refused++;
      }
    }
    assertTrue(refused > 300, "the damage must show: " + refused);
  }
}
