package org.flambeau.internal.compile;

import java.util.Arrays;
import org.flambeau.DType;
import org.flambeau.internal.ops.Layout;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;

/// An operand of an instruction: how elements lie in a buffer.
record View(Buffer buffer, DType dtype, long offset, long[] sizes, long[] strides) {
  static View of(Buffer buffer, Strided x) {
    return new View(buffer, x.dtype(), x.offset(), x.sizes(), x.strides());
  }

  /// A new buffer with room for elements of these sizes, in row-major order.
  static View contiguous(Buffer buffer, DType dtype, long... sizes) {
    return new View(buffer, dtype, 0, sizes, Strided.contiguousStrides(sizes));
  }

  /// The operand, with the buffer in `storage`.
  Strided in(Storage storage) {
    return in(storage, 0);
  }

  /// The operand, with the buffer `shift` elements behind the beginning of `storage`.
  Strided in(Storage storage, long shift) {
    return Strided.of(storage, dtype, offset + shift, sizes, strides);
  }

  /// Whether both show the same elements of the same buffer in the same order.
  boolean isSame(View other) {
    return buffer == other.buffer && liesLike(other);
  }

  /// Whether both show the same places of their buffers in the same order.
  boolean liesLike(View other) {
    return dtype == other.dtype && offset == other.offset && Arrays.equals(sizes, other.sizes) && Arrays.equals(strides, other.strides);
  }

  boolean hasSizesOf(View other) {
    return Arrays.equals(sizes, other.sizes);
  }

  /// Whether `x` shows each byte of its storage once.
  static boolean isWhole(Strided x) {
    return x.numel() * x.dtype().size() == x.storage().bytes() && Layout.isDense(x);
  }
}
