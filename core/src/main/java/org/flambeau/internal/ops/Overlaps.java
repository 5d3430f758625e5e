package org.flambeau.internal.ops;

import java.util.Arrays;
import org.flambeau.Tensor;
import org.flambeau.spi.Strided;

/// What may share memory with a tensor that is written in place: by PyTorch's rules, which judge what lies densely and let the rest pass.
final class Overlaps {
  private Overlaps() {}

  /// Refuses to write `self` where several of its elements are one.
  static void requireDistinct(String op, Tensor self) {
    Strided own = self.strided();
    if (own.isContiguous()) {
      return;
    }
    for (int d = 0; d < own.rank(); d++) {
      if (own.stride(d) == 0 && own.size(d) > 1) {
        throw new IllegalArgumentException(
            "[" + op + "_] unsupported operation: more than one element of the written-to tensor refers to a "
                + "single memory location. Please clone() the tensor before performing the operation.");
      }
    }
  }

  /// Refuses an operand that lies in a part of `self`'s memory, or in all of it in another order: it would change while it is read.
  static void refusePartial(String op, Tensor self, Tensor operand) {
    Strided own = self.strided();
    Strided other = operand.strided();
    if (own.storage() == other.storage() && operand != self && overlap(own, other) && !same(own, other)) {
      throw refused(op, "input tensor");
    }
  }

  /// Refuses an operand that lies in any of `self`'s memory.
  static void refuseAny(String op, Tensor self, Tensor operand) {
    Strided own = self.strided();
    Strided other = operand.strided();
    if (own.storage() == other.storage() && (operand == self || overlap(own, other))) {
      throw refused(op, "input tensor");
    }
  }

  private static IllegalArgumentException refused(String op, String what) {
    return new IllegalArgumentException("[" + op + "_] unsupported operation: some elements of the " + what
        + " and the written-to tensor refer to a single memory location. Please clone() the tensor before performing the operation.");
  }

  /// Whether both, of one storage, are dense and have elements in common.
  private static boolean overlap(Strided a, Strided b) {
    return a.numel() > 0 && b.numel() > 0 && a.offset() < b.offset() + b.numel() && b.offset() < a.offset() + a.numel() && Layout.isDense(a)
        && Layout.isDense(b);
  }

  /// Whether both are the same elements.
  static boolean same(Strided a, Strided b) {
    return a.storage() == b.storage() && a.offset() == b.offset() && Arrays.equals(a.sizes(), b.sizes())
        && Arrays.equals(a.strides(), b.strides());
  }
}
