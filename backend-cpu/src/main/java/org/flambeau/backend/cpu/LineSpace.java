package org.flambeau.backend.cpu;

import org.flambeau.spi.Strided;

/// The lines of operands along one dimension: how many there are, and where each begins.
final class LineSpace {
  /// Elements that one thread works on before it pays to share.
  private static final long GRAIN = 16 << 10;

  /// Neighbours that are not divided among threads where there are many, so that they fill vectors.
  private static final long TOGETHER = 64;

  @FunctionalInterface
  interface Body {
    /// The offsets in bytes, from each operand's first element, of the line's first elements.
    void line(long first, long second, long third);
  }

  @FunctionalInterface
  interface RunBody {
    /// The same of `count` lines, which begin the given steps apart.
    void lines(int count, long first, long firstStep, long second, long secondStep, long third, long thirdStep);
  }

  private final IterationSpace space;
  private final int operands;
  private final long lines;
  private final long length;

  /// The operands agree in all sizes but along `dim`.
  LineSpace(int dim, Strided... operands) {
    this.operands = operands.length;
    this.space = new IterationSpace(operands.length);
    Strided first = without(dim, operands[0]);
    space.begin(first);
    for (int k = 1; k < operands.length; k++) {
      space.add(first, without(dim, operands[k]));
    }
    space.collapse();
    long most = 0;
    for (Strided operand : operands) {
      most = Math.max(most, dim < operand.rank() ? operand.size(dim) : 1);
    }
    this.lines = first.numel();
    this.length = most;
  }

  private static Strided without(int dim, Strided x) {
    if (x.rank() == 0) {
      return x;
    }
    long[] sizes = x.sizes().clone();
    sizes[dim] = 1;
    return x.numel() == 0 ? Strided.of(x.storage(), x.dtype(), 0, sizes, new long[sizes.length]) : x.with(x.offset(), sizes, x.strides());
  }

  /// How many lines are neighbours, with steps that are the same from each to the next.
  long neighbours() {
    return space.size(0);
  }

  void forEach(Body body) {
    forEachRun(Integer.MAX_VALUE, (count, first, firstStep, second, secondStep, third, thirdStep) -> {
      for (int i = 0; i < count; i++) {
        body.line(first + i * firstStep, second + i * secondStep, third + i * thirdStep);
      }
    });
  }

  /// Neighbouring lines together, at most `most` at a time.
  void forEachRun(int most, RunBody body) {
    long together = neighbours() >= 8 * TOGETHER ? TOGETHER : 1;
    CpuPool.SHARED.parallelFor(0, Math.ceilDiv(lines, together), Math.max(1, GRAIN / Math.max(1, length * together)), (begin, end) -> {
      long inner = space.size(0);
      long last = Math.min(end * together, lines);
      int count;
      for (long line = begin * together; line < last; line += count) {
        count = (int) Math.min(most, Math.min(inner - line % inner, last - line));
        body.lines(count, offset(0, line), step(0), offset(1, line), step(1), offset(2, line), step(2));
      }
    });
  }

  private long offset(int operand, long line) {
    return operand < operands ? space.offset(operand, line, 0) : 0;
  }

  private long step(int operand) {
    return operand < operands ? space.stride(operand, 0) : 0;
  }
}
