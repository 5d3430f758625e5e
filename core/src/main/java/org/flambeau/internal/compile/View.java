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

  /// Whether elements fill the buffer in row-major order, whatever their sizes.
  boolean isPacked() {
    long step = 1;
    for (int d = sizes.length - 1; d >= 0; d--) {
      if (sizes[d] != 1 && strides[d] != step) {
        return false;
      }
      step *= sizes[d];
    }
    return offset == 0 && step * dtype.size() == buffer.bytes();
  }

  /// Whether both show all elements of the same buffer in the same order, be it by other sizes.
  boolean showsSame(View other) {
    return isSame(other) || buffer == other.buffer && dtype == other.dtype && isPacked() && other.isPacked();
  }

  /// Whether `x` shows each byte of its storage once.
  static boolean isWhole(Strided x) {
    return x.numel() * x.dtype().size() == x.storage().bytes() && Layout.isDense(x);
  }
}
