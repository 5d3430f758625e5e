package org.flambeau.backend.cpu.onednn;

import java.util.ArrayList;
import java.util.List;
import org.flambeau.DType;
import org.flambeau.spi.Strided;

/// The native descriptions that building a primitive takes, destroyed together when it is built.
final class Descriptors implements AutoCloseable {
  private final List<Runnable> destructors = new ArrayList<>();

  /// An operand as it lies.
  long of(Strided operand) {
    return of(operand.dtype(), operand.sizes(), operand.strides());
  }

  long of(DType dtype, long[] sizes, long[] strides) {
    return owned(Dnnl.memoryDesc(dataType(dtype), sizes, strides));
  }

  /// As it suits the primitive.
  long any(Strided operand) {
    return any(operand.dtype(), operand.sizes());
  }

  long any(DType dtype, long[] sizes) {
    return owned(Dnnl.memoryDesc(dataType(dtype), sizes, null));
  }

  private long owned(long memoryDesc) {
    destructors.add(() -> Dnnl.destroyMemoryDesc(memoryDesc));
    return memoryDesc;
  }

  long attributes() {
    long attributes = Dnnl.attributes();
    destructors.add(() -> Dnnl.destroyAttributes(attributes));
    return attributes;
  }

  /// Keeps a primitive descriptor as a hint for others, where there is one.
  long hint(long primitiveDesc) {
    if (primitiveDesc != 0) {
      destructors.add(() -> Dnnl.destroyPrimitiveDesc(primitiveDesc));
    }
    return primitiveDesc;
  }

  private static int dataType(DType dtype) {
    return switch (dtype) {
      case FLOAT32 -> Dnnl.F32;
      case BFLOAT16 -> Dnnl.BF16;
      case FLOAT16 -> Dnnl.F16;
      default -> throw new IllegalArgumentException("[oneDNN] no " + dtype.label());
    };
  }

  @Override
  public void close() {
    destructors.forEach(Runnable::run);
  }
}
