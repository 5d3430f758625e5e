package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.FLOAT;

import org.flambeau.spi.Strided;

/// How [Winograd] takes a kernel (out, in, 3, 3): as 36 planes of a matrix (channels of the images, channels of the result), each in strips for
/// [CachedProduct].
public final class TransformedKernel {
  static final int SIZE = 3;
  private static final long TAPS = SIZE * SIZE;
  private static final int PATCH = Winograd.PATCH;

  /// Bytes by which planes miss powers of two: they are written at a time, and shall not all fall into one set of the cache.
  private static final long SKEW = 5 * 64;
  /// Larger ones are not worth their memory, four times a kernel's own: where they come from memory, making them is hardly slower.
  private static final long MOST_BYTES_KEPT = 16 << 20;
  /// Rows of a matrix that are transformed together, so that a kernel is read by the line of a cache.
  private static final int BLOCK = 8;
  private static final long ROW = CachedProduct.STRIP_ROW;

  private final Strided weight;
  private final int depth;
  private final int columns;

  /// Whether it is for the gradient of the images: the kernel turned around, its channels exchanged.
  final boolean backward;

  public TransformedKernel(Strided weight, boolean backward) {
    this.weight = weight;
    this.backward = backward;
    depth = Math.toIntExact(weight.size(backward ? 0 : 1));
    columns = Math.toIntExact(weight.size(backward ? 1 : 0));
  }

  public long bytes() {
    return PATCH * PATCH * plane();
  }

  /// Bytes from one plane to the next.
  long plane() {
    return CachedProduct.bytesInStrips(depth, columns) + SKEW;
  }

  /// Whether it is worth its memory to keep it while the weight stays as it is.
  public boolean isWorthKeeping() {
    return bytes() <= MOST_BYTES_KEPT;
  }

  public void writeTo(long address) {
    int strips = (columns + CachedProduct.STRIP_COLUMNS - 1) / CachedProduct.STRIP_COLUMNS;
    int blocks = (depth + BLOCK - 1) / BLOCK;
    CpuPool.SHARED.parallelFor(0, (long) strips * blocks, 4, (begin, end) -> {
      long taps = Scratch.current().rows((BLOCK * TAPS + PATCH * SIZE) * ROW);
      long buffer = taps + BLOCK * TAPS * ROW;
      for (long task = begin; task < end; task++) {
        long strip = task / blocks;
        long first = task % blocks * BLOCK;
        int deep = (int) Math.min(BLOCK, depth - first);
        long column = strip * CachedProduct.STRIP_COLUMNS;
        int wide = (int) Math.min(CachedProduct.STRIP_COLUMNS, columns - column);
        readTaps(taps, first, deep, column, wide);
        long to = address + strip * CachedProduct.strip(depth) + first * ROW;
        for (int d = 0; d < deep; d++) {
          transform(taps + d * TAPS * ROW, buffer, to + d * ROW, wide);
        }
      }
    });
  }

  /// Reads `deep` times nine rows of `wide` elements.
  private void readTaps(long to, long first, int deep, long column, int wide) {
    long depthStep = weight.stride(backward ? 0 : 1) * Float.BYTES;
    long columnStep = weight.stride(backward ? 1 : 0) * Float.BYTES;
    long down = weight.stride(2) * Float.BYTES;
    long across = weight.stride(3) * Float.BYTES;
    long from = weight.address() + first * depthStep + column * columnStep;
    long next = backward ? -ROW : ROW;
    long start = backward ? to + (TAPS - 1) * ROW : to;
    for (int j = 0; j < wide; j++) {
      for (int d = 0; d < deep; d++) {
        long source = from + d * depthStep + j * columnStep;
        long target = start + d * TAPS * ROW + (long) j * Float.BYTES;
        for (int k = 0; k < SIZE; k++) {
          ALL.set(FLOAT, target, ALL.get(FLOAT, source));
          ALL.set(FLOAT, target + next, ALL.get(FLOAT, source + across));
          ALL.set(FLOAT, target + 2 * next, ALL.get(FLOAT, source + 2 * across));
          source += down;
          target += SIZE * next;
        }
      }
    }
  }

  private void transform(long taps, long buffer, long to, int wide) {
    Winograd.Transforms.PRESENT.kernel(taps, SIZE * ROW, buffer, SIZE * ROW, SIZE * ROW / Float.BYTES);
    for (long i = 0; i < PATCH; i++) {
      Winograd.Transforms.PRESENT.kernel(buffer + i * SIZE * ROW, ROW, to + i * PATCH * plane(), plane(), wide);
    }
  }
}
