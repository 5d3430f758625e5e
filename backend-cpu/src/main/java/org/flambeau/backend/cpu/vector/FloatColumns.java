package org.flambeau.backend.cpu.vector;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static org.flambeau.backend.cpu.vector.FloatMath.SPECIES;
import static org.flambeau.spi.NativeMemory.ALL;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import org.flambeau.backend.cpu.ColumnKernels;
import org.flambeau.backend.cpu.Scratch;

/// Columns on vectors, row after row, since the processor reads ahead along rows. Sums are taken over runs, so that their rounding errors stay
/// few, and added.
final class FloatColumns implements ColumnKernels {
  private static final int STEP = SPECIES.vectorByteSize();
  private static final int RUN = 32;

  @Override
  public void softmax(long to, long toStride, long x, long stride, int rows, int width, boolean log) {
    Scratch scratch = Scratch.current();
    long largest = scratch.tile(0);
    long total = scratch.tile(1);
    long sum = scratch.tile(2);
    int bytes = width * Float.BYTES;
    fill(largest, Float.NEGATIVE_INFINITY, bytes);
    largest(largest, x, stride, rows, bytes);
    fill(total, 0, bytes);
    for (int row = 0; row < rows; row += RUN) {
      int count = Math.min(RUN, rows - row);
      fill(sum, 0, bytes);
      if (log) {
        addExponentials(sum, largest, x + row * stride, stride, count, bytes);
      } else {
        exponentials(sum, largest, to + row * toStride, toStride, x + row * stride, stride, count, bytes);
      }
      add(total, sum, 0, 1, bytes);
    }
    if (log) {
      logarithms(total, bytes);
      shift(to, toStride, x, stride, largest, total, rows, bytes);
    } else {
      reciprocals(total, bytes);
      scale(to, toStride, total, rows, bytes);
    }
  }

  @Override
  public void softmaxBackward(long to, long toStride, long grad, long gradStride, long y, long yStride, int rows, int width, boolean log) {
    Scratch scratch = Scratch.current();
    long total = scratch.tile(1);
    long sum = scratch.tile(2);
    int bytes = width * Float.BYTES;
    fill(total, 0, bytes);
    for (int row = 0; row < rows; row += RUN) {
      int count = Math.min(RUN, rows - row);
      fill(sum, 0, bytes);
      if (log) {
        add(sum, grad + row * gradStride, gradStride, count, bytes);
      } else {
        addProducts(sum, grad + row * gradStride, gradStride, y + row * yStride, yStride, count, bytes);
      }
      add(total, sum, 0, 1, bytes);
    }
    if (log) {
      logGradient(to, toStride, grad, gradStride, y, yStride, total, rows, bytes);
    } else {
      gradient(to, toStride, grad, gradStride, y, yStride, total, rows, bytes);
    }
  }

  // ---- loops over rows, each an instance method, which is not written into its callers ----

  private void fill(long to, float value, int bytes) {
    for (int at = 0; at < bytes; at += STEP) {
      store(FloatVector.broadcast(SPECIES, value), to + at);
    }
  }

  private void largest(long largest, long x, long stride, int rows, int bytes) {
    for (int row = 0; row < rows; row++) {
      for (int at = 0; at < bytes; at += STEP) {
        FloatVector a = load(largest + at);
        FloatVector b = load(x + row * stride + at);
        store(a.blend(b, b.compare(VectorOperators.GT, a)), largest + at);
      }
    }
  }

  private void exponentials(long sum, long largest, long to, long toStride, long x, long stride, int rows, int bytes) {
    for (int row = 0; row < rows; row++) {
      for (int at = 0; at < bytes; at += STEP) {
        FloatVector power = FloatMath.expBelow(load(x + row * stride + at).sub(load(largest + at)));
        store(power, to + row * toStride + at);
        store(load(sum + at).add(power), sum + at);
      }
    }
  }

  private void addExponentials(long sum, long largest, long x, long stride, int rows, int bytes) {
    for (int row = 0; row < rows; row++) {
      for (int at = 0; at < bytes; at += STEP) {
        store(load(sum + at).add(FloatMath.expBelow(load(x + row * stride + at).sub(load(largest + at)))), sum + at);
      }
    }
  }

  private void logarithms(long total, int bytes) {
    for (int at = 0; at < bytes; at += STEP) {
      store(FloatMath.log(load(total + at)), total + at);
    }
  }

  private void reciprocals(long total, int bytes) {
    for (int at = 0; at < bytes; at += STEP) {
      store(FloatVector.broadcast(SPECIES, 1f).div(load(total + at)), total + at);
    }
  }

  private void shift(long to, long toStride, long x, long stride, long largest, long log, int rows, int bytes) {
    for (int row = 0; row < rows; row++) {
      for (int at = 0; at < bytes; at += STEP) {
        store(load(x + row * stride + at).sub(load(largest + at)).sub(load(log + at)), to + row * toStride + at);
      }
    }
  }

  private void scale(long to, long toStride, long scale, int rows, int bytes) {
    for (int row = 0; row < rows; row++) {
      for (int at = 0; at < bytes; at += STEP) {
        store(load(to + row * toStride + at).mul(load(scale + at)), to + row * toStride + at);
      }
    }
  }

  private void add(long sum, long x, long stride, int rows, int bytes) {
    for (int row = 0; row < rows; row++) {
      for (int at = 0; at < bytes; at += STEP) {
        store(load(sum + at).add(load(x + row * stride + at)), sum + at);
      }
    }
  }

  private void addProducts(long sum, long grad, long gradStride, long y, long yStride, int rows, int bytes) {
    for (int row = 0; row < rows; row++) {
      for (int at = 0; at < bytes; at += STEP) {
        store(load(grad + row * gradStride + at).fma(load(y + row * yStride + at), load(sum + at)), sum + at);
      }
    }
  }

  private void gradient(long to, long toStride, long grad, long gradStride, long y, long yStride, long total, int rows, int bytes) {
    for (int row = 0; row < rows; row++) {
      for (int at = 0; at < bytes; at += STEP) {
        FloatVector g = load(grad + row * gradStride + at).sub(load(total + at));
        store(g.mul(load(y + row * yStride + at)), to + row * toStride + at);
      }
    }
  }

  private void logGradient(long to, long toStride, long grad, long gradStride, long y, long yStride, long total, int rows, int bytes) {
    for (int row = 0; row < rows; row++) {
      for (int at = 0; at < bytes; at += STEP) {
        FloatVector power = FloatMath.expBelow(load(y + row * yStride + at));
        store(load(grad + row * gradStride + at).sub(power.mul(load(total + at))), to + row * toStride + at);
      }
    }
  }

  @Override
  public void copy(long to, long toStride, long from, long fromStride, int rows, int width) {
    int bytes = width * Float.BYTES;
    for (int row = 0; row < rows; row++) {
      long target = to + row * toStride;
      long source = from + row * fromStride;
      for (int i = 0; i < bytes; i += STEP) {
        store(load(source + i), target + i);
      }
    }
  }

  private static FloatVector load(long address) {
    return FloatVector.fromMemorySegment(SPECIES, ALL, address, LITTLE_ENDIAN);
  }

  private static void store(FloatVector v, long address) {
    v.intoMemorySegment(ALL, address, LITTLE_ENDIAN);
  }
}
