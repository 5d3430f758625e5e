package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.BYTE;
import static org.flambeau.spi.NativeMemory.DOUBLE;
import static org.flambeau.spi.NativeMemory.FLOAT;
import static org.flambeau.spi.NativeMemory.INT;
import static org.flambeau.spi.NativeMemory.LONG;
import static org.flambeau.spi.NativeMemory.SHORT;

import java.lang.foreign.MemorySegment;
import org.flambeau.DType;
import org.flambeau.spi.HalfPrecision;

/// Strided runs of elements, moved within native memory or between it and Java arrays. Steps are in bytes.
final class Runs {
  private static final boolean VECTORS = Vectorization.PRESENT != null;
  /// What a loop counts by an int, so that the JIT unrolls it.
  private static final int RUN = 1 << 20;

  private Runs() {}

  /// Moves one element of 1, 2, 4 or 8 bytes.
  static void move(int width, long to, long from) {
    switch (width) {
      case 1 -> ALL.set(BYTE, to, ALL.get(BYTE, from));
      case 2 -> ALL.set(SHORT, to, ALL.get(SHORT, from));
      case 4 -> ALL.set(INT, to, ALL.get(INT, from));
      default -> ALL.set(LONG, to, ALL.get(LONG, from));
    }
  }

  /// Moves n elements; where `fromStep` is 0, one element n times.
  static void move(int width, long to, long toStep, long from, long fromStep, long n) {
    if (toStep == width && fromStep == width) {
      ByteMoves.copy(from, to, n * width);
      return;
    }
    for (long done = 0; done < n; done += RUN) {
      int count = (int) Math.min(RUN, n - done);
      long target = to + done * toStep;
      long source = from + done * fromStep;
      switch (width) {
        case 1 -> moveBytes(target, toStep, source, fromStep, count);
        case 2 -> moveShorts(target, toStep, source, fromStep, count);
        case 4 -> moveInts(target, toStep, source, fromStep, count);
        default -> moveLongs(target, toStep, source, fromStep, count);
      }
    }
  }

  private static void moveBytes(long to, long toStep, long from, long fromStep, int n) {
    long target = to;
    long source = from;
    for (int i = 0; i < n; i++, target += toStep, source += fromStep) {
      ALL.set(BYTE, target, ALL.get(BYTE, source));
    }
  }

  private static void moveShorts(long to, long toStep, long from, long fromStep, int n) {
    long target = to;
    long source = from;
    for (int i = 0; i < n; i++, target += toStep, source += fromStep) {
      ALL.set(SHORT, target, ALL.get(SHORT, source));
    }
  }

  private static void moveInts(long to, long toStep, long from, long fromStep, int n) {
    long target = to;
    long source = from;
    for (int i = 0; i < n; i++, target += toStep, source += fromStep) {
      ALL.set(INT, target, ALL.get(INT, source));
    }
  }

  private static void moveLongs(long to, long toStep, long from, long fromStep, int n) {
    long target = to;
    long source = from;
    for (int i = 0; i < n; i++, target += toStep, source += fromStep) {
      ALL.set(LONG, target, ALL.get(LONG, source));
    }
  }

  /// Moves the elements at n `addresses`. Those lie in a tile of [Scratch]'s, of which the last is used here.
  static void collect(int width, long to, long toStep, long addresses, int n) {
    if (toStep != width) {
      long packed = Scratch.current().tile(Scratch.TILES - 1);
      collect(width, packed, width, addresses, n);
      move(width, to, toStep, packed, width, n);
      return;
    }
    switch (width) {
      case 1 -> {
        for (int i = 0; i < n; i++) {
          ALL.set(BYTE, to + i, ALL.get(BYTE, ALL.get(LONG, addresses + 8L * i)));
        }
      }
      case 2 -> {
        for (int i = 0; i < n; i++) {
          ALL.set(SHORT, to + 2L * i, ALL.get(SHORT, ALL.get(LONG, addresses + 8L * i)));
        }
      }
      case 4 -> {
        for (int i = 0; i < n; i++) {
          ALL.set(INT, to + 4L * i, ALL.get(INT, ALL.get(LONG, addresses + 8L * i)));
        }
      }
      default -> {
        for (int i = 0; i < n; i++) {
          ALL.set(LONG, to + 8L * i, ALL.get(LONG, ALL.get(LONG, addresses + 8L * i)));
        }
      }
    }
  }

  /// Writes n elements, each to the address that stands at `addresses`.
  static void distribute(int width, long addresses, long from, long fromStep, int n) {
    switch (width) {
      case 1 -> {
        for (int i = 0; i < n; i++) {
          ALL.set(BYTE, ALL.get(LONG, addresses + 8L * i), ALL.get(BYTE, from + i * fromStep));
        }
      }
      case 2 -> {
        for (int i = 0; i < n; i++) {
          ALL.set(SHORT, ALL.get(LONG, addresses + 8L * i), ALL.get(SHORT, from + i * fromStep));
        }
      }
      case 4 -> {
        for (int i = 0; i < n; i++) {
          ALL.set(INT, ALL.get(LONG, addresses + 8L * i), ALL.get(INT, from + i * fromStep));
        }
      }
      default -> {
        for (int i = 0; i < n; i++) {
          ALL.set(LONG, ALL.get(LONG, addresses + 8L * i), ALL.get(LONG, from + i * fromStep));
        }
      }
    }
  }

  /// Reads n elements of float32, float16 or bfloat16 into `values` from position `at` on.
  static void load(DType dtype, long from, long step, float[] values, int at, int n) {
    switch (dtype) {
      case FLOAT32 -> {
        if (step == Float.BYTES) {
          if (VECTORS && FloatLanes.take(n)) {
            FloatLanes.read(from, values, at, n);
          } else {
            MemorySegment.copy(ALL, FLOAT, from, values, at, n);
          }
          return;
        }
        for (int i = 0; i < n; i++) {
          values[at + i] = ALL.get(FLOAT, from + i * step);
        }
      }
      case FLOAT16 -> {
        for (int i = 0; i < n; i++) {
          values[at + i] = Float.float16ToFloat(ALL.get(SHORT, from + i * step));
        }
      }
      case BFLOAT16 -> {
        int whole = VECTORS && step == Short.BYTES ? BFloat16Lanes.read(from, values, at, n) : 0;
        for (int i = whole; i < n; i++) {
          values[at + i] = Float.intBitsToFloat(ALL.get(SHORT, from + i * step) << 16);
        }
      }
      default -> throw new IllegalArgumentException("not a dtype that computes in float32: " + dtype);
    }
  }

  /// Reads n elements of any dtype into `values` from position `at` on.
  static void load(DType dtype, long from, long step, double[] values, int at, int n) {
    switch (dtype) {
      case FLOAT64 -> {
        if (step == Double.BYTES) {
          MemorySegment.copy(ALL, DOUBLE, from, values, at, n);
          return;
        }
        for (int i = 0; i < n; i++) {
          values[at + i] = ALL.get(DOUBLE, from + i * step);
        }
      }
      case FLOAT32 -> {
        for (int i = 0; i < n; i++) {
          values[at + i] = ALL.get(FLOAT, from + i * step);
        }
      }
      default -> {
        Element element = Element.of(dtype);
        for (int i = 0; i < n; i++) {
          values[at + i] = element.getDouble(from + i * step);
        }
      }
    }
  }

  /// Writes n values from position `at` on as float32, float16 or bfloat16.
  static void store(DType dtype, long to, long step, float[] values, int at, int n) {
    switch (dtype) {
      case FLOAT32 -> {
        if (step == Float.BYTES) {
          if (VECTORS && FloatLanes.take(n)) {
            FloatLanes.write(values, at, to, n);
          } else {
            MemorySegment.copy(values, at, ALL, FLOAT, to, n);
          }
          return;
        }
        for (int i = 0; i < n; i++) {
          ALL.set(FLOAT, to + i * step, values[at + i]);
        }
      }
      case FLOAT16 -> {
        for (int i = 0; i < n; i++) {
          ALL.set(SHORT, to + i * step, Float.floatToFloat16(values[at + i]));
        }
      }
      case BFLOAT16 -> {
        int whole = VECTORS && step == Short.BYTES ? BFloat16Lanes.write(values, at, to, n) : 0;
        for (int i = whole; i < n; i++) {
          ALL.set(SHORT, to + i * step, HalfPrecision.bfloat16(values[at + i]));
        }
      }
      default -> throw new IllegalArgumentException("not a dtype that computes in float32: " + dtype);
    }
  }

  /// Writes n values from position `at` on as any dtype.
  static void store(DType dtype, long to, long step, double[] values, int at, int n) {
    switch (dtype) {
      case FLOAT64 -> {
        if (step == Double.BYTES) {
          MemorySegment.copy(values, at, ALL, DOUBLE, to, n);
          return;
        }
        for (int i = 0; i < n; i++) {
          ALL.set(DOUBLE, to + i * step, values[at + i]);
        }
      }
      case FLOAT32 -> {
        for (int i = 0; i < n; i++) {
          ALL.set(FLOAT, to + i * step, (float) values[at + i]);
        }
      }
      default -> {
        Element element = Element.of(dtype);
        for (int i = 0; i < n; i++) {
          element.setDouble(to + i * step, values[at + i]);
        }
      }
    }
  }

  /// Writes the first n values as any dtype.
  static void store(DType dtype, long to, long step, long[] values, int n) {
    switch (dtype) {
      case INT64 -> {
        if (step == Long.BYTES) {
          MemorySegment.copy(values, 0, ALL, LONG, to, n);
          return;
        }
        for (int i = 0; i < n; i++) {
          ALL.set(LONG, to + i * step, values[i]);
        }
      }
      case FLOAT32 -> {
        for (int i = 0; i < n; i++) {
          ALL.set(FLOAT, to + i * step, (float) values[i]);
        }
      }
      default -> {
        Element element = Element.of(dtype);
        for (int i = 0; i < n; i++) {
          element.setLong(to + i * step, values[i]);
        }
      }
    }
  }
}
