package org.flambeau.nn;

import org.flambeau.Tensor;

/// One dimension as several.
///
/// Shapes: x (…, the product of sizes, …) → (…, sizes, …).
public final class Unflatten extends Module {
  private final int dim;
  private final long[] sizes;

  /// Dimension `dim`, a negative one counted from the end, as dimensions of `sizes`, of which one may be -1.
  public Unflatten(int dim, long... sizes) {
    this.dim = dim;
    this.sizes = sizes.clone();
  }

  @Override
  protected Tensor forward(Tensor x) {
    return x.unflatten(dim, sizes);
  }

  @Override
  protected String extraRepr() {
    return "dim=" + dim + ", unflattened_size=" + PythonText.tuple(sizes);
  }
}
