package org.flambeau.backend.cuda;

import java.lang.foreign.MemorySegment;
import org.flambeau.DType;
import org.flambeau.Reduction;
import org.flambeau.spi.Activation;
import org.flambeau.spi.BinaryOp;
import org.flambeau.spi.Chain;
import org.flambeau.spi.ConvSpec;
import org.flambeau.spi.Distribution;
import org.flambeau.spi.Epilogue;
import org.flambeau.spi.FusedOp;
import org.flambeau.spi.Kernels;
import org.flambeau.spi.PoolSpec;
import org.flambeau.spi.RandomSource;
import org.flambeau.spi.ReduceOp;
import org.flambeau.spi.ResizeSpec;
import org.flambeau.spi.ScanOp;
import org.flambeau.spi.ScatterOp;
import org.flambeau.spi.Strided;
import org.flambeau.spi.UnaryOp;
import org.jspecify.annotations.Nullable;

/// The kernels of one GPU, each in the class of its family.
final class CudaKernels implements Kernels {
  private final Gpu gpu;
  private final Elementwise elementwise;
  private final Chains chains;
  private final Reductions reductions;
  private final Scans scans;
  private final Ordering ordering;
  private final Indexing indexing;
  private final Pooling pooling;
  private final Resizing resizing;
  private final Masks masks;
  private final Making making;
  private final RandomDraws random;
  private final ParameterUpdates updates;
  private final CudnnContext.Pool cudnn;
  private final Convolutions convolutions;
  private final Attention attention;
  private final MatrixProducts products;
  private final NllLoss nllLoss;
  private final Softmax softmax;
  private final LayerNorm layerNorm;
  private final BatchNorm batchNorm;

  CudaKernels(Gpu gpu, KernelLibrary library) {
    this.gpu = gpu;
    this.elementwise = new Elementwise(gpu, library);
    this.chains = new Chains(library, elementwise);
    this.reductions = new Reductions(gpu, library);
    this.scans = new Scans(gpu, library);
    this.ordering = new Ordering(gpu, library);
    this.indexing = new Indexing(gpu, library);
    this.pooling = new Pooling(gpu, library);
    this.resizing = new Resizing(gpu, library);
    this.masks = new Masks(gpu, library);
    this.making = new Making(gpu, library);
    this.random = new RandomDraws(gpu, library, this::sort);
    this.updates = new ParameterUpdates(gpu, library);
    this.cudnn = new CudnnContext.Pool(gpu);
    CudnnPlans plans = new CudnnPlans(gpu);
    this.convolutions = new Convolutions(gpu, elementwise, cudnn, plans);
    this.attention = new Attention(gpu, library, new CudnnAttention(gpu, elementwise, cudnn, plans));
    this.products = new MatrixProducts(gpu, library, elementwise, new CudnnProducts(gpu, cudnn, plans));
    this.nllLoss = new NllLoss(gpu, library);
    this.softmax = new Softmax(gpu, library, nllLoss);
    this.layerNorm = new LayerNorm(gpu, library);
    this.batchNorm = new BatchNorm(gpu, library, elementwise);
  }

  /// What libraries make when they are first used, made now: while a graph is captured, they may wait for the GPU over it, which is forbidden then.
  ///
  /// @return cuDNN's, for the caller alone until it is closed
  CudnnContext libraries() {
    products.open();
    return cudnn.take();
  }

  // ---- moving and filling ----

  @Override
  public void fill(Strided out, Strided value) {
    elementwise.copy(out, value);
  }

  @Override
  public void copy(Strided out, Strided x) {
    elementwise.copy(out, x);
  }

  @Override
  public void flip(Strided out, Strided x, int... dims) {
    elementwise.copy(out, x.reversed(dims));
  }

  @Override
  public void copyFromHost(Strided out, MemorySegment host) {
    gpu.hostCopies().toDevice(out.address(), host, out.numel() * out.dtype().size());
  }

  @Override
  public void copyToHost(MemorySegment host, Strided x) {
    gpu.hostCopies().toHost(host, x.address(), x.numel() * x.dtype().size());
  }

  // ---- element-wise ----

  @Override
  public void unary(UnaryOp op, Strided out, Strided x) {
    elementwise.unary(op, out, x);
  }

  @Override
  public void binary(BinaryOp op, Strided out, Strided a, Strided b) {
    elementwise.binary(op, out, a, b);
  }

  @Override
  public void addScaled(Strided out, Strided a, Strided b, double alpha) {
    elementwise.addScaled(out, a, b, alpha);
  }

  @Override
  public void where(Strided out, Strided condition, Strided a, Strided b) {
    elementwise.where(out, condition, a, b);
  }

  @Override
  public void clamp(Strided out, Strided x, double low, double high) {
    elementwise.clamp(out, x, low, high);
  }

  @Override
  public void leakyRelu(Strided out, Strided x, double slope) {
    elementwise.leakyRelu(out, x, slope);
  }

  @Override
  public void elu(Strided out, Strided x, double alpha, double scale) {
    elementwise.elu(out, x, alpha, scale);
  }

  // ---- reductions and scans ----

  @Override
  public void reduce(ReduceOp op, Strided out, Strided x, double parameter) {
    reductions.reduce(op, out, x, parameter);
  }

  @Override
  public void argReduce(boolean largest, @Nullable Strided values, Strided indices, Strided x, int dim) {
    reductions.argReduce(largest, values, indices, x, dim);
  }

  @Override
  public void scan(ScanOp op, Strided out, Strided x, int dim) {
    scans.scan(op, out, x, dim);
  }

  @Override
  public void sort(Strided values, Strided indices, Strided x, int dim, boolean descending) {
    ordering.sort(values, indices, x, dim, descending);
  }

  @Override
  public void topk(Strided values, Strided indices, Strided x, int dim, boolean largest) {
    ordering.topk(values, indices, x, dim, largest);
  }

  // ---- linear algebra ----

  @Override
  public void matmul(Strided out, Strided a, Strided b) {
    products.matmul(out, a, b);
  }

  @Override
  public void conv2d(Strided out, Strided x, Strided weight, @Nullable Strided bias, ConvSpec spec) {
    convolutions.forward(out, x, weight, Epilogue.ofBias(bias), spec);
  }

  @Override
  public void conv2dBackwardInput(Strided gradX, Strided grad, Strided weight, ConvSpec spec) {
    convolutions.backwardInput(gradX, grad, weight, spec);
  }

  @Override
  public void conv2dBackwardWeight(Strided gradWeight, Strided grad, Strided x, ConvSpec spec) {
    convolutions.backwardWeight(gradWeight, grad, x, spec);
  }

  @Override
  public void maxPool2d(Strided out, @Nullable Strided indices, Strided x, PoolSpec spec) {
    pooling.max(out, indices, x, spec);
  }

  @Override
  public void maxPool2dBackward(Strided gradX, Strided grad, Strided indices, @Nullable PoolSpec spec) {
    if (spec != null) {
      pooling.maxBackward(gradX, grad, indices, spec);
    } else {
      fill(gradX, Elementwise.number(0));
      indexing.addInPlanes(gradX, indices, grad);
    }
  }

  @Override
  public void avgPool2d(Strided out, Strided x, PoolSpec spec) {
    pooling.average(out, x, spec);
  }

  @Override
  public void avgPool2dBackward(Strided gradX, Strided grad, PoolSpec spec) {
    pooling.averageBackward(gradX, grad, spec);
  }

  @Override
  public void adaptiveAvgPool2d(Strided out, Strided x) {
    pooling.adaptive(out, x);
  }

  @Override
  public void adaptiveAvgPool2dBackward(Strided gradX, Strided grad) {
    pooling.adaptiveBackward(gradX, grad);
  }

  @Override
  public boolean prefersChannelsLast(DType dtype) {
    return convolutions.preferChannelsLast(dtype);
  }

  @Override
  public void resize(Strided out, Strided x, ResizeSpec resize) {
    resizing.forward(out, x, resize);
  }

  @Override
  public void resizeBackward(Strided gradX, Strided grad, ResizeSpec resize) {
    resizing.backward(gradX, grad, resize);
  }

  // ---- indexing ----

  @Override
  public void gather(Strided out, Strided x, int dim, Strided index) {
    indexing.gather(out, x, dim, index);
  }

  @Override
  public void scatter(ScatterOp op, Strided out, int dim, Strided index, Strided source) {
    indexing.scatter(op, out, dim, index, source);
  }

  @Override
  public void indexSelect(Strided out, Strided x, int dim, Strided index) {
    indexing.indexSelect(out, x, dim, index);
  }

  @Override
  public void indexAdd(Strided out, int dim, Strided index, Strided source, double alpha) {
    indexing.indexAdd(out, dim, index, source, alpha);
  }

  @Override
  public void index(Strided out, Strided x, Strided[] indices) {
    indexing.index(out, x, indices);
  }

  @Override
  public void indexPut(Strided out, Strided[] indices, Strided values, boolean accumulate) {
    indexing.indexPut(out, indices, values, accumulate);
  }

  @Override
  public long countNonzero(Strided x) {
    return masks.countNonzero(x);
  }

  @Override
  public void nonzero(Strided out, Strided x) {
    masks.nonzero(out, x);
  }

  @Override
  public void maskedSelect(Strided out, Strided x, Strided mask) {
    masks.maskedSelect(out, x, mask);
  }

  @Override
  public void maskedScatter(Strided out, Strided mask, Strided source) {
    masks.maskedScatter(out, mask, source);
  }

  // ---- making ----

  @Override
  public void arange(Strided out, double start, double step) {
    making.arange(out, start, step);
  }

  @Override
  public void triangle(Strided out, Strided x, long diagonal, boolean upper) {
    making.triangle(out, x, diagonal, upper);
  }

  @Override
  public void random(Distribution distribution, Strided out, RandomSource source, double a, double b) {
    random.fill(distribution, out, source, a, b);
  }

  @Override
  public void bernoulli(Strided out, Strided probability, RandomSource source) {
    random.bernoulli(out, probability, source);
  }

  @Override
  public void permutation(Strided out, RandomSource source) {
    random.permutation(out, source);
  }

  // ---- fused ----

  @Override
  public boolean supports(FusedOp op, Strided... operands) {
    return switch (op) {
      case ATTENTION -> attention.supports(operands);
      case SOFTMAX, LOG_SOFTMAX, LAYER_NORM, ADD_LAYER_NORM, BATCH_NORM, LINEAR, CONV2D, CROSS_ENTROPY, NLL_LOSS, SGD_STEP, ADAM_STEP,
          MULTI_TENSOR_NORM, MULTI_TENSOR_SCALE ->
        operands[0].dtype().isFloating();
      case WIDE_PRODUCT -> operands[0].dtype() == DType.BFLOAT16 || operands[0].dtype() == DType.FLOAT16;
      case CHAIN -> true;
      case RUNNING_EXTREMUM, ORDER_STATISTIC, LOG_SUM_EXP, RMS_NORM, GROUP_NORM -> false;
      case SCALED_CONV2D -> false; // cuDNN's fastest engines have no factor: a weight that was scaled once serves them better
    };
  }

  @Override
  public void softmax(Strided out, Strided x, int dim, boolean log) {
    softmax.forward(out, x, dim, log);
  }

  @Override
  public void softmaxBackward(Strided gradX, Strided grad, Strided result, int dim, boolean log) {
    softmax.backward(gradX, grad, result, dim, log);
  }

  @Override
  public void layerNorm(Strided out, Strided mean, Strided rstd, Strided x, @Nullable Strided weight, @Nullable Strided bias, double eps) {
    layerNorm.forward(null, out, mean, rstd, x, null, weight, bias, eps);
  }

  @Override
  public void layerNormBackward(@Nullable Strided gradX, @Nullable Strided gradWeight, @Nullable Strided gradBias, Strided grad, Strided x,
      Strided mean, Strided rstd, @Nullable Strided weight) {
    layerNorm.backward(gradX, gradWeight, gradBias, null, grad, x, mean, rstd, weight);
  }

  @Override
  public void addLayerNorm(Strided sum, Strided out, Strided mean, Strided rstd, Strided x, Strided residual, @Nullable Strided weight,
      @Nullable Strided bias, double eps) {
    layerNorm.forward(sum, out, mean, rstd, x, residual, weight, bias, eps);
  }

  @Override
  public void addLayerNormBackward(Strided gradX, @Nullable Strided gradWeight, @Nullable Strided gradBias, Strided gradSum, Strided grad,
      Strided sum, Strided mean, Strided rstd, @Nullable Strided weight) {
    layerNorm.backward(gradX, gradWeight, gradBias, gradSum, grad, sum, mean, rstd, weight);
  }

  @Override
  public void batchNormStatistics(Strided mean, Strided rstd, Strided x, @Nullable Strided runningMean, @Nullable Strided runningVar,
      @Nullable Strided batches, double momentum, double eps) {
    batchNorm.statistics(mean, rstd, x, runningMean, runningVar, batches, momentum, eps);
  }

  @Override
  public void batchNormApply(Strided out, Strided x, Strided mean, Strided rstd, @Nullable Strided weight, @Nullable Strided bias,
      @Nullable Strided residual, Activation activation) {
    batchNorm.apply(out, x, mean, rstd, weight, bias, residual, activation);
  }

  @Override
  public void batchNormEvaluate(Strided out, Strided rstd, Strided x, Strided mean, Strided var, @Nullable Strided weight,
      @Nullable Strided bias, @Nullable Strided residual, Activation activation, Strided eps) {
    batchNorm.evaluate(out, rstd, x, mean, var, weight, bias, residual, activation, eps.scalarDouble());
  }

  @Override
  public void batchNormBackward(@Nullable Strided gradX, @Nullable Strided gradWeight, @Nullable Strided gradBias,
      @Nullable Strided gradResidual, Strided grad, @Nullable Strided y, Strided x, Strided mean, Strided rstd, @Nullable Strided weight,
      boolean training) {
    batchNorm.backward(gradX, gradWeight, gradBias, gradResidual, grad, y, x, mean, rstd, weight, training);
  }

  @Override
  public void crossEntropy(Reduction reduction, Strided out, Strided total, Strided logSumExp, Strided logits, Strided target,
      long ignoreIndex) {
    softmax.crossEntropy(reduction, out, total, logSumExp, logits, target, ignoreIndex);
  }

  @Override
  public void crossEntropyBackward(Strided gradLogits, Strided grad, @Nullable Strided total, Strided logits, Strided logSumExp,
      Strided target, long ignoreIndex) {
    softmax.crossEntropyBackward(gradLogits, grad, total, logits, logSumExp, target, ignoreIndex);
  }

  @Override
  public void nllLoss(Reduction reduction, Strided out, Strided total, Strided x, Strided target, @Nullable Strided weight,
      long ignoreIndex) {
    nllLoss.forward(reduction, out, total, x, target, weight, ignoreIndex);
  }

  @Override
  public void nllLossBackward(Strided gradX, Strided grad, @Nullable Strided total, Strided target, @Nullable Strided weight,
      long ignoreIndex) {
    nllLoss.backward(gradX, grad, total, target, weight, ignoreIndex);
  }

  @Override
  public void linear(Strided out, Strided x, Strided weight, @Nullable Strided bias, Activation activation) {
    products.linear(out, x, weight, bias, activation);
  }

  @Override
  public void linearBackwardWeight(Strided gradWeight, Strided gradBias, Strided grad, Strided x) {
    if (!products.linearBackwardWeight(gradWeight, gradBias, grad, x)) {
      try (var copies = new Copies(gpu, elementwise)) {
        Strided sums = gradBias.with(gradBias.offset(), new long[] {1, gradBias.numel()}, new long[] {gradBias.numel(), 1});
        reduce(ReduceOp.SUM, sums, copies.in(gradBias.dtype(), grad), 0);
      }
    }
  }

  @Override
  public void fusedConv2d(Strided out, Strided x, Strided weight, Epilogue epilogue, ConvSpec spec) {
    convolutions.forward(out, x, weight, epilogue, spec);
  }

  @Override
  public void attention(Strided out, Strided logSumExp, Strided q, Strided k, Strided v, double scale, boolean causal) {
    attention.forward(out, logSumExp, q, k, v, scale, causal);
  }

  @Override
  public void attentionBackward(Strided gradQ, Strided gradK, Strided gradV, Strided grad, Strided out, Strided logSumExp, Strided q,
      Strided k, Strided v, double scale, boolean causal) {
    attention.backward(gradQ, gradK, gradV, grad, out, logSumExp, q, k, v, scale, causal);
  }

  @Override
  public void sgdStep(Strided[] parameters, Strided[] gradients, Strided @Nullable [] velocities, boolean firstStep, Strided lr,
      double momentum, double dampening, double weightDecay, boolean nesterov, boolean maximize) {
    updates.sgd(parameters, gradients, velocities, firstStep, lr, momentum, dampening, weightDecay, nesterov, maximize);
  }

  @Override
  public void adamStep(Strided[] parameters, Strided[] gradients, Strided[] averages, Strided[] squares, Strided @Nullable [] largest,
      Strided lr, Strided step, double beta1, double beta2, double eps, double weightDecay, boolean decoupled, boolean maximize) {
    updates.adam(parameters, gradients, averages, squares, largest, lr, step, beta1, beta2, eps, weightDecay, decoupled, maximize);
  }

  @Override
  public void multiTensorNorm(Strided out, Strided[] xs, double order) {
    reductions.norm(out, xs, order);
  }

  @Override
  public void multiTensorScale(Strided[] xs, Strided factor) {
    updates.scale(xs, factor);
  }

  @Override
  public void chain(Chain chain, Strided out, Strided... operands) {
    chains.run(chain, out, operands);
  }
}
