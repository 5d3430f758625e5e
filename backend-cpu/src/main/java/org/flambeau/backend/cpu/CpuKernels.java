package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;

import java.lang.foreign.MemorySegment;
import org.flambeau.DType;
import org.flambeau.spi.Activation;
import org.flambeau.spi.BinaryOp;
import org.flambeau.spi.Chain;
import org.flambeau.spi.ConvSpec;
import org.flambeau.spi.Distribution;
import org.flambeau.spi.Epilogue;
import org.flambeau.spi.FusedOp;
import org.flambeau.spi.Kernels;
import org.flambeau.spi.NativeMemory;
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

/// The kernels of the CPU, each in the class of its family. Operands may rest in Java arrays: the families that know only
/// native memory get staged ones.
final class CpuKernels implements Kernels {
  /// What one core has in its second level and its share of the third.
  private static final long BYTES_IN_CACHE_OF_A_CORE = 2 << 20;
  /// What is left of its second level for one of several operands.
  private static final long PART_BYTES = 256 << 10;

  private final LinearAlgebra linearAlgebra;

  CpuKernels(LinearAlgebra linearAlgebra) {
    this.linearAlgebra = linearAlgebra;
  }

  // ---- moving and filling ----

  @Override
  public void fill(Strided out, Strided value) {
    Copy.fill(out, value);
  }

  @Override
  public void copy(Strided out, Strided x) {
    Copy.copy(out, x);
  }

  @Override
  public void flip(Strided out, Strided x, int... dims) {
    Copy.flip(out, x, dims);
  }

  @Override
  public void copyFromHost(Strided out, MemorySegment host) {
    try (Staging staging = Staging.open()) {
      MemorySegment.copy(host, 0, ALL, staging.write(out), out.numel() * out.dtype().size());
    }
  }

  @Override
  public void copyToHost(MemorySegment host, Strided x) {
    try (Staging staging = Staging.open()) {
      MemorySegment.copy(ALL, staging.read(x), host, 0, x.numel() * x.dtype().size());
    }
  }

  // ---- element-wise ----

  @Override
  public void unary(UnaryOp op, Strided out, Strided x) {
    Elementwise.unary(op, out, x);
  }

  @Override
  public void binary(BinaryOp op, Strided out, Strided a, Strided b) {
    Elementwise.run(Pass.of(new Pointwise.Binary(op), out.dtype(), BinaryOp.operandType(a, b)), out, a, b, null);
  }

  @Override
  public void addScaled(Strided out, Strided a, Strided b, double alpha) {
    Elementwise.run(Pass.of(new Pointwise.AddScaled(alpha), out.dtype(), a.dtype()), out, a, b, null);
  }

  @Override
  public void where(Strided out, Strided condition, Strided a, Strided b) {
    Elementwise.run(Pass.of(new Pointwise.Where(), out.dtype(), condition.dtype()), out, condition, a, b);
  }

  @Override
  public void clamp(Strided out, Strided x, double low, double high) {
    Elementwise.run(Pass.of(new Pointwise.Clamp(low, high), out.dtype(), x.dtype()), out, x, null, null);
  }

  @Override
  public void leakyRelu(Strided out, Strided x, double slope) {
    Elementwise.run(Pass.of(new Pointwise.LeakyRelu(slope), out.dtype(), x.dtype()), out, x, null, null);
  }

  @Override
  public void elu(Strided out, Strided x, double alpha, double scale) {
    Elementwise.run(Pass.of(new Pointwise.Elu(alpha, scale), out.dtype(), x.dtype()), out, x, null, null);
  }

  // ---- reductions and scans ----

  @Override
  public void reduce(ReduceOp op, Strided out, Strided x, double parameter) {
    Reduction.reduce(op, out, x, parameter);
  }

  @Override
  public void argReduce(boolean largest, @Nullable Strided values, Strided indices, Strided x, int dim) {
    ArgReduction.run(largest, values, indices, x, dim);
  }

  @Override
  public void scan(ScanOp op, Strided out, Strided x, int dim) {
    Scan.scan(op, out, x, dim);
  }

  @Override
  public void runningExtremum(boolean largest, Strided values, Strided indices, Strided x, int dim) {
    RunningExtremum.run(largest, values, indices, x, dim);
  }

  // ---- making ----

  @Override
  public void arange(Strided out, double start, double step) {
    Making.arange(out, start, step);
  }

  @Override
  public void triangle(Strided out, Strided x, long diagonal, boolean upper) {
    Making.triangle(out, x, diagonal, upper);
  }

  // ---- order ----

  @Override
  public void sort(Strided values, Strided indices, Strided x, int dim, boolean descending) {
    try (Staging staging = Staging.open()) {
      SortKernels.sort(staging.writable(values), staging.writable(indices), staging.readable(x), dim, descending);
    }
  }

  @Override
  public void topk(Strided values, Strided indices, Strided x, int dim, boolean largest) {
    try (Staging staging = Staging.open()) {
      SortKernels.topk(staging.writable(values), staging.writable(indices), staging.readable(x), dim, largest);
    }
  }

  @Override
  public void orderStatistic(OrderStatistic statistic, long k, Strided values, Strided indices, Strided x, int dim) {
    try (Staging staging = Staging.open()) {
      SortKernels.orderStatistic(statistic, k, staging.writable(values), staging.writable(indices), staging.readable(x), dim);
    }
  }

  // ---- linear algebra ----

  @Override
  public void inParts(long n, long bytes, Work work) {
    long parts = Math.min(n, bytes / PART_BYTES);
    if (parts < 2L * CpuPool.SHARED.threads()) {
      work.run(0, n);
      return;
    }
    CpuPool.SHARED.parallelFor(0, parts, 1, (begin, end) -> {
      for (long part = begin; part < end; part++) {
        work.run(n * part / parts, n * (part + 1) / parts);
      }
    });
  }

  @Override
  public long bytesInCache() {
    return BYTES_IN_CACHE_OF_A_CORE * CpuPool.SHARED.threads();
  }

  @Override
  public boolean prefersChannelsLast(DType dtype) {
    return linearAlgebra.prefersChannelsLast(dtype);
  }

  @Override
  public void matmul(Strided out, Strided a, Strided b) {
    try (Staging staging = Staging.open()) {
      Strided result = staging.writable(out);
      Strided left = staging.readable(a);
      Strided right = staging.readable(b);
      if (DotProduct.serves(result, left)) {
        DotProduct.multiply(result, left, right);
      } else if (MatrixVectorProduct.serves(result, left, right)) {
        MatrixVectorProduct.multiply(result, left, right);
      } else if (RowProduct.serves(result, left, right)) {
        RowProduct.multiply(result, left, right);
      } else if (SmallProduct.serves(result, left, right)) {
        SmallProduct.multiply(result, left, right);
      } else {
        linearAlgebra.matmul(result, left, right);
      }
    }
  }

  @Override
  public void conv2d(Strided out, Strided x, Strided weight, @Nullable Strided bias, ConvSpec spec) {
    try (Staging staging = Staging.open()) {
      linearAlgebra.conv2d(staging.writable(out), staging.readable(x), staging.readable(weight), staging.readableOrNull(bias), spec);
    }
  }

  @Override
  public void conv2dBackwardInput(Strided gradX, Strided grad, Strided weight, ConvSpec spec) {
    try (Staging staging = Staging.open()) {
      linearAlgebra.conv2dBackwardInput(staging.writable(gradX), staging.readable(grad), staging.readable(weight), spec);
    }
  }

  @Override
  public void conv2dBackwardWeight(Strided gradWeight, Strided grad, Strided x, ConvSpec spec) {
    try (Staging staging = Staging.open()) {
      linearAlgebra.conv2dBackwardWeight(staging.writable(gradWeight), staging.readable(grad), staging.readable(x), spec);
    }
  }

  // ---- pooling ----

  @Override
  public void maxPool2d(Strided out, @Nullable Strided indices, Strided x, PoolSpec spec) {
    try (Staging staging = Staging.open()) {
      MaxPoolKernels.maxPool2d(staging.writable(out), indices == null ? null : staging.writable(indices), staging.readable(x), spec);
    }
  }

  @Override
  public void maxPool2dBackward(Strided gradX, Strided grad, Strided indices, @Nullable PoolSpec spec) {
    try (Staging staging = Staging.open()) {
      MaxPoolGradients.scatter(staging.writable(gradX), staging.readable(grad), staging.readable(indices));
    }
  }

  @Override
  public void avgPool2d(Strided out, Strided x, PoolSpec spec) {
    try (Staging staging = Staging.open()) {
      AvgPoolKernels.avgPool2d(staging.writable(out), staging.readable(x), spec);
    }
  }

  @Override
  public void avgPool2dBackward(Strided gradX, Strided grad, PoolSpec spec) {
    try (Staging staging = Staging.open()) {
      AvgPoolKernels.avgPool2dBackward(staging.writable(gradX), staging.readable(grad), spec);
    }
  }

  @Override
  public void adaptiveAvgPool2d(Strided out, Strided x) {
    try (Staging staging = Staging.open()) {
      AvgPoolKernels.adaptiveAvgPool2d(staging.writable(out), staging.readable(x));
    }
  }

  @Override
  public void adaptiveAvgPool2dBackward(Strided gradX, Strided grad) {
    try (Staging staging = Staging.open()) {
      AvgPoolKernels.adaptiveAvgPool2dBackward(staging.writable(gradX), staging.readable(grad));
    }
  }

  @Override
  public void resize(Strided out, Strided x, ResizeSpec resize) {
    try (Staging staging = Staging.open()) {
      ResizeKernels.resize(staging.writable(out), staging.readable(x), resize);
    }
  }

  @Override
  public void resizeBackward(Strided gradX, Strided grad, ResizeSpec resize) {
    try (Staging staging = Staging.open()) {
      ResizeKernels.resizeBackward(staging.writable(gradX), staging.readable(grad), resize);
    }
  }

  // ---- indexing ----

  @Override
  public void gather(Strided out, Strided x, int dim, Strided index) {
    try (Staging staging = Staging.open()) {
      IndexKernels.gather(staging.writable(out), staging.readable(x), dim, staging.readable(index));
    }
  }

  @Override
  public void scatter(ScatterOp op, Strided out, int dim, Strided index, Strided source) {
    try (Staging staging = Staging.open()) {
      IndexKernels.scatter(op, staging.updatable(out), dim, staging.readable(index), staging.readable(source));
    }
  }

  @Override
  public void indexSelect(Strided out, Strided x, int dim, Strided index) {
    try (Staging staging = Staging.open()) {
      IndexKernels.indexSelect(staging.writable(out), staging.readable(x), dim, staging.readable(index));
    }
  }

  @Override
  public void indexAdd(Strided out, int dim, Strided index, Strided source, double alpha) {
    try (Staging staging = Staging.open()) {
      IndexKernels.indexAdd(staging.updatable(out), dim, staging.readable(index), staging.readable(source), alpha);
    }
  }

  @Override
  public void index(Strided out, Strided x, Strided[] indices) {
    try (Staging staging = Staging.open()) {
      IndexKernels.index(staging.writable(out), staging.readable(x), staging.readable(indices));
    }
  }

  @Override
  public void indexPut(Strided out, Strided[] indices, Strided values, boolean accumulate) {
    try (Staging staging = Staging.open()) {
      IndexKernels.indexPut(staging.updatable(out), staging.readable(indices), staging.readable(values), accumulate);
    }
  }

  @Override
  public long countNonzero(Strided x) {
    try (Staging staging = Staging.open()) {
      return MaskKernels.countNonzero(staging.readable(x));
    }
  }

  @Override
  public void nonzero(Strided out, Strided x) {
    try (Staging staging = Staging.open()) {
      MaskKernels.nonzero(staging.writable(out), staging.readable(x));
    }
  }

  @Override
  public void maskedSelect(Strided out, Strided x, Strided mask) {
    try (Staging staging = Staging.open()) {
      MaskKernels.maskedSelect(staging.updatable(out), staging.readable(x), staging.readable(mask));
    }
  }

  @Override
  public void maskedScatter(Strided out, Strided mask, Strided source) {
    try (Staging staging = Staging.open()) {
      MaskKernels.maskedScatter(staging.updatable(out), staging.readable(mask), staging.readable(source));
    }
  }

  // ---- random ----

  @Override
  public void random(Distribution distribution, Strided out, RandomSource source, double a, double b) {
    try (Staging staging = Staging.open()) {
      RandomKernels.random(distribution, staging.writable(out), source, a, b);
    }
  }

  @Override
  public void bernoulli(Strided out, Strided probability, RandomSource source) {
    try (Staging staging = Staging.open()) {
      RandomKernels.bernoulli(staging.writable(out), staging.readable(probability), source);
    }
  }

  @Override
  public void permutation(Strided out, RandomSource source) {
    try (Staging staging = Staging.open()) {
      RandomKernels.permutation(staging.writable(out), source);
    }
  }

  // ---- fused ----

  @Override
  public boolean supports(FusedOp op, Strided... operands) {
    Strided x = operands[0];
    return switch (op) {
      case SOFTMAX, LOG_SOFTMAX, LAYER_NORM, ADD_LAYER_NORM, RMS_NORM, GROUP_NORM, BATCH_NORM, SCALED_CONV2D, ATTENTION, CROSS_ENTROPY,
          SGD_STEP, ADAM_STEP ->
        Vectorization.PRESENT != null && Compute.of(x.dtype()) == Compute.FLOAT;
      case LINEAR, CONV2D -> x.dtype().isFloating();
      case CHAIN, RUNNING_EXTREMUM, ORDER_STATISTIC, LOG_SUM_EXP, NLL_LOSS -> true;
      case WIDE_PRODUCT, MULTI_TENSOR_NORM, MULTI_TENSOR_SCALE -> false;
    };
  }

  @Override
  public void chain(Chain chain, Strided out, Strided... operands) {
    ChainKernel.run(chain, out, operands);
  }

  @Override
  public boolean runsAnyChain() {
    return true;
  }

  @Override
  public void logSumExp(Strided out, Strided x) {
    Reduction.logSumExp(out, x);
  }

  @Override
  public void softmax(Strided out, Strided x, int dim, boolean log) {
    Softmax.forward(out, x, dim, log);
  }

  @Override
  public void softmaxBackward(Strided gradX, Strided grad, Strided result, int dim, boolean log) {
    Softmax.backward(gradX, grad, result, dim, log);
  }

  @Override
  public void layerNorm(Strided out, Strided mean, Strided rstd, Strided x, @Nullable Strided weight, @Nullable Strided bias, double eps) {
    LayerNorm.forward(null, out, mean, rstd, x, null, weight, bias, eps);
  }

  @Override
  public void layerNormBackward(@Nullable Strided gradX, @Nullable Strided gradWeight, @Nullable Strided gradBias, Strided grad, Strided x,
      Strided mean, Strided rstd, @Nullable Strided weight) {
    LayerNorm.backward(gradX, gradWeight, gradBias, null, grad, x, mean, rstd, weight);
  }

  @Override
  public void addLayerNorm(Strided sum, Strided out, Strided mean, Strided rstd, Strided x, Strided residual, @Nullable Strided weight,
      @Nullable Strided bias, double eps) {
    LayerNorm.forward(sum, out, mean, rstd, x, residual, weight, bias, eps);
  }

  @Override
  public void addLayerNormBackward(Strided gradX, @Nullable Strided gradWeight, @Nullable Strided gradBias, Strided gradSum, Strided grad,
      Strided sum, Strided mean, Strided rstd, @Nullable Strided weight) {
    LayerNorm.backward(gradX, gradWeight, gradBias, gradSum, grad, sum, mean, rstd, weight);
  }

  @Override
  public void rmsNorm(Strided out, Strided rrms, Strided x, @Nullable Strided weight, double eps) {
    LayerNorm.forward(null, out, null, rrms, x, null, weight, null, eps);
  }

  @Override
  public void rmsNormBackward(@Nullable Strided gradX, @Nullable Strided gradWeight, Strided grad, Strided x, Strided rrms,
      @Nullable Strided weight) {
    LayerNorm.backward(gradX, gradWeight, null, null, grad, x, null, rrms, weight);
  }

  @Override
  public void groupNorm(Strided out, Strided mean, Strided rstd, Strided x, @Nullable Strided weight, @Nullable Strided bias, double eps) {
    GroupNorm.forward(out, mean, rstd, x, weight, bias, eps);
  }

  @Override
  public void groupNormBackward(@Nullable Strided gradX, @Nullable Strided gradWeight, @Nullable Strided gradBias, Strided grad, Strided x,
      Strided mean, Strided rstd, @Nullable Strided weight) {
    GroupNorm.backward(gradX, gradWeight, gradBias, grad, x, mean, rstd, weight);
  }

  @Override
  public void batchNormStatistics(Strided mean, Strided rstd, Strided x, @Nullable Strided runningMean, @Nullable Strided runningVar,
      @Nullable Strided batches, double momentum, double eps) {
    BatchNorm.statistics(mean, rstd, x, runningMean, runningVar, batches, momentum, eps);
  }

  @Override
  public void batchNormApply(Strided out, Strided x, Strided mean, Strided rstd, @Nullable Strided weight, @Nullable Strided bias,
      @Nullable Strided residual, Activation activation) {
    BatchNorm.apply(out, x, mean, rstd, weight, bias, residual, activation, true);
  }

  @Override
  public void batchNormBackward(@Nullable Strided gradX, @Nullable Strided gradWeight, @Nullable Strided gradBias,
      @Nullable Strided gradResidual, Strided grad, @Nullable Strided y, Strided x, Strided mean, Strided rstd, @Nullable Strided weight,
      boolean training) {
    BatchNorm.backward(gradX, gradWeight, gradBias, gradResidual, grad, y, x, mean, rstd, weight, training);
  }

  @Override
  public void linear(Strided out, Strided x, Strided weight, @Nullable Strided bias, Activation activation) {
    try (Staging staging = Staging.open()) {
      Strided result = staging.writable(out);
      Strided rows = staging.readable(x);
      Strided factors = staging.readable(weight);
      Strided added = staging.readableOrNull(bias);
      if (!SmallProduct.linear(result, rows, factors, added, activation)
          && !RowProduct.linear(result, rows, factors, added, activation)) {
        linearAlgebra.linear(result, rows, factors, added, activation);
      }
    }
  }

  @Override
  public void fusedConv2d(Strided out, Strided x, Strided weight, Epilogue epilogue, ConvSpec spec) {
    try (Staging staging = Staging.open()) {
      linearAlgebra.fusedConv2d(staging.writable(out), staging.readable(x), staging.readable(weight),
          new Epilogue(staging.readableOrNull(epilogue.scale()), staging.readableOrNull(epilogue.bias()),
              staging.readableOrNull(epilogue.residual()), epilogue.activation()),
          spec);
    }
  }

  @Override
  public void attention(Strided out, Strided logSumExp, Strided q, Strided k, Strided v, double scale, boolean causal) {
    if (HalfAttention.serves(linearAlgebra, scale, q, k, v)) {
      HalfAttention.forward(linearAlgebra, out, logSumExp, q, k, v, scale, causal);
    } else {
      Attention.forward(out, logSumExp, q, k, v, scale, causal);
    }
  }

  @Override
  public void attentionBackward(Strided gradQ, Strided gradK, Strided gradV, Strided grad, Strided out, Strided logSumExp, Strided q,
      Strided k, Strided v, double scale, boolean causal) {
    if (HalfAttention.serves(linearAlgebra, scale, q, k, v, grad)) {
      HalfAttention.backward(linearAlgebra, gradQ, gradK, gradV, grad, logSumExp, q, k, v, scale, causal);
    } else {
      Attention.backward(gradQ, gradK, gradV, grad, out, logSumExp, q, k, v, scale, causal);
    }
  }

  @Override
  public void crossEntropy(org.flambeau.Reduction reduction, Strided out, Strided total, Strided logSumExp, Strided logits, Strided target,
      long ignoreIndex) {
    Softmax.crossEntropy(reduction, out, total, logSumExp, logits, target, ignoreIndex);
  }

  @Override
  public void crossEntropyBackward(Strided gradLogits, Strided grad, @Nullable Strided total, Strided logits, Strided logSumExp,
      Strided target, long ignoreIndex) {
    Softmax.crossEntropyBackward(gradLogits, grad, total, logits, logSumExp, target, ignoreIndex);
  }

  @Override
  public void nllLoss(org.flambeau.Reduction reduction, Strided out, Strided total, Strided x, Strided target, @Nullable Strided weight,
      long ignoreIndex) {
    try (Staging staging = Staging.open()) {
      NllLoss.forward(reduction, staging.writable(out), staging.writable(total), staging.readable(x), staging.readable(target),
          staging.readableOrNull(weight), ignoreIndex);
    }
  }

  @Override
  public void nllLossBackward(Strided gradX, Strided grad, @Nullable Strided total, Strided target, @Nullable Strided weight,
      long ignoreIndex) {
    try (Staging staging = Staging.open()) {
      NllLoss.backward(staging.writable(gradX), staging.readable(grad), staging.readableOrNull(total), staging.readable(target),
          staging.readableOrNull(weight), ignoreIndex);
    }
  }

  @Override
  public void sgdStep(Strided[] parameters, Strided[] gradients, Strided @Nullable [] velocities, boolean firstStep, Strided lr,
      double momentum, double dampening, double weightDecay, boolean nesterov, boolean maximize) {
    var step = new SgdStep(firstStep, value(lr), momentum, dampening, weightDecay, nesterov, maximize);
    for (int i = 0; i < parameters.length; i++) {
      if (velocities == null) {
        step.update(parameters[i], gradients[i]);
      } else {
        step.update(parameters[i], gradients[i], velocities[i]);
      }
    }
  }

  @Override
  public void adamStep(Strided[] parameters, Strided[] gradients, Strided[] averages, Strided[] squares, Strided @Nullable [] largest,
      Strided lr, Strided step, double beta1, double beta2, double eps, double weightDecay, boolean decoupled, boolean maximize) {
    var adam = new AdamStep(value(lr), value(step), beta1, beta2, eps, weightDecay, decoupled, maximize);
    for (int i = 0; i < parameters.length; i++) {
      if (largest == null) {
        adam.update(parameters[i], gradients[i], averages[i], squares[i]);
      } else {
        adam.update(parameters[i], gradients[i], averages[i], squares[i], largest[i]);
      }
    }
  }

  /// The value of a tensor of rank 0.
  private static double value(Strided x) {
    try (Staging staging = Staging.open()) {
      long value = staging.reserve(Double.BYTES);
      Conversion.of(x.dtype()).load(Compute.DOUBLE, staging.read(x), 0, value, 1);
      return ALL.get(NativeMemory.DOUBLE, value);
    }
  }
}
