package org.flambeau.internal.ops;

import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.function.UnaryOperator;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.Tensor;
import org.flambeau.internal.CastCache;
import org.flambeau.internal.ThreadState;
import org.jspecify.annotations.Nullable;

/// What autocast makes of the operands of an operation. An operation that a list below names asks first thing what holds for it:
/// ```java
/// AutocastPolicy policy = AutocastPolicy.of("softmax", x);
/// if (policy != null) {
///   return policy.runUnary(c -> softmax(c, dim), x);
/// }
/// ```
/// Operations that are not named compute in the dtype of their operands, as always.
public enum AutocastPolicy {
  /// In the region's lower precision: products, whose operands are many and whose sums a kernel keeps in float32.
  LOWER,
  /// In float32: what needs its range or its digits.
  FLOAT32,
  /// In the widest dtype among the operands, which must have one in common.
  WIDEST,
  /// Not at all: what cannot be right in the lower precision, and whose operands have lost too much to compute it in float32.
  REFUSED;

  private static final Map<String, AutocastPolicy> CPU = table("""
      LOWER: conv1d conv2d conv_transpose2d linear matmul mm bmm addmm baddbmm prelu scaled_dot_product_attention
      FLOAT32: prod trace cdist reflection_pad1d reflection_pad2d replication_pad1d replication_pad2d replication_pad3d
          mse_loss l1_loss smooth_l1_loss huber_loss nll_loss cross_entropy kl_div poisson_nll_loss binary_cross_entropy
          binary_cross_entropy_with_logits margin_ranking_loss hinge_embedding_loss cosine_embedding_loss triplet_margin_loss
      WIDEST: cat stack index_copy
      """);
  private static final Map<String, AutocastPolicy> CUDA = table("""
      LOWER: conv1d conv2d conv_transpose2d linear matmul mm mv bmm addmm baddbmm einsum prelu scaled_dot_product_attention
      FLOAT32: acos asin cosh erfinv exp expm1 log log10 log2 log1p reciprocal rsqrt sinh square tan pow softplus
          sum prod cumsum cumprod norm cdist softmax log_softmax logsumexp layer_norm rms_norm group_norm cosine_similarity interpolate
          mse_loss l1_loss smooth_l1_loss huber_loss nll_loss cross_entropy kl_div poisson_nll_loss
          binary_cross_entropy_with_logits margin_ranking_loss hinge_embedding_loss cosine_embedding_loss triplet_margin_loss
      WIDEST: dot addcmul addcdiv atan2 tensordot index_put scatter_add
      REFUSED: binary_cross_entropy
      """);

  private static final String UNSAFE = "[binary_cross_entropy] is unsafe to autocast: its operands, probabilities, have lost what float32 would "
      + "need. Many models use a sigmoid right before it: call binaryCrossEntropyWithLogits on what went into the sigmoid, which is safe to "
      + "autocast, or compute the loss inside Autocast.disabled() of operands cast with to(FLOAT32)";

  private static Map<String, AutocastPolicy> table(String lists) {
    Map<String, AutocastPolicy> table = new HashMap<>();
    AutocastPolicy policy = LOWER;
    for (String word : lists.strip().split("\\s+", -1)) {
      if (word.endsWith(":")) {
        policy = valueOf(word.substring(0, word.length() - 1));
      } else {
        table.put(word, policy);
      }
    }
    return Map.copyOf(table);
  }

  /// What holds for `op` on the device of its operand `x`: null outside of autocast, and for what it leaves alone.
  public static @Nullable AutocastPolicy of(String op, @Nullable Tensor x) {
    if (!ThreadState.current().is(ThreadState.AUTOCAST) || x == null) {
      return null;
    }
    return (x.device().type() == Device.Type.CPU ? CPU : CUDA).get(op);
  }

  /// The dtype in which `op` sees its operand `x`, which is the one that its policy asks about.
  public static DType dtypeOf(String op, Tensor x) {
    AutocastPolicy policy = of(op, x);
    Device.Type device = x.device().type();
    return policy == null || !isCast(x, device)
        ? x.dtype()
        : policy.dtype(Objects.requireNonNull(ThreadState.current().casts).dtype(), device, new Tensor[] {x});
  }

  /// Whether there is a device on which autocast does anything to `op`.
  static boolean treats(String op) {
    return CPU.containsKey(op) || CUDA.containsKey(op);
  }

  /// An operation on operands that autocast has cast.
  @FunctionalInterface
  public interface Call {
    Tensor of(Tensor[] operands);
  }

  /// Calls `op` with its operand cast, outside of autocast: what it is composed of computes in the dtype chosen for it.
  public Tensor runUnary(UnaryOperator<Tensor> op, Tensor x) {
    return run(cast -> op.apply(cast[0]), new Tensor[] {x});
  }

  /// Calls `op` with the operands cast, outside of autocast; null stands for one that was not given.
  @SuppressWarnings("NullAway") // what was not given is handed on as it came
  public Tensor run(Call op, @Nullable Tensor... operands) {
    if (this == REFUSED) {
      throw new IllegalStateException(UNSAFE);
    }
    ThreadState thread = ThreadState.current();
    CastCache casts = Objects.requireNonNull(thread.casts);
    Device.Type device = deviceOf(operands);
    DType dtype = dtype(casts.dtype(), device, operands);
    Tensor[] cast = operands.clone();
    for (int i = 0; i < cast.length; i++) {
      if (isCast(operands[i], device)) {
        cast[i] = casts.cast(thread, cast[i], dtype);
      }
    }
    int modes = thread.modes;
    thread.modes = modes & ~ThreadState.AUTOCAST;
    try {
      Tensor result = op.of(cast);
      return casts.owns(result) ? result.clone() : result;
    } finally {
      thread.modes = modes;
    }
  }

  private DType dtype(DType lower, Device.Type device, @Nullable Tensor[] operands) {
    return switch (this) {
      case LOWER -> lower;
      case FLOAT32, REFUSED -> DType.FLOAT32;
      case WIDEST -> {
        DType widest = lower;
        for (Tensor operand : operands) {
          if (operand != null && isCast(operand, device)) {
            widest = DType.promote(widest, operand.dtype());
          }
        }
        yield widest;
      }
    };
  }

  private static boolean isCast(@Nullable Tensor x, Device.Type device) {
    return x != null && x.dtype().isFloating() && x.dtype() != DType.FLOAT64 && !x.isWrappedNumber() && x.device().type() == device;
  }

  /// Where they are; a number of the CPU may stand beside those of another device.
  private static Device.Type deviceOf(@Nullable Tensor[] operands) {
    for (Tensor operand : operands) {
      if (operand != null && operand.device().type() != Device.Type.CPU) {
        return operand.device().type();
      }
    }
    return Device.Type.CPU;
  }
}
