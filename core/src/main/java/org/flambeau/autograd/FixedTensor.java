package org.flambeau.autograd;

import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.List;
import org.flambeau.DType;
import org.flambeau.Tensor;
import org.flambeau.spi.Storage;
import org.jspecify.annotations.Nullable;

/// A tensor that a node does not keep, but whose changes in place it notices.
record FixedTensor(WeakReference<Storage> storage, DType dtype, long[] sizes, int version) {
  static final FixedTensor[] NONE = {};

  private static FixedTensor of(Tensor tensor) {
    Storage storage = tensor.strided().storage();
    return new FixedTensor(new WeakReference<>(storage), tensor.dtype(), tensor.strided().sizes(), storage.mindedVersion());
  }

  /// Those that `mask` names, as in [Derivative#saves] and [Derivative#result].
  static FixedTensor[] of(int mask, @Nullable Tensor[] operands, Tensor[] results) {
    if (mask == 0) {
      return NONE;
    }
    List<FixedTensor> fixed = new ArrayList<>();
    for (int i = 0; i < operands.length; i++) {
      Tensor operand = operands[i];
      if ((mask >> i & 1) != 0 && operand != null) {
        fixed.add(of(operand));
      }
    }
    for (int i = 0; i < results.length; i++) {
      if ((mask & Derivative.result(i)) != 0) {
        fixed.add(of(results[i]));
      }
    }
    return fixed.toArray(FixedTensor[]::new);
  }

  /// @throws org.flambeau.AutogradException if it has changed
  void check(Node node) {
    Storage now = storage.get();
    if (now != null && now.mindedVersion() != version) {
      throw SavedTensor.changed(node, Tensor.describe(dtype, sizes), "", now.mindedVersion(), version);
    }
  }
}
