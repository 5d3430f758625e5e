package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.LongFunction;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.spi.HalfPrecision;
import org.flambeau.spi.NativeMemory;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;

/// Operands for tests of kernels, in native memory or in Java arrays, whose elements are read and written one by one.
final class Operand {
  /// Where the elements of a tensor lie.
  record Layout(String name, long[] sizes, long[] strides, long offset) {
    static Layout contiguous(long... sizes) {
      return new Layout("contiguous", sizes, Strided.contiguousStrides(sizes), 0);
    }

    /// Elements from the storage's first to the last in use.
    long extent() {
      long last = offset;
      for (int d = 0; d < sizes.length; d++) {
        if (sizes[d] == 0) {
          return offset;
        }
        last += (sizes[d] - 1) * strides[d];
      }
      return last + 1;
    }
  }

  private Operand() {}

  /// The layouts that outputs may have: no two elements at one place.
  static List<Layout> layouts() {
    List<Layout> layouts = new ArrayList<>();
    for (long n : new long[] {0, 1, 3, 15, 16, 17, 33, 1000, 1025}) {
      layouts.add(Layout.contiguous(n));
    }
    layouts.add(Layout.contiguous());
    layouts.add(Layout.contiguous(2, 0, 3));
    layouts.add(Layout.contiguous(3, 1, 5));
    layouts.add(Layout.contiguous(40, 1000));
    layouts.add(Layout.contiguous(20, 3, 140));
    layouts.add(new Layout("misaligned", new long[] {37}, new long[] {1}, 1));
    layouts.add(new Layout("transposed", new long[] {7, 19}, new long[] {1, 7}, 0));
    layouts.add(new Layout("permuted", new long[] {5, 3, 300}, new long[] {300, 1500, 1}, 2));
    layouts.add(new Layout("every second", new long[] {6, 18}, new long[] {36, 2}, 1));
    layouts.add(new Layout("rows apart", new long[] {5, 270}, new long[] {300, 1}, 3));
    return layouts;
  }

  /// `layout`, and layouts of the same sizes that inputs may have beside it.
  static List<Layout> inputLayouts(Layout layout) {
    List<Layout> layouts = new ArrayList<>();
    layouts.add(layout);
    if (layout.sizes.length > 0) {
      layouts.add(Layout.contiguous(layout.sizes));
      long[] broadcast = layout.strides.clone();
      broadcast[0] = 0;
      layouts.add(new Layout("broadcast", layout.sizes, broadcast, 0));
      layouts.add(new Layout("expanded", layout.sizes, new long[layout.sizes.length], 0));
      long[] reversed = layout.strides.clone();
      long step = 1;
      for (int d = 0; d < reversed.length; d++) {
        reversed[d] = step;
        step *= Math.max(1, layout.sizes[d]);
      }
      layouts.add(new Layout("column-major", layout.sizes, reversed, 1));
    }
    return layouts;
  }

  /// In native memory, for as long as the test runs, with a guard behind the last element.
  static Strided natively(DType dtype, Layout layout) {
    long bytes = layout.extent() * dtype.size();
    MemorySegment segment = Arena.ofAuto().allocate(bytes + 64, 64);
    Storage storage = Storage.foreign(Device.CPU, segment.asSlice(0, bytes));
    return Strided.of(storage, dtype, layout.offset, layout.sizes, layout.strides);
  }

  static Strided onHeap(DType dtype, Layout layout) {
    Storage storage = new Storage(Device.CPU, new byte[(int) layout.extent() * dtype.size()]);
    return Strided.of(storage, dtype, layout.offset, layout.sizes, layout.strides);
  }

  static Strided scalar(DType dtype, double value) {
    Strided scalar = onHeap(dtype, Layout.contiguous());
    set(scalar, 0, value);
    return scalar;
  }

  static Strided of(DType dtype, double... values) {
    Strided x = natively(dtype, Layout.contiguous(values.length));
    for (int i = 0; i < values.length; i++) {
      set(x, i, values[i]);
    }
    return x;
  }

  static Strided filled(Strided x, LongFunction<Double> value) {
    for (long i = 0; i < x.numel(); i++) {
      set(x, i, value.apply(i));
    }
    return x;
  }

  /// Values of all sizes and signs, with the special ones among those of float dtypes.
  static Strided random(Strided x, long seed) {
    Random random = new Random(seed);
    double[] special = {0, -0.0, 1, -1, Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY, 1e-40, 100, -100, 0.5};
    return filled(x, i -> {
      if (x.dtype().isIntegral()) {
        return (double) (random.nextInt(256) - 128);
      }
      return random.nextInt(8) == 0 ? special[random.nextInt(special.length)] : random.nextGaussian() * Math.exp(random.nextGaussian());
    });
  }

  /// The place of element number `i` in row-major order, counted in elements of the storage.
  static long position(Strided x, long i) {
    long position = x.offset();
    long rest = i;
    for (int d = x.rank() - 1; d >= 0; d--) {
      position += rest % x.size(d) * x.stride(d);
      rest /= x.size(d);
    }
    return position;
  }

  private static MemorySegment memory(Strided x) {
    byte[] heap = x.storage().heap();
    return heap != null ? MemorySegment.ofArray(heap) : ALL.asSlice(x.storage().address(), x.storage().bytes());
  }

  static double get(Strided x, long i) {
    long at = position(x, i) * x.dtype().size();
    MemorySegment memory = memory(x);
    return switch (x.dtype()) {
      case FLOAT32 -> memory.get(NativeMemory.FLOAT, at);
      case FLOAT64 -> memory.get(NativeMemory.DOUBLE, at);
      case FLOAT16 -> Float.float16ToFloat(memory.get(NativeMemory.SHORT, at));
      case BFLOAT16 -> Float.intBitsToFloat(memory.get(NativeMemory.SHORT, at) << 16);
      default -> getLong(x, i);
    };
  }

  static long getLong(Strided x, long i) {
    long at = position(x, i) * x.dtype().size();
    MemorySegment memory = memory(x);
    return switch (x.dtype()) {
      case INT64 -> memory.get(NativeMemory.LONG, at);
      case INT32 -> memory.get(NativeMemory.INT, at);
      case INT16 -> memory.get(NativeMemory.SHORT, at);
      case INT8, BOOL -> memory.get(NativeMemory.BYTE, at);
      case UINT8 -> memory.get(NativeMemory.BYTE, at) & 0xff;
      default -> throw new IllegalArgumentException(x.dtype().label());
    };
  }

  static void set(Strided x, long i, double value) {
    long at = position(x, i) * x.dtype().size();
    MemorySegment memory = memory(x);
    switch (x.dtype()) {
      case FLOAT32 -> memory.set(NativeMemory.FLOAT, at, (float) value);
      case FLOAT64 -> memory.set(NativeMemory.DOUBLE, at, value);
      case FLOAT16 -> memory.set(NativeMemory.SHORT, at, Float.floatToFloat16((float) value));
      case BFLOAT16 -> memory.set(NativeMemory.SHORT, at, HalfPrecision.bfloat16((float) value));
      default -> setLong(x, i, (long) value);
    }
  }

  static void setLong(Strided x, long i, long value) {
    long at = position(x, i) * x.dtype().size();
    MemorySegment memory = memory(x);
    switch (x.dtype()) {
      case INT64 -> memory.set(NativeMemory.LONG, at, value);
      case INT32 -> memory.set(NativeMemory.INT, at, (int) value);
      case INT16 -> memory.set(NativeMemory.SHORT, at, (short) value);
      case INT8, UINT8 -> memory.set(NativeMemory.BYTE, at, (byte) value);
      case BOOL -> memory.set(NativeMemory.BYTE, at, (byte) (value == 0 ? 0 : 1));
      default -> throw new IllegalArgumentException(x.dtype().label());
    }
  }

  /// `value` as an element of `dtype` would hold it.
  static double rounded(DType dtype, double value) {
    return switch (dtype) {
      case FLOAT64 -> value;
      case FLOAT32 -> (float) value;
      case FLOAT16 -> Float.float16ToFloat(Float.floatToFloat16((float) value));
      case BFLOAT16 -> Float.intBitsToFloat(HalfPrecision.bfloat16((float) value) << 16);
      default -> throw new IllegalArgumentException(dtype.label());
    };
  }

  /// The distance of two floats of `dtype` near `value`.
  static double ulp(DType dtype, double value) {
    double magnitude = Math.abs(value);
    return switch (dtype) {
      case FLOAT64 -> Math.ulp(magnitude);
      case FLOAT32 -> Math.ulp((float) magnitude);
      case FLOAT16 -> Math.max(0x1p-24, Math.ulp((float) magnitude) * 0x1p13);
      case BFLOAT16 -> Math.ulp((float) magnitude) * 0x1p16;
      default -> 0;
    };
  }
}
