package org.flambeau.internal.ops;

import static org.flambeau.autograd.Derivative.fixing;
import static org.flambeau.autograd.Derivative.saves;
import static org.flambeau.autograd.Derivative.term;
import static org.flambeau.internal.text.Shapes.list;

import java.util.Arrays;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicBoolean;
import org.flambeau.AutogradException;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.Reduction;
import org.flambeau.Tensor;
import org.flambeau.autograd.Derivative;
import org.flambeau.autograd.Derivative.Term;
import org.flambeau.autograd.Saved;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Losses that compare elements one by one: of numbers, and of probabilities of yes and no.
public final class Losses {
  private static final Logger LOG = LoggerFactory.getLogger(Losses.class);
  /// A warning in every step of a training would take longer than the loss.
  private static final AtomicBoolean WARNED_OF_MEAN = new AtomicBoolean();

  /// @param reduction what was made of the elements' losses
  /// @param count how many they were
  /// @param parameter the threshold of losses that have one
  private record Reduced(Reduction reduction, long count, double parameter) {
    /// The gradient of the elements' losses, or something that broadcasts to it.
    Tensor spread(Tensor grad) {
      return reduction == Reduction.MEAN ? grad.div((double) count) : grad;
    }

    /// [#spread(Tensor)] times a number.
    Tensor spread(Tensor grad, double factor) {
      return factor == 1 ? spread(grad) : reduction == Reduction.MEAN ? grad.mul(factor / count) : grad.mul(factor);
    }
  }

  private static final Op<Reduced> MSE = ofDifference("mse_loss", "MseLossBackward0", 2, (d, _) -> d);
  private static final Op<Reduced> SMOOTH_L1 = ofDifference("smooth_l1_loss", "SmoothL1LossBackward0", 1,
      (d, beta) -> d.div(beta).clamp(-1, 1));
  private static final Op<Reduced> HUBER = ofDifference("huber_loss", "HuberLossBackward0", 1, (d, delta) -> d.clamp(-delta, delta));
  private static final Op<Reduced> BCE = Op.of("binary_cross_entropy", Derivative.of("BinaryCrossEntropyBackward0",
      term(saves(0, 1, 2), (g, s, a) -> {
        Tensor x = s.input(0);
        Tensor spread = x.rsub(1).mul(x).clamp(1e-12, Double.POSITIVE_INFINITY);
        return weighted(a.spread(g), s).mul(x.sub(s.input(1))).div(spread);
      }),
      term(saves(0, 2), (g, s, a) -> weighted(a.spread(g), s).mul(logOf(s.input(0).rsub(1)).sub(logOf(s.input(0))))),
      term((_, _, _) -> null)));
  private static final Op<Reduced> BCE_WITH_LOGITS = Op.of("binary_cross_entropy_with_logits",
      Derivative.of("BinaryCrossEntropyWithLogitsBackward0",
          term(saves(0, 1, 2, 3), (g, s, a) -> {
            Tensor y = s.input(1);
            Tensor positive = s.inputOrNull(3);
            Tensor sigmoid = s.input(0).sigmoid();
            Tensor slope = positive == null ? sigmoid.sub(y) : sigmoid.mul(positive.mul(y).add(1).sub(y)).sub(positive.mul(y));
            return weighted(a.spread(g), s).mul(slope);
          }),
          fixing(saves(1), term(saves(0, 2, 3), (g, s, a) -> {
            Tensor x = s.input(0);
            Tensor positive = s.inputOrNull(3);
            Tensor slope = positive == null ? x.neg() : positive.mul(softplus(x.neg())).sub(softplus(x));
            return weighted(a.spread(g), s).mul(slope);
          })),
          term((_, _, _) -> null),
          term((_, _, _) -> null)));

  private Losses() {}

  private interface Slope {
    Tensor of(Tensor difference, double parameter);
  }

  /// A loss that is a function of the difference of its operands, with that function's slope divided by `factor`.
  private static Op<Reduced> ofDifference(String name, String node, double factor, Slope slope) {
    Term<Reduced> first = term(saves(0, 1), (g, s, a) -> slope.of(s.input(0).sub(s.input(1)), a.parameter).mul(a.spread(g, factor)));
    Term<Reduced> second = term(saves(0, 1), (g, s, a) -> slope.of(s.input(1).sub(s.input(0)), a.parameter).mul(a.spread(g, factor)));
    return Op.of(name, Derivative.of(node, first, second));
  }

  private static Tensor weighted(Tensor grad, Saved s) {
    Tensor weight = s.inputOrNull(2);
    return weight == null ? grad : grad.mul(weight);
  }

  /// Makes one number of `losses`, or leaves them.
  static Tensor reduce(String op, Tensor losses, Reduction reduction) {
    return switch (reduction) {
      case NONE -> losses;
      case MEAN -> losses.mean();
      case SUM -> losses.sum();
      case BATCH_MEAN -> throw notFor(op, reduction);
    };
  }

  static IllegalArgumentException notFor(String op, Reduction reduction) {
    return new IllegalArgumentException("[" + op + "] " + reduction.name().replace("_", "").toLowerCase(Locale.ROOT)
        + " is not a valid value for reduction");
  }

  // ---- of numbers ----

  /// (x − y)².
  public static Tensor mse(Tensor x, Tensor y, Reduction reduction) {
    AutocastPolicy policy = AutocastPolicy.of("mse_loss", x);
    if (policy != null) {
      return policy.run(c -> mse(c[0], c[1], reduction), x, y);
    }
    return compare(MSE, x, y, reduction, 0, Binary.SQUARED_DIFFERENCE::of);
  }

  /// |x − y|.
  public static Tensor l1(Tensor x, Tensor y, Reduction reduction) {
    AutocastPolicy policy = AutocastPolicy.of("l1_loss", x);
    if (policy != null) {
      return policy.run(c -> l1(c[0], c[1], reduction), x, y);
    }
    warnIfBroadcast(x, y);
    return Op.scoped("l1_loss", () -> reduce("l1_loss", x.sub(y).abs(), reduction));
  }

  /// (x − y)²/(2·beta) where |x − y| is less than beta, else |x − y| − beta/2.
  public static Tensor smoothL1(Tensor x, Tensor y, Reduction reduction, double beta) {
    AutocastPolicy policy = AutocastPolicy.of("smooth_l1_loss", x);
    if (policy != null) {
      return policy.run(c -> smoothL1(c[0], c[1], reduction, beta), x, y);
    }
    if (beta < 0) {
      throw new IllegalArgumentException("[smooth_l1_loss] smooth_l1_loss does not support negative values for beta.");
    }
    if (beta == 0) {
      return l1(x, y, reduction);
    }
    return compare(SMOOTH_L1, x, y, reduction, beta, beta == 1 ? Binary.SMOOTH_DISTANCE::of : (a, b) -> {
      Tensor distance = a.sub(b).abs_();
      return Tensor.where(distance.lt(beta), distance.square().mul_(0.5 / beta), distance.sub(0.5 * beta));
    });
  }

  /// (x − y)²/2 where |x − y| is at most delta, else delta·(|x − y| − delta/2).
  public static Tensor huber(Tensor x, Tensor y, Reduction reduction, double delta) {
    AutocastPolicy policy = AutocastPolicy.of("huber_loss", x);
    if (policy != null) {
      return policy.run(c -> huber(c[0], c[1], reduction, delta), x, y);
    }
    if (!(delta > 0)) {
      throw new IllegalArgumentException("[huber_loss] huber_loss does not support non-positive values for delta.");
    }
    return compare(HUBER, x, y, reduction, delta, delta == 1 ? Binary.SMOOTH_DISTANCE::of : (a, b) -> {
      Tensor distance = a.sub(b).abs_();
      return Tensor.where(distance.le(delta), distance.square().mul_(0.5), distance.sub(0.5 * delta).mul_(delta));
    });
  }

  private interface Comparison {
    Tensor of(Tensor x, Tensor y);
  }

  private static Tensor compare(Op<Reduced> op, Tensor x, Tensor y, Reduction reduction, double parameter, Comparison losses) {
    warnIfBroadcast(x, y);
    DType dtype = Promotion.of(x, y);
    if (!dtype.isFloating()) {
      throw new IllegalArgumentException(
          "[" + op.title() + "] expected a float tensor, got " + dtype.label() + ": cast it with to(FLOAT32) first");
    }
    Device _ = Binary.device(op.title(), x, y);
    Tensor a = x.to(dtype);
    Tensor b = y.to(dtype);
    long count = Shapes.numel(Shapes.broadcast(op.title(), x.strided().sizes(), y.strided().sizes()));
    return op.compose(new Reduced(reduction, count, parameter), new Tensor[] {a, b}, () -> reduce(op.title(), losses.of(a, b), reduction));
  }

  private static void warnIfBroadcast(Tensor x, Tensor y) {
    if (!Arrays.equals(x.strided().sizes(), y.strided().sizes())) {
      LOG.warn(
          "Using a target size (torch.Size({})) that is different to the input size (torch.Size({})). This will likely lead to incorrect "
              + "results due to broadcasting. Please ensure they have the same size.",
          list(y.sizes()), list(x.sizes()));
    }
  }

  // ---- of probabilities ----

  /// −w·(y·log x + (1 − y)·log(1 − x)) with logarithms of at least −100.
  public static Tensor binaryCrossEntropy(Tensor x, Tensor y, @Nullable Tensor weight, Reduction reduction) {
    AutocastPolicy policy = AutocastPolicy.of("binary_cross_entropy", x);
    if (policy != null) {
      return policy.run(c -> binaryCrossEntropy(c[0], c[1], c[2], reduction), x, y, weight);
    }
    String op = BCE.title();
    if (!Arrays.equals(x.strided().sizes(), y.strided().sizes())) {
      throw new IllegalArgumentException(
          "[" + op + "] Using a target size (torch.Size(" + list(y.sizes()) + ")) that is different to the input "
              + "size (torch.Size(" + list(x.sizes()) + ")) is deprecated. Please ensure they have the same size.");
    }
    Promotion.requireFloat(op, x);
    if (y.dtype() != x.dtype()) {
      throw new IllegalArgumentException("[" + op + "] Found dtype " + y.dtype().label() + " but expected " + x.dtype().label());
    }
    requireConstant(op, "weight", weight);
    requireBroadcast(op, "weight", weight, x);
    Device _ = Binary.device(op, x, y, weight);
    // On a device, looking at the elements would mean waiting for them.
    if (x.device().equals(Device.CPU) && !Reductions.all(x.detach().ge(0).logicalAnd(x.detach().le(1)), new int[0], false).toBoolean()) {
      throw new IllegalArgumentException("[" + op + "] all elements of input should be between 0 and 1");
    }
    return BCE.compose(new Reduced(reduction, x.numel(), 0), new @Nullable Tensor[] {x, y, weight}, () -> {
      Tensor losses = y.sub(1).mul_(logOf(x.rsub(1))).sub_(y.mul(logOf(x)));
      return reduce(op, weight == null ? losses : losses.mul(weight), reduction);
    });
  }

  private static Tensor logOf(Tensor x) {
    return x.log().clamp(-100, Double.POSITIVE_INFINITY);
  }

  /// [#binaryCrossEntropy] of the sigmoid of x, without overflow:
  /// w·((1 − y)·x + (1 + (p − 1)·y)·log(1 + exp(−x))) with p the weight of positive answers.
  public static Tensor binaryCrossEntropyWithLogits(Tensor x, Tensor y, @Nullable Tensor weight, @Nullable Tensor positiveWeight,
      Reduction reduction) {
    AutocastPolicy policy = AutocastPolicy.of("binary_cross_entropy_with_logits", x);
    if (policy != null) {
      return policy.run(c -> binaryCrossEntropyWithLogits(c[0], c[1], c[2], c[3], reduction), x, y, weight, positiveWeight);
    }
    String op = BCE_WITH_LOGITS.title();
    if (!Arrays.equals(x.strided().sizes(), y.strided().sizes())) {
      throw new IllegalArgumentException(
          "[" + op + "] Target size (torch.Size(" + list(y.sizes()) + ")) must be the same as input size (torch.Size("
              + list(x.sizes()) + "))");
    }
    DType dtype = Promotion.of(x, y);
    if (!dtype.isFloating()) {
      throw new IllegalArgumentException("[" + op + "] expected a float tensor, got " + dtype.label() + ": cast it with to(FLOAT32) first");
    }
    requireConstant(op, "weight", weight);
    requireConstant(op, "pos_weight", positiveWeight);
    requireBroadcast(op, "weight", weight, x);
    requireBroadcast(op, "pos_weight", positiveWeight, x);
    Device _ = Binary.device(op, x, y, weight, positiveWeight);
    Tensor logits = x.to(dtype);
    Tensor target = y.to(dtype);
    return BCE_WITH_LOGITS.compose(new Reduced(reduction, x.numel(), 0), new @Nullable Tensor[] {logits, target, weight, positiveWeight},
        () -> {
          Tensor log = softplus(logits.neg());
          Tensor positive = positiveWeight == null ? log : log.mul(positiveWeight.sub(1).mul(target).add(1));
          Tensor losses = target.rsub(1).mul_(logits).add(positive);
          return reduce(op, weight == null ? losses : losses.mul(weight), reduction);
        });
  }

  private static Tensor softplus(Tensor x) {
    return Unary.SOFTPLUS_ONE.of(x);
  }

  private static void requireBroadcast(String op, String name, @Nullable Tensor weight, Tensor x) {
    if (weight != null && !Reductions.isExpandable(weight.strided().sizes(), x.strided().sizes())) {
      throw new IllegalArgumentException(
          "[" + op + "] " + name + " of size " + list(weight.sizes()) + " does not broadcast to the input's size "
              + list(x.sizes()));
    }
  }

  /// Refuses an operand whose gradient would be lost.
  static void requireConstant(String op, String name, @Nullable Tensor operand) {
    if (operand != null && operand.requiresGrad()) {
      throw new AutogradException("The function '" + op + "' is not differentiable with respect to argument '" + name
          + "'. This input cannot have requires_grad True.");
    }
  }

  /// y·(log y − x) for log-probabilities x and probabilities y, or where `logTarget` their logarithms.
  public static Tensor klDiv(Tensor x, Tensor y, Reduction reduction, boolean logTarget) {
    AutocastPolicy policy = AutocastPolicy.of("kl_div", x);
    if (policy != null) {
      return policy.run(c -> klDiv(c[0], c[1], reduction, logTarget), x, y);
    }
    if (reduction == Reduction.MEAN && !WARNED_OF_MEAN.getAndSet(true)) {
      LOG.warn(
          "reduction: 'mean' divides the total loss by both the batch size and the support size.'batchmean' divides only by the batch size, "
              + "and aligns with the KL div math definition.'mean' will be changed to behave the same as 'batchmean' in the next major release.");
    }
    return Op.scoped("kl_div", () -> {
      Tensor losses = logTarget ? y.exp().mul(y.sub(x)) : y.xlogy(y).sub(y.mul(x));
      return reduction == Reduction.BATCH_MEAN ? losses.sum().div(x.dim() == 0 ? 1 : x.size(0)) : reduce("kl_div", losses, reduction);
    });
  }
}
