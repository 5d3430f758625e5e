package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.FLOAT;

import org.flambeau.spi.NativeMemory;
import org.flambeau.spi.Strided;

/// Float images (n, c, h, w), dense and row-major or channels-last, as rows of pixels with all their channels side by side.
final class PixelRows {
  private static final RowKernels ROWS = Rows.kernels();
  private static final int LANES = CachedProduct.LANES;

  final int channels;
  final int height;
  final int width;
  private final long address;
  private final boolean channelsLast;

  PixelRows(Strided images) {
    channels = Math.toIntExact(images.size(1));
    height = Math.toIntExact(images.size(2));
    width = Math.toIntExact(images.size(3));
    address = images.address();
    channelsLast = !images.isContiguous();
  }

  /// Whether images lie in one of the two ways.
  static boolean serves(Strided images) {
    return images.isContiguous() || images.stride(1) == 1 && images.stride(3) == images.size(1)
        && images.stride(2) == images.size(3) * images.stride(3) && images.stride(0) == images.size(2) * images.stride(2);
  }

  /// Bytes of a row.
  long bytes() {
    return (long) width * channels * Float.BYTES;
  }

  /// Where `count` rows from `top` on lie, of which those beyond the image are zero: in the image, else in `buffer`.
  long read(long image, int top, int count, long buffer) {
    int first = Math.clamp(-top, 0, count);
    int last = Math.clamp((long) height - top, first, count);
    if (channelsLast && first == 0 && last == count) {
      return at(image, top);
    }
    zero(buffer, first * bytes());
    zero(buffer + last * bytes(), (count - last) * bytes());
    long to = buffer + first * bytes();
    if (channelsLast) {
      NativeMemory.copy(at(image, top + first), to, (last - first) * bytes());
    } else {
      transpose(to, (long) channels * Float.BYTES, at(image, top + first), plane(), channels, (last - first) * width);
    }
    return buffer;
  }

  /// Where to write `count` rows from `top` on, for [#written]: in the image, where it has them all, else in `buffer`.
  long place(long image, int top, int count, long buffer) {
    return channelsLast && top + count <= height ? at(image, top) : buffer;
  }

  /// Brings those of `count` rows that the image has from where they were written to where they belong.
  void written(long image, int top, int count, long place) {
    int rows = Math.min(count, height - top);
    if (!channelsLast) {
      transpose(at(image, top), plane(), place, (long) channels * Float.BYTES, rows * width, channels);
    } else if (place != at(image, top)) {
      NativeMemory.copy(place, at(image, top), rows * bytes());
    }
  }

  /// Floats that lie side by side.
  @FunctionalInterface
  interface Stretch {
    void run(long address, int floats);
  }

  /// Calls `body` for what the image has of `count` rows from `top` on.
  void forEachStretch(long image, int top, int count, Stretch body) {
    int floats = Math.min(count, height - top) * width;
    if (channelsLast) {
      body.run(at(image, top), floats * channels);
    } else {
      for (int c = 0; c < channels; c++) {
        body.run(at(image, top) + c * plane(), floats);
      }
    }
  }

  private long at(long image, int row) {
    return address + image * height * bytes() + (channelsLast ? row * bytes() : (long) row * width * Float.BYTES);
  }

  /// Bytes from one channel to the next.
  private long plane() {
    return (long) height * width * Float.BYTES;
  }

  static void zero(long address, long bytes) {
    if (bytes > 0) {
      ALL.asSlice(address, bytes).fill((byte) 0);
    }
  }

  /// Element (j, i) of the target is element (i, j) of the source. The last square of a line overlaps the one before where the length is no
  /// multiple.
  private static void transpose(long to, long toRow, long from, long fromRow, int rows, int columns) {
    if (rows < LANES || columns < LANES) {
      for (int i = 0; i < rows; i++) {
        for (int j = 0; j < columns; j++) {
          ALL.set(FLOAT, to + j * toRow + (long) i * Float.BYTES, ALL.get(FLOAT, from + i * fromRow + (long) j * Float.BYTES));
        }
      }
      return;
    }
    for (int i = 0; i < rows; i += LANES) {
      int row = Math.min(i, rows - LANES);
      for (int j = 0; j < columns; j += LANES) {
        int column = Math.min(j, columns - LANES);
        ROWS.transpose(to + column * toRow + (long) row * Float.BYTES, toRow, from + row * fromRow + (long) column * Float.BYTES, fromRow);
      }
    }
  }
}
