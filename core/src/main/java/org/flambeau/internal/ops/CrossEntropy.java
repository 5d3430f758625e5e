package org.flambeau.internal.ops;

import static org.flambeau.autograd.Derivative.fixing;
import static org.flambeau.autograd.Derivative.piecewiseLinear;
import static org.flambeau.autograd.Derivative.result;
import static org.flambeau.autograd.Derivative.saves;
import static org.flambeau.autograd.Derivative.term;
import static org.flambeau.internal.ops.Unit.UNIT;
import static org.flambeau.internal.text.Shapes.list;

import java.util.Arrays;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.GradMode;
import org.flambeau.Reduction;
import org.flambeau.Tensor;
import org.flambeau.autograd.Derivative;
import org.flambeau.autograd.Saved;
import org.flambeau.internal.Backends;
import org.flambeau.spi.FusedOp;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// Losses of class scores: x (n, classes, …) or (classes), with a target that names one class for each place, or gives a
/// probability to each.
public final class CrossEntropy {
  /// @param ignore the target of places that do not count
  private record Classes(Reduction reduction, long ignore) {}

  private static final Op<Classes> NLL = nll("nll_loss", "NllLossBackward0");
  private static final Op<Classes> NLL_2D = nll("nll_loss2d", "NllLoss2DBackward0");
  private static final Op<Classes> FUSED = Op.of("cross_entropy", Derivative.of("NllLossBackward0",
      term(saves(0, 1) | result(1) | result(2), CrossEntropy::fusedBack),
      term((_, _, _) -> null)));
  private static final Op<Unit> NLL_BACKWARD = Op.notDifferentiable("nll_loss_backward");
  private static final Op<Unit> FUSED_BACKWARD = Op.notDifferentiable("cross_entropy_backward");

  private CrossEntropy() {}

  private static Op<Classes> nll(String name, String node) {
    return Op.of(name, Derivative.of(node,
        piecewiseLinear(fixing(saves(0), term(saves(1, 2) | result(1), CrossEntropy::nllBack))),
        term((_, _, _) -> null),
        term((_, _, _) -> null)));
  }

  // ---- negative log-likelihood ----

  /// `−weight[target]·x[target]` for log-probabilities x. The mean is divided by the sum of the weights that counted.
  public static Tensor nllLoss(Tensor x, Tensor target, @Nullable Tensor weight, Reduction reduction, long ignore) {
    AutocastPolicy policy = AutocastPolicy.of("nll_loss", x);
    if (policy != null) {
      return policy.run(c -> nllLoss(c[0], target, c[1], reduction, ignore), x, weight);
    }
    checkTarget("nll_loss", x, target);
    checkWeight("nll_loss", x, weight);
    Promotion.requireFloat("nll_loss", x);
    Losses.requireConstant("nll_loss_forward", "weight", weight);
    if (reduction == Reduction.BATCH_MEAN) {
      throw Losses.notFor("nll_loss", reduction);
    }
    Tensor classes = target.to(DType.INT64);
    Op<Classes> op = x.dim() <= 2 ? NLL : NLL_2D;
    Classes attributes = new Classes(reduction, ignore);
    @Nullable Tensor[] operands = {x, classes, weight};
    if (Backends.kernels(x.device()).supports(FusedOp.NLL_LOSS, x.strided())) {
      return op.runMulti(attributes, x.device(), new DType[] {x.dtype(), x.dtype()},
          new Layout[] {reduced(reduction, classes), Layout.contiguous()}, operands,
          (k, outs) -> k.nllLoss(reduction, outs[0], outs[1], x.strided(), classes.strided(), stridedOrNull(weight), ignore))[0];
    }
    return op.composeMulti(attributes, operands, () -> {
      int at = classDim(x);
      Tensor ignored = classes.eq(ignore);
      Tensor safe = classes.maskedFill(ignored, 0).unsqueeze(at);
      Tensor losses = gather(x, at, safe, classes, ignored).squeeze(at).neg();
      Tensor weights = weights(classes, ignored, weight, x);
      losses = (weight == null ? losses : losses.mul(weights)).maskedFill(ignored, 0);
      Tensor total = weights.sum();
      return new Tensor[] {reduce(losses, total, reduction), total};
    })[0];
  }

  private static Layout reduced(Reduction reduction, Tensor target) {
    return Layout.contiguous(reduction == Reduction.NONE ? target.sizes() : new long[0]);
  }

  private static Tensor reduce(Tensor losses, Tensor total, Reduction reduction) {
    return reduction == Reduction.MEAN ? losses.sum().div(total) : Losses.reduce("nll_loss", losses, reduction);
  }

  /// How much each place counts.
  private static Tensor weights(Tensor target, Tensor ignored, @Nullable Tensor weight, Tensor x) {
    if (weight == null) {
      return ignored.logicalNot().to(x.dtype());
    }
    Tensor safe = target.maskedFill(ignored, 0);
    return weight.indexSelect(0, safe.flatten()).reshape(target.sizes()).maskedFill(ignored, 0);
  }

  private static Tensor nllBack(Tensor g, Saved s, Classes a) {
    Tensor target = s.input(1);
    Tensor weight = s.inputOrNull(2);
    Tensor total = a.reduction == Reduction.MEAN ? s.result(1).detach() : null;
    if (!GradMode.isEnabled() && Backends.kernels(g.device()).supports(FusedOp.NLL_LOSS, g.strided())) {
      Tensor each = g.expand(target.sizes());
      return NLL_BACKWARD.run(UNIT, g.dtype(), Layout.contiguous(s.sizes(0)), g.device(), new Tensor[] {each, total, target, weight},
          (k, out) -> k.nllLossBackward(out, each.strided(), stridedOrNull(total), target.strided(), stridedOrNull(weight), a.ignore));
    }
    int at = s.sizes(0).length == 1 ? 0 : 1;
    Tensor ignored = target.eq(a.ignore);
    Tensor scale = weights(target, ignored, weight, g).neg();
    Tensor grad = scale.mul(total == null ? g : g.div(total)).maskedFill(ignored, 0);
    return Tensor.zeros(g.device(), g.dtype(), s.sizes(0)).scatterAdd(at, target.maskedFill(ignored, 0).unsqueeze(at), grad.unsqueeze(at));
  }

  private static @Nullable Strided stridedOrNull(@Nullable Tensor x) {
    return x == null ? null : x.strided();
  }

  /// Gathers, and where a class is out of range says which one as PyTorch does.
  private static Tensor gather(Tensor x, int at, Tensor safe, Tensor target, Tensor ignored) {
    try {
      return x.gather(at, safe);
    } catch (IndexOutOfBoundsException e) {
      throw outOfBounds(target.maskedFill(ignored, 0), x.size(at), e);
    }
  }

  private static IndexOutOfBoundsException outOfBounds(Tensor target, long classes, IndexOutOfBoundsException cause) {
    long wrong = Arrays.stream(target.toLongArray()).filter(t -> t < 0 || t >= classes).findFirst().orElseThrow(() -> cause);
    IndexOutOfBoundsException e = new IndexOutOfBoundsException("[nll_loss] Target " + wrong + " is out of bounds.");
    e.initCause(cause);
    return e;
  }

  // ---- cross entropy ----

  /// The loss of scores x: of their log-softmax, the negative log-likelihood, or where target gives probabilities
  /// −Σ weight·target·log-softmax. Smoothing mixes the target with equal probabilities.
  public static Tensor crossEntropy(Tensor x, Tensor target, @Nullable Tensor weight, Reduction reduction, long ignore, double smoothing) {
    AutocastPolicy policy = AutocastPolicy.of("cross_entropy", x);
    if (policy != null) {
      return policy.run(c -> crossEntropy(c[0], c[1], c[2], reduction, ignore, smoothing), x, target, weight);
    }
    return Op.scoped("cross_entropy", () -> choose(x, target, weight, reduction, ignore, smoothing));
  }

  private static Tensor choose(Tensor x, Tensor target, @Nullable Tensor weight, Reduction reduction, long ignore, double smoothing) {
    if (!(smoothing >= 0 && smoothing <= 1)) {
      throw new IllegalArgumentException("[cross_entropy] label_smoothing must be between 0.0 and 1.0. Got: " + smoothing);
    }
    if (x.dim() == 0) {
      throw new IllegalArgumentException("[cross_entropy] Expected 1 or more dimensions (got 0)");
    }
    if (Arrays.equals(x.strided().sizes(), target.strided().sizes())) {
      return ofProbabilities(x, target, weight, reduction, ignore, smoothing);
    }
    if (smoothing > 0) {
      return smoothed(x, target, weight, reduction, ignore, smoothing);
    }
    if (weight == null && x.dim() == 2 && isFusable(x, target) && reduction != Reduction.BATCH_MEAN) {
      return fused(x, target, reduction, ignore);
    }
    checkTarget("cross_entropy", x, target);
    return nllLoss(Softmax.logSoftmax(x, classDim(x)), target, weight, reduction, ignore);
  }

  private static Tensor ofProbabilities(Tensor x, Tensor target, @Nullable Tensor weight, Reduction reduction, long ignore,
      double smoothing) {
    if (!target.dtype().isFloating()) {
      throw new IllegalArgumentException("[cross_entropy] Expected floating point type for target with class probabilities, got "
          + target.dtype().label());
    }
    if (ignore >= 0) {
      throw new IllegalArgumentException("[cross_entropy] ignore_index is not supported for floating point target");
    }
    checkWeight("cross_entropy", x, weight);
    int at = classDim(x);
    long classes = x.size(at);
    Tensor probabilities = smoothing > 0 ? target.mul(1 - smoothing).add(smoothing / classes) : target;
    Tensor terms = Softmax.logSoftmax(x, at).mul(probabilities);
    if (weight != null) {
      terms = terms.mul(perClass(weight, x));
    }
    return switch (reduction) {
      case NONE -> terms.sum(at).neg();
      case SUM -> terms.sum().neg();
      case MEAN -> terms.sum().neg().div((double) x.numel() / classes);
      case BATCH_MEAN -> throw Losses.notFor("cross_entropy", reduction);
    };
  }

  private static Tensor smoothed(Tensor x, Tensor target, @Nullable Tensor weight, Reduction reduction, long ignore, double smoothing) {
    int at = classDim(x);
    Tensor log = Softmax.logSoftmax(x, at);
    Tensor nll = nllLoss(log, target, weight, reduction, ignore);
    Tensor classes = target.to(DType.INT64);
    Tensor ignored = classes.eq(ignore);
    Tensor each = (weight == null ? log : log.mul(perClass(weight, x))).sum(at).neg().maskedFill(ignored, 0);
    Tensor smooth = switch (reduction) {
      case NONE -> each;
      case SUM -> each.sum();
      case MEAN -> each.sum().div(weights(classes, ignored, weight, x.detach()).sum());
      case BATCH_MEAN -> throw Losses.notFor("cross_entropy", reduction);
    };
    return nll.mul(1 - smoothing).add(smooth.mul(smoothing / x.size(at)));
  }

  private static Tensor perClass(Tensor weight, Tensor x) {
    long[] sizes = new long[x.dim()];
    Arrays.fill(sizes, 1);
    sizes[classDim(x)] = weight.numel();
    return weight.reshape(sizes);
  }

  // ---- fused ----

  private static boolean isFusable(Tensor x, Tensor target) {
    return target.dim() == 1 && target.dtype() == DType.INT64 && x.dtype().isFloating() && x.size(0) == target.size(0) && x.numel() > 0
        && x.device().equals(target.device()) && Backends.kernels(x.device()).supports(FusedOp.CROSS_ENTROPY, x.strided());
  }

  private static Tensor fused(Tensor x, Tensor target, Reduction reduction, long ignore) {
    try {
      return FUSED.runMulti(new Classes(reduction, ignore), x.device(), new DType[] {x.dtype(), x.dtype(), LayerNorm.statistics(x.dtype())},
          new Layout[] {reduced(reduction, target), Layout.contiguous(), Layout.contiguous(x.size(0), 2)}, new Tensor[] {x, target},
          (k, outs) -> k.crossEntropy(reduction, outs[0], outs[1], outs[2], x.strided(), target.strided(), ignore))[0];
    } catch (IndexOutOfBoundsException e) {
      throw outOfBounds(target.maskedFill(target.eq(ignore), 0), x.size(1), e);
    }
  }

  private static Tensor fusedBack(Tensor g, Saved s, Classes a) {
    Tensor x = s.input(0);
    Tensor target = s.input(1);
    Tensor total = a.reduction == Reduction.MEAN ? s.result(1).detach() : null;
    if (!GradMode.isEnabled()) {
      Tensor each = g.expand(target.sizes());
      return FUSED_BACKWARD.run(UNIT, x.dtype(), Layout.like(x.strided()), x.device(), new Tensor[] {each, total, x, s.result(2), target},
          (k, out) -> k.crossEntropyBackward(out, each.strided(), stridedOrNull(total), x.strided(), s.result(2).strided(),
              target.strided(),
              a.ignore));
    }
    Tensor each = (total == null ? g : g.div(total)).expand(target.sizes());
    Tensor ignored = target.eq(a.ignore);
    Tensor index = target.maskedFill(ignored, 0).unsqueeze(1);
    Tensor hot = Tensor.zeros(x.device(), x.dtype(), x.sizes()).scatterAdd(1, index, Tensor.ones(x.device(), x.dtype(), index.sizes()));
    Tensor column = each.maskedFill(ignored, 0).unsqueeze(1);
    return Softmax.softmax(x, 1).sub(hot).mul(column);
  }

  // ---- checks ----

  private static int classDim(Tensor x) {
    return x.dim() == 1 ? 0 : 1;
  }

  private static void checkTarget(String op, Tensor x, Tensor target) {
    if (x.dim() == 0) {
      throw new IllegalArgumentException("[" + op + "] Expected 1 or more dimensions (got 0)");
    }
    if (x.dim() > 1 && target.dim() > 0 && x.size(0) != target.size(0)) {
      throw new IllegalArgumentException("[" + op + "] Expected input batch_size (" + x.size(0) + ") to match target batch_size ("
          + target.size(0) + ").");
    }
    if (x.dim() <= 2 && target.dim() > 1) {
      throw new IllegalArgumentException("[" + op + "] 0D or 1D target tensor expected, multi-target not supported");
    }
    long[] expected = x.dim() == 1 ? new long[0] : new long[x.dim() - 1];
    for (int d = 0; d < expected.length; d++) {
      expected[d] = x.size(d == 0 ? 0 : d + 1);
    }
    if (!Arrays.equals(expected, target.strided().sizes())) {
      throw new IllegalArgumentException("[" + op + "] Expected target size " + list(expected) + ", got " + list(target.sizes()));
    }
    if (target.dtype() != DType.INT64 && target.dtype() != DType.UINT8) {
      throw new IllegalArgumentException("[" + op + "] expected target dtype to be Long or Byte, but got " + target.dtype().label()
          + ": cast it with to(INT64)");
    }
    if (x.dim() > 2 && target.dtype() != DType.INT64) {
      throw new IllegalArgumentException("[" + op + "] expected scalar type Long but found " + target.dtype().label()
          + " as the target of an input of more than 2 dimensions: cast it with to(INT64)");
    }
    Device _ = Binary.device(op, x, target);
  }

  private static void checkWeight(String op, Tensor x, @Nullable Tensor weight) {
    if (weight == null) {
      return;
    }
    long classes = x.size(classDim(x));
    if (weight.dim() != 1 || weight.numel() != classes) {
      throw new IllegalArgumentException("[" + op + "] weight tensor should be defined either for all " + classes
          + " classes or no classes but got weight tensor of shape: " + list(weight.sizes()));
    }
    if (weight.dtype() != x.dtype()) {
      throw new IllegalArgumentException("[" + op + "] expected a weight of the input's dtype " + x.dtype().label() + ", but got "
          + weight.dtype().label());
    }
    Device _ = Binary.device(op, x, weight);
  }
}
