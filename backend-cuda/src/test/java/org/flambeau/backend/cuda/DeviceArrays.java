package org.flambeau.backend.cuda;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.flambeau.DType;
import org.flambeau.backend.cuda.binding.Driver;
import org.flambeau.spi.Allocator;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;

/// Numbers on a GPU, for tests of kernels: each array in a block of its own, until [#free()].
final class DeviceArrays {
  final Gpu gpu;
  private final List<Long> blocks = new ArrayList<>();

  DeviceArrays(Gpu gpu) {
    this.gpu = gpu;
  }

  /// Memory for `numel` elements, and `offset` of them before.
  private Strided space(DType dtype, long offset, long numel) {
    long bytes = Math.max(1, (offset + numel) * dtype.size());
    try {
      gpu.makeCurrent();
      blocks.add(Driver.memAlloc(bytes));
      return Strided.of(new Storage(gpu.device(), blocks.getLast(), bytes), dtype, offset, new long[] {numel}, new long[] {1});
    } catch (Allocator.OutOfMemory e) {
      throw new AssertionError(e);
    }
  }

  /// Gives all arrays back.
  void free() {
    gpu.makeCurrent();
    blocks.forEach(Driver::memFree);
    blocks.clear();
  }

  Strided empty(DType dtype, long... sizes) {
    return strided(dtype, 0, sizes, Strided.contiguousStrides(sizes));
  }

  /// Unwritten memory of any layout.
  Strided strided(DType dtype, long offset, long[] sizes, long[] strides) {
    long numel = Strided.numel(sizes) == 0 ? 0 : Strided.end(0, sizes, strides);
    return space(dtype, offset, numel).with(offset, sizes, strides);
  }

  /// Copies values, in row-major order, to where an array's elements lie; the places between stay as they are.
  Strided write(Strided to, double... values) {
    if (to.isContiguous()) {
      gpu.kernels().copyFromHost(to, MemorySegment.ofArray(encode(to.dtype(), values)));
      return to;
    }
    Strided dense = write(empty(to.dtype(), to.sizes()), values);
    gpu.kernels().copy(to, dense);
    return to;
  }

  Strided of(DType dtype, long[] sizes, double... values) {
    return write(empty(dtype, sizes), values);
  }

  /// The elements in row-major order.
  double[] read(Strided x) {
    Strided dense = x;
    if (!x.isContiguous()) {
      dense = empty(x.dtype(), x.sizes());
      gpu.kernels().copy(dense, x);
    }
    byte[] bytes = new byte[(int) (x.numel() * x.dtype().size())];
    gpu.kernels().copyToHost(MemorySegment.ofArray(bytes), dense);
    return decode(x.dtype(), bytes);
  }

  /// What remains of a number in a dtype: rounded to nearest even, or wrapped around.
  static double stored(DType dtype, double value) {
    return decode(dtype, encode(dtype, value))[0];
  }

  private static byte[] encode(DType dtype, double... values) {
    ByteBuffer bytes = ByteBuffer.allocate(values.length * dtype.size()).order(ByteOrder.LITTLE_ENDIAN);
    for (double value : values) {
      switch (dtype) {
        case FLOAT64 -> bytes.putDouble(value);
        case FLOAT32 -> bytes.putFloat((float) value);
        case FLOAT16 -> bytes.putShort(Float.floatToFloat16((float) value));
        case BFLOAT16 -> bytes.putShort(bfloat16((float) value));
        case INT64 -> bytes.putLong((long) value);
        case INT32 -> bytes.putInt((int) (long) value);
        case INT16 -> bytes.putShort((short) (long) value);
        case INT8, UINT8 -> bytes.put((byte) (long) value);
        case BOOL -> bytes.put((byte) (value != 0 ? 1 : 0));
      }
    }
    return bytes.array();
  }

  private static short bfloat16(float value) {
    int bits = Float.floatToIntBits(value);
    return (short) (Float.isNaN(value) ? 0x7fc0 : bits + 0x7fff + (bits >>> 16 & 1) >>> 16);
  }

  private static double[] decode(DType dtype, byte[] from) {
    ByteBuffer bytes = ByteBuffer.wrap(from).order(ByteOrder.LITTLE_ENDIAN);
    double[] values = new double[from.length / dtype.size()];
    Arrays.setAll(values, i -> switch (dtype) {
      case FLOAT64 -> bytes.getDouble();
      case FLOAT32 -> bytes.getFloat();
      case FLOAT16 -> Float.float16ToFloat(bytes.getShort());
      case BFLOAT16 -> Float.intBitsToFloat(bytes.getShort() << 16);
      case INT64 -> bytes.getLong();
      case INT32 -> bytes.getInt();
      case INT16 -> bytes.getShort();
      case INT8 -> bytes.get();
      case UINT8 -> bytes.get() & 0xff;
      case BOOL -> bytes.get();
    });
    return values;
  }
}
