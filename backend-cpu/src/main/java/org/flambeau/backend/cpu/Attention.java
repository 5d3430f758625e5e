package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.FLOAT;

import org.flambeau.spi.Strided;

/// Attention that never has all scores at once (Dao et al., "FlashAttention", 2022): a block of queries meets all keys of its head, and what
/// becomes of its scores stays in the second-level cache.
final class Attention extends AttentionHeads {
  /// Queries of a block: enough that a strip of keys, once in the first-level cache, is worth its way there.
  private static final int BLOCK = 32;

  /// What a thread computes at least, in multiplications.
  private static final long GRAIN = 1 << 18;

  private final long rowPitch;
  private final long scorePitch;

  private Attention(Heads query, Heads key, Heads value, double scale, boolean causal) {
    super(query, key, value, scale, causal);
    this.rowPitch = CachedProduct.pitch(width);
    this.scorePitch = CachedProduct.pitch(keys);
  }

  static void forward(Strided out, Strided logSumExp, Strided q, Strided k, Strided v, double scale, boolean causal) {
    try (Staging staging = Staging.open()) {
      Heads query = new Heads(staging.read(q), q);
      new Attention(query, new Heads(staging.read(k), k), new Heads(staging.read(v), v), scale, causal)
          .forward(new Heads(staging.write(out), out), staging.writable(logSumExp));
    }
  }

  static void backward(Strided gradQ, Strided gradK, Strided gradV, Strided grad, Strided out, Strided logSumExp, Strided q, Strided k,
      Strided v, double scale, boolean causal) {
    try (Staging staging = Staging.open()) {
      Heads query = new Heads(staging.read(q), q);
      new Attention(query, new Heads(staging.read(k), k), new Heads(staging.read(v), v), scale, causal)
          .backward(new Heads(staging.write(gradQ), gradQ), new Heads(staging.write(gradK), gradK),
              new Heads(staging.write(gradV), gradV), new Heads(staging.read(grad), grad), new Heads(staging.read(out), out),
              staging.readable(logSumExp));
    }
  }

  // ---- forward: where there are few heads, threads share the queries of one ----

  private void forward(Heads out, Strided logSumExp) {
    long blocks = (queries + BLOCK - 1L) / BLOCK;
    long parts = Math.clamp(4L * CpuPool.SHARED.threads() / heads, 1, blocks);
    long work = 2 * blocks / parts * BLOCK * keys * width;
    CpuPool.SHARED.parallelFor(0, heads * parts, Math.max(1, GRAIN / work), (begin, end) -> {
      try (Workspace workspace = new Workspace(CpuAllocator.SHARED)) {
        long keysAcross = workspace.take(CachedProduct.bytesInStrips(width, keys));
        long values = workspace.take(CachedProduct.paddedRows(keys) * rowPitch);
        long block = workspace.take(BLOCK * rowPitch);
        long weights = workspace.take(BLOCK * scorePitch);
        long packed = -1;
        for (long task = begin; task < end; task++) {
          long head = task / parts;
          if (head != packed) {
            key.readTransposed(head, keysAcross, block, rowPitch);
            value.read(head, 0, keys, 1, values, rowPitch);
            packed = head;
          }
          for (long b = blocks * (task % parts) / parts; b < blocks * (task % parts + 1) / parts; b++) {
            attend(out, logSumExp, head, (int) b * BLOCK, keysAcross, values, block, weights);
          }
        }
      }
    });
  }

  private void attend(Heads out, Strided logSumExp, long head, int first, long keysAcross, long values, long block,
      long weights) {
    int count = Math.min(BLOCK, queries - first);
    int met = counted(first + count);
    query.read(head, first, count, scale, block, rowPitch);
    CachedProduct.multiply(false, count, met, width, block, rowPitch, Float.BYTES, keysAcross, CachedProduct.STRIP_ROW,
        CachedProduct.strip(width), weights, scorePitch);
    float[] shares = new float[count];
    for (int i = 0; i < count; i++) {
      long row = weights + i * scorePitch;
      hide(row, first + i, CachedProduct.padded(met), Float.NEGATIVE_INFINITY);
      float largest = rows.largest(row, CachedProduct.padded(met));
      double sum = rows.exponentials(row, largest, CachedProduct.padded(met));
      shares[i] = (float) (1 / sum);
      ALL.set(FLOAT, place(logSumExp, head, first + i), (float) (largest + Math.log(sum)));
    }
    CachedProduct.multiply(false, count, width, met, weights, scorePitch, Float.BYTES, values, rowPitch, block, rowPitch);
    for (int i = 0; i < count; i++) {
      out.write(head, first + i, block + i * rowPitch, shares[i]);
    }
  }

  // ---- backward: the weights once more, from their scores and the logarithm of their sum ----

  private void backward(Heads gradQ, Heads gradK, Heads gradV, Heads grad, Heads out, Strided logSumExp) {
    CpuPool.SHARED.parallelFor(0, heads, Math.max(1, GRAIN / (5L * queries * keys * width)), (begin, end) -> {
      try (Workspace workspace = new Workspace(CpuAllocator.SHARED)) {
        Gradient gradient = new Gradient(workspace, grad, out, logSumExp);
        for (long head = begin; head < end; head++) {
          gradient.compute(head, gradQ, gradK, gradV);
        }
      }
    });
  }

  /// The gradient of one head at a time, and its buffers.
  private final class Gradient {
    private final RowOp.Loop exponential = Rows.loop(RowOp.SCALED_EXP);
    private final RowOp.Loop softmaxGradient = Rows.loop(RowOp.SOFTMAX_GRADIENT);
    private final RowOp.Sum product = Rows.sum(RowOp.Term.CENTRED_PRODUCT);
    private final Heads grad;
    private final Heads out;
    private final Strided logSumExp;
    private final int rowsOfKeys = CachedProduct.paddedRows(keys);
    private final long keysAcross;
    private final long valuesAcross;
    private final long keyRows;
    private final long keyGrads;
    private final long valueGrads;
    private final long block;
    private final long grads;
    private final long result;
    private final long weights;
    private final long weightGrads;

    Gradient(Workspace workspace, Heads grad, Heads out, Strided logSumExp) {
      this.grad = grad;
      this.out = out;
      this.logSumExp = logSumExp;
      keysAcross = workspace.take(CachedProduct.bytesInStrips(width, keys));
      valuesAcross = workspace.take(CachedProduct.bytesInStrips(width, keys));
      keyRows = workspace.take(rowsOfKeys * rowPitch);
      keyGrads = workspace.take(rowsOfKeys * rowPitch);
      valueGrads = workspace.take(rowsOfKeys * rowPitch);
      block = workspace.take(BLOCK * rowPitch);
      grads = workspace.take(BLOCK * rowPitch);
      result = workspace.take(BLOCK * rowPitch);
      weights = workspace.take(BLOCK * scorePitch);
      weightGrads = workspace.take(BLOCK * scorePitch);
    }

    void compute(long head, Heads gradQ, Heads gradK, Heads gradV) {
      key.readTransposed(head, keysAcross, block, rowPitch);
      value.readTransposed(head, valuesAcross, block, rowPitch);
      key.read(head, 0, keys, 1, keyRows, rowPitch);
      ALL.asSlice(keyGrads, rowsOfKeys * rowPitch).fill((byte) 0);
      ALL.asSlice(valueGrads, rowsOfKeys * rowPitch).fill((byte) 0);
      for (int first = 0; first < queries; first += BLOCK) {
        add(head, first, Math.min(BLOCK, queries - first), gradQ);
      }
      for (int i = 0; i < keys; i++) {
        gradK.write(head, i, keyGrads + i * rowPitch, 1);
        gradV.write(head, i, valueGrads + i * rowPitch, 1);
      }
    }

    /// Writes the gradients of a block's queries, and adds what the block gives to those of keys and values.
    private void add(long head, int first, int count, Heads gradQ) {
      int met = counted(first + count);
      query.read(head, first, count, scale, block, rowPitch);
      grad.read(head, first, count, 1, grads, rowPitch);
      out.read(head, first, count, 1, result, rowPitch);
      CachedProduct.multiply(false, count, met, width, block, rowPitch, Float.BYTES, keysAcross, CachedProduct.STRIP_ROW,
          CachedProduct.strip(width), weights, scorePitch);
      CachedProduct.multiply(false, count, met, width, grads, rowPitch, Float.BYTES, valuesAcross, CachedProduct.STRIP_ROW,
          CachedProduct.strip(width), weightGrads, scorePitch);
      for (int i = 0; i < count; i++) {
        long row = weights + i * scorePitch;
        long rowGrad = weightGrads + i * scorePitch;
        int n = CachedProduct.padded(met);
        hide(row, first + i, CachedProduct.padded(met), Float.NEGATIVE_INFINITY);
        float total = ALL.get(FLOAT, place(logSumExp, head, first + i));
        exponential.run(row, row, row, row, row, row, total, 1, 0, 0, n);
        float mean = (float) Rows.sum(product, grads + i * rowPitch, result + i * rowPitch, 0, width);
        softmaxGradient.run(rowGrad, rowGrad, row, row, row, row, mean, 0, 0, 0, n);
      }
      CachedProduct.multiply(true, met, width, count, weights, Float.BYTES, scorePitch, grads, rowPitch, valueGrads, rowPitch);
      CachedProduct.multiply(true, met, width, count, weightGrads, Float.BYTES, scorePitch, block, rowPitch, keyGrads, rowPitch);
      CachedProduct.multiply(false, count, width, met, weightGrads, scorePitch, Float.BYTES, keyRows, rowPitch, result, rowPitch);
      for (int i = 0; i < count; i++) {
        gradQ.write(head, first + i, result + i * rowPitch, scale);
      }
    }
  }
}
