package org.flambeau.internal.ops;

import static org.flambeau.autograd.Derivative.RESULT;
import static org.flambeau.autograd.Derivative.fixing;
import static org.flambeau.autograd.Derivative.joint;
import static org.flambeau.autograd.Derivative.result;
import static org.flambeau.autograd.Derivative.saves;
import static org.flambeau.internal.ops.LayerNorm.statistics;
import static org.flambeau.internal.ops.Unit.UNIT;
import static org.flambeau.internal.text.Shapes.list;

import java.util.Arrays;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.GradMode;
import org.flambeau.Tensor;
import org.flambeau.autograd.Derivative;
import org.flambeau.autograd.Saved;
import org.flambeau.internal.Backends;
import org.flambeau.internal.ThreadState;
import org.flambeau.spi.Activation;
import org.flambeau.spi.FusedOp;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// Normalisation of each channel of x (n, c, …): by the batch's own statistics while training, else by running ones.
///
/// Operands 0, 1 and 2 are x, weight and bias, operand 3 what is added before ReLU, and operands 4 and 5 the running statistics; results 0, 1 and 2
/// are y, and for each channel `1/√(var + eps)` and the mean that were used, which only the backward reads: training may have moved the running ones.
public final class BatchNorm {
  private static final int RESIDUAL = 3;
  private static final int RUNNING_MEAN = 4;
  private static final int RUNNING_VAR = 5;
  private static final int RSTD = 1;
  private static final int MEAN = 2;
  private static final Op<Double> TRAINING = Op.of("batch_norm", derivative(true, false));
  private static final Op<Double> EVALUATION = Op.of("batch_norm_eval", derivative(false, false));
  private static final Op<Double> TRAINING_ADD_RELU = Op.of("batch_norm_add_relu", derivative(true, true));
  private static final Op<Double> EVALUATION_ADD_RELU = Op.of("batch_norm_add_relu_eval", derivative(false, true));
  private static final Op<Unit> STATISTICS = Op.notDifferentiable("batch_norm_statistics");
  private static final Op<Unit> APPLY = Op.notDifferentiable("batch_norm_apply");
  private static final Op<Unit> EVALUATE = Op.notDifferentiable("batch_norm_evaluate");
  private static final Op<Unit> FUSED_BACKWARD = Op.notDifferentiable("batch_norm_backward");

  private BatchNorm() {}

  private static Derivative<Double> derivative(boolean training, boolean relu) {
    Derivative<Double> derivative = joint(relu ? "NativeBatchNormAddReluBackward0" : "NativeBatchNormBackward0",
        needed -> saved(needed, training) | (relu ? RESULT : 0), (g, s, eps) -> backward(g[0], s, eps, training, relu));
    return fixing(saves(0, 1, RUNNING_MEAN, RUNNING_VAR), derivative);
  }

  /// By statistics that are none of x's, the gradient for x is the gradient times a factor for each channel: x is kept for the weight's alone.
  private static int saved(int needed, boolean training) {
    boolean ofX = (needed & saves(0)) != 0;
    boolean ofWeight = (needed & saves(1)) != 0;
    if (training) {
      return ofX || ofWeight ? saves(0, 1) | result(RSTD) | result(MEAN) : 0;
    }
    return (ofX ? saves(1) | result(RSTD) : 0) | (ofWeight ? saves(0) | result(RSTD) | result(MEAN) : 0);
  }

  /// While `training`, running statistics that are given move by `momentum` towards the batch's mean and unbiased variance.
  ///
  /// @param batches how often they were moved, which grows by 1; null where nobody counts
  public static Tensor batchNorm(Tensor x, @Nullable Tensor runningMean, @Nullable Tensor runningVar, @Nullable Tensor batches,
      @Nullable Tensor weight, @Nullable Tensor bias, boolean training, double momentum, double eps) {
    check(x, runningMean, runningVar, weight, bias, training);
    if (x.numel() == 0) {
      count(batches);
      Tensor y = weight == null ? x.clone() : x.clone().mul(weight.select(0, 0));
      return bias == null ? y : y.add(bias.select(0, 0));
    }
    return run(training ? TRAINING : EVALUATION, x, runningMean, runningVar, batches, weight, bias, null, Activation.NONE, training,
        momentum,
        eps);
  }

  /// relu([#batchNorm] + residual), without a residual where that is null; x's dtype, and sizes, stay. With a kernel that does it all they are one
  /// operation, which rounds as they do (but that what rounds to −0 may be +0), and whose backward finds ReLU's mask by the result.
  public static Tensor batchNormAddRelu(Tensor x, @Nullable Tensor runningMean, @Nullable Tensor runningVar, @Nullable Tensor batches,
      @Nullable Tensor weight, @Nullable Tensor bias, @Nullable Tensor residual, boolean training, double momentum, double eps) {
    boolean fits = residual == null || residual.dtype() == x.dtype() && residual.device().equals(x.device())
        && Arrays.equals(residual.strided().sizes(), x.strided().sizes());
    if (fits && x.numel() > 0 && isFused(x, weight, bias, runningMean, runningVar)) {
      check(x, runningMean, runningVar, weight, bias, training);
      return run(training ? TRAINING_ADD_RELU : EVALUATION_ADD_RELU, x, runningMean, runningVar, batches, weight, bias, residual,
          Activation.RELU, training, momentum, eps);
    }
    Tensor y = batchNorm(x, runningMean, runningVar, batches, weight, bias, training, momentum, eps);
    return Op.scoped("batch_norm_add_relu", () -> (residual == null ? y : y.add_(residual)).relu_());
  }

  /// @param activation and a residual only where a kernel does it all
  private static Tensor run(Op<Double> op, Tensor x, @Nullable Tensor runningMean, @Nullable Tensor runningVar, @Nullable Tensor batches,
      @Nullable Tensor weight, @Nullable Tensor bias, @Nullable Tensor residual, Activation activation, boolean training, double momentum,
      double eps) {
    @Nullable Tensor[] operands = {x, weight, bias, residual, runningMean, runningVar};
    boolean fused = isFused(x, weight, bias, runningMean, runningVar);
    boolean learns = GradMode.isEnabled() && weight != null && weight.requiresGrad();
    return op.composeMulti(eps, operands, () -> {
      if (!training && runningMean != null && runningVar != null) {
        Tensor mean = runningMean.to(statistics(x.dtype()));
        Tensor[] results;
        if (fused) {
          results = evaluate(x, mean, runningVar, weight, bias, residual, activation, eps);
        } else {
          Tensor rstd = runningVar.to(mean.dtype()).add(eps).rsqrt();
          results = new Tensor[] {reference(x, mean, rstd, weight, bias), rstd};
        }
        return learns ? new Tensor[] {results[0], results[1], mean.clone()} : results;
      }
      Tensor[] used = batchStatistics(x, runningMean, runningVar, batches, momentum, eps, fused);
      Tensor y = fused ? apply(x, used, weight, bias, residual, activation) : reference(x, used[0], used[1], weight, bias);
      return new Tensor[] {y, used[1], used[0]};
    })[0];
  }

  /// Moves running statistics, which a gradient of an earlier batch does not mind, as it does the user's own changes.
  private static void move(Tensor running, Tensor batch, double momentum, double share) {
    Storage storage = running.strided().storage();
    int before = storage.mindedVersion();
    running.mul_(1 - momentum).add_(batch.to(running.dtype()), share);
    storage.unmindChanges(before);
  }

  /// Normalisation of each channel of each sample: that of a single sample with n·c channels. Running statistics are moved by
  /// the mean over the samples, and used instead of the sample's own where `useInputStats` is false.
  public static Tensor instanceNorm(Tensor x, @Nullable Tensor runningMean, @Nullable Tensor runningVar, @Nullable Tensor weight,
      @Nullable Tensor bias, boolean useInputStats, double momentum, double eps) {
    if (!useInputStats && (runningMean == null || runningVar == null)) {
      throw new IllegalArgumentException(
          "[instance_norm] Expected running_mean and running_var to be defined when use_input_stats is false");
    }
    if (x.dim() < 3 || useInputStats && x.numel() == x.size(0) * x.size(1)) {
      throw new IllegalArgumentException("[instance_norm] Expected more than 1 spatial element when training, got input size torch.Size("
          + list(x.sizes()) + ")");
    }
    long n = x.size(0);
    long c = x.size(1);
    long[] sizes = x.sizes();
    sizes[0] = 1;
    sizes[1] = n * c;
    return Op.scoped("instance_norm", () -> {
      Tensor means = repeated(runningMean, n);
      Tensor vars = repeated(runningVar, n);
      Tensor y = batchNorm(x.contiguous().view(sizes), means, vars, null, repeated(weight, n), repeated(bias, n), useInputStats, momentum,
          eps);
      if (useInputStats) {
        average(runningMean, means, n, c);
        average(runningVar, vars, n, c);
      }
      return y.view(x.sizes());
    });
  }

  /// Whether a kernel does it all. Of dtypes it takes all that [#check] lets pass: x's, or that of the statistics.
  private static boolean isFused(Tensor x, @Nullable Tensor... parameters) {
    return Arrays.stream(parameters).allMatch(parameter -> parameter == null || parameter.isContiguous())
        && Backends.kernels(x.device()).supports(FusedOp.BATCH_NORM, x.strided());
  }

  private static @Nullable Tensor repeated(@Nullable Tensor vector, long times) {
    return vector == null ? null : vector.repeat(times);
  }

  private static void average(@Nullable Tensor running, @Nullable Tensor each, long n, long c) {
    if (running != null && each != null) {
      try (var _ = GradMode.noGrad()) {
        running.copy_(each.view(n, c).mean(0));
      }
    }
  }

  private static void count(@Nullable Tensor batches) {
    if (batches != null) {
      batches.add_(1);
    }
  }

  private static Tensor[] batchStatistics(Tensor x, @Nullable Tensor runningMean, @Nullable Tensor runningVar, @Nullable Tensor batches,
      double momentum, double eps, boolean fused) {
    DType wide = statistics(x.dtype());
    boolean counts = fused && batches != null && batches.dtype() == DType.INT64 && batches.device().equals(x.device());
    if (!counts) {
      count(batches);
    }
    if (!fused) {
      Tensor in = x.to(wide);
      int[] dims = butChannels(x.dim());
      Tensor var = Moments.var(in, dims, 0, false);
      Tensor mean = in.mean(dims);
      double n = (double) x.numel() / x.size(1);
      if (runningMean != null && runningVar != null) {
        move(runningMean, mean, momentum, momentum);
        move(runningVar, var, momentum, momentum * n / (n - 1));
      }
      return new Tensor[] {mean, var.add(eps).rsqrt()};
    }
    Layout perChannel = Layout.contiguous(x.size(1));
    Strided movedMean = stridedOrNull(runningMean);
    Strided movedVar = stridedOrNull(runningVar);
    Tensor counted = counts ? batches : null;
    Tensor[] used = STATISTICS.runMulti(UNIT, x.device(), new DType[] {wide, wide}, new Layout[] {perChannel, perChannel},
        new @Nullable Tensor[] {x, runningMean, runningVar, counted},
        (k, outs) -> k.batchNormStatistics(outs[0], outs[1], x.strided(), movedMean, movedVar, stridedOrNull(counted), momentum, eps));
    ThreadState thread = ThreadState.current();
    for (Tensor moved : new @Nullable Tensor[] {runningMean, runningVar, counted}) {
      if (moved != null) {
        thread.changedUnminded(moved.strided().storage());
      }
    }
    return used;
  }

  private static Tensor apply(Tensor x, Tensor[] used, @Nullable Tensor weight, @Nullable Tensor bias, @Nullable Tensor residual,
      Activation activation) {
    return APPLY.run(UNIT, x.dtype(), Layout.like(x.strided()), x.device(),
        new @Nullable Tensor[] {x, used[0], used[1], weight, bias, residual},
        (k, out) -> k.batchNormApply(out, x.strided(), used[0].strided(), used[1].strided(), stridedOrNull(weight), stridedOrNull(bias),
            stridedOrNull(residual), activation));
  }

  private static Tensor[] evaluate(Tensor x, Tensor mean, Tensor var, @Nullable Tensor weight, @Nullable Tensor bias,
      @Nullable Tensor residual, Activation activation, double eps) {
    return EVALUATE.runMulti(UNIT, x.device(), new DType[] {x.dtype(), mean.dtype()},
        new Layout[] {Layout.like(x.strided()), Layout.contiguous(x.size(1))},
        new @Nullable Tensor[] {x, mean, var, weight, bias, residual},
        (k, outs) -> k.batchNormEvaluate(outs[0], outs[1], x.strided(), mean.strided(), var.strided(), stridedOrNull(weight),
            stridedOrNull(bias), stridedOrNull(residual), activation, Creation.hostScalar(eps)));
  }

  private static @Nullable Strided stridedOrNull(@Nullable Tensor x) {
    return x == null ? null : x.strided();
  }

  /// [#apply] composed of other operations.
  private static Tensor reference(Tensor x, Tensor mean, Tensor rstd, @Nullable Tensor weight, @Nullable Tensor bias) {
    int rank = x.dim();
    Tensor scale = weight == null ? rstd : rstd.mul(weight);
    Tensor y = x.to(mean.dtype()).sub(perChannel(mean, rank)).mul(perChannel(scale, rank));
    return (bias == null ? y : y.add(perChannel(bias, rank))).to(x.dtype());
  }

  // ---- backward ----

  private static @Nullable Tensor[] backward(@Nullable Tensor grad, Saved s, double eps, boolean training, boolean relu) {
    if (grad == null) {
      return new Tensor[relu ? 4 : 3];
    }
    boolean looksAtX = s.needs(1) || training && s.needs(0);
    Tensor x = looksAtX ? s.input(0) : null;
    Tensor weight = looksAtX ? s.inputOrNull(1) : null;
    if (x != null && !GradMode.isEnabled() && isFused(x, weight)) {
      return fused(grad, x, weight, s, training, relu);
    }
    Tensor g = relu ? Unary.reluBackward(grad, s.result()) : grad;
    @Nullable Tensor[] grads = x != null
        ? composed(g, x, weight, s, eps, training)
        : new @Nullable Tensor[] {s.needs(0) ? scaled(g, s) : null, null, s.needs(2) ? sumPerChannel(g) : null};
    return relu ? new @Nullable Tensor[] {grads[0], grads[1], grads[2], s.needs(RESIDUAL) ? g : null} : grads;
  }

  /// The gradient for x where the statistics were none of x's, rounded once.
  private static Tensor scaled(Tensor g, Saved s) {
    Tensor rstd = s.result(RSTD).detach();
    Tensor weight = s.inputOrNull(1);
    return g.mul(perChannel(weight == null ? rstd : rstd.mul(weight), g.dim())).to(g.dtype());
  }

  private static Tensor sumPerChannel(Tensor g) {
    return g.sum(butChannels(g.dim()));
  }

  private static @Nullable Tensor[] fused(Tensor grad, Tensor x, @Nullable Tensor weight, Saved s, boolean training, boolean relu) {
    Tensor y = relu ? s.result() : null;
    Tensor g = x.isContiguous() ? grad.contiguous() : grad;
    Tensor mean = s.result(MEAN);
    Tensor rstd = s.result(RSTD);
    return FusedGradients.run(FUSED_BACKWARD, UNIT, s, relu ? 4 : 3, new @Nullable Tensor[] {g, x, mean, rstd, weight, y},
        (k, grads) -> k.batchNormBackward(grads[0], grads[1], grads[2], relu ? grads[RESIDUAL] : null, g.strided(), stridedOrNull(y),
            x.strided(), mean.strided(), rstd.strided(), stridedOrNull(weight), training));
  }

  private static @Nullable Tensor[] composed(Tensor g, Tensor x, @Nullable Tensor weight, Saved s, double eps, boolean training) {
    int rank = x.dim();
    int[] dims = butChannels(rank);
    DType wide = statistics(x.dtype());
    Tensor in = x.to(wide);
    Tensor grad = g.to(wide);
    // While recording, statistics of the batch are functions of x; else those at hand will do.
    boolean again = training && GradMode.isEnabled();
    Tensor mean = again ? in.mean(dims, true) : perChannel(s.result(MEAN).detach(), rank);
    Tensor rstd = again ? Moments.var(in, dims, 0, true).add(eps).rsqrt() : perChannel(s.result(RSTD).detach(), rank);
    Tensor normal = in.sub(mean).mul(rstd);
    @Nullable Tensor[] grads = new Tensor[3];
    if (s.needs(0) && training) {
      Tensor inner = grad.sub(grad.mean(dims, true)).sub(normal.mul(grad.mul(normal).mean(dims, true)));
      Tensor scale = weight == null ? rstd : rstd.mul(perChannel(weight.to(wide), rank));
      grads[0] = inner.mul(scale).to(x.dtype());
    } else if (s.needs(0)) {
      grads[0] = scaled(g, s);
    }
    grads[1] = s.needs(1) ? grad.mul(normal).sum(dims) : null;
    grads[2] = s.needs(2) ? grad.sum(dims) : null;
    return grads;
  }

  // ---- channels ----

  private static Tensor perChannel(Tensor vector, int rank) {
    long[] sizes = new long[rank];
    Arrays.fill(sizes, 1);
    sizes[1] = vector.numel();
    return vector.reshape(sizes);
  }

  private static int[] butChannels(int rank) {
    int[] dims = new int[rank - 1];
    Arrays.setAll(dims, i -> i == 0 ? 0 : i + 1);
    return dims;
  }

  // ---- checks ----

  private static void check(Tensor x, @Nullable Tensor runningMean, @Nullable Tensor runningVar, @Nullable Tensor weight,
      @Nullable Tensor bias, boolean training) {
    if (x.dim() < 2) {
      throw new IllegalArgumentException("[batch_norm] expected an input of at least 2 dimensions (n, c, …), got size " + list(x.sizes()));
    }
    Promotion.requireFloat("batch_norm", x);
    long channels = x.size(1);
    if (training && x.numel() == channels && channels > 0) {
      throw new IllegalArgumentException("[batch_norm] Expected more than 1 value per channel when training, got input size torch.Size("
          + list(x.sizes()) + ")");
    }
    if (!training && runningMean == null) {
      throw new IllegalArgumentException("[batch_norm] running_mean must be defined in evaluation mode");
    }
    if (!training && runningVar == null) {
      throw new IllegalArgumentException("[batch_norm] running_var must be defined in evaluation mode");
    }
    if ((runningMean == null) != (runningVar == null)) {
      throw new IllegalArgumentException("[batch_norm] running_mean and running_var must either both be None or neither be None");
    }
    checkChannels("running_mean", runningMean, channels, x);
    checkChannels("running_var", runningVar, channels, x);
    checkChannels("weight", weight, channels, x);
    checkChannels("bias", bias, channels, x);
    if (runningMean != null && runningMean.requiresGrad() || runningVar != null && runningVar.requiresGrad()) {
      throw new IllegalArgumentException("[batch_norm] running statistics have no gradient and cannot require grad");
    }
    Device _ = Binary.device("batch_norm", x, weight, bias, runningMean, runningVar);
  }

  private static void checkChannels(String name, @Nullable Tensor parameter, long channels, Tensor x) {
    if (parameter == null) {
      return;
    }
    if (parameter.numel() != channels) {
      throw new IllegalArgumentException("[batch_norm] " + name + " should contain " + channels + " elements not " + parameter.numel());
    }
    LayerNorm.checkMixed("batch_norm", name, parameter, x);
  }
}
