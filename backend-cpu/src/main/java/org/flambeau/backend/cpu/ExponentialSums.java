package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.DOUBLE;

import org.flambeau.DType;
import org.flambeau.spi.BinaryOp;
import org.flambeau.spi.UnaryOp;

/// [Fold#EXPONENTIALS] by the loops of its steps, tile by tile: one loop with several exponentials at once is more than the JIT compiles well.
final class ExponentialSums implements Reducer {
  private final Compute compute;
  private final Loop subtract;
  private final Loop exponential;
  private final Reducer sum;

  ExponentialSums(Compute compute) {
    this.compute = compute;
    this.subtract = Loops.binary(BinaryOp.SUB, compute);
    this.exponential = Loops.unary(UnaryOp.EXP, compute);
    this.sum = Reduction.reducer(compute, Fold.SUM);
  }

  @Override
  public long row(long x, int n, double parameter) {
    long powers = tile();
    long parameters = powers + (long) Scratch.TILE * compute.size();
    ALL.set(DOUBLE, powers, parameter);
    Conversion.of(DType.FLOAT64).load(compute, powers, 0, parameters, Math.min(n, Scratch.TILE));
    double total = 0;
    for (int at = 0; at < n; at += Scratch.TILE) {
      int count = Math.min(n - at, Scratch.TILE);
      exponentials(powers, x + (long) at * compute.size(), parameters, count);
      total += Double.longBitsToDouble(sum.row(powers, count, 0));
    }
    return Double.doubleToRawLongBits(total);
  }

  @Override
  public void rows(long acc, long x, long stride, int rows, long parameters, int n) {
    long powers = tile();
    for (int row = 0; row < rows; row++) {
      exponentials(powers, x + row * stride, parameters, n);
      sum.rows(acc, powers, 0, 1, parameters, n);
    }
  }

  private void exponentials(long to, long x, long parameters, int n) {
    subtract.run(to, x, parameters, parameters, n);
    exponential.run(to, to, to, to, n);
  }

  /// Room for two tiles.
  private long tile() {
    return Scratch.current().rows(2L * Scratch.TILE * compute.size());
  }
}
