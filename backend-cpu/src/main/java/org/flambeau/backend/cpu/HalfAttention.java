package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.FLOAT;

import java.util.HashMap;
import java.util.Map;
import org.flambeau.DType;
import org.flambeau.backend.cpu.ThreadProduct.Shape;
import org.flambeau.spi.Strided;

/// [Attention] of bfloat16 where the processor has a unit for its products: they read queries, keys and values as they lie, and weights are
/// rounded to bfloat16 on their way from one product to the next, as in PyTorch. Scores and sums are floats.
final class HalfAttention extends AttentionHeads {
  /// Bytes of a block's scores, which are to stay in the second-level cache with what comes of them.
  private static final long SCORES = 256 << 10;

  /// Queries that a block's number is a multiple of; the unit takes rows by sixteen.
  private static final int ROWS = 32;

  /// By how many the keys of causal blocks grow: each number is a product of another shape.
  private static final int STEP = 128;

  /// Queries below which the unit has too few rows.
  private static final int FEW = 16;

  /// Multiplications of a head's product below which calling for them costs more than it saves.
  private static final long WORTH = 1 << 16;

  private final LinearAlgebra algebra;
  /// Queries that meet all keys at once.
  private final int block;
  private final int blocks;
  /// Elements between the rows of scores, and of weights.
  private final int pitch;

  /// @param most the most queries of a block
  private HalfAttention(LinearAlgebra algebra, Heads query, Heads key, Heads value, double scale, boolean causal, long most) {
    super(query, key, value, scale, causal);
    this.algebra = algebra;
    this.pitch = Math.toIntExact(CachedProduct.pitch(keys) / Float.BYTES);
    long rows = Math.max(ROWS, Math.min(SCORES / Float.BYTES / keys, most) / ROWS * ROWS);
    this.block = queries <= rows + ROWS / 2 ? queries : Math.toIntExact(rows);
    this.blocks = Math.ceilDiv(queries, block);
  }

  /// Whether it serves queries, keys and values; `others` are what else its products read.
  static boolean serves(LinearAlgebra algebra, double scale, Strided q, Strided k, Strided v, Strided... others) {
    boolean serves = q.dtype() == DType.BFLOAT16 && scale > 0 && q.size(2) >= FEW && q.size(2) * k.size(2) * q.size(3) >= WORTH
        && isPlain(q) && isPlain(k) && isPlain(v);
    for (Strided other : others) {
      serves &= isPlain(other);
    }
    return serves && algebra.hasMatrixUnit(q.dtype());
  }

  /// Whether a head's rows have no gaps and do not overlap.
  private static boolean isPlain(Strided x) {
    return (x.size(3) == 1 || x.stride(3) == 1) && (x.size(2) == 1 || x.stride(2) >= x.size(3));
  }

  static void forward(LinearAlgebra algebra, Strided out, Strided logSumExp, Strided q, Strided k, Strided v, double scale,
      boolean causal) {
    try (Staging staging = Staging.open()) {
      Heads query = new Heads(staging.read(q), q);
      long share = Math.ceilDiv(q.size(0) * q.size(1) * q.size(2), 4L * CpuPool.SHARED.threads());
      new HalfAttention(algebra, query, new Heads(staging.read(k), k), new Heads(staging.read(v), v), scale, causal, share)
          .forward(new Heads(staging.write(out), out), staging.writable(logSumExp));
    }
  }

  static void backward(LinearAlgebra algebra, Strided gradQ, Strided gradK, Strided gradV, Strided grad, Strided logSumExp, Strided q,
      Strided k, Strided v, double scale, boolean causal) {
    try (Staging staging = Staging.open()) {
      Heads query = new Heads(staging.read(q), q);
      new HalfAttention(algebra, query, new Heads(staging.read(k), k), new Heads(staging.read(v), v), scale, causal, q.size(2))
          .backward(new Heads(staging.write(gradQ), gradQ), new Heads(staging.write(gradK), gradK), new Heads(staging.write(gradV), gradV),
              new Heads(staging.read(grad), grad), staging.readable(logSumExp));
    }
  }

  private void forward(Heads out, Strided logSumExp) {
    CpuPool.SHARED.parallelFor(0, heads * blocks, 1, (begin, end) -> {
      try (Workspace workspace = new Workspace(CpuAllocator.SHARED); Products products = new Products()) {
        long scores = workspace.take(4L * block * pitch);
        long weights = workspace.take(2L * block * pitch);
        long result = workspace.take(4L * block * width);
        for (long task = begin; task < end; task++) {
          attend(products, out, logSumExp, task / blocks, (int) (task % blocks) * block, scores, weights, result);
        }
      }
    });
  }

  private void attend(Products products, Heads out, Strided logSumExp, long head, int first, long scores, long weights, long result) {
    int count = Math.min(block, queries - first);
    int met = met(first + count);
    int padded = CachedProduct.padded(met);
    products.run(scores(query, key, count, met), query.row(head, first), key.row(head, 0), scores);
    float[] shares = new float[count];
    for (int i = 0; i < count; i++) {
      long row = scores + 4L * i * pitch;
      hide(row, first + i, padded, Float.NEGATIVE_INFINITY);
      float largest = scale * rows.largest(row, padded);
      double sum = rows.roundedExponentials(weights + 2L * i * pitch, row, scale, largest, padded);
      shares[i] = (float) (1 / sum);
      ALL.set(FLOAT, place(logSumExp, head, first + i), (float) (largest + Math.log(sum)));
    }
    products.run(weighted(value, count, met), weights, value.row(head, 0), result);
    for (int i = 0; i < count; i++) {
      out.write(head, first + i, result + 4L * i * width, shares[i]);
    }
  }

  /// The keys that a block's products have, where its last query has number `end` - 1.
  private int met(int end) {
    return counted(Math.ceilDiv(end, STEP) * STEP);
  }

  /// The rows of `left` by those of `right`: scores.
  private Shape scores(Heads left, Heads right, int count, int met) {
    return new Shape(left.x().dtype(), DType.FLOAT32, count, met, width, step(left), 1, 1, step(right), pitch);
  }

  /// Sums of the rows of `x`, by weights.
  private Shape weighted(Heads x, int count, int met) {
    return new Shape(x.x().dtype(), DType.FLOAT32, count, width, met, pitch, 1, step(x), 1, width);
  }

  /// Sums of the rows of `x`, by the columns of weights.
  private Shape weightedByColumns(Heads x, int count, int met) {
    return new Shape(x.x().dtype(), DType.FLOAT32, met, width, count, 1, pitch, step(x), 1, width);
  }

  /// Elements between rows; a single row's stride means nothing.
  private long step(Heads x) {
    return x.x().size(2) == 1 ? width : x.x().stride(2);
  }

  private void backward(Heads gradQ, Heads gradK, Heads gradV, Heads grad, Strided logSumExp) {
    CpuPool.SHARED.parallelFor(0, heads, 1, (begin, end) -> {
      try (Workspace workspace = new Workspace(CpuAllocator.SHARED); Products products = new Products()) {
        Gradient gradient = new Gradient(workspace, products, grad, logSumExp);
        for (long head = begin; head < end; head++) {
          gradient.compute(head, gradQ, gradK, gradV);
        }
      }
    });
  }

  /// The gradient of one head at a time, and its buffers.
  private final class Gradient {
    private final RowOp.Loop add = Rows.loop(RowOp.ADD);
    private final Products products;
    private final Heads grad;
    private final Strided logSumExp;
    private final long scores;
    private final long weightGrads;
    private final long weights;
    private final long scoreGrads;
    private final long keyGrads;
    private final long valueGrads;
    private final long result;

    Gradient(Workspace workspace, Products products, Heads grad, Strided logSumExp) {
      this.products = products;
      this.grad = grad;
      this.logSumExp = logSumExp;
      scores = workspace.take(4L * block * pitch);
      weightGrads = workspace.take(4L * block * pitch);
      weights = workspace.take(2L * block * pitch);
      scoreGrads = workspace.take(2L * block * pitch);
      keyGrads = workspace.take(4L * keys * width);
      valueGrads = workspace.take(4L * keys * width);
      result = workspace.take(4L * Math.max(block, keys) * width);
    }

    void compute(long head, Heads gradQ, Heads gradK, Heads gradV) {
      ALL.asSlice(keyGrads, 4L * keys * width).fill((byte) 0);
      ALL.asSlice(valueGrads, 4L * keys * width).fill((byte) 0);
      for (int first = 0; first < queries; first += block) {
        add(head, first, Math.min(block, queries - first), gradQ);
      }
      for (int i = 0; i < keys; i++) {
        gradK.write(head, i, keyGrads + 4L * i * width, 1);
        gradV.write(head, i, valueGrads + 4L * i * width, 1);
      }
    }

    /// Writes the gradients of a block's queries, and adds what the block gives to those of keys and values.
    private void add(long head, int first, int count, Heads gradQ) {
      int met = met(first + count);
      int padded = CachedProduct.padded(met);
      products.run(scores(query, key, count, met), query.row(head, first), key.row(head, 0), scores);
      products.run(scores(grad, value, count, met), grad.row(head, first), value.row(head, 0), weightGrads);
      for (int i = 0; i < count; i++) {
        long row = scores + 4L * i * pitch;
        long rowGrad = weightGrads + 4L * i * pitch;
        hide(row, first + i, padded, Float.NEGATIVE_INFINITY);
        hide(rowGrad, first + i, padded, 0);
        rows.scoreGradients(weights + 2L * i * pitch, scoreGrads + 2L * i * pitch, row, rowGrad, scale,
            ALL.get(FLOAT, place(logSumExp, head, first + i)), padded);
      }
      products.run(weighted(key, count, met), scoreGrads, key.row(head, 0), result);
      for (int i = 0; i < count; i++) {
        gradQ.write(head, first + i, result + 4L * i * width, 1);
      }
      addWeighted(grad, head, first, count, met, weights, valueGrads);
      addWeighted(query, head, first, count, met, scoreGrads, keyGrads);
    }

    private void addWeighted(Heads x, long head, int first, int count, int met, long by, long sums) {
      products.run(weightedByColumns(x, count, met), by, x.row(head, first), result);
      add.run(sums, sums, result, sums, sums, sums, 0, 0, 0, 0, met * width);
    }
  }

  /// A thread's products.
  private final class Products implements AutoCloseable {
    private final Map<Shape, ThreadProduct> open = new HashMap<>();

    void run(Shape shape, long a, long b, long c) {
      open.computeIfAbsent(shape, algebra::threadProduct).run(a, b, c);
    }

    @Override
    public void close() {
      open.values().forEach(ThreadProduct::close);
    }
  }
}
