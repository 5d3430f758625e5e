package org.flambeau.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CifarDatasetTest {
  @TempDir Path folder;

  /// Records whose red is `first` + record, green 100 more, blue the number of the pixel.
  private static byte[] records(int labelBytes, int first, int... labels) {
    int length = labelBytes + 3072;
    byte[] bytes = new byte[labels.length * length];
    for (int r = 0; r < labels.length; r++) {
      int at = r * length;
      Arrays.fill(bytes, at, at + labelBytes, (byte) labels[r]);
      Arrays.fill(bytes, at + labelBytes, at + labelBytes + 1024, (byte) (first + r));
      Arrays.fill(bytes, at + labelBytes + 1024, at + labelBytes + 2048, (byte) (first + r + 100));
      for (int i = 0; i < 1024; i++) {
        bytes[at + labelBytes + 2048 + i] = (byte) i;
      }
    }
    return bytes;
  }

  private void writeCifar10() throws IOException {
    for (int k = 1; k <= 5; k++) {
      Files.write(folder.resolve("data_batch_" + k + ".bin"), records(1, 10 * k, k, k + 4));
    }
    Files.write(folder.resolve("test_batch.bin"), records(1, 0, 3));
  }

  @Test
  void theFivePartsOfCifar10FollowEachOther() throws IOException {
    writeCifar10();
    CifarDataset dataset = CifarDataset.cifar10(folder, true);
    assertEquals(10, dataset.size());
    assertEquals(7, dataset.label(5));
    assertEquals(31, dataset.image(5).get(3, 2, 0));
    assertEquals(131, dataset.image(5).get(3, 2, 1));
    assertEquals(2 * 32 + 3, dataset.image(5).get(3, 2, 2));
    assertArrayEquals(new long[] {3, 32, 32}, dataset.get(9).input().sizes());
    assertEquals(9, dataset.get(9).target().toLong());
    assertEquals(1, CifarDataset.cifar10(folder, false).size());
    assertThrows(IndexOutOfBoundsException.class, () -> dataset.get(10));
  }

  @Test
  void classesHaveNamesWhereTheyAreGiven() throws IOException {
    writeCifar10();
    assertEquals("3", CifarDataset.cifar10(folder, false).classes().get(3));
    List<String> names = List.of("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck", "");
    Path file = Files.write(folder.resolve("batches.meta.txt"), names);
    assertEquals("cat", CifarDataset.cifar10(folder, false).classes().get(3));
    Files.write(file, names.subList(0, 9));
    assertEquals(file + ": expected the names of 10 classes, one a line, got 9",
        assertThrows(DataException.class, () -> CifarDataset.cifar10(folder, false)).getMessage());
  }

  @Test
  void cifar100HasFineLabels() throws IOException {
    byte[] bytes = records(2, 1, 19, 99);
    bytes[0] = 4; // the coarse label
    Files.write(folder.resolve("test.bin"), bytes);
    CifarDataset dataset = CifarDataset.cifar100(folder, false);
    assertEquals(19, dataset.label(0));
    assertEquals(99, dataset.label(1));
    assertEquals(2, dataset.image(1).get(0, 0, 0));
  }

  @Test
  void badFilesHaveTheirMessages() throws IOException {
    Path file = folder.resolve("test_batch.bin");
    assertEquals(file + ": cannot be read: no such file or folder", error());
    Files.write(file, new byte[0]);
    assertEquals(file + ": expected records of 3073 bytes, a label and 32x32 pixels each, got 0 bytes: truncated, or not CIFAR-10 in its "
        + "binary version?", error());
    Files.write(file, Arrays.copyOf(records(1, 0, 1, 2), 4000));
    assertTrue(error().contains("got 4000 bytes"));
    Files.write(file, records(1, 0, 1, 10));
    assertEquals(file + ": label 10 of record 1 is out of range: expected 0 to 9", error());
  }

  @Test
  void aThousandDamagedFilesAreReadOrRefusedByAMessage() throws IOException {
    Random random = new Random(20261122);
    byte[] original = records(1, 0, 1, 9);
    int refused = 0;
    for (int i = 0; i < 1000; i++) {
      byte[] damaged = random.nextInt(2) == 0 ? original.clone() : Arrays.copyOf(original, random.nextInt(original.length + 3073));
      if (damaged.length > 0) {
        damaged[random.nextInt(2) == 0 ? 0 : random.nextInt(damaged.length)] = (byte) random.nextInt(256);
      }
      Files.write(folder.resolve("test_batch.bin"), damaged);
      try {
        CifarDataset dataset = CifarDataset.cifar10(folder, false);
        for (int k = 0; k < dataset.size(); k++) {
          assertTrue(dataset.get(k).target().toLong() < 10);
        }
      } catch (DataException e) {
        assertTrue(String.valueOf(e.getMessage()).contains("test_batch.bin"), e.getMessage());
        refused++;
      }
    }
    assertTrue(refused > 300, "the damage must show: " + refused);
  }

  private String error() {
    return String.valueOf(assertThrows(DataException.class, () -> CifarDataset.cifar10(folder, false)).getMessage());
  }
}
