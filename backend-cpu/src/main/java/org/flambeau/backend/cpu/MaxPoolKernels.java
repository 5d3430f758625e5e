package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.LONG;

import org.flambeau.DType;
import org.flambeau.spi.PoolSpec;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// The largest of each window. Of equals the first counts; of several NaN the last, as in PyTorch.
final class MaxPoolKernels {
  private MaxPoolKernels() {}

  private interface RowTask {
    void run(int group, int row);
  }

  /// As [org.flambeau.spi.Kernels#maxPool2d].
  static void maxPool2d(Strided out, @Nullable Strided indices, Strided x, PoolSpec spec) {
    if (out.numel() == 0) {
      return;
    }
    Lines[] lines = indices == null ? Lines.of(out, x) : Lines.of(out, x, indices);
    Lines to = lines[0];
    Lines places = indices == null ? null : lines[2];
    CpuPool.SHARED.parallelFor(0, to.count(), to.grain(spec.kernelH() * spec.kernelW()), (begin, end) -> {
      RowTask task = task(to, places, lines[1], spec);
      for (long i = begin; i < end; i++) {
        task.run((int) (i / to.height), (int) (i % to.height));
      }
    });
  }

  private static RowTask task(Lines out, @Nullable Lines indices, Lines x, PoolSpec spec) {
    Vectorization vectors = Vectorization.PRESENT;
    if (vectors == null || !out.isSingle()) {
      return new Keys(out, indices, x, spec)::run;
    }
    return (out.dtype == DType.FLOAT32 || out.dtype == DType.BFLOAT16) && out.pixel >= vectors.lanes()
        ? new MaxPoolLanes.Pixels(out, indices, x, spec)::run
        : new MaxPoolLanes.Single(out, indices, x, spec)::run;
  }

  /// A row of windows of any dtype, by keys in its elements' order.
  private static final class Keys {
    private final Lines out;
    private final @Nullable Lines indices;
    private final Lines x;
    private final PoolSpec spec;
    private final long[][] keys;

    Keys(Lines out, @Nullable Lines indices, Lines x, PoolSpec spec) {
      this.out = out;
      this.indices = indices;
      this.x = x;
      this.spec = spec;
      this.keys = new long[spec.kernelH()][x.length()];
    }

    void run(int group, int row) {
      int top = row * spec.strideH() - spec.padH();
      for (int k = 0; k < spec.kernelH(); k++) {
        int h = top + k * spec.dilationH();
        if (h >= 0 && h < x.height) {
          OrderKeys.load(x.dtype, false, x.address(group, h), x.step, x.length(), keys[k], 0);
        }
      }
      int size = x.dtype.size();
      for (int i = 0; i < out.length(); i++) {
        long place = find(top, i / out.pixel * spec.strideW() - spec.padW(), i % out.pixel);
        long row0 = x.address(group, (int) (place / x.width));
        Runs.move(size, out.address(group, row) + i * out.step, row0 + (place % x.width * x.pixel + i % out.pixel) * x.step);
        if (indices != null) {
          ALL.set(LONG, indices.address(group, row) + i * indices.step, place);
        }
      }
    }

    private long find(int top, int left, int channel) {
      long best = 0;
      long place = -1;
      for (int k = 0; k < spec.kernelH(); k++) {
        int h = top + k * spec.dilationH();
        for (int j = 0; h >= 0 && h < x.height && j < spec.kernelW(); j++) {
          int w = left + j * spec.dilationW();
          if (w < 0 || w >= x.width) {
            continue;
          }
          long key = keys[k][w * x.pixel + channel];
          boolean notANumber = key == -1 && x.dtype.isFloating();
          if (place < 0 || Long.compareUnsigned(key, best) > 0 || notANumber) {
            best = key;
            place = (long) h * x.width + w;
          }
        }
      }
      return place;
    }
  }
}
