package org.flambeau.backend.cpu.gemm;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.INT;
import static org.flambeau.spi.NativeMemory.LONG;

import org.flambeau.spi.NativeMemory;

/// One factor of a product, which can lay out a part of itself for [Tile].
interface Panels {
  /// Writes `lines` lines from number `line` on (rows of a left factor, columns of a right one), `depth` elements of each from number
  /// `start` on, to `to`: in groups of `width` lines, their elements interleaved, the last group filled up with zeros.
  void pack(long line, int lines, long start, int depth, int width, long to);

  /// A matrix in memory: lines `lineStep` apart, elements of a line `step` apart, in elements of `size` bytes.
  record Matrix(long address, long lineStep, long step, int size) implements Panels {
    @Override
    public void pack(long line, int lines, long start, int depth, int width, long to) {
      long group = (long) depth * width * size;
      for (int done = 0; done < lines; done += width, to += group) {
        int count = Math.min(width, lines - done);
        if (count < width) {
          ALL.asSlice(to, group).fill((byte) 0);
        }
        long from = address + ((line + done) * lineStep + start * step) * size;
        if (lineStep == 1) {
          for (int k = 0; k < depth; k++) {
            NativeMemory.copy(from + k * step * size, to + (long) k * width * size, (long) count * size);
          }
        } else {
          for (int i = 0; i < count; i++) {
            move(from + i * lineStep * size, step, to + (long) i * size, width, depth, size);
          }
        }
      }
    }
  }

  /// Copies `count` elements of `size` bytes, which lie `fromStep` and come to lie `toStep` elements apart.
  static void move(long from, long fromStep, long to, long toStep, long count, int size) {
    if (size == Integer.BYTES) {
      for (long i = 0; i < count; i++) {
        ALL.set(INT, to + i * toStep * Integer.BYTES, ALL.get(INT, from + i * fromStep * Integer.BYTES));
      }
    } else {
      for (long i = 0; i < count; i++) {
        ALL.set(LONG, to + i * toStep * Long.BYTES, ALL.get(LONG, from + i * fromStep * Long.BYTES));
      }
    }
  }
}
