package org.flambeau.backend.cuda;

import java.util.Arrays;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// Operands (n, c, …) divided among launches of kernels that number an operand's places in 32 bits: by images, and where one is too large
/// by its channels.
final class ImageParts {
  interface Body {
    /// @param parts of the operands, in their order
    void run(@Nullable Strided... parts);
  }

  private ImageParts() {}

  /// Parts of which that of the first operand has at most `most` elements.
  static void forEach(String operation, long most, Body body, @Nullable Strided... operands) {
    divide(operation, most, 0, body, operands);
  }

  private static void divide(String operation, long most, int dim, Body body, @Nullable Strided... operands) {
    Strided first = operands[0];
    if (first == null || first.numel() <= most) {
      body.run(operands);
      return;
    }
    if (dim > 1) {
      throw new IllegalArgumentException(
          "[" + operation + "] expected at most " + most + " elements in each channel of an image, got one of "
              + "sizes " + Arrays.toString(Arrays.copyOfRange(first.sizes(), 2, first.rank())));
    }
    long each = Math.max(1, most / (first.numel() / first.size(dim)));
    for (long from = 0; from < first.size(dim); from += each) {
      long begin = from;
      long size = Math.min(each, first.size(dim) - from);
      divide(operation, most, dim + 1, body,
          Arrays.stream(operands).map(operand -> operand == null ? null : slice(operand, dim, begin, size)).toArray(Strided[]::new));
    }
  }

  private static Strided slice(Strided x, int dim, long from, long size) {
    long[] sizes = x.sizes().clone();
    sizes[dim] = size;
    return x.with(x.offset() + from * x.stride(dim), sizes, x.strides());
  }
}
