package org.flambeau.backend.cpu.amx;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.LONG;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.flambeau.DType;
import org.flambeau.backend.cpu.CpuPool;
import org.flambeau.backend.cpu.Workspace;
import org.flambeau.backend.cpu.gemm.Copies;
import org.flambeau.spi.Allocator;
import org.flambeau.spi.ConvSpec;
import org.flambeau.spi.Strided;

/// The gradient of a convolution's weight in bfloat16: for each element (i, j) of the kernel a product of the images' pixels that it meets, one row
/// for each channel, with the result's gradient, one column for each.
///
/// Both lie on one grid of places, in which images follow each other and what the kernel sees beyond them is zero. So what (i, j) meets are the
/// same rows, read from another place on, and the pixels are brought into rows once, not for each element as patches would be. Of images that
/// the kernel strides over there are as many such planes as it has first places. Where the grid has a place that no result is at, the gradient is zero:
/// an infinite pixel that an element meets only there makes its gradient NaN.
public final class WeightGradient {
  private static final int SIDE = BlockProduct.SIDE;
  private static final long SIDE_BYTES = SIDE * Short.BYTES;
  /// Places of which both factors' rows are multiplied at a time, so that they stay in the first-level cache for all elements of the kernel.
  private static final long PLACES_AT_ONCE = 256;
  /// Sums that about stay in the second-level cache, for which so many places at once are read.
  private static final long CACHED = 512 << 10;
  /// Elements of the kernel that are multiplied in one call, during which no garbage collection begins: it takes some 20 us.
  private static final int TAPS_AT_ONCE = 64;
  private static final int LINE = 64;

  private final TileUnit unit;
  private final Allocator allocator;
  private final Strided x;
  private final Strided grad;
  private final ConvSpec spec;
  private final int taps;
  private final int kernelWidth;
  private final long gridHeight;
  private final long gridWidth;
  private final long places;
  /// Bytes of a row of pixels, one for each place and those that the last ones meet: an odd number of cache lines.
  private final long row;
  private final long planeBytes;
  /// The planes of the images that elements of the kernel meet, as [#remainder] names them.
  private final int[] planes;
  private final long zeros;
  private final long pixels;
  private final long pairs;

  /// Whether it computes the gradient for such operands, and has something to do for every thread.
  public static boolean serves(Strided grad, Strided x, ConvSpec spec) {
    return x.dtype() == DType.BFLOAT16 && spec.groups() == 1 && areRows(x) && areRows(grad)
        && blocks(x) * blocks(grad) >= CpuPool.SHARED.threads();
  }

  private static boolean areRows(Strided images) {
    return images.stride(1) == 1 && images.size(1) % SIDE == 0;
  }

  private static long blocks(Strided images) {
    return images.size(1) / SIDE;
  }

  private WeightGradient(TileUnit unit, Allocator allocator, Workspace workspace, Strided gradWeight, Strided grad, Strided x,
      ConvSpec spec) {
    this.unit = unit;
    this.allocator = allocator;
    this.x = x;
    this.grad = grad;
    this.spec = spec;
    kernelWidth = (int) gradWeight.size(3);
    taps = (int) gradWeight.size(2) * kernelWidth;
    gridHeight = Dimension.places(grad.size(2), x.size(2), (gradWeight.size(2) - 1) * spec.dilationH(), spec.strideH(), spec.padH());
    gridWidth = Dimension.places(grad.size(3), x.size(3), (gradWeight.size(3) - 1) * spec.dilationW(), spec.strideW(), spec.padW());
    places = roundUp(x.size(0) * gridHeight * gridWidth);
    long furthest = 0;
    for (int tap = 0; tap < taps; tap++) {
      furthest = Math.max(furthest, shift(tap));
    }
    row = (roundUp(places + furthest) * Short.BYTES / LINE | 1) * LINE;
    planeBytes = row * x.size(1);
    zeros = workspace.take(Math.max(x.size(1), grad.size(1)) * Short.BYTES);
    ALL.asSlice(zeros, Math.max(x.size(1), grad.size(1)) * Short.BYTES).fill((byte) 0);
    planes = IntStream.range(0, taps).map(this::remainder).distinct().toArray();
    pixels = workspace.take(planeBytes * planes.length);
    pairs = workspace.take(places * grad.size(1) * Short.BYTES);
  }

  private static long roundUp(long places) {
    return Math.ceilDiv(places, SIDE) * SIDE;
  }

  /// Computes it, where [#serves] says so.
  public static void compute(TileUnit unit, Allocator allocator, Strided gradWeight, Strided grad, Strided x, ConvSpec spec) {
    try (Workspace workspace = new Workspace(allocator)) {
      Strided result = Copies.output(workspace, DType.BFLOAT16, gradWeight);
      WeightGradient gradient = new WeightGradient(unit, allocator, workspace, gradWeight, grad, x, spec);
      gradient.layOut();
      gradient.multiply(result);
      Copies.deliver(gradWeight, result);
    }
  }

  // ---- the factors ----

  /// Which of the images' planes an element of the kernel meets: `strideW` of them begin in each of the first lines.
  private int remainder(int tap) {
    return tap / kernelWidth * spec.dilationH() % spec.strideH() * spec.strideW() + tap % kernelWidth * spec.dilationW() % spec.strideW();
  }

  /// How many places on it meets a pixel.
  private long shift(int tap) {
    return tap / kernelWidth * spec.dilationH() / spec.strideH() * gridWidth + tap % kernelWidth * spec.dilationW() / spec.strideW();
  }

  private void layOut() {
    CpuPool.SHARED.parallelFor(0, row / SIDE_BYTES, 4, (begin, end) -> {
      try (Workspace workspace = new Workspace(allocator)) {
        long scratch = workspace.take(SIDE * SIDE_BYTES);
        long[] rows = new long[SIDE];
        for (long block = begin; block < end; block++) {
          for (int plane = 0; plane < planes.length; plane++) {
            findPixels(rows, block * SIDE, planes[plane]);
            for (long channel = 0; channel < x.size(1); channel += SIDE) {
              unit.layouts().transpose(rows, channel * Short.BYTES, pixels + plane * planeBytes + channel * row + block * SIDE_BYTES, row,
                  scratch);
            }
          }
          if (block < places / SIDE) {
            findResults(rows, block * SIDE);
            for (long channel = 0; channel < grad.size(1); channel += SIDE) {
              unit.layouts().pairs(rows, channel * Short.BYTES, pairs + (channel * places + block * SIDE * SIDE) * Short.BYTES);
            }
          }
        }
      }
    });
  }

  private void findPixels(long[] rows, long place, int remainder) {
    find(rows, place, x, spec.strideH(), spec.strideW(), remainder / spec.strideW() - spec.padH(),
        remainder % spec.strideW() - spec.padW());
  }

  private void findResults(long[] rows, long place) {
    find(rows, place, grad, 1, 1, 0, 0);
  }

  /// The addresses of what is at places from `place` on: a pixel of the images, or zeros.
  private void find(long[] rows, long place, Strided images, int strideH, int strideW, int firstH, int firstW) {
    long w = place % gridWidth;
    long line = place / gridWidth;
    long h = line % gridHeight;
    long image = line / gridHeight;
    for (int i = 0; i < SIDE; i++) {
      long pixelH = h * strideH + firstH;
      long pixelW = w * strideW + firstW;
      boolean inside = pixelH >= 0 && pixelH < images.size(2) && pixelW >= 0 && pixelW < images.size(3) && image < images.size(0);
      rows[i] = inside ? images.address() + Short.BYTES * (image * images.stride(0) + pixelH * images.stride(2) + pixelW * images.stride(3))
          : zeros;
      if (++w == gridWidth) {
        w = 0;
        if (++h == gridHeight) {
          h = 0;
          image++;
        }
      }
    }
  }

  // ---- the products ----

  private int indexOf(int remainder) {
    int index = 0;
    while (planes[index] != remainder) {
      index++;
    }
    return index;
  }

  private void multiply(Strided result) {
    long[] from = new long[taps];
    Arrays.setAll(from, tap -> pixels + indexOf(remainder(tap)) * planeBytes + shift(tap) * Short.BYTES);
    long blocks = blocks(x) * blocks(grad);
    long group = Math.clamp(blocks / CpuPool.SHARED.threads(), 1, Math.max(1, CACHED / (taps * BlockProduct.BYTES)));
    CpuPool.SHARED.parallelFor(0, blocks, group, (begin, end) -> {
      try (Workspace workspace = new Workspace(allocator)) {
        long sums = workspace.take(group * taps * BlockProduct.BYTES);
        long met = workspace.take(TAPS_AT_ONCE * Long.BYTES);
        long scratch = workspace.take(SIDE * SIDE_BYTES / 2);
        for (long first = begin; first < end; first += group) {
          addUp(sums, met, from, first, Math.min(end, first + group));
          deliver(result, sums, scratch, first, Math.min(end, first + group));
        }
      }
    });
  }

  /// The sums of blocks [first, last), all taps of one behind those of the other.
  private void addUp(long sums, long met, long[] from, long first, long last) {
    for (long place = 0; place < places; place += PLACES_AT_ONCE) {
      long steps = Math.min(PLACES_AT_ONCE, places - place) / SIDE;
      for (long block = first; block < last; block++) {
        long pairsOfBlock = pairs + (feature(block) * places + place * SIDE) * Short.BYTES;
        for (int tap = 0; tap < taps; tap += TAPS_AT_ONCE) {
          int count = Math.min(TAPS_AT_ONCE, taps - tap);
          for (int i = 0; i < count; i++) {
            ALL.set(LONG, met + (long) i * Long.BYTES, from[tap + i] + channel(block) * row + place * Short.BYTES);
          }
          unit.products().run(sums + ((block - first) * taps + tap) * BlockProduct.BYTES, met, pairsOfBlock, steps, place, row, count, 1);
        }
      }
    }
  }

  private long channel(long block) {
    return block / blocks(grad) * SIDE;
  }

  private long feature(long block) {
    return block % blocks(grad) * SIDE;
  }

  /// Brings sums, for each of 32 channels and each tap a row of 32 features, to the features' rows.
  private void deliver(Strided result, long sums, long scratch, long first, long last) {
    long toRow = result.stride(0) * Short.BYTES;
    long[] rows = new long[SIDE];
    for (long block = first; block < last; block++) {
      long of = sums + (block - first) * taps * BlockProduct.BYTES;
      long to = result.address() + feature(block) * toRow + channel(block) * taps * Short.BYTES;
      for (int element = 0; element < SIDE * taps; element += SIDE) {
        for (int i = 0; i < SIDE; i++) {
          rows[i] = of + (element + i) % taps * BlockProduct.BYTES + (element + i) / taps * SIDE * Float.BYTES;
        }
        for (int half = 0; half < 2; half++) {
          unit.layouts().transposeRounded(rows, half * SIDE / 2 * Float.BYTES, to + element * Short.BYTES + half * toRow, 2 * toRow,
              scratch);
        }
      }
    }
  }
}
