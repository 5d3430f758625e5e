package org.flambeau.internal.compile;

import static org.flambeau.internal.compile.Instruction.given;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.stream.Stream;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.Reduction;
import org.flambeau.spi.Activation;
import org.flambeau.spi.BinaryOp;
import org.flambeau.spi.Chain;
import org.flambeau.spi.ConvSpec;
import org.flambeau.spi.Distribution;
import org.flambeau.spi.Epilogue;
import org.flambeau.spi.FusedOp;
import org.flambeau.spi.Kernels;
import org.flambeau.spi.OrderStatistic;
import org.flambeau.spi.Pointwise;
import org.flambeau.spi.PoolSpec;
import org.flambeau.spi.RandomSource;
import org.flambeau.spi.ReduceOp;
import org.flambeau.spi.ResizeSpec;
import org.flambeau.spi.ScanOp;
import org.flambeau.spi.ScatterOp;
import org.flambeau.spi.Strided;
import org.flambeau.spi.UnaryOp;
import org.jspecify.annotations.Nullable;

/// The kernels of a device, whose calls a [Recorder] writes down.
final class RecordingKernels implements Kernels {
  private static final String GRADIENTS = "it computes gradients";
  private static final String UPDATES = "it updates parameters";
  static final String HOST = "it brings values to the host";

  private final Recorder recorder;
  private final Device device;
  private final Kernels inner;

  RecordingKernels(Recorder recorder, Device device, Kernels inner) {
    this.recorder = recorder;
    this.device = device;
    this.inner = inner;
  }

  Device device() {
    return device;
  }

  Kernels inner() {
    return inner;
  }

  // ---- how calls are written down ----

  private static Strided[] to(Strided... writes) {
    return writes;
  }

  private static @Nullable Strided[] from(@Nullable Strided... reads) {
    return reads;
  }

  private void call(Instruction.Call call, Strided[] writes, @Nullable Strided[] reads) {
    recorder.issue(this, call, writes, reads, false, Instruction.Effect.NONE);
  }

  /// A call that looks whether its operands are in range.
  private void checked(Instruction.Call call, Strided[] writes, @Nullable Strided[] reads) {
    recorder.issue(this, call, writes, reads, false, Instruction.Effect.CHECKS);
  }

  private void elementwise(Pointwise function, Strided out, Strided... operands) {
    call(new Instruction.Elementwise(function), to(out), operands);
  }

  /// A call that reads what it overwrites, or overwrites it in part.
  private void update(Instruction.Call call, Strided out, @Nullable Strided[] reads) {
    recorder.issue(this, call, to(out), reads, true, Instruction.Effect.CHECKS);
  }

  private void draw(Instruction.Call call, Strided out, RandomSource source, @Nullable Strided... reads) {
    recorder.issue(this, (k, w, r) -> {
      synchronized (source) {
        call.run(k, w, r);
      }
    }, to(out), reads, false, Instruction.Effect.DRAWS);
  }

  private Kernels refused(String why) {
    recorder.refuse(why);
    return inner;
  }

  // ---- moving and filling ----

  @Override
  public void fill(Strided out, Strided value) {
    call((k, w, r) -> k.fill(w[0], given(r[0])), to(out), from(value));
  }

  @Override
  public void copy(Strided out, Strided x) {
    elementwise(new Pointwise.Copy(), out, x);
  }

  @Override
  public void flip(Strided out, Strided x, int... dims) {
    call((k, w, r) -> k.flip(w[0], given(r[0]), dims), to(out), from(x));
  }

  @Override
  public void copyFromHost(Strided out, MemorySegment host) {
    inner.copyFromHost(out, host);
    recorder.hostWrote(this, out);
  }

  @Override
  public void copyToHost(MemorySegment host, Strided x) {
    refused(HOST).copyToHost(host, x);
  }

  // ---- element-wise ----

  @Override
  public void unary(UnaryOp op, Strided out, Strided x) {
    elementwise(new Pointwise.Unary(op), out, x);
  }

  @Override
  public void binary(BinaryOp op, Strided out, Strided a, Strided b) {
    boolean divides = op == BinaryOp.FLOOR_DIVIDE || op == BinaryOp.TRUNC_DIVIDE || op == BinaryOp.REMAINDER || op == BinaryOp.FMOD;
    recorder.issue(this, new Instruction.Elementwise(new Pointwise.Binary(op)), to(out), from(a, b), false,
        divides && out.dtype().isIntegral() ? Instruction.Effect.CHECKS : Instruction.Effect.NONE);
  }

  @Override
  public void addScaled(Strided out, Strided a, Strided b, double alpha) {
    elementwise(new Pointwise.AddScaled(alpha), out, a, b);
  }

  @Override
  public void where(Strided out, Strided condition, Strided a, Strided b) {
    elementwise(new Pointwise.Where(), out, condition, a, b);
  }

  @Override
  public void clamp(Strided out, Strided x, double low, double high) {
    elementwise(new Pointwise.Clamp(low, high), out, x);
  }

  @Override
  public void leakyRelu(Strided out, Strided x, double slope) {
    elementwise(new Pointwise.LeakyRelu(slope), out, x);
  }

  @Override
  public void elu(Strided out, Strided x, double alpha, double scale) {
    elementwise(new Pointwise.Elu(alpha, scale), out, x);
  }

  // ---- reductions and scans ----

  @Override
  public void reduce(ReduceOp op, Strided out, Strided x, double parameter) {
    call((k, w, r) -> k.reduce(op, w[0], given(r[0]), parameter), to(out), from(x));
  }

  @Override
  public void argReduce(boolean largest, @Nullable Strided values, Strided indices, Strided x, int dim) {
    if (values == null) {
      call((k, w, r) -> k.argReduce(largest, null, w[0], given(r[0]), dim), to(indices), from(x));
    } else {
      call((k, w, r) -> k.argReduce(largest, w[0], w[1], given(r[0]), dim), to(values, indices), from(x));
    }
  }

  @Override
  public void scan(ScanOp op, Strided out, Strided x, int dim) {
    call((k, w, r) -> k.scan(op, w[0], given(r[0]), dim), to(out), from(x));
  }

  @Override
  public void sort(Strided values, Strided indices, Strided x, int dim, boolean descending) {
    call((k, w, r) -> k.sort(w[0], w[1], given(r[0]), dim, descending), to(values, indices), from(x));
  }

  @Override
  public void topk(Strided values, Strided indices, Strided x, int dim, boolean largest) {
    call((k, w, r) -> k.topk(w[0], w[1], given(r[0]), dim, largest), to(values, indices), from(x));
  }

  // ---- linear algebra ----

  @Override
  public void matmul(Strided out, Strided a, Strided b) {
    call((k, w, r) -> k.matmul(w[0], given(r[0]), given(r[1])), to(out), from(a, b));
  }

  @Override
  public void linear(Strided out, Strided x, Strided weight, @Nullable Strided bias, Activation activation) {
    call(new Instruction.LinearMap(activation), to(out), from(x, weight, bias));
  }

  @Override
  public void conv2d(Strided out, Strided x, Strided weight, @Nullable Strided bias, ConvSpec spec) {
    fusedConv2d(out, x, weight, Epilogue.ofBias(bias), spec);
  }

  @Override
  public void fusedConv2d(Strided out, Strided x, Strided weight, Epilogue epilogue, ConvSpec spec) {
    call(new Instruction.Convolution(spec, epilogue.activation()), to(out),
        from(x, weight, epilogue.scale(), epilogue.bias(), epilogue.residual()));
  }

  /// This is a transposed convolution's forward, too.
  @Override
  public void conv2dBackwardInput(Strided gradX, Strided grad, Strided weight, ConvSpec spec) {
    call((k, w, r) -> k.conv2dBackwardInput(w[0], given(r[0]), given(r[1]), spec), to(gradX), from(grad, weight));
  }

  // ---- pooling ----

  @Override
  public void maxPool2d(Strided out, @Nullable Strided indices, Strided x, PoolSpec spec) {
    if (indices == null) {
      call((k, w, r) -> k.maxPool2d(w[0], null, given(r[0]), spec), to(out), from(x));
    } else {
      call((k, w, r) -> k.maxPool2d(w[0], w[1], given(r[0]), spec), to(out, indices), from(x));
    }
  }

  @Override
  public void avgPool2d(Strided out, Strided x, PoolSpec spec) {
    call((k, w, r) -> k.avgPool2d(w[0], given(r[0]), spec), to(out), from(x));
  }

  @Override
  public void adaptiveAvgPool2d(Strided out, Strided x) {
    call((k, w, r) -> k.adaptiveAvgPool2d(w[0], given(r[0])), to(out), from(x));
  }

  @Override
  public void resize(Strided out, Strided x, ResizeSpec resize) {
    call((k, w, r) -> k.resize(w[0], given(r[0]), resize), to(out), from(x));
  }

  // ---- indexing ----

  @Override
  public void gather(Strided out, Strided x, int dim, Strided index) {
    checked((k, w, r) -> k.gather(w[0], given(r[0]), dim, given(r[1])), to(out), from(x, index));
  }

  @Override
  public void scatter(ScatterOp op, Strided out, int dim, Strided index, Strided source) {
    update((k, w, r) -> k.scatter(op, w[0], dim, given(r[0]), given(r[1])), out, from(index, source));
  }

  @Override
  public void indexSelect(Strided out, Strided x, int dim, Strided index) {
    checked((k, w, r) -> k.indexSelect(w[0], given(r[0]), dim, given(r[1])), to(out), from(x, index));
  }

  @Override
  public void indexAdd(Strided out, int dim, Strided index, Strided source, double alpha) {
    update((k, w, r) -> k.indexAdd(w[0], dim, given(r[0]), given(r[1]), alpha), out, from(index, source));
  }

  @Override
  public void index(Strided out, Strided x, Strided[] indices) {
    int count = indices.length;
    checked((k, w, r) -> k.index(w[0], given(r[0]), given(r, 1, 1 + count)), to(out), joined(x, indices));
  }

  @Override
  public void indexPut(Strided out, Strided[] indices, Strided values, boolean accumulate) {
    int count = indices.length;
    update((k, w, r) -> k.indexPut(w[0], given(r, 1, 1 + count), given(r[0]), accumulate), out, joined(values, indices));
  }

  private static Strided[] joined(Strided first, Strided[] rest) {
    return Stream.concat(Stream.of(first), Arrays.stream(rest)).toArray(Strided[]::new);
  }

  @Override
  public long countNonzero(Strided x) {
    return refused(HOST).countNonzero(x);
  }

  @Override
  public void nonzero(Strided out, Strided x) {
    refused(HOST).nonzero(out, x);
  }

  @Override
  public void maskedSelect(Strided out, Strided x, Strided mask) {
    refused(HOST).maskedSelect(out, x, mask);
  }

  @Override
  public void maskedScatter(Strided out, Strided mask, Strided source) {
    update((k, w, r) -> k.maskedScatter(w[0], given(r[0]), given(r[1])), out, from(mask, source));
  }

  // ---- making ----

  @Override
  public void arange(Strided out, double start, double step) {
    call((k, w, _) -> k.arange(w[0], start, step), to(out), from());
  }

  @Override
  public void triangle(Strided out, Strided x, long diagonal, boolean upper) {
    call((k, w, r) -> k.triangle(w[0], given(r[0]), diagonal, upper), to(out), from(x));
  }

  @Override
  public void random(Distribution distribution, Strided out, RandomSource source, double a, double b) {
    draw((k, w, _) -> k.random(distribution, w[0], source, a, b), out, source);
  }

  @Override
  public void bernoulli(Strided out, Strided probability, RandomSource source) {
    draw((k, w, r) -> k.bernoulli(w[0], given(r[0]), source), out, source, probability);
  }

  @Override
  public void permutation(Strided out, RandomSource source) {
    draw((k, w, _) -> k.permutation(w[0], source), out, source);
  }

  // ---- fused ----

  @Override
  public boolean prefersChannelsLast(DType dtype) {
    return inner.prefersChannelsLast(dtype);
  }

  @Override
  public long bytesInCache() {
    return inner.bytesInCache();
  }

  @Override
  public boolean supports(FusedOp op, Strided... operands) {
    return inner.supports(op, operands);
  }

  @Override
  public void orderStatistic(OrderStatistic statistic, long k, Strided values, Strided indices, Strided x, int dim) {
    call((kernels, w, r) -> kernels.orderStatistic(statistic, k, w[0], w[1], given(r[0]), dim), to(values, indices), from(x));
  }

  @Override
  public void runningExtremum(boolean largest, Strided values, Strided indices, Strided x, int dim) {
    call((k, w, r) -> k.runningExtremum(largest, w[0], w[1], given(r[0]), dim), to(values, indices), from(x));
  }

  @Override
  public void logSumExp(Strided out, Strided x) {
    call((k, w, r) -> k.logSumExp(w[0], given(r[0])), to(out), from(x));
  }

  @Override
  public void softmax(Strided out, Strided x, int dim, boolean log) {
    call((k, w, r) -> k.softmax(w[0], given(r[0]), dim, log), to(out), from(x));
  }

  @Override
  public void layerNorm(Strided out, Strided mean, Strided rstd, Strided x, @Nullable Strided weight, @Nullable Strided bias, double eps) {
    call((k, w, r) -> k.layerNorm(w[0], w[1], w[2], given(r[0]), r[1], r[2], eps), to(out, mean, rstd), from(x, weight, bias));
  }

  @Override
  public void addLayerNorm(Strided sum, Strided out, Strided mean, Strided rstd, Strided x, Strided residual, @Nullable Strided weight,
      @Nullable Strided bias, double eps) {
    call((k, w, r) -> k.addLayerNorm(w[0], w[1], w[2], w[3], given(r[0]), given(r[1]), r[2], r[3], eps), to(sum, out, mean, rstd),
        from(x, residual, weight, bias));
  }

  @Override
  public void rmsNorm(Strided out, Strided rrms, Strided x, @Nullable Strided weight, double eps) {
    call((k, w, r) -> k.rmsNorm(w[0], w[1], given(r[0]), r[1], eps), to(out, rrms), from(x, weight));
  }

  @Override
  public void groupNorm(Strided out, Strided mean, Strided rstd, Strided x, @Nullable Strided weight, @Nullable Strided bias, double eps) {
    call((k, w, r) -> k.groupNorm(w[0], w[1], w[2], given(r[0]), r[1], r[2], eps), to(out, mean, rstd), from(x, weight, bias));
  }

  @Override
  public void batchNormStatistics(Strided mean, Strided rstd, Strided x, @Nullable Strided runningMean, @Nullable Strided runningVar,
      @Nullable Strided batches, double momentum, double eps) {
    if (runningMean == null && runningVar == null && batches == null) {
      call((k, w, r) -> k.batchNormStatistics(w[0], w[1], given(r[0]), null, null, null, momentum, eps), to(mean, rstd), from(x));
    } else {
      refused("it moves running statistics").batchNormStatistics(mean, rstd, x, runningMean, runningVar, batches, momentum, eps);
    }
  }

  @Override
  public void batchNormApply(Strided out, Strided x, Strided mean, Strided rstd, @Nullable Strided weight, @Nullable Strided bias,
      @Nullable Strided residual, Activation activation) {
    call(new Instruction.Normalization(activation), to(out), from(x, mean, rstd, weight, bias, residual));
  }

  @Override
  public void attention(Strided out, Strided logSumExp, Strided q, Strided k, Strided v, double scale, boolean causal) {
    call((kernels, w, r) -> kernels.attention(w[0], w[1], given(r[0]), given(r[1]), given(r[2]), scale, causal), to(out, logSumExp),
        from(q, k, v));
  }

  @Override
  public void crossEntropy(Reduction reduction, Strided out, Strided total, Strided logSumExp, Strided logits, Strided target,
      long ignoreIndex) {
    checked((k, w, r) -> k.crossEntropy(reduction, w[0], w[1], w[2], given(r[0]), given(r[1]), ignoreIndex), to(out, total, logSumExp),
        from(logits, target));
  }

  @Override
  public void nllLoss(Reduction reduction, Strided out, Strided total, Strided x, Strided target, @Nullable Strided weight,
      long ignoreIndex) {
    checked((k, w, r) -> k.nllLoss(reduction, w[0], w[1], given(r[0]), given(r[1]), r[2], ignoreIndex), to(out, total),
        from(x, target, weight));
  }

  @Override
  public void chain(Chain chain, Strided out, Strided... operands) {
    call(new Instruction.Chained(chain), to(out), operands);
  }

  // ---- what no forward pass calls ----

  @Override
  public void conv2dBackwardWeight(Strided gradWeight, Strided grad, Strided x, ConvSpec spec) {
    refused(GRADIENTS).conv2dBackwardWeight(gradWeight, grad, x, spec);
  }

  @Override
  public void maxPool2dBackward(Strided gradX, Strided grad, Strided indices, @Nullable PoolSpec spec) {
    refused(GRADIENTS).maxPool2dBackward(gradX, grad, indices, spec);
  }

  @Override
  public void avgPool2dBackward(Strided gradX, Strided grad, PoolSpec spec) {
    refused(GRADIENTS).avgPool2dBackward(gradX, grad, spec);
  }

  @Override
  public void adaptiveAvgPool2dBackward(Strided gradX, Strided grad) {
    refused(GRADIENTS).adaptiveAvgPool2dBackward(gradX, grad);
  }

  @Override
  public void resizeBackward(Strided gradX, Strided grad, ResizeSpec resize) {
    refused(GRADIENTS).resizeBackward(gradX, grad, resize);
  }

  @Override
  public void softmaxBackward(Strided gradX, Strided grad, Strided result, int dim, boolean log) {
    refused(GRADIENTS).softmaxBackward(gradX, grad, result, dim, log);
  }

  @Override
  public void layerNormBackward(@Nullable Strided gradX, @Nullable Strided gradWeight, @Nullable Strided gradBias, Strided grad, Strided x,
      Strided mean, Strided rstd, @Nullable Strided weight) {
    refused(GRADIENTS).layerNormBackward(gradX, gradWeight, gradBias, grad, x, mean, rstd, weight);
  }

  @Override
  public void addLayerNormBackward(Strided gradX, @Nullable Strided gradWeight, @Nullable Strided gradBias, Strided gradSum, Strided grad,
      Strided sum, Strided mean, Strided rstd, @Nullable Strided weight) {
    refused(GRADIENTS).addLayerNormBackward(gradX, gradWeight, gradBias, gradSum, grad, sum, mean, rstd, weight);
  }

  @Override
  public void rmsNormBackward(@Nullable Strided gradX, @Nullable Strided gradWeight, Strided grad, Strided x, Strided rrms,
      @Nullable Strided weight) {
    refused(GRADIENTS).rmsNormBackward(gradX, gradWeight, grad, x, rrms, weight);
  }

  @Override
  public void groupNormBackward(@Nullable Strided gradX, @Nullable Strided gradWeight, @Nullable Strided gradBias, Strided grad, Strided x,
      Strided mean, Strided rstd, @Nullable Strided weight) {
    refused(GRADIENTS).groupNormBackward(gradX, gradWeight, gradBias, grad, x, mean, rstd, weight);
  }

  @Override
  public void batchNormBackward(@Nullable Strided gradX, @Nullable Strided gradWeight, @Nullable Strided gradBias,
      @Nullable Strided gradResidual, Strided grad, @Nullable Strided y, Strided x, Strided mean, Strided rstd, @Nullable Strided weight,
      boolean training) {
    refused(GRADIENTS).batchNormBackward(gradX, gradWeight, gradBias, gradResidual, grad, y, x, mean, rstd, weight, training);
  }

  @Override
  public void linearBackwardWeight(Strided gradWeight, Strided gradBias, Strided grad, Strided x) {
    refused(GRADIENTS).linearBackwardWeight(gradWeight, gradBias, grad, x);
  }

  @Override
  public void attentionBackward(Strided gradQ, Strided gradK, Strided gradV, Strided grad, Strided out, Strided logSumExp, Strided q,
      Strided k,
      Strided v, double scale, boolean causal) {
    refused(GRADIENTS).attentionBackward(gradQ, gradK, gradV, grad, out, logSumExp, q, k, v, scale, causal);
  }

  @Override
  public void crossEntropyBackward(Strided gradLogits, Strided grad, @Nullable Strided total, Strided logits, Strided logSumExp,
      Strided target, long ignoreIndex) {
    refused(GRADIENTS).crossEntropyBackward(gradLogits, grad, total, logits, logSumExp, target, ignoreIndex);
  }

  @Override
  public void nllLossBackward(Strided gradX, Strided grad, @Nullable Strided total, Strided target, @Nullable Strided weight,
      long ignoreIndex) {
    refused(GRADIENTS).nllLossBackward(gradX, grad, total, target, weight, ignoreIndex);
  }

  @Override
  public void sgdStep(Strided[] parameters, Strided[] gradients, Strided @Nullable [] velocities, boolean firstStep, Strided lr,
      double momentum,
      double dampening, double weightDecay, boolean nesterov, boolean maximize) {
    refused(UPDATES).sgdStep(parameters, gradients, velocities, firstStep, lr, momentum, dampening, weightDecay, nesterov, maximize);
  }

  @Override
  public void adamStep(Strided[] parameters, Strided[] gradients, Strided[] averages, Strided[] squares, Strided @Nullable [] largest,
      Strided lr,
      Strided step, double beta1, double beta2, double eps, double weightDecay, boolean decoupled, boolean maximize) {
    refused(UPDATES).adamStep(parameters, gradients, averages, squares, largest, lr, step, beta1, beta2, eps, weightDecay, decoupled,
        maximize);
  }

  @Override
  public void multiTensorNorm(Strided out, Strided[] xs, double order) {
    call((k, w, r) -> k.multiTensorNorm(w[0], given(r), order), to(out), xs);
  }

  @Override
  public void multiTensorScale(Strided[] xs, Strided factor) {
    refused(UPDATES).multiTensorScale(xs, factor);
  }
}
