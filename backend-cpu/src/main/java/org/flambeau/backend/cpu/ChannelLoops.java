package org.flambeau.backend.cpu;

/// Loops of batch norm over rows of neighbouring columns, of float32 or a half precision, `stride` bytes apart; `columns` fill whole vectors. What there
/// is one of for each column is a row of floats. What belongs to a few columns stays in registers while their rows go by.
public interface ChannelLoops {
  /// sums += Σ (x − centre) and squares += Σ (x − centre)².
  void moments(long sums, long squares, long x, long stride, long centres, int rows, int columns);

  /// sums += Σ g and products += Σ g·(x − centre).
  void products(long sums, long products, long grad, long x, long stride, long centres, int rows, int columns);

  /// out = g·scale + (x − centre)·slope + shift, where out may be g.
  void blend(long out, long grad, long x, long stride, long centres, long scales, long slopes, long shifts, int rows, int columns);

  /// out = 0 where y ≤ 0, else g, for `n` elements: the gradient through ReLU, whose result is y.
  void mask(long out, long grad, long y, int n);
}
