package org.flambeau.data;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.flambeau.Tensor;
import org.flambeau.io.Trouble;
import org.flambeau.vision.Image;
import org.flambeau.vision.ToTensor;
import org.flambeau.vision.Transform;

/// The 32×32 colour images of CIFAR-10 and CIFAR-100 in their binary version, read into memory as a whole.
///
/// The classes are named by `batches.meta.txt` or `fine_label_names.txt` where these lie beside the data, else by their numbers.
///
/// Errors: a [DataException] where a file is missing, does not consist of whole records, or has a label out of range.
///
/// Reference: A. Krizhevsky, *Learning multiple layers of features from tiny images* (2009).
public final class CifarDataset extends ImageDataset {
  private static final int EDGE = 32;
  private static final int PLANE = EDGE * EDGE;
  private static final int PIXELS = 3 * PLANE;

  /// @param labelBytes how many bytes precede the pixels of a record; the last of them is the class
  private record Version(int classes, int labelBytes, String names, List<String> training, List<String> test) {
    int recordBytes() {
      return labelBytes + PIXELS;
    }
  }

  private static final Version CIFAR10 = new Version(10, 1, "batches.meta.txt",
      List.of("data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"),
      List.of("test_batch.bin"));
  private static final Version CIFAR100 = new Version(100, 2, "fine_label_names.txt", List.of("train.bin"), List.of("test.bin"));

  private final Version version;
  private final List<byte[]> parts;
  private final int[] firsts;
  private final List<String> classes;

  private CifarDataset(Version version, List<byte[]> parts, List<String> classes, Transform<Image, Tensor> transform) {
    super(transform);
    this.version = version;
    this.parts = parts;
    this.classes = classes;
    this.firsts = new int[parts.size() + 1];
    for (int p = 0; p < parts.size(); p++) {
      firsts[p + 1] = firsts[p] + parts.get(p).length / version.recordBytes();
    }
  }

  /// CIFAR-10's training or test images, from the folder of `data_batch_1.bin` and its siblings. Samples are float32 of sizes
  /// (3, 32, 32) between 0 and 1.
  public static CifarDataset cifar10(Path folder, boolean train) {
    return cifar10(folder, train, new ToTensor());
  }

  /// [#cifar10(Path, boolean)], through a transform.
  public static CifarDataset cifar10(Path folder, boolean train, Transform<Image, Tensor> transform) {
    return read(CIFAR10, folder, train, transform);
  }

  /// CIFAR-100's training or test images with their fine labels, from the folder of `train.bin` and `test.bin`. Samples are float32
  /// of sizes (3, 32, 32) between 0 and 1.
  public static CifarDataset cifar100(Path folder, boolean train) {
    return cifar100(folder, train, new ToTensor());
  }

  /// [#cifar100(Path, boolean)], through a transform.
  public static CifarDataset cifar100(Path folder, boolean train, Transform<Image, Tensor> transform) {
    return read(CIFAR100, folder, train, transform);
  }

  private static CifarDataset read(Version version, Path folder, boolean train, Transform<Image, Tensor> transform) {
    List<byte[]> parts = new ArrayList<>();
    for (String name : train ? version.training : version.test) {
      parts.add(records(folder.resolve(name), version));
    }
    return new CifarDataset(version, parts, classNames(folder.resolve(version.names), version.classes), transform);
  }

  private static byte[] records(Path file, Version version) {
    byte[] bytes;
    try (InputStream in = Files.newInputStream(file)) {
      long size = Files.size(file);
      if (size > Integer.MAX_VALUE - 8 || size % version.recordBytes() != 0 || size == 0) {
        throw new DataException(file, "expected records of " + version.recordBytes() + " bytes, a label and 32x32 pixels each, got " + size
            + " bytes: truncated, or not CIFAR-" + version.classes + " in its binary version?");
      }
      bytes = in.readNBytes((int) size);
      if (bytes.length < size) {
        throw new DataException(file, "truncated: expected " + size + " bytes, got " + bytes.length);
      }
    } catch (IOException e) {
      throw new DataException(file, "cannot be read: " + Trouble.reason(e), e);
    }
    for (int at = version.labelBytes - 1; at < bytes.length; at += version.recordBytes()) {
      if ((bytes[at] & 0xff) >= version.classes) {
        throw new DataException(file, "label " + (bytes[at] & 0xff) + " of record " + at / version.recordBytes()
            + " is out of range: expected 0 to " + (version.classes - 1));
      }
    }
    return bytes;
  }

  private static List<String> classNames(Path file, int classes) {
    if (!Files.exists(file)) {
      return IntStream.range(0, classes).mapToObj(Integer::toString).toList();
    }
    List<String> names;
    try {
      names = Files.readAllLines(file).stream().map(String::strip).filter(name -> !name.isEmpty()).toList();
    } catch (IOException e) {
      throw new DataException(file, "cannot be read: " + Trouble.reason(e), e);
    }
    if (names.size() != classes) {
      throw new DataException(file, "expected the names of " + classes + " classes, one a line, got " + names.size());
    }
    return names;
  }

  @Override
  public long size() {
    return firsts[firsts.length - 1];
  }

  @Override
  public List<String> classes() {
    return classes;
  }

  @Override
  public Image image(long index) {
    int part = part(index);
    byte[] bytes = parts.get(part);
    int from = record(index, part) + version.labelBytes;
    byte[] pixels = new byte[PIXELS];
    for (int i = 0; i < PLANE; i++) {
      for (int c = 0; c < 3; c++) {
        pixels[3 * i + c] = bytes[from + c * PLANE + i];
      }
    }
    return Image.of(EDGE, EDGE, 3, pixels);
  }

  @Override
  public int label(long index) {
    int part = part(index);
    return parts.get(part)[record(index, part) + version.labelBytes - 1] & 0xff;
  }

  private int part(long index) {
    int found = Arrays.binarySearch(firsts, (int) Objects.checkIndex(index, size()));
    return found >= 0 ? found : -found - 2;
  }

  private int record(long index, int part) {
    return ((int) index - firsts[part]) * version.recordBytes();
  }
}
