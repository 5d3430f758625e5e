package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;

import java.nio.ByteOrder;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;
import org.flambeau.DType;

/// A row of numbers in the precision that a dtype computes in. Every operation is one on many elements.
abstract sealed class Line {
  static Line of(DType dtype, int length) {
    return switch (dtype) {
      case FLOAT32, FLOAT16, BFLOAT16 -> new Single(dtype, length);
      default -> new Wide(dtype, length);
    };
  }

  abstract void clear();

  /// Reads n elements, `step` bytes apart, to position `at` and after it.
  abstract void load(long from, long step, int at, int n);

  abstract void store(long to, long step, int at, int n);

  /// Adds n elements of another line of the same precision.
  abstract void add(int at, Line other, int from, int n);

  /// Adds the image rows [begin, end) of a group, one after the other; `room` is a line of their length.
  void addRows(int at, Lines image, int group, int begin, int end, Line room) {
    for (int row = begin; row < end; row++) {
      room.load(image.address(group, row), image.step, 0, image.length());
      add(at, room, 0, image.length());
    }
  }

  /// Divides the first n elements by those of another line and by `by`.
  abstract void divide(Line other, int by, int n);

  /// Moves every `stride`-th element to the front, n in all.
  abstract void compact(int stride, int n);

  /// Copies n elements of another line to every `stride`-th place.
  abstract void spread(Line other, int stride, int n);

  abstract void set(int at, int n, double value);

  /// Sets the first n elements to those of another line times `factor`.
  abstract void scale(Line other, double factor, int n);

  /// Adds n elements of another line times `factor`.
  abstract void addScaled(int at, Line other, int from, double factor, int n);

  /// Sets the columns, of `pixel` elements each, to weighted sums of those of another line.
  final void resize(Line other, Taps taps, int pixel) {
    if (pixel == 1) {
      resize(other, taps);
      return;
    }
    for (int i = 0; i < taps.count(); i++) {
      set(i * pixel, pixel, 0);
      for (int t = taps.start[i]; t < taps.start[i + 1]; t++) {
        addScaled(i * pixel, other, taps.from[t] * pixel, taps.weight[t], pixel);
      }
    }
  }

  /// Sets the elements to weighted sums of those of another line.
  abstract void resize(Line other, Taps taps);

  private static final class Single extends Line {
    /// Apart, since it is there only where vectors are.
    private static final class Vectors {
      private static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;

      /// Adds as many of n elements as fill whole vectors; returns how many.
      static int add(float[] values, int at, float[] addends, int from, int n) {
        int whole = F.loopBound(n);
        for (int i = 0; i < whole; i += F.length()) {
          FloatVector.fromArray(F, values, at + i).add(FloatVector.fromArray(F, addends, from + i)).intoArray(values, at + i);
        }
        return whole;
      }

      /// Adds n floats, which fill a vector at least, of each of the rows, which begin `step` bytes apart. The last vector overlaps the one before
      /// it, so it is read before all others and written after them.
      static void addRows(float[] values, int at, long x, long step, int rows, int n) {
        int last = n - F.length();
        FloatVector sum = sumOfRows(values, at + last, x + (long) last * Float.BYTES, step, rows);
        for (int i = 0; i < last; i += F.length()) {
          sumOfRows(values, at + i, x + (long) i * Float.BYTES, step, rows).intoArray(values, at + i);
        }
        sum.intoArray(values, at + last);
      }

      private static FloatVector sumOfRows(float[] values, int at, long x, long step, int rows) {
        FloatVector sum = FloatVector.fromArray(F, values, at);
        long from = x;
        for (int r = 0; r < rows; r++, from += step) {
          sum = sum.add(FloatVector.fromMemorySegment(F, ALL, from, ByteOrder.LITTLE_ENDIAN));
        }
        return sum;
      }
    }

    private final DType dtype;
    private final float[] values;

    Single(DType dtype, int length) {
      this.dtype = dtype;
      this.values = new float[length];
    }

    private static float[] values(Line line) {
      return ((Single) line).values;
    }

    @Override
    void clear() {
      Arrays.fill(values, 0);
    }

    @Override
    void load(long from, long step, int at, int n) {
      Runs.load(dtype, from, step, values, at, n);
    }

    @Override
    void store(long to, long step, int at, int n) {
      Runs.store(dtype, to, step, values, at, n);
    }

    @Override
    void add(int at, Line other, int from, int n) {
      float[] addends = values(other);
      int whole = Vectorization.PRESENT != null ? Vectors.add(values, at, addends, from, n) : 0;
      for (int i = whole; i < n; i++) {
        values[at + i] += addends[from + i];
      }
    }

    @Override
    void addRows(int at, Lines image, int group, int begin, int end, Line room) {
      boolean inVectors = Vectorization.PRESENT != null && dtype == DType.FLOAT32 && image.step == Float.BYTES
          && image.length() >= Vectorization.PRESENT.lanes();
      if (inVectors) {
        Vectors.addRows(values, at, image.address(group, begin), image.rowStep(), end - begin, image.length());
      } else {
        super.addRows(at, image, group, begin, end, room);
      }
    }

    @Override
    void divide(Line other, int by, int n) {
      float[] divisors = values(other);
      float factor = by;
      for (int i = 0; i < n; i++) {
        values[i] /= divisors[i] * factor;
      }
    }

    @Override
    void compact(int stride, int n) {
      for (int i = 1; i < n; i++) {
        values[i] = values[i * stride];
      }
    }

    @Override
    void spread(Line other, int stride, int n) {
      float[] from = values(other);
      for (int i = 0; i < n; i++) {
        values[i * stride] = from[i];
      }
    }

    @Override
    void set(int at, int n, double value) {
      Arrays.fill(values, at, at + n, (float) value);
    }

    @Override
    void scale(Line other, double factor, int n) {
      float[] from = values(other);
      float by = (float) factor;
      for (int i = 0; i < n; i++) {
        values[i] = from[i] * by;
      }
    }

    @Override
    void addScaled(int at, Line other, int from, double factor, int n) {
      float[] addends = values(other);
      float by = (float) factor;
      for (int i = 0; i < n; i++) {
        values[at + i] += addends[from + i] * by;
      }
    }

    @Override
    void resize(Line other, Taps taps) {
      resize(values, values(other), taps, taps.single, taps.from);
    }

    private static void resize(float[] to, float[] x, Taps taps, float[] weight, int[] from) {
      int count = taps.count();
      if (taps.each == 1) {
        for (int i = 0; i < count; i++) {
          to[i] = weight[i] * x[from[i]];
        }
      } else if (taps.each == 2) {
        for (int i = 0; i < count; i++) {
          to[i] = weight[2 * i] * x[from[2 * i]] + weight[2 * i + 1] * x[from[2 * i + 1]];
        }
      } else {
        for (int i = 0; i < count; i++) {
          float sum = 0;
          for (int t = taps.start[i]; t < taps.start[i + 1]; t++) {
            sum += weight[t] * x[from[t]];
          }
          to[i] = sum;
        }
      }
    }
  }

  private static final class Wide extends Line {
    private final DType dtype;
    private final double[] values;

    Wide(DType dtype, int length) {
      this.dtype = dtype;
      this.values = new double[length];
    }

    private static double[] values(Line line) {
      return ((Wide) line).values;
    }

    @Override
    void clear() {
      Arrays.fill(values, 0);
    }

    @Override
    void load(long from, long step, int at, int n) {
      Runs.load(dtype, from, step, values, at, n);
    }

    @Override
    void store(long to, long step, int at, int n) {
      Runs.store(dtype, to, step, values, at, n);
    }

    @Override
    void add(int at, Line other, int from, int n) {
      double[] addends = values(other);
      for (int i = 0; i < n; i++) {
        values[at + i] += addends[from + i];
      }
    }

    @Override
    void divide(Line other, int by, int n) {
      double[] divisors = values(other);
      for (int i = 0; i < n; i++) {
        values[i] /= divisors[i] * by;
      }
    }

    @Override
    void compact(int stride, int n) {
      for (int i = 1; i < n; i++) {
        values[i] = values[i * stride];
      }
    }

    @Override
    void spread(Line other, int stride, int n) {
      double[] from = values(other);
      for (int i = 0; i < n; i++) {
        values[i * stride] = from[i];
      }
    }

    @Override
    void set(int at, int n, double value) {
      Arrays.fill(values, at, at + n, value);
    }

    @Override
    void scale(Line other, double factor, int n) {
      double[] from = values(other);
      double by = factor;
      for (int i = 0; i < n; i++) {
        values[i] = from[i] * by;
      }
    }

    @Override
    void addScaled(int at, Line other, int from, double factor, int n) {
      double[] addends = values(other);
      double by = factor;
      for (int i = 0; i < n; i++) {
        values[at + i] += addends[from + i] * by;
      }
    }

    @Override
    void resize(Line other, Taps taps) {
      resize(values, values(other), taps, taps.weight, taps.from);
    }

    private static void resize(double[] to, double[] x, Taps taps, double[] weight, int[] from) {
      int count = taps.count();
      if (taps.each == 1) {
        for (int i = 0; i < count; i++) {
          to[i] = weight[i] * x[from[i]];
        }
      } else if (taps.each == 2) {
        for (int i = 0; i < count; i++) {
          to[i] = weight[2 * i] * x[from[2 * i]] + weight[2 * i + 1] * x[from[2 * i + 1]];
        }
      } else {
        for (int i = 0; i < count; i++) {
          double sum = 0;
          for (int t = taps.start[i]; t < taps.start[i + 1]; t++) {
            sum += weight[t] * x[from[t]];
          }
          to[i] = sum;
        }
      }
    }
  }
}
