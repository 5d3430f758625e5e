package org.flambeau.backend.cpu.vector;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static org.flambeau.backend.cpu.vector.FloatMath.SPECIES;
import static org.flambeau.spi.NativeMemory.ALL;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import org.flambeau.backend.cpu.ColumnKernels;

/// Columns on vectors, of as many columns as lanes. Sums are taken over runs, so that their rounding errors stay few, and added.
final class FloatColumns implements ColumnKernels {
  private static final int STEP = SPECIES.vectorByteSize();
  private static final int RUN = 32;

  @Override
  public void softmax(long x, long stride, int rows, int width, boolean log) {
    for (long at = x; at < x + 4L * width; at += STEP) {
      if (log) {
        logSoftmax(at, stride, rows);
      } else {
        softmax(at, stride, rows);
      }
    }
  }

  /// An instance method, as the following are, which is not written into its callers.
  private void softmax(long x, long stride, int rows) {
    FloatVector largest = largest(x, stride, rows);
    FloatVector total = zero();
    long at = x;
    for (int run = 0; run < rows; run += RUN) {
      FloatVector sum = zero();
      for (int row = run; row < Math.min(run + RUN, rows); row++, at += stride) {
        FloatVector power = FloatMath.expBelow(load(at).sub(largest));
        store(power, at);
        sum = sum.add(power);
      }
      total = total.add(sum);
    }
    FloatVector scale = FloatVector.broadcast(SPECIES, 1f).div(total);
    at = x;
    for (int row = 0; row < rows; row++, at += stride) {
      store(load(at).mul(scale), at);
    }
  }

  private void logSoftmax(long x, long stride, int rows) {
    FloatVector largest = largest(x, stride, rows);
    FloatVector total = zero();
    long at = x;
    for (int run = 0; run < rows; run += RUN) {
      FloatVector sum = zero();
      for (int row = run; row < Math.min(run + RUN, rows); row++, at += stride) {
        sum = sum.add(FloatMath.expBelow(load(at).sub(largest)));
      }
      total = total.add(sum);
    }
    FloatVector log = FloatMath.log(total);
    at = x;
    for (int row = 0; row < rows; row++, at += stride) {
      store(load(at).sub(largest).sub(log), at);
    }
  }

  private static FloatVector largest(long x, long stride, int rows) {
    FloatVector largest = FloatVector.broadcast(SPECIES, Float.NEGATIVE_INFINITY);
    long at = x;
    for (int row = 0; row < rows; row++, at += stride) {
      FloatVector next = load(at);
      largest = largest.blend(next, next.compare(VectorOperators.GT, largest));
    }
    return largest;
  }

  @Override
  public void softmaxBackward(long grad, long y, long stride, int rows, int width, boolean log) {
    for (long at = 0; at < 4L * width; at += STEP) {
      if (log) {
        logGradient(grad + at, y + at, stride, rows);
      } else {
        gradient(grad + at, y + at, stride, rows);
      }
    }
  }

  private void gradient(long grad, long y, long stride, int rows) {
    FloatVector total = zero();
    long at = 0;
    for (int run = 0; run < rows; run += RUN) {
      FloatVector sum = zero();
      for (int row = run; row < Math.min(run + RUN, rows); row++, at += stride) {
        sum = load(grad + at).fma(load(y + at), sum);
      }
      total = total.add(sum);
    }
    at = 0;
    for (int row = 0; row < rows; row++, at += stride) {
      store(load(grad + at).sub(total).mul(load(y + at)), grad + at);
    }
  }

  private void logGradient(long grad, long y, long stride, int rows) {
    FloatVector total = zero();
    long at = 0;
    for (int run = 0; run < rows; run += RUN) {
      FloatVector sum = zero();
      for (int row = run; row < Math.min(run + RUN, rows); row++, at += stride) {
        sum = sum.add(load(grad + at));
      }
      total = total.add(sum);
    }
    at = 0;
    for (int row = 0; row < rows; row++, at += stride) {
      store(load(grad + at).sub(FloatMath.expBelow(load(y + at)).mul(total)), grad + at);
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

  /// Not a constant: where a loop's variable starts as an object that exists, the compiler keeps all its values as objects.
  private static FloatVector zero() {
    return FloatVector.zero(SPECIES);
  }

  private static FloatVector load(long address) {
    return FloatVector.fromMemorySegment(SPECIES, ALL, address, LITTLE_ENDIAN);
  }

  private static void store(FloatVector v, long address) {
    v.intoMemorySegment(ALL, address, LITTLE_ENDIAN);
  }
}
