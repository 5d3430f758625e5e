package org.flambeau.spi;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.flambeau.DType;
import org.flambeau.Device;

/// What a kernel sees of a tensor: where in which storage its elements lie, and what they are.
///
/// Element (i₀, i₁, …) is number offset + Σ iₖ·strideₖ of the storage, counted in elements of [#dtype()].
public final class Strided {
  private static final VarHandle SHORTS = MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle INTS = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle LONGS = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private final Storage storage;
  private final DType dtype;
  private final long offset;
  private final long[] sizes;
  private final long[] strides;
  private final long numel;
  private final boolean contiguous;

  private Strided(Storage storage, DType dtype, long offset, long[] sizes, long[] strides, long numel, boolean contiguous) {
    this.storage = storage;
    this.dtype = dtype;
    this.offset = offset;
    this.sizes = sizes;
    this.strides = strides;
    this.numel = numel;
    this.contiguous = contiguous;
  }

  /// Any layout within `storage`. The arrays are kept, not copied.
  public static Strided of(Storage storage, DType dtype, long offset, long[] sizes, long[] strides) {
    long numel = numel(sizes);
    if (offset < 0 || numel > 0 && end(offset, sizes, strides) > storage.bytes() / dtype.size()) {
      throw new IndexOutOfBoundsException("[strided] sizes " + Arrays.toString(sizes) + ", strides " + Arrays.toString(strides)
          + " and offset " + offset + " of " + dtype.label() + " reach beyond a storage of " + storage.bytes() + " bytes");
    }
    // what has no elements lies nowhere: its offset may be beyond the storage
    return new Strided(storage, dtype, numel == 0 ? 0 : offset, sizes, strides, numel, isContiguous(sizes, strides, numel));
  }

  /// The row-major layout from a storage's beginning. The array is kept, not copied.
  public static Strided contiguous(Storage storage, DType dtype, long[] sizes) {
    return new Strided(storage, dtype, 0, sizes, contiguousStrides(sizes), numel(sizes), true);
  }

  /// The product of all sizes.
  ///
  /// @throws IllegalArgumentException if no long holds it
  public static long numel(long... sizes) {
    long numel = 1;
    boolean tooLarge = false;
    for (long size : sizes) {
      if (size == 0) {
        return 0;
      }
      tooLarge |= Math.multiplyHigh(numel, size) != 0;
      numel *= size;
      tooLarge |= numel < 0;
    }
    if (tooLarge) {
      throw new IllegalArgumentException("[size] expected fewer than 2^63 elements, got sizes " + Arrays.toString(sizes));
    }
    return numel;
  }

  /// The number of the element after the last, or [Long#MAX_VALUE] where that is no long; no size is 0.
  public static long end(long offset, long[] sizes, long[] strides) {
    long last = offset;
    for (int d = 0; d < sizes.length; d++) {
      long extent = (sizes[d] - 1) * strides[d];
      if (Math.multiplyHigh(sizes[d] - 1, strides[d]) != extent >> 63 || last + extent < last && extent > 0) {
        return Long.MAX_VALUE;
      }
      last += extent;
    }
    return last == Long.MAX_VALUE ? last : last + 1;
  }

  /// The strides of the row-major layout; a dimension of size 0 counts as one of size 1, as in PyTorch.
  public static long[] contiguousStrides(long[] sizes) {
    long[] strides = new long[sizes.length];
    long step = 1;
    for (int d = sizes.length - 1; d >= 0; d--) {
      strides[d] = step;
      step *= Math.max(sizes[d], 1);
    }
    return strides;
  }

  private static boolean isContiguous(long[] sizes, long[] strides, long numel) {
    if (numel == 0) {
      return true;
    }
    long step = 1;
    for (int d = sizes.length - 1; d >= 0; d--) {
      if (sizes[d] != 1) {
        if (strides[d] != step) {
          return false;
        }
        step *= sizes[d];
      }
    }
    return true;
  }

  /// Another layout of the same storage. The arrays are kept, not copied.
  public Strided with(long offset, long[] sizes, long[] strides) {
    return of(storage, dtype, offset, sizes, strides);
  }

  /// The same elements in reverse order along each of `dims`: for kernels that know of negative strides.
  public Strided reversed(int... dims) {
    long first = offset;
    long[] steps = strides.clone();
    for (int d : dims) {
      first += Math.max(sizes[d] - 1, 0) * steps[d];
      steps[d] = -steps[d];
    }
    return with(first, sizes, steps);
  }

  public Storage storage() {
    return storage;
  }

  public Device device() {
    return storage.device();
  }

  public DType dtype() {
    return dtype;
  }

  /// The first element's number within the storage.
  public long offset() {
    return offset;
  }

  /// The first element's address in native memory; meaningless where the storage rests in a Java array.
  public long address() {
    return storage.address() + offset * dtype.size();
  }

  public int rank() {
    return sizes.length;
  }

  public long size(int dim) {
    return sizes[dim];
  }

  public long stride(int dim) {
    return strides[dim];
  }

  /// All sizes. The array is shared: do not change it.
  public long[] sizes() {
    return sizes;
  }

  /// All strides, in elements. The array is shared: do not change it.
  public long[] strides() {
    return strides;
  }

  /// How many elements there are.
  public long numel() {
    return numel;
  }

  /// Whether the elements lie in row-major order without gaps.
  public boolean isContiguous() {
    return contiguous;
  }

  /// Whether this is a rank-0 value that the host can read without asking a device.
  public boolean isHostScalar() {
    return sizes.length == 0 && storage.heap() != null;
  }

  /// The value of a host scalar.
  public double scalarDouble() {
    byte[] heap = heapOf();
    int at = (int) offset * dtype.size();
    return switch (dtype) {
      case FLOAT32 -> Float.intBitsToFloat((int) INTS.get(heap, at));
      case FLOAT64 -> Double.longBitsToDouble((long) LONGS.get(heap, at));
      case FLOAT16 -> Float.float16ToFloat((short) SHORTS.get(heap, at));
      case BFLOAT16 -> Float.intBitsToFloat((short) SHORTS.get(heap, at) << 16);
      default -> scalarLong();
    };
  }

  /// The value of a host scalar of integral dtype, or a float one's truncated.
  public long scalarLong() {
    byte[] heap = heapOf();
    int at = (int) offset * dtype.size();
    return switch (dtype) {
      case BOOL, INT8 -> heap[at];
      case UINT8 -> heap[at] & 0xff;
      case INT16 -> (short) SHORTS.get(heap, at);
      case INT32 -> (int) INTS.get(heap, at);
      case INT64 -> (long) LONGS.get(heap, at);
      default -> (long) scalarDouble();
    };
  }

  private byte[] heapOf() {
    byte[] heap = storage.heap();
    if (heap == null) {
      throw new IllegalStateException("[strided] not a host scalar");
    }
    return heap;
  }

  @Override
  public String toString() {
    return dtype.label() + Arrays.toString(sizes) + " strides " + Arrays.toString(strides) + " on " + device();
  }
}
