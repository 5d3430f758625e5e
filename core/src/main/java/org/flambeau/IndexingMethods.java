package org.flambeau;

import org.flambeau.internal.ops.Indexing;
import org.flambeau.internal.ops.Selection;

/// How elements of every tensor are picked and placed by other tensors.
sealed interface IndexingMethods permits Tensor {
  private Tensor self() {
    return (Tensor) this;
  }

  /// The parts of `dim` that `index`, a vector of int64, names, in its order.
  default Tensor indexSelect(int dim, Tensor index) {
    return Indexing.indexSelect(self(), dim, index);
  }

  /// With `source` added to the parts of `dim` that `index` names, as often as it names them.
  default Tensor indexAdd(int dim, Tensor index, Tensor source) {
    return Indexing.indexAdd(self(), dim, index, source, 1);
  }

  /// [#indexAdd(int, Tensor, Tensor)] in place.
  default Tensor indexAdd_(int dim, Tensor index, Tensor source) {
    return Indexing.indexAddInPlace(self(), dim, index, source, 1);
  }

  /// With `value` where `mask`, a bool tensor that broadcasts, is true.
  default Tensor maskedFill(Tensor mask, double value) {
    return Selection.maskedFill(self(), mask, Tensor.number(value));
  }

  /// Limited to [low, high]; an infinite bound does not limit. NaN stays NaN.
  default Tensor clamp(double low, double high) {
    return Selection.clamp(self(), low, high);
  }

  /// [#clamp] in place.
  default Tensor clamp_(double low, double high) {
    return Selection.clampInPlace(self(), low, high);
  }
}
