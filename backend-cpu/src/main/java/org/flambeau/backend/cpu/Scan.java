package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.DOUBLE;
import static org.flambeau.spi.NativeMemory.LONG;

import java.lang.invoke.MethodHandles;
import java.util.function.DoubleBinaryOperator;
import java.util.function.LongBinaryOperator;
import org.flambeau.spi.BinaryOp;
import org.flambeau.spi.ScanOp;
import org.flambeau.spi.Strided;

/// Running sums and products, carried in double or long.
///
/// Each element of a line waits for the one before it. So lines that lie side by side go together, all elements of one place at once, and
/// others by four, which wait at the same time.
final class Scan {
  private static final int TOGETHER = 4;
  /// Fewer lines side by side are not worth a loop's call for each place.
  private static final int SIDE_BY_SIDE = 16;

  private final ScanOp op;
  private final Compute compute;
  private final Conversion load;
  private final Conversion store;
  private final int length;
  private final long from;
  private final long fromStride;
  private final long to;
  private final long toStride;

  private Scan(ScanOp op, Strided out, Strided x, int dim, Staging staging) {
    this.op = op;
    compute = out.dtype().isFloating() ? Compute.DOUBLE : Compute.LONG;
    load = Conversion.of(x.dtype());
    store = Conversion.of(out.dtype());
    length = Math.toIntExact(x.size(dim));
    to = staging.write(out);
    from = staging.read(x);
    toStride = out.stride(dim) * out.dtype().size();
    fromStride = x.stride(dim) * x.dtype().size();
  }

  static void scan(ScanOp op, Strided out, Strided x, int dim) {
    if (out.numel() == 0) {
      return;
    }
    try (Staging staging = Staging.open()) {
      Scan scan = new Scan(op, out, x, dim, staging);
      LineSpace lines = new LineSpace(dim, out, x);
      Loop combine = Loops.binary(op == ScanOp.CUMSUM ? BinaryOp.ADD : BinaryOp.MUL, scan.compute);
      Running running = Running.of(op, scan.compute);
      lines.forEachRun(Scratch.TILE, (count, target, targetStep, source, sourceStep, _, _) -> {
        if (count >= SIDE_BY_SIDE && targetStep <= Math.abs(scan.toStride)) {
          scan.sideBySide(combine, count, scan.to + target, targetStep, scan.from + source, sourceStep);
          return;
        }
        for (int line = 0; line < count; line += TOGETHER) {
          scan.together(running, Math.min(TOGETHER, count - line), scan.to + target + line * targetStep, targetStep,
              scan.from + source + line * sourceStep, sourceStep);
        }
      });
    }
  }

  private void sideBySide(Loop combine, int count, long target, long targetStep, long source, long sourceStep) {
    Scratch scratch = Scratch.current();
    long values = scratch.tile(0);
    long next = scratch.tile(1);
    Elementwise.fill(compute, values, op == ScanOp.CUMSUM ? 0 : 1, count);
    for (long i = 0; i < length; i++) {
      load.load(compute, source + i * fromStride, sourceStep, next, count);
      combine.run(values, values, next, next, count);
      store.store(compute, values, target + i * toStride, targetStep, count);
    }
  }

  /// A tile holds what comes before its elements, and then these.
  private void together(Running running, int count, long target, long targetStep, long source, long sourceStep) {
    Scratch scratch = Scratch.current();
    for (int line = 0; line < count; line++) {
      Elementwise.fill(compute, scratch.tile(line), op == ScanOp.CUMSUM ? 0 : 1, 1);
    }
    int n;
    for (int at = 0; at < length; at += n) {
      n = Math.min(Scratch.TILE - 1, length - at);
      for (int line = 0; line < count; line++) {
        load.load(compute, source + line * sourceStep + at * fromStride, fromStride, scratch.tile(line) + 8, n);
      }
      if (count == TOGETHER) {
        running.four(scratch.tile(0), scratch.tile(1), scratch.tile(2), scratch.tile(3), n);
      } else {
        for (int line = 0; line < count; line++) {
          running.one(scratch.tile(line), n);
        }
      }
      for (int line = 0; line < count; line++) {
        long tile = scratch.tile(line);
        store.store(compute, tile + 8, target + line * targetStep + at * toStride, toStride, n);
        ALL.set(LONG, tile, ALL.get(LONG, tile + 8L * n));
      }
    }
  }

  /// Makes of each element of a tile, from the second on, what comes of all up to it.
  private interface Running {
    Running[][] MADE = make();

    void one(long tile, int n);

    void four(long a, long b, long c, long d, int n);

    static Running of(ScanOp op, Compute compute) {
      return MADE[compute == Compute.LONG ? 1 : 0][op.ordinal()];
    }

    private static Running[][] make() {
      Running[][] made = new Running[2][ScanOp.values().length];
      for (ScanOp op : ScanOp.values()) {
        Fold fold = op == ScanOp.CUMSUM ? Fold.SUM : Fold.PRODUCT;
        made[0][op.ordinal()] = Specialization.of(MethodHandles.lookup(), Running.class, Doubles.class, fold);
        made[1][op.ordinal()] = Specialization.of(MethodHandles.lookup(), Running.class, Longs.class, fold);
      }
      return made;
    }
  }

  private static final class Doubles implements Running {
    private static final DoubleBinaryOperator COMBINE = Specialization.data(MethodHandles.lookup(), Fold.class).realCombine;

    @Override
    public void one(long tile, int n) {
      double value = ALL.get(DOUBLE, tile);
      for (long at = tile + 8; at <= tile + 8L * n; at += 8) {
        value = COMBINE.applyAsDouble(value, ALL.get(DOUBLE, at));
        ALL.set(DOUBLE, at, value);
      }
    }

    @Override
    public void four(long a, long b, long c, long d, int n) {
      double first = ALL.get(DOUBLE, a);
      double second = ALL.get(DOUBLE, b);
      double third = ALL.get(DOUBLE, c);
      double fourth = ALL.get(DOUBLE, d);
      for (long at = 8; at <= 8L * n; at += 8) {
        first = COMBINE.applyAsDouble(first, ALL.get(DOUBLE, a + at));
        second = COMBINE.applyAsDouble(second, ALL.get(DOUBLE, b + at));
        third = COMBINE.applyAsDouble(third, ALL.get(DOUBLE, c + at));
        fourth = COMBINE.applyAsDouble(fourth, ALL.get(DOUBLE, d + at));
        ALL.set(DOUBLE, a + at, first);
        ALL.set(DOUBLE, b + at, second);
        ALL.set(DOUBLE, c + at, third);
        ALL.set(DOUBLE, d + at, fourth);
      }
    }
  }

  private static final class Longs implements Running {
    private static final LongBinaryOperator COMBINE = Specialization.data(MethodHandles.lookup(), Fold.class).wholeCombine;

    @Override
    public void one(long tile, int n) {
      long value = ALL.get(LONG, tile);
      for (long at = tile + 8; at <= tile + 8L * n; at += 8) {
        value = COMBINE.applyAsLong(value, ALL.get(LONG, at));
        ALL.set(LONG, at, value);
      }
    }

    @Override
    public void four(long a, long b, long c, long d, int n) {
      long first = ALL.get(LONG, a);
      long second = ALL.get(LONG, b);
      long third = ALL.get(LONG, c);
      long fourth = ALL.get(LONG, d);
      for (long at = 8; at <= 8L * n; at += 8) {
        first = COMBINE.applyAsLong(first, ALL.get(LONG, a + at));
        second = COMBINE.applyAsLong(second, ALL.get(LONG, b + at));
        third = COMBINE.applyAsLong(third, ALL.get(LONG, c + at));
        fourth = COMBINE.applyAsLong(fourth, ALL.get(LONG, d + at));
        ALL.set(LONG, a + at, first);
        ALL.set(LONG, b + at, second);
        ALL.set(LONG, c + at, third);
        ALL.set(LONG, d + at, fourth);
      }
    }
  }
}
