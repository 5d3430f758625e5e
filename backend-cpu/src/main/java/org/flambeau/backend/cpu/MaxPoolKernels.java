package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.LONG;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;
import org.flambeau.spi.Pool2d;
import org.flambeau.spi.Strided;

/// The largest of each window. Of equals the first counts; of several NaN the last, as in PyTorch.
final class MaxPoolKernels {
  private static final VectorSpecies<Float> F = SlidingRows.F;
  private static final VectorSpecies<Integer> I = IntVector.SPECIES_PREFERRED;
  private static final IntVector IOTA = IntVector.zero(I).addIndex(1);

  /// Channels of a channels-last image whose gradients are gathered together.
  private static final int BLOCK = 16;

  private MaxPoolKernels() {}

  private interface RowTask {
    void run(int group, int row);
  }

  /// As [org.flambeau.spi.Kernels#maxPool2d].
  static void maxPool2d(Strided out, Strided indices, Strided x, Pool2d spec) {
    if (out.numel() == 0) {
      return;
    }
    Lines[] lines = Lines.of(out, indices, x);
    Lines to = lines[0];
    CpuPool.SHARED.parallelFor(0, to.count(), to.grain(spec.kernelH() * spec.kernelW()), (begin, end) -> {
      RowTask task = to.isSingle() ? new Single(to, lines[1], lines[2], spec)::run : new Keys(to, lines[1], lines[2], spec)::run;
      for (long i = begin; i < end; i++) {
        task.run((int) (i / to.height), (int) (i % to.height));
      }
    });
  }

  /// A row of windows in float32.
  private static final class Single {
    private final Lines out;
    private final Lines indices;
    private final int width;
    private final SlidingRows rows;
    private final float[] best;
    private final int[] where;

    Single(Lines out, Lines indices, Lines x, Pool2d spec) {
      this.out = out;
      this.indices = indices;
      this.width = x.width;
      this.rows = new SlidingRows(x, spec, out.width, Float.NEGATIVE_INFINITY);
      int length = Math.max(rows.starts, out.length()) + F.length();
      this.best = new float[length];
      this.where = new int[length];
    }

    void run(int group, int row) {
      rows.moveTo(group, row);
      int stride = rows.spec.strideW();
      int pixel = rows.pixel;
      if (pixel == 1) {
        windows(0, rows.starts, 0, IOTA.sub(rows.spec.padW()), F.length());
        for (int i = 1; i < out.width; i++) {
          best[i] = best[i * stride];
          where[i] = where[i * stride];
        }
      } else {
        for (int i = 0; i < out.width; i++) {
          windows(i * stride * pixel, pixel, i * pixel, IntVector.broadcast(I, i * stride - rows.spec.padW()), 0);
        }
      }
      Runs.store(out.dtype, out.address(group, row), out.step, best, 0, out.length());
      long at = indices.address(group, row);
      for (int i = 0; i < out.length(); i++) {
        ALL.set(LONG, at + i * indices.step, where[i]);
      }
    }

    /// The n windows whose upper left elements lie at `from` and after it in the lines; the first of them in columns
    /// `column`, which advance with each vector.
    private void windows(int from, int n, int at, IntVector column, int advance) {
      Pool2d spec = rows.spec;
      int reach = spec.dilationW() * rows.pixel;
      IntVector columns = column;
      for (int p = 0; p < n; p += F.length()) {
        FloatVector most = FloatVector.broadcast(F, Float.NEGATIVE_INFINITY);
        IntVector place = inside(columns).add(rows.height(rows.first()) * width);
        for (int k = rows.first(); k < rows.last(); k++) {
          float[] line = rows.line(k);
          int base = rows.height(k) * width;
          for (int j = 0; j < spec.kernelW(); j++) {
            FloatVector value = FloatVector.fromArray(F, line, from + p + j * reach);
            VectorMask<Float> better = value.compare(VectorOperators.GT, most).or(value.test(VectorOperators.IS_NAN));
            most = most.blend(value, better);
            place = place.blend(columns.add(base + j * spec.dilationW()), better.cast(I));
          }
        }
        most.intoArray(best, at + p);
        place.intoArray(where, at + p);
        columns = columns.add(advance);
      }
    }

    /// The first columns of windows that lie in the image, given where the windows begin: the place that stays where
    /// nothing is greater than −∞.
    private IntVector inside(IntVector columns) {
      IntVector inside = columns;
      for (int left = -rows.spec.padW(); left < 0; left += rows.spec.dilationW()) {
        inside = inside.add(rows.spec.dilationW(), inside.compare(VectorOperators.LT, 0));
      }
      return inside;
    }
  }

  /// A row of windows of any dtype, by keys in its elements' order.
  private static final class Keys {
    private final Lines out;
    private final Lines indices;
    private final Lines x;
    private final Pool2d spec;
    private final long[][] keys;

    Keys(Lines out, Lines indices, Lines x, Pool2d spec) {
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
          OrderKeys.load(x.dtype, x.address(group, h), x.step, x.length(), keys[k]);
        }
      }
      int size = x.dtype.size();
      for (int i = 0; i < out.length(); i++) {
        long place = find(top, i / out.pixel * spec.strideW() - spec.padW(), i % out.pixel);
        long row0 = x.address(group, (int) (place / x.width));
        Runs.move(size, out.address(group, row) + i * out.step, row0 + (place % x.width * x.pixel + i % out.pixel) * x.step);
        ALL.set(LONG, indices.address(group, row) + i * indices.step, place);
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

  /// As [org.flambeau.spi.Kernels#maxPool2dBackward]. A plane's gradient is gathered in wider precision where its dtype
  /// has less than float32, and in the order of the windows.
  static void maxPool2dBackward(Strided gradX, Strided grad, Strided indices) {
    if (gradX.numel() == 0) {
      return;
    }
    Lines[] lines = Lines.of(gradX, grad, indices);
    Lines to = lines[0];
    int blocks = Math.ceilDiv(to.pixel, BLOCK);
    long grain = Math.max(1, (1 << 15) / Math.max(1, (long) to.height * to.width * Math.min(to.pixel, BLOCK)));
    CpuPool.SHARED.parallelFor(0, (long) to.groups * blocks, grain, (begin, end) -> {
      Gather gather = to.isSingle() ? new SingleGather(to) : new DoubleGather(to);
      for (long i = begin; i < end; i++) {
        int channel = (int) (i % blocks) * BLOCK;
        gather.run(to, lines[1], lines[2], (int) (i / blocks), channel, Math.min(BLOCK, to.pixel - channel));
      }
    });
  }

  /// The gradients of some channels of one image, summed where they belong.
  private abstract static class Gather {
    abstract void clear();

    /// Adds the gradient at `from` at position `at`.
    abstract void add(int at, long from);

    /// Writes n sums from position `at` on.
    abstract void store(int at, long to, long step, int n);

    final void run(Lines to, Lines grad, Lines indices, int group, int channel, int block) {
      clear();
      int plane = to.height * to.width;
      for (int row = 0; row < grad.height; row++) {
        long from = grad.address(group, row);
        long where = indices.address(group, row);
        for (int column = 0; column < grad.width; column++) {
          int at = column * grad.pixel + channel;
          for (int j = at; j < at + block; j++) {
            long place = ALL.get(LONG, where + j * indices.step);
            if (place < 0 || place >= plane) {
              throw new IndexOutOfBoundsException("index " + place + " is out of bounds for a plane of " + plane + " elements");
            }
            add((int) place * block + j - at, from + j * grad.step);
          }
        }
      }
      for (int row = 0; row < to.height; row++) {
        long address = to.address(group, row);
        if (to.pixel == 1) {
          store(row * to.width, address, to.step, to.width);
        } else {
          for (int column = 0; column < to.width; column++) {
            store((row * to.width + column) * block, address + (column * to.pixel + channel) * to.step, to.step, block);
          }
        }
      }
    }
  }

  private static final class SingleGather extends Gather {
    private final Lines lines;
    private final Element element;
    private final float[] sums;

    SingleGather(Lines lines) {
      this.lines = lines;
      this.element = Element.of(lines.dtype);
      this.sums = new float[Math.multiplyExact(lines.height * lines.width, Math.min(lines.pixel, BLOCK))];
    }

    @Override
    void clear() {
      Arrays.fill(sums, 0);
    }

    @Override
    void add(int at, long from) {
      sums[at] += element.getFloat(from);
    }

    @Override
    void store(int at, long to, long step, int n) {
      Runs.store(lines.dtype, to, step, sums, at, n);
    }
  }

  private static final class DoubleGather extends Gather {
    private final Element element;
    private final double[] sums;

    DoubleGather(Lines lines) {
      this.element = Element.of(lines.dtype);
      this.sums = new double[Math.multiplyExact(lines.height * lines.width, Math.min(lines.pixel, BLOCK))];
    }

    @Override
    void clear() {
      Arrays.fill(sums, 0);
    }

    @Override
    void add(int at, long from) {
      sums[at] += element.getDouble(from);
    }

    @Override
    void store(int at, long to, long step, int n) {
      for (int i = 0; i < n; i++) {
        element.setDouble(to + i * step, sums[at + i]);
      }
    }
  }
}
