package org.flambeau.spi;

import java.lang.foreign.MemorySegment;
import org.flambeau.DType;
import org.flambeau.Reduction;
import org.jspecify.annotations.Nullable;

/// The computations of one device, bound to a stream: about fifty families, to which core reduces every operation.
///
/// Core has checked shapes, dtypes and devices, promoted and broadcast the operands, and allocated `out`: a kernel only
/// computes. Unless it says otherwise: all operands have one dtype, which is also `out`'s; element-wise operands have
/// `out`'s sizes (broadcast dimensions have stride 0), except that any of them may be a host scalar
/// ([Strided#isHostScalar()]) of any dtype; `out` overlaps an operand only if it is that operand's very layout; `out`
/// has no two indices at one place; any size may be 0. float16 and bfloat16 compute in float32 and round once. Integral
/// arithmetic wraps. No method returns a value to the host but those that say so, and none waits for the device but
/// these.
public interface Kernels {

  // ---- moving and filling ----

  /// Sets every element to a host scalar's value, cast to `out`'s dtype.
  void fill(Strided out, Strided value);

  /// Copies `x` into `out` of the same sizes, casting where the dtypes differ; both on this device. Casts follow
  /// PyTorch: float to integral truncates, to bool asks whether it is not zero, to half precision rounds to nearest even.
  void copy(Strided out, Strided x);

  /// Copies `x` into `out` of the same sizes and dtype, in reverse order along each of `dims`.
  void flip(Strided out, Strided x, int... dims);

  /// Copies host bytes into `out`, which is contiguous. `host` may be reused when this returns.
  void copyFromHost(Strided out, MemorySegment host);

  /// Copies `x`, which is contiguous, to host memory, and returns when it is there.
  void copyToHost(MemorySegment host, Strided x);

  // ---- element-wise ----

  /// out = op(x). `out` is `bool` where [UnaryOp#isPredicate()].
  void unary(UnaryOp op, Strided out, Strided x);

  /// out = op(a, b). `out` is `bool` where [BinaryOp#isPredicate()].
  void binary(BinaryOp op, Strided out, Strided a, Strided b);

  /// out = a + alpha·b, the product not rounded separately where fused multiply-add is at hand.
  void addScaled(Strided out, Strided a, Strided b, double alpha);

  /// out = condition ? a : b, with `condition` of dtype `bool`.
  void where(Strided out, Strided condition, Strided a, Strided b);

  /// out = min(max(x, low), high); NaN stays NaN; where low > high, high. Either bound may be infinite. Integral dtypes
  /// take the bounds as `long`s saturated from the doubles.
  void clamp(Strided out, Strided x, double low, double high);

  /// out = x > 0 ? x : slope·x.
  void leakyRelu(Strided out, Strided x, double slope);

  /// out = x > 0 ? scale·x : scale·alpha·(eˣ − 1).
  void elu(Strided out, Strided x, double alpha, double scale);

  // ---- reductions and scans ----

  /// Reduces `x` over each dimension in which `out`, of the same rank, has size 1. `out` is of dtype
  /// [ReduceOp#resultOf]. float32 sums keep an error like pairwise summation's.
  void reduce(ReduceOp op, Strided out, Strided x, double parameter);

  /// The position, int64, of the first largest (or smallest) element along `dim`, NaN counting as beyond all, and where
  /// `values` is given also that element. Both have x's sizes with 1 at `dim`.
  void argReduce(boolean largest, @Nullable Strided values, Strided indices, Strided x, int dim);

  /// Running sum or product along `dim`.
  void scan(ScanOp op, Strided out, Strided x, int dim);

  /// Sorts stably along `dim`, NaN last when ascending and first when descending; `indices` is int64.
  void sort(Strided values, Strided indices, Strided x, int dim, boolean descending);

  /// The k largest or smallest along `dim`, in order; k is the outputs' size there.
  void topk(Strided values, Strided indices, Strided x, int dim, boolean largest);

  // ---- linear algebra ----

  /// `out[i] = a[i]·b[i]` for a batch of matrices: sizes (batch, m, k) × (batch, k, n) → (batch, m, n). Strides are free
  /// (a transposed or expanded operand is not copied by core); `out`'s last two dimensions are contiguous.
  void matmul(Strided out, Strided a, Strided b);

  /// Cross-correlation: x (n, c, h, w), weight (o, c/groups, kh, kw), bias (o) or null → out (n, o, h', w').
  void conv2d(Strided out, Strided x, Strided weight, @Nullable Strided bias, ConvSpec spec);

  /// The gradient of [#conv2d] for its input.
  void conv2dBackwardInput(Strided gradX, Strided grad, Strided weight, ConvSpec spec);

  /// The gradient of [#conv2d] for its weight.
  void conv2dBackwardWeight(Strided gradWeight, Strided grad, Strided x, ConvSpec spec);

  /// The largest of each window, and, unless nobody asks for it, its position h·W + w in the input plane as int64.
  void maxPool2d(Strided out, @Nullable Strided indices, Strided x, PoolSpec spec);

  /// The gradient of [#maxPool2d], or where `spec` is null of windows that do not slide: each window's goes to its largest element's position.
  void maxPool2dBackward(Strided gradX, Strided grad, Strided indices, @Nullable PoolSpec spec);

  void avgPool2d(Strided out, Strided x, PoolSpec spec);

  void avgPool2dBackward(Strided gradX, Strided grad, PoolSpec spec);

  /// Window i of n spans [⌊i·in/n⌋, ⌈(i+1)·in/n⌉).
  void adaptiveAvgPool2d(Strided out, Strided x);

  void adaptiveAvgPool2dBackward(Strided gradX, Strided grad);

  /// x (n, c, …) with one to three more dimensions, which get `out`'s sizes. float dtypes.
  void resize(Strided out, Strided x, ResizeSpec resize);

  /// The gradient of [#resize] for its operand.
  void resizeBackward(Strided gradX, Strided grad, ResizeSpec resize);

  // ---- indexing ----
  // Indices are int64. One out of range throws IndexOutOfBoundsException with the index, the dimension and its size.

  /// `out[i][j][k] = x[i][index[i][j][k]][k]`, for `dim` 1 and likewise for others; `index` has out's sizes, and sizes at
  /// most x's in the other dimensions.
  void gather(Strided out, Strided x, int dim, Strided index);

  /// `out[i][index[i][j][k]][k] ⊕= source[i][j][k]`, for `dim` 1 and likewise for others; `source` has index's sizes.
  void scatter(ScatterOp op, Strided out, int dim, Strided index, Strided source);

  /// out = x with only the elements `index`, of rank 1, along `dim`.
  void indexSelect(Strided out, Strided x, int dim, Strided index);

  /// `out[…, index[j], …] += alpha·source[…, j, …]` along `dim`.
  void indexAdd(Strided out, int dim, Strided index, Strided source, double alpha);

  /// `out[j, …] = x[indices₀[j], indices₁[j], …, …]`: the first indices.length dimensions of `x` are picked by tensors that
  /// were broadcast to one shape, which is the first part of out's; negative indices count from the end.
  void index(Strided out, Strided x, Strided[] indices);

  /// The reverse of [#index]: `out[indices₀[j], …] = values[j, …]`, or += where `accumulate`.
  void indexPut(Strided out, Strided[] indices, Strided values, boolean accumulate);

  /// How many elements are not zero. Returns to the host.
  long countNonzero(Strided x);

  /// The positions (int64, one row each, row-major order) of the elements of `x` that are not zero.
  void nonzero(Strided out, Strided x);

  /// The elements of `x` at which `mask`, of the same sizes, is true, in row-major order, into `out` of rank 1; what is left of `out` stays.
  void maskedSelect(Strided out, Strided x, Strided mask);

  /// Writes the elements of `source`, of rank 1, in row-major order to where `mask` is true. Where `source` has too few, its position that is
  /// missing is out of range.
  void maskedScatter(Strided out, Strided mask, Strided source);

  // ---- making ----

  /// `out[i] = start + i·step`, computed in float64 or int64 by out's dtype. `out` is of rank 1.
  void arange(Strided out, double start, double step);

  /// `x` with 0 below (or, where `upper` is false, above) the given diagonal of its last two dimensions.
  void triangle(Strided out, Strided x, long diagonal, boolean upper);

  /// Fills `out`, whose elements are contiguous in some order of its dimensions, in the order of memory from the generator.
  void random(Distribution distribution, Strided out, RandomSource source, double a, double b);

  /// bernoulli with a probability for each element, float64 or float32.
  void bernoulli(Strided out, Strided probability, RandomSource source);

  /// A random order of 0 … n−1, int64, rank 1.
  void permutation(Strided out, RandomSource source);

  /// Whether a network of convolutions with row-major weights is faster on images of this dtype when they are channels-last.
  default boolean prefersChannelsLast(DType dtype) {
    return false;
  }

  /// Of how many bytes a result is at most to be, where a function that treats every image alone may be called for some at a time: for the next
  /// operation to find it in a cache. Not limited where large kernels are the fast ones.
  default long bytesInCache() {
    return Long.MAX_VALUE;
  }

  /// Work that can be done part by part.
  @FunctionalInterface
  interface Work {
    void run(long begin, long end);
  }

  /// Does `work`, kernels that touch the same of `bytes` of memory one after the other, on [0, n): or on parts of that, in any order and on
  /// several threads, so that each kernel finds in a cache what the one before it has touched.
  default void inParts(long n, long bytes, Work work) {
    work.run(0, n);
  }

  // ---- fused, optional: core asks first, and composes them otherwise ----

  /// Whether this backend has `op` as one kernel for such operands: its first, and for attention, where the layouts of the others decide
  /// too, all three.
  default boolean supports(FusedOp op, Strided... operands) {
    return false;
  }

  /// The largest, or smallest, of all elements up to each along `dim`, and the position, int64, of the last that is; the first NaN stays, and
  /// each further one counts as the last. All have x's sizes.
  default void runningExtremum(boolean largest, Strided values, Strided indices, Strided x, int dim) {
    throw new UnsupportedOperationException("runningExtremum");
  }

  /// An element along `dim` and its position, int64; both have x's sizes with 1 at `dim`, which is not empty.
  ///
  /// @param k how many elements come before a [OrderStatistic#KTH]
  default void orderStatistic(OrderStatistic statistic, long k, Strided values, Strided indices, Strided x, int dim) {
    throw new UnsupportedOperationException("orderStatistic");
  }

  /// out = log Σ eˣ of a float `x`, which has elements, over each dimension in which `out`, of the same rank, has size 1; infinite where the
  /// largest of them is.
  default void logSumExp(Strided out, Strided x) {
    throw new UnsupportedOperationException("logSumExp");
  }

  /// out = softmax(x), or its logarithm, along `dim`.
  default void softmax(Strided out, Strided x, int dim, boolean log) {
    throw new UnsupportedOperationException("softmax");
  }

  /// From the gradient and the result of [#softmax].
  default void softmaxBackward(Strided gradX, Strided grad, Strided result, int dim, boolean log) {
    throw new UnsupportedOperationException("softmaxBackward");
  }

  /// y = (x − mean)/√(var + eps)·weight + bias over each row of x (rows, n), all contiguous; mean and rstd (rows), in
  /// float32 or wider, are what the backward reads. Weight and bias (n) may be null.
  default void layerNorm(Strided out, Strided mean, Strided rstd, Strided x, @Nullable Strided weight, @Nullable Strided bias, double eps) {
    throw new UnsupportedOperationException("layerNorm");
  }

  /// The gradients that are not null.
  default void layerNormBackward(@Nullable Strided gradX, @Nullable Strided gradWeight, @Nullable Strided gradBias, Strided grad,
      Strided x, Strided mean, Strided rstd, @Nullable Strided weight) {
    throw new UnsupportedOperationException("layerNormBackward");
  }

  /// sum = x + residual, rounded, and what [#layerNorm] makes of that; all (rows, n) and contiguous.
  default void addLayerNorm(Strided sum, Strided out, Strided mean, Strided rstd, Strided x, Strided residual, @Nullable Strided weight,
      @Nullable Strided bias, double eps) {
    throw new UnsupportedOperationException("addLayerNorm");
  }

  /// [#layerNormBackward] at the sum, with `gradSum`, what else flows to it, added to `gradX`.
  default void addLayerNormBackward(Strided gradX, @Nullable Strided gradWeight, @Nullable Strided gradBias, Strided gradSum, Strided grad,
      Strided sum, Strided mean, Strided rstd, @Nullable Strided weight) {
    throw new UnsupportedOperationException("addLayerNormBackward");
  }

  /// y = x·rrms·weight over each row of x (rows, n), contiguous; rrms (rows) = 1/√(mean x² + eps), in float32 or wider, is what the backward
  /// reads. Weight (n), which may be null, and its gradient have x's dtype or that of `rrms`.
  default void rmsNorm(Strided out, Strided rrms, Strided x, @Nullable Strided weight, double eps) {
    throw new UnsupportedOperationException("rmsNorm");
  }

  /// The gradients that are not null.
  default void rmsNormBackward(@Nullable Strided gradX, @Nullable Strided gradWeight, Strided grad, Strided x, Strided rrms,
      @Nullable Strided weight) {
    throw new UnsupportedOperationException("rmsNormBackward");
  }

  /// y = (x − mean)·rstd·weight + bias of x (n, c, …), contiguous: mean and rstd (n, groups), in float32 or wider, are those of the c/groups
  /// channels of each group, as in [#layerNorm]. Weight and bias (c), which may be null, and their gradients have x's dtype or that of `mean`.
  default void groupNorm(Strided out, Strided mean, Strided rstd, Strided x, @Nullable Strided weight, @Nullable Strided bias, double eps) {
    throw new UnsupportedOperationException("groupNorm");
  }

  /// The gradients that are not null.
  default void groupNormBackward(@Nullable Strided gradX, @Nullable Strided gradWeight, @Nullable Strided gradBias, Strided grad,
      Strided x, Strided mean, Strided rstd, @Nullable Strided weight) {
    throw new UnsupportedOperationException("groupNormBackward");
  }

  /// Batch statistics of x (n, c, …) per channel: mean and 1/√(biased variance + eps), in float32 or wider; where given, the running ones
  /// are moved by `momentum` towards the mean and the unbiased variance. Running statistics, weight, bias and their gradients have x's dtype or
  /// that of `mean`, here and in what follows. `batches`, where given, is the int64 that counts how often they were moved, and grows by 1.
  default void batchNormStatistics(Strided mean, Strided rstd, Strided x, @Nullable Strided runningMean, @Nullable Strided runningVar,
      @Nullable Strided batches, double momentum, double eps) {
    throw new UnsupportedOperationException("batchNormStatistics");
  }

  /// out = activation((x − mean)·rstd·weight + bias + residual) per channel; weight, bias, residual may be null. A residual is added to what has
  /// been rounded to out's dtype, as by an operation of its own.
  default void batchNormApply(Strided out, Strided x, Strided mean, Strided rstd, @Nullable Strided weight, @Nullable Strided bias,
      @Nullable Strided residual, Activation activation) {
    throw new UnsupportedOperationException("batchNormApply");
  }

  /// [#batchNormApply] by running statistics: `rstd` becomes 1/√(var + eps), where var has x's dtype or rstd's and eps is a host scalar.
  default void batchNormEvaluate(Strided out, Strided rstd, Strided x, Strided mean, Strided var, @Nullable Strided weight,
      @Nullable Strided bias, @Nullable Strided residual, Activation activation, Strided eps) {
    Strided wide = var;
    if (var.dtype() != rstd.dtype()) {
      copy(rstd, var);
      wide = rstd;
    }
    binary(BinaryOp.ADD, rstd, wide, eps);
    unary(UnaryOp.RSQRT, rstd, rstd);
    batchNormApply(out, x, mean, rstd, weight, bias, residual, activation);
  }

  /// The gradients that are not null; `training` tells whether the statistics were x's own. Where ReLU followed, `y` is its result: grad counts
  /// as 0 where y ≤ 0, and as such it becomes `gradResidual`, which is given only beside y.
  default void batchNormBackward(@Nullable Strided gradX, @Nullable Strided gradWeight, @Nullable Strided gradBias,
      @Nullable Strided gradResidual, Strided grad, @Nullable Strided y, Strided x, Strided mean, Strided rstd, @Nullable Strided weight,
      boolean training) {
    throw new UnsupportedOperationException("batchNormBackward");
  }

  /// out = activation(x·weightᵀ + bias): x (m, k), weight (n, k), bias (n) or null.
  default void linear(Strided out, Strided x, Strided weight, @Nullable Strided bias, Activation activation) {
    throw new UnsupportedOperationException("linear");
  }

  /// gradWeight = gradᵀ·x (n, k) and gradBias (n), the sum of grad's rows, both contiguous and of one dtype: grad (m, n), x (m, k).
  default void linearBackwardWeight(Strided gradWeight, Strided gradBias, Strided grad, Strided x) {
    long m = x.size(0);
    long k = x.size(1);
    long n = grad.size(1);
    matmul(gradWeight.with(gradWeight.offset(), new long[] {1, n, k}, new long[] {n * k, k, 1}),
        grad.with(grad.offset(), new long[] {1, n, m}, new long[] {0, grad.stride(1), grad.stride(0)}),
        x.with(x.offset(), new long[] {1, m, k}, new long[] {0, x.stride(0), x.stride(1)}));
    reduce(ReduceOp.SUM, gradBias.with(gradBias.offset(), new long[] {1, n}, new long[] {n, 1}), grad, 0);
  }

  /// out = epilogue([#conv2d]).
  default void fusedConv2d(Strided out, Strided x, Strided weight, Epilogue epilogue, ConvSpec spec) {
    throw new UnsupportedOperationException("fusedConv2d");
  }

  /// out = softmax(q·kᵀ·scale, causal mask)·v: q (b, h, s, d), k and v (b, h, t, d); logSumExp (b, h, s) for the backward.
  default void attention(Strided out, Strided logSumExp, Strided q, Strided k, Strided v, double scale, boolean causal) {
    throw new UnsupportedOperationException("attention");
  }

  default void attentionBackward(Strided gradQ, Strided gradK, Strided gradV, Strided grad, Strided out, Strided logSumExp, Strided q,
      Strided k, Strided v, double scale, boolean causal) {
    throw new UnsupportedOperationException("attentionBackward");
  }

  /// [#nllLoss] of the log-softmax of logits (n, classes), which have elements, without weights. logSumExp (n, 2), contiguous, is what the
  /// backward reads: the row's largest logit and `log Σ exp(logit − largest)`, which a sum of both would lose beside a large logit.
  default void crossEntropy(Reduction reduction, Strided out, Strided total, Strided logSumExp, Strided logits, Strided target,
      long ignoreIndex) {
    throw new UnsupportedOperationException("crossEntropy");
  }

  /// `gradLogits = grad[i]·(softmax(logits[i]) − onehot(target[i]))`, where `total` is given divided by it.
  default void crossEntropyBackward(Strided gradLogits, Strided grad, @Nullable Strided total, Strided logits, Strided logSumExp,
      Strided target, long ignoreIndex) {
    throw new UnsupportedOperationException("crossEntropyBackward");
  }

  /// `−weight[target]·x[target]` for log-probabilities x (n, classes, …) or (classes) and int64 targets of x's sizes without the classes; 0 where the
  /// target is `ignoreIndex`. `total`, of rank 0, is the sum of the weights that counted, each 1 where there are none. `out` are the losses, or of
  /// rank 0 their sum, or as the mean that divided by `total`.
  default void nllLoss(Reduction reduction, Strided out, Strided total, Strided x, Strided target, @Nullable Strided weight,
      long ignoreIndex) {
    throw new UnsupportedOperationException("nllLoss");
  }

  /// `gradX = −weight[target]·grad` at the classes that targets name, where `total` is given divided by it, else 0. `grad` has the targets' sizes.
  default void nllLossBackward(Strided gradX, Strided grad, @Nullable Strided total, Strided target, @Nullable Strided weight,
      long ignoreIndex) {
    throw new UnsupportedOperationException("nllLossBackward");
  }

  /// One step of stochastic gradient descent over many parameters: g = gradᵢ (negated where `maximize`) + weightDecay·p;
  /// v = momentum·v + (1 − dampening)·g (v = g on the first step); p −= lr·(nesterov ? g + momentum·v : v).
  /// `velocities` is null without momentum; `lr` is a 0-d tensor of this device or a host scalar.
  default void sgdStep(Strided[] parameters, Strided[] gradients, Strided @Nullable [] velocities, boolean firstStep, Strided lr,
      double momentum, double dampening, double weightDecay, boolean nesterov, boolean maximize) {
    throw new UnsupportedOperationException("sgdStep");
  }

  /// One step of Adam over many parameters: g = gradᵢ (negated where `maximize`), which the weight decay enters as g += weightDecay·p,
  /// or, where it is `decoupled`, does not, p *= 1 − lr·weightDecay in its stead; m += (1 − beta1)·(g − m); v = beta2·v + (1 − beta2)·g²;
  /// u = largest(u, v), or v where `largest` is null; p −= lr/(1 − beta1ᵗ)·m/(√u/√(1 − beta2ᵗ) + eps).
  /// `lr` and `step`, t, which counts from 1, are 0-d tensors of this device or host scalars.
  default void adamStep(Strided[] parameters, Strided[] gradients, Strided[] averages, Strided[] squares, Strided @Nullable [] largest,
      Strided lr, Strided step, double beta1, double beta2, double eps, double weightDecay, boolean decoupled, boolean maximize) {
    throw new UnsupportedOperationException("adamStep");
  }

  /// The norm of all elements of many tensors, which have some, as one vector: `(Σ |x|ᵖ)^(1/p)`, or for an infinite order the largest or
  /// smallest |x|; never of order 0. `out` is of rank 0, float32 or x's dtype if that is wider. The tensors lie without gaps.
  default void multiTensorNorm(Strided out, Strided[] xs, double order) {
    throw new UnsupportedOperationException("multiTensorNorm");
  }

  /// x *= factor for many tensors that lie without gaps; `factor` is a 0-d tensor of this device or a host scalar.
  default void multiTensorScale(Strided[] xs, Strided factor) {
    throw new UnsupportedOperationException("multiTensorScale");
  }

  /// out = the result of `chain` on `operands`, which have out's sizes or are broadcast to them, as in the element-wise kernels; host scalars are
  /// among them. `out` has the chain's dtype and overlaps none of the operands, or lies exactly as one does.
  default void chain(Chain chain, Strided out, Strided... operands) {
    throw new UnsupportedOperationException("chain");
  }

  /// Whether [#chain] runs any chain as it comes, so that one which is made for a single call pays; not where each is compiled first.
  default boolean runsAnyChain() {
    return false;
  }
}
