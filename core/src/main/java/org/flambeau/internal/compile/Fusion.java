package org.flambeau.internal.compile;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.flambeau.DType;
import org.flambeau.GradMode;
import org.flambeau.MemoryScope;
import org.flambeau.Tensor;
import org.flambeau.internal.Backends;
import org.flambeau.internal.ThreadState;
import org.flambeau.internal.ops.ChannelAffine;
import org.flambeau.spi.Activation;
import org.flambeau.spi.BinaryOp;
import org.flambeau.spi.FusedOp;
import org.flambeau.spi.Pointwise;
import org.flambeau.spi.UnaryOp;
import org.jspecify.annotations.Nullable;

/// Lets convolutions and linear maps do what follows them: a norm with constant statistics, a residual and ReLU are applied as results leave
/// the kernel, or the norm is folded into a convolution's weight where the kernel cannot.
final class Fusion {
  private final List<Instruction> instructions;
  private final Buffer result;
  private Uses uses;

  private Fusion(List<Instruction> instructions, Buffer result) {
    this.instructions = new ArrayList<>(instructions);
    this.result = result;
    this.uses = new Uses(instructions);
  }

  /// `instructions` with as few as there are kernels for; `result` is read by the caller.
  static List<Instruction> fuse(List<Instruction> instructions, Buffer result) {
    Fusion fusion = new Fusion(instructions, result);
    for (int i = 0; i < fusion.instructions.size();) {
      if (!fusion.absorbNext(i)) {
        i++;
      }
    }
    return fusion.instructions;
  }

  /// Joins instruction `i` with the only one that reads its result, where one kernel does both: it then stands where that one stood.
  private boolean absorbNext(int i) {
    Instruction each = instructions.get(i);
    if (!(each.call() instanceof Instruction.Convolution || each.call() instanceof Instruction.LinearMap)) {
      return false;
    }
    View out = each.out();
    int next = uses.onlyReader(out.buffer());
    if (out.buffer() == result || next < 0 || uses.onlyWriter(out.buffer()) != i || !mayMove(each, i, next)) {
      return false;
    }
    Instruction consumer = instructions.get(next);
    if (!consumer.operands().stream().allMatch(view -> view.buffer() != out.buffer() || view.showsSame(out))) {
      return false;
    }
    Instruction joined = switch (each.call()) {
      case Instruction.Convolution convolution -> join(each, convolution, consumer);
      case Instruction.LinearMap(Activation activation) when activation == Activation.NONE && isRelu(consumer) ->
        each.with(new Instruction.LinearMap(Activation.RELU), each.reads());
      default -> null;
    };
    View to = joined == null ? null : inPlaceOf(out, consumer);
    if (joined == null || to == null) {
      return false;
    }
    instructions.set(next, joined.into(to));
    instructions.remove(i);
    uses = new Uses(instructions);
    return true;
  }

  private boolean mayMove(Instruction each, int from, int to) {
    return each.operands().stream().noneMatch(view -> uses.isWrittenBetween(view.buffer(), from, to));
  }

  /// How `out` lies in the memory of the consumer's result; null where it does not.
  private @Nullable View inPlaceOf(View out, Instruction consumer) {
    View to = consumer.out();
    boolean same = to.liesLike(out) || out.isPacked() && to.isPacked() && to.dtype() == out.dtype();
    boolean alone = to.buffer().isTemporary() && uses.writers(to.buffer()).size() == 1 && to.buffer().bytes() == out.buffer().bytes();
    return same && alone ? new View(to.buffer(), out.dtype(), out.offset(), out.sizes(), out.strides()) : null;
  }

  private static boolean isRelu(Instruction consumer) {
    return consumer.call() instanceof Instruction.Elementwise(Pointwise.Unary(UnaryOp op)) && op == UnaryOp.RELU;
  }

  private @Nullable Instruction join(Instruction each, Instruction.Convolution convolution, Instruction consumer) {
    if (convolution.activation() != Activation.NONE || !isSupported(each)) {
      return null;
    }
    return switch (consumer.call()) {
      case Instruction.Elementwise(Pointwise.Unary(UnaryOp op)) when op == UnaryOp.RELU ->
        each.with(new Instruction.Convolution(convolution.spec(), Activation.RELU), each.reads());
      case Instruction.Elementwise(Pointwise.Binary(BinaryOp op)) when op == BinaryOp.ADD -> withResidual(each, convolution, consumer);
      case Instruction.Normalization(Activation activation) -> withNorm(each, convolution, consumer, activation);
      default -> null;
    };
  }

  private static boolean isSupported(Instruction convolution) {
    View weight = convolution.reads().get(Instruction.Convolution.WEIGHT);
    return weight != null && weight.buffer().isConstant() && isSupported(FusedOp.CONV2D, convolution, weight);
  }

  private static boolean isSupported(FusedOp op, Instruction convolution, View weight) {
    return Backends.kernels(convolution.device()).supports(op, Simplification.constant(weight));
  }

  private static @Nullable Instruction withResidual(Instruction each, Instruction.Convolution convolution, Instruction sum) {
    View y = each.out();
    View a = sum.operands().getFirst();
    View b = sum.operands().getLast();
    View residual = a.isSame(y) ? b : a;
    boolean fits = (a.isSame(y) || b.isSame(y)) && residual.buffer() != y.buffer() && residual.hasSizesOf(y)
        && residual.dtype() == y.dtype();
    return each.reads().get(Instruction.Convolution.RESIDUAL) != null || !fits ? null : each.with(convolution, with(each, residual));
  }

  private static List<@Nullable View> with(Instruction convolution, @Nullable View residual) {
    List<@Nullable View> reads = new ArrayList<>(convolution.reads());
    reads.set(Instruction.Convolution.RESIDUAL, residual);
    return reads;
  }

  /// (x ∗ w + b − mean)·rstd·weight + bias = (x ∗ w)·s + (b − mean)·s + bias, s = rstd·weight; where no kernel multiplies by s, w·s is kept.
  private static @Nullable Instruction withNorm(Instruction each, Instruction.Convolution convolution, Instruction norm,
      Activation activation) {
    List<@Nullable View> reads = each.reads();
    List<@Nullable View> of = norm.reads();
    View x = of.get(Instruction.Normalization.X);
    View weight = of.get(Instruction.Normalization.WEIGHT);
    View bias = of.get(Instruction.Normalization.BIAS);
    View residual = of.get(Instruction.Normalization.RESIDUAL);
    View kernel = Objects.requireNonNull(reads.get(Instruction.Convolution.WEIGHT));
    View before = reads.get(Instruction.Convolution.BIAS);
    boolean known = kernel.buffer().isKnown() && isKnownOrMissing(before)
        && of.subList(Instruction.Normalization.MEAN, Instruction.Normalization.RESIDUAL).stream().allMatch(Fusion::isKnownOrMissing);
    if (x == null || !x.isSame(each.out()) || residual != null && residual.buffer() == each.out().buffer() || !known
        || reads.get(Instruction.Convolution.SCALE) != null || reads.get(Instruction.Convolution.RESIDUAL) != null
        || activation == Activation.GELU) {
      return null;
    }
    DType dtype = each.out().dtype();
    DType wide = DType.promote(dtype, DType.FLOAT32);
    try (var _ = GradMode.noGrad(); var _ = MemoryScope.open()) {
      Tensor mean = tensor(of.get(Instruction.Normalization.MEAN)).to(wide);
      Tensor rstd = tensor(of.get(Instruction.Normalization.RSTD)).to(wide);
      ChannelAffine affine = ChannelAffine.of(mean, rstd, tensorOrNull(weight), tensorOrNull(bias), tensorOrNull(before));
      List<@Nullable View> folded = with(each, residual);
      if (isSupported(FusedOp.SCALED_CONV2D, each, kernel)) {
        folded.set(Instruction.Convolution.SCALE, constant(affine.scale()));
        folded.set(Instruction.Convolution.BIAS, constant(affine.offset()));
      } else {
        folded.set(Instruction.Convolution.WEIGHT, constant(affine.scaled(tensor(kernel), dtype)));
        folded.set(Instruction.Convolution.BIAS, constant(affine.offset().to(dtype)));
      }
      return each.with(new Instruction.Convolution(convolution.spec(), activation), folded);
    }
  }

  private static boolean isKnownOrMissing(@Nullable View view) {
    return view == null || view.buffer().isKnown();
  }

  private static Tensor tensor(@Nullable View view) {
    if (view == null) {
      throw new IllegalStateException("[compile] expected an operand");
    }
    return Tensor.wrap(Simplification.constant(view), ThreadState.current());
  }

  private static @Nullable Tensor tensorOrNull(@Nullable View view) {
    return view == null ? null : tensor(view);
  }

  private static View constant(Tensor value) {
    Tensor kept = MemoryScope.escape(value);
    return View.of(Buffer.constant(kept.strided().storage()), kept.strided());
  }
}
