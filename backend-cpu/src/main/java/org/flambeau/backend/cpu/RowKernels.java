package org.flambeau.backend.cpu;

/// Whole rows of the fused kernels: contiguous floats, which are read from memory once and stay in cache for as many passes as
/// their sums need. `out` may be one of the rows.
public interface RowKernels {
  /// out = softmax(x).
  void softmax(long out, long x, int n);

  /// out = (grad − Σ grad·y)·y: softmax's gradient, y being its result.
  void softmaxBackward(long out, long grad, long y, int n);

  /// Writes the mean and r = 1/√(variance + eps) as doubles; where `mean` is 0, r is about 0, not about the mean.
  void moments(long x, double eps, long mean, long r, int n);

  /// out = (x − mean)·r·weight + bias.
  void normalize(long out, long x, long weight, long bias, float mean, float r, int n);

  /// out = r·(g·w − mean of g·w − x̂·mean of g·w·x̂) with x̂ = (x − mean)·r: layer norm's gradient. Where it is not `centred`, RMS norm's:
  /// without the first mean.
  void normalizeBackward(long out, long grad, long x, long weight, float mean, float r, boolean centred, int n);

  /// weightSum += grad·x̂ and biasSum += grad, element by element.
  void addNormalized(long weightSum, long biasSum, long grad, long x, float mean, float r, int n);

  /// The largest element; n fills whole vectors.
  float largest(long x, int n);

  /// x = exp(x − largest); gives the sum. n fills whole vectors.
  double exponentials(long x, float largest, int n);

  /// weights = exp(scale·x − largest) as bfloat16, the largest product being rounded as the others are; gives the sum of what was not rounded. n
  /// fills whole vectors.
  double roundedExponentials(long weights, long x, float scale, float largest, int n);

  /// The gradient of attention's scores: with w = exp(scale·scores − logSumExp), weights = w and scoreGrads =
  /// scale·w·(weightGrads − Σ w·weightGrads), both as bfloat16. The scores are lost; n fills whole vectors.
  void scoreGradients(long weights, long scoreGrads, long scores, long weightGrads, float scale, float logSumExp, int n);

  /// Transposes a square of as many rows as a vector has lanes.
  void transpose(long to, long toRow, long from, long fromRow);
}
