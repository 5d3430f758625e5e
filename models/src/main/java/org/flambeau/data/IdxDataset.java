package org.flambeau.data;

import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.stream.IntStream;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;
import org.flambeau.Tensor;
import org.flambeau.io.Trouble;
import org.flambeau.vision.Image;
import org.flambeau.vision.ToTensor;
import org.flambeau.vision.Transform;

/// Grey images and their classes from a pair of IDX files, plain or compressed by gzip: the format of MNIST, Fashion-MNIST,
/// KMNIST and EMNIST. Both are read into memory as a whole.
///
/// Errors: a [DataException] where a file is no IDX file of bytes, is longer or shorter than it says, where the two disagree, or
/// where a label is not a class.
///
/// Reference: Y. LeCun, C. Cortes, C. Burges, *The MNIST database of handwritten digits*.
public final class IdxDataset extends ImageDataset {
  private static final int LABELS_MAGIC = 0x801;
  private static final int IMAGES_MAGIC = 0x803;

  private final int width;
  private final int height;
  private final byte[] pixels;
  private final byte[] labels;
  private final List<String> classes;

  private IdxDataset(Contents images, Contents labels, List<String> classes, Transform<Image, Tensor> transform) {
    super(transform);
    this.height = images.sizes[1];
    this.width = images.sizes[2];
    this.pixels = images.bytes;
    this.labels = labels.bytes;
    this.classes = classes;
  }

  /// The training or the test images of a folder with the four files of an MNIST-like dataset, `train-images-idx3-ubyte` and
  /// its siblings, with or without `.gz`. Ten classes; samples are float32 of sizes (1, height, width) between 0 and 1.
  public static IdxDataset of(Path folder, boolean train) {
    return of(folder, train, new ToTensor());
  }

  /// [#of(Path, boolean)], through a transform.
  public static IdxDataset of(Path folder, boolean train, Transform<Image, Tensor> transform) {
    String prefix = train ? "train" : "t10k";
    return of(find(folder, prefix + "-images-idx3-ubyte"), find(folder, prefix + "-labels-idx1-ubyte"), 10, transform);
  }

  private static Path find(Path folder, String name) {
    Path plain = folder.resolve(name);
    Path compressed = folder.resolve(name + ".gz");
    if (Files.exists(plain)) {
      return plain;
    }
    if (Files.exists(compressed)) {
      return compressed;
    }
    throw new DataException(folder, "expected " + name + " or " + name + ".gz in this folder, found neither");
  }

  /// The images of one file with the labels of another, which are below `classes`, through a transform.
  public static IdxDataset of(Path images, Path labels, int classes, Transform<Image, Tensor> transform) {
    Contents pixels = read(images, IMAGES_MAGIC);
    Contents numbers = read(labels, LABELS_MAGIC);
    if (pixels.sizes[0] != numbers.sizes[0]) {
      throw new DataException(labels, "expected a label for each of the " + pixels.sizes[0] + " images of " + images + ", got "
          + numbers.sizes[0]);
    }
    if (pixels.sizes[0] > 0 && (pixels.sizes[1] == 0 || pixels.sizes[2] == 0)) {
      throw new DataException(images, "its images are empty: " + pixels.sizes[1] + "x" + pixels.sizes[2]);
    }
    for (int i = 0; i < numbers.bytes.length; i++) {
      if ((numbers.bytes[i] & 0xff) >= classes) {
        throw new DataException(labels,
            "label " + (numbers.bytes[i] & 0xff) + " at " + i + " is out of range: expected 0 to " + (classes - 1));
      }
    }
    return new IdxDataset(pixels, numbers, IntStream.range(0, classes).mapToObj(Integer::toString).toList(), transform);
  }

  @Override
  public long size() {
    return labels.length;
  }

  @Override
  public List<String> classes() {
    return classes;
  }

  @Override
  public Image image(long index) {
    int i = (int) Objects.checkIndex(index, size());
    int area = width * height;
    return Image.of(width, height, 1, Arrays.copyOfRange(pixels, i * area, (i + 1) * area));
  }

  @Override
  public int label(long index) {
    return labels[(int) Objects.checkIndex(index, size())] & 0xff;
  }

  // ---- the format ----

  private record Contents(int[] sizes, byte[] bytes) {
  }

  private static Contents read(Path file, int magic) {
    try (InputStream in = open(file)) {
      int[] sizes = new int[magic & 0xff];
      byte[] header = in.readNBytes(4 + 4 * sizes.length);
      ByteBuffer numbers = ByteBuffer.wrap(header);
      if (header.length < 4 || numbers.getInt() != magic) {
        throw new DataException(file,
            String.format(Locale.ROOT, "not an IDX file of bytes with %d dimension%s: expected it to begin with %08x, got %s",
                sizes.length, sizes.length == 1 ? "" : "s", magic, HexFormat.of().formatHex(header, 0, Math.min(4, header.length))));
      }
      if (header.length < 4 + 4 * sizes.length) {
        throw new DataException(file, "truncated: it ends within its header, after " + header.length + " bytes");
      }
      long expected = 1;
      for (int d = 0; d < sizes.length; d++) {
        sizes[d] = numbers.getInt();
        if (sizes[d] < 0 || (expected *= sizes[d]) > Integer.MAX_VALUE - 8) {
          throw new DataException(file, "too large: its header tells of more than 2 GiB, " + Arrays.toString(sizes));
        }
      }
      byte[] bytes = in.readNBytes((int) expected);
      if (bytes.length < expected) {
        throw new DataException(file,
            "truncated: expected " + expected + " bytes behind the header for sizes " + Arrays.toString(sizes) + ", got " + bytes.length);
      }
      if (in.read() >= 0) {
        throw new DataException(file, "has bytes behind the " + expected + " that its header tells of, sizes " + Arrays.toString(sizes));
      }
      return new Contents(sizes, bytes);
    } catch (EOFException e) {
      throw new DataException(file, "truncated: its compressed data end too early", e);
    } catch (ZipException e) {
      throw new DataException(file, "corrupt gzip data: " + e.getMessage(), e);
    } catch (IOException e) {
      throw new DataException(file, "cannot be read: " + Trouble.reason(e), e);
    }
  }

  /// A file's bytes, uncompressed where it begins as gzip files do.
  private static InputStream open(Path file) throws IOException {
    InputStream in = new BufferedInputStream(Files.newInputStream(file), 1 << 16);
    try {
      in.mark(2);
      boolean compressed = in.read() == 0x1f && in.read() == 0x8b;
      in.reset();
      return compressed ? new GZIPInputStream(in, 1 << 16) : in;
    } catch (IOException e) {
      in.close();
      throw e;
    }
  }
}
