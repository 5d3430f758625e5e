package org.flambeau;

/// What stands between the brackets of an indexing expression, for one dimension or more: [Tensor#index],
/// [Tensor#indexPut_].
///
/// | PyTorch | Flambeau |
/// |---|---|
/// | `x[2]` | `x.index(Index.at(2))` |
/// | `x[1:3]`, `x[1:]`, `x[:3]`, `x[::2]` | `Index.slice(1, 3)`, `Index.from(1)`, `Index.until(3)`, `Index.every(2)` |
/// | `x[:, 0]` | `x.index(Index.all(), Index.at(0))` |
/// | `x[..., None]` | `x.index(Index.ellipsis(), Index.newAxis())` |
/// | `x[idx]`, `x[mask]` | `x.index(Index.of(idx))`, `x.index(Index.of(mask))` |
public sealed interface Index {
  /// One position; the dimension goes away.
  record At(long position) implements Index {}

  /// Positions start, start + step, … before `end`; negative bounds count from the end, and both are clamped.
  record Slice(long start, long end, long step) implements Index {}

  /// As many whole dimensions as the other indices leave over.
  record Ellipsis() implements Index {}

  /// A new dimension of size 1.
  record NewAxis() implements Index {}

  /// Positions of any shape (int64 or int32), or truth values (bool) for as many dimensions as the tensor has.
  record Of(Tensor tensor) implements Index {}

  static Index at(long position) {
    return new At(position);
  }

  static Index slice(long start, long end) {
    return new Slice(start, end, 1);
  }

  static Index slice(long start, long end, long step) {
    return new Slice(start, end, step);
  }

  static Index from(long start) {
    return new Slice(start, Long.MAX_VALUE, 1);
  }

  static Index until(long end) {
    return new Slice(0, end, 1);
  }

  static Index every(long step) {
    return new Slice(0, Long.MAX_VALUE, step);
  }

  static Index all() {
    return new Slice(0, Long.MAX_VALUE, 1);
  }

  static Index ellipsis() {
    return new Ellipsis();
  }

  static Index newAxis() {
    return new NewAxis();
  }

  static Index of(Tensor positionsOrMask) {
    return new Of(positionsOrMask);
  }
}
