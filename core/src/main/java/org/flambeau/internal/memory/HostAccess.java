package org.flambeau.internal.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.Tensor;
import org.flambeau.internal.Backends;
import org.flambeau.internal.ThreadState;
import org.flambeau.internal.Tracer;
import org.flambeau.internal.text.TensorFormat;
import org.flambeau.spi.NativeMemory;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;

/// Brings values to the host: the only place where an operation waits for a device.
public final class HostAccess {
  private HostAccess() {}

  public static Number item(Tensor x) {
    if (x.numel() != 1) {
      throw new IllegalStateException("[item] a Tensor with " + x.numel() + " elements cannot be converted to Scalar");
    }
    MemorySegment memory = open(x);
    try {
      long at = x.strided().offset();
      return switch (x.dtype()) {
        case FLOAT64 -> real(memory, DType.FLOAT64, at);
        case FLOAT32, FLOAT16, BFLOAT16 -> (float) real(memory, x.dtype(), at);
        case INT64 -> whole(memory, DType.INT64, at);
        case INT32 -> (int) whole(memory, DType.INT32, at);
        case INT16, UINT8 -> (short) whole(memory, x.dtype(), at);
        case INT8, BOOL -> (byte) whole(memory, x.dtype(), at);
      };
    } finally {
      close(x);
    }
  }

  public static float[] floats(Tensor x) {
    float[] values = new float[length(x)];
    copyOut(x, DType.FLOAT32, MemorySegment.ofArray(values));
    return values;
  }

  public static double[] doubles(Tensor x) {
    double[] values = new double[length(x)];
    copyOut(x, DType.FLOAT64, MemorySegment.ofArray(values));
    return values;
  }

  public static long[] longs(Tensor x) {
    long[] values = new long[length(x)];
    copyOut(x, DType.INT64, MemorySegment.ofArray(values));
    return values;
  }

  public static int[] ints(Tensor x) {
    int[] values = new int[length(x)];
    copyOut(x, DType.INT32, MemorySegment.ofArray(values));
    return values;
  }

  public static boolean[] booleans(Tensor x) {
    byte[] bytes = new byte[length(x)];
    copyOut(x, DType.BOOL, MemorySegment.ofArray(bytes));
    boolean[] values = new boolean[bytes.length];
    for (int i = 0; i < bytes.length; i++) {
      values[i] = bytes[i] != 0;
    }
    return values;
  }

  /// How many elements are not zero: what sizes that depend on data are made of.
  public static long countNonzero(Tensor x) {
    x.strided().storage().retain();
    try {
      return Backends.kernels(x.device()).countNonzero(x.strided());
    } finally {
      close(x);
    }
  }

  private static int length(Tensor x) {
    if (x.numel() > Integer.MAX_VALUE - 8) {
      throw new IllegalArgumentException("[toArray] a Java array cannot hold " + x.numel() + " elements: use toSegment()");
    }
    return (int) x.numel();
  }

  private static void copyOut(Tensor x, DType dtype, MemorySegment to) {
    Tensor dense = x.detach().to(dtype).contiguous();
    open(dense);
    try {
      Backends.kernels(dense.device()).copyToHost(to, dense.strided());
    } finally {
      close(dense);
    }
  }

  /// The memory of `x`, which may be written from now on.
  public static MemorySegment segment(Tensor x) {
    MemorySegment segment = memory(x);
    x.strided().storage().expose();
    return segment;
  }

  /// The memory of `x`, to be read.
  public static MemorySegment readOnlySegment(Tensor x) {
    return memory(x).asReadOnly();
  }

  private static MemorySegment memory(Tensor x) {
    Strided data = x.strided();
    if (data.device().type() != Device.Type.CPU || !data.isContiguous()) {
      throw new IllegalStateException(
          "[toSegment] expected a contiguous tensor on the CPU, got " + data + ": call cpu().contiguous() first");
    }
    Storage storage = data.storage();
    Tracer tracer = ThreadState.current().tracer;
    if (tracer != null) {
      tracer.openedToHost(storage);
    }
    byte[] heap = storage.heap();
    long bytes = data.numel() * data.dtype().size();
    if (heap != null) {
      return MemorySegment.ofArray(heap).asSlice(data.offset() * data.dtype().size(), bytes);
    }
    storage.retain();
    return MemorySegment.ofAddress(data.address()).reinterpret(bytes, Arena.ofAuto(), _ -> storage.release());
  }

  /// Reads single elements for printing.
  public static TensorFormat.Elements elements(Tensor x) {
    return new TensorFormat.Elements() {
      @Override
      public double[] floats(long[] positions) {
        double[] values = new double[positions.length];
        MemorySegment memory = open(x);
        try {
          for (int i = 0; i < values.length; i++) {
            values[i] = real(memory, x.dtype(), place(x.strided(), positions[i]));
          }
        } finally {
          close(x);
        }
        return values;
      }

      @Override
      public long[] integers(long[] positions) {
        long[] values = new long[positions.length];
        MemorySegment memory = open(x);
        try {
          for (int i = 0; i < values.length; i++) {
            values[i] = whole(memory, x.dtype(), place(x.strided(), positions[i]));
          }
        } finally {
          close(x);
        }
        return values;
      }
    };
  }

  /// Where in its storage the element at a row-major position lies.
  private static long place(Strided x, long position) {
    long at = x.offset();
    for (int d = x.rank() - 1; d >= 0; d--) {
      at += position % x.size(d) * x.stride(d);
      position /= x.size(d);
    }
    return at;
  }

  /// The value of a tensor of rank 0 that rests in a Java array, as a whole number.
  public static long scalarLong(Tensor x) {
    noteRead(x.strided().storage());
    return x.strided().scalarLong();
  }

  /// The value of a tensor of rank 0 that rests in a Java array.
  public static double scalarDouble(Tensor x) {
    noteRead(x.strided().storage());
    return x.strided().scalarDouble();
  }

  private static void noteRead(Storage storage) {
    Tracer tracer = ThreadState.current().tracer;
    if (tracer != null) {
      tracer.readByHost(storage);
    }
  }

  /// The whole storage of `x` as host memory, which stays there until [#close].
  private static MemorySegment open(Tensor x) {
    Storage storage = x.strided().storage();
    noteRead(storage);
    storage.retain();
    byte[] heap = storage.heap();
    if (heap != null) {
      return MemorySegment.ofArray(heap);
    }
    if (storage.device().type() == Device.Type.CPU) {
      return NativeMemory.ALL.asSlice(storage.address(), storage.bytes());
    }
    byte[] copy = new byte[Math.toIntExact(storage.bytes())];
    Strided all = Strided.contiguous(storage, DType.UINT8, new long[] {storage.bytes()});
    Backends.kernels(storage.device()).copyToHost(MemorySegment.ofArray(copy), all);
    return MemorySegment.ofArray(copy);
  }

  private static void close(Tensor x) {
    x.strided().storage().release(); // which also holds the storage reachable until here
  }

  private static double real(MemorySegment memory, DType dtype, long at) {
    return switch (dtype) {
      case FLOAT64 -> memory.get(NativeMemory.DOUBLE, at * 8);
      case FLOAT32 -> memory.get(NativeMemory.FLOAT, at * 4);
      case FLOAT16 -> Float.float16ToFloat(memory.get(NativeMemory.SHORT, at * 2));
      case BFLOAT16 -> Float.intBitsToFloat(memory.get(NativeMemory.SHORT, at * 2) << 16);
      default -> whole(memory, dtype, at);
    };
  }

  private static long whole(MemorySegment memory, DType dtype, long at) {
    return switch (dtype) {
      case INT64 -> memory.get(NativeMemory.LONG, at * 8);
      case INT32 -> memory.get(NativeMemory.INT, at * 4);
      case INT16 -> memory.get(NativeMemory.SHORT, at * 2);
      case INT8, BOOL -> memory.get(ValueLayout.JAVA_BYTE, at);
      case UINT8 -> memory.get(ValueLayout.JAVA_BYTE, at) & 0xff;
      default -> throw new IllegalArgumentException("[read] " + dtype.label() + " is not integral");
    };
  }
}
