package org.flambeau.backend.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.function.IntToDoubleFunction;
import java.util.function.IntToLongFunction;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;

/// Operands in native memory for kernel tests, with values by row-major position.
final class TestMemory {
  private TestMemory() {}

  static long[] sizes(long... sizes) {
    return sizes;
  }

  /// A row-major operand of zeros.
  static Strided zeros(DType dtype, long... sizes) {
    return strided(dtype, sizes, Strided.contiguousStrides(sizes));
  }

  /// An operand of any layout, with zeros in the gaps too.
  static Strided strided(DType dtype, long[] sizes, long[] strides) {
    long length = 1;
    for (int d = 0; d < sizes.length; d++) {
      length += Math.max(0, sizes[d] - 1) * strides[d];
    }
    long bytes = length * dtype.size();
    Storage storage = new Storage(Device.CPU, Arena.global().allocate(bytes, 64).address(), bytes);
    return Strided.of(storage, dtype, 0, sizes, strides);
  }

  /// An operand whose first dimension is the innermost in memory, with gaps between all elements.
  static Strided scrambled(DType dtype, long... sizes) {
    long[] strides = new long[sizes.length];
    long step = 2;
    for (int d = 0; d < sizes.length; d++) {
      strides[d] = step;
      step *= sizes[d] + 1;
    }
    return strided(dtype, sizes, strides);
  }

  static Strided channelsLast(DType dtype, long n, long c, long h, long w) {
    return strided(dtype, sizes(n, c, h, w), sizes(h * w * c, 1, w * c, c));
  }

  static Strided reals(Strided operand, IntToDoubleFunction value) {
    for (int i = 0; i < operand.numel(); i++) {
      Element.of(operand.dtype()).setDouble(addressOf(operand, i), value.applyAsDouble(i));
    }
    return operand;
  }

  static Strided wholes(Strided operand, IntToLongFunction value) {
    for (int i = 0; i < operand.numel(); i++) {
      Element.of(operand.dtype()).setLong(addressOf(operand, i), value.applyAsLong(i));
    }
    return operand;
  }

  static Strided indices(long... values) {
    return wholes(zeros(DType.INT64, values.length), i -> values[i]);
  }

  static double[] reals(Strided operand) {
    double[] values = new double[(int) operand.numel()];
    Arrays.setAll(values, i -> Element.of(operand.dtype()).getDouble(addressOf(operand, i)));
    return values;
  }

  static long[] wholes(Strided operand) {
    long[] values = new long[(int) operand.numel()];
    Arrays.setAll(values, i -> Element.of(operand.dtype()).getLong(addressOf(operand, i)));
    return values;
  }

  /// The storage's bytes.
  static byte[] bytes(Strided operand) {
    return MemorySegment.ofAddress(operand.storage().address()).reinterpret(operand.storage().bytes()).toArray(ValueLayout.JAVA_BYTE);
  }

  static long addressOf(Strided operand, long position) {
    return address(operand, coordinates(operand.sizes(), position));
  }

  static long address(Strided operand, long... coordinates) {
    long element = 0;
    for (int d = 0; d < coordinates.length; d++) {
      element += coordinates[d] * operand.stride(d);
    }
    return operand.address() + element * operand.dtype().size();
  }

  static long[] coordinates(long[] sizes, long position) {
    long[] coordinates = new long[sizes.length];
    for (int d = sizes.length - 1; d >= 0; d--) {
      coordinates[d] = position % sizes[d];
      position /= sizes[d];
    }
    return coordinates;
  }
}
