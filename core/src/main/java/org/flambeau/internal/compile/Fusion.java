package org.flambeau.internal.compile;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.flambeau.DType;
import org.flambeau.GradMode;
import org.flambeau.MemoryScope;
import org.flambeau.Tensor;
import org.flambeau.internal.Backends;
import org.flambeau.internal.ThreadState;
import org.flambeau.spi.Activation;
import org.flambeau.spi.BinaryOp;
import org.flambeau.spi.FusedOp;
import org.flambeau.spi.Pointwise;
import org.flambeau.spi.UnaryOp;
import org.jspecify.annotations.Nullable;

/// Lets convolutions and linear maps do what follows them: a norm with constant statistics is folded into a convolution's weight and bias, and a
/// residual and ReLU are applied as results leave the kernel.
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
    boolean same = to.liesLike(out) || isPacked(out) && isPacked(to) && to.dtype() == out.dtype();
    boolean alone = to.buffer().isTemporary() && uses.writers(to.buffer()).size() == 1 && to.buffer().bytes() == out.buffer().bytes();
    return same && alone ? new View(to.buffer(), out.dtype(), out.offset(), out.sizes(), out.strides()) : null;
  }

  /// Whether elements fill the buffer in row-major order, whatever their sizes.
  private static boolean isPacked(View view) {
    long numel = Arrays.stream(view.sizes()).reduce(1, (a, b) -> a * b);
    return view.offset() == 0 && numel * view.dtype().size() == view.buffer().bytes() && isRowMajor(view);
  }

  private static boolean isRowMajor(View view) {
    long step = 1;
    for (int d = view.sizes().length - 1; d >= 0; d--) {
      if (view.sizes()[d] != 1 && view.strides()[d] != step) {
        return false;
      }
      step *= view.sizes()[d];
    }
    return true;
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
    View weight = convolution.reads().get(1);
    return weight != null && weight.buffer().isConstant()
        && Backends.kernels(convolution.device()).supports(FusedOp.CONV2D, Simplification.constant(weight));
  }

  private static @Nullable Instruction withResidual(Instruction each, Instruction.Convolution convolution, Instruction sum) {
    View y = each.out();
    View a = sum.operands().getFirst();
    View b = sum.operands().getLast();
    View residual = a.isSame(y) ? b : a;
    boolean fits = (a.isSame(y) || b.isSame(y)) && residual.buffer() != y.buffer() && residual.hasSizesOf(y)
        && residual.dtype() == y.dtype();
    if (each.reads().get(3) != null || !fits) {
      return null;
    }
    return each.with(convolution, Arrays.asList(each.reads().get(0), each.reads().get(1), each.reads().get(2), residual));
  }

  /// (x ∗ w + b − mean)·rstd·weight + bias = x ∗ (w·s) + (b − mean)·s + bias, s = rstd·weight.
  private static @Nullable Instruction withNorm(Instruction each, Instruction.Convolution convolution, Instruction norm,
      Activation activation) {
    List<@Nullable View> reads = each.reads();
    List<@Nullable View> byNorm = norm.reads();
    View x = byNorm.getFirst();
    boolean constant = byNorm.subList(1, 5).stream().allMatch(view -> view == null || view.buffer().isConstant())
        && (reads.get(2) == null || reads.get(2).buffer().isConstant());
    if (x == null || !x.isSame(each.out()) || !constant || reads.get(3) != null || activation == Activation.GELU) {
      return null;
    }
    DType dtype = each.out().dtype();
    try (var _ = GradMode.noGrad(); var _ = MemoryScope.open()) {
      Tensor mean = tensor(byNorm.get(1));
      Tensor rstd = tensor(byNorm.get(2));
      Tensor scale = byNorm.get(3) == null ? rstd : rstd.mul(tensor(byNorm.get(3)));
      Tensor shift = reads.get(2) == null ? mean.neg() : tensor(reads.get(2)).sub(mean);
      Tensor offset = shift.mul(scale);
      View weight = constant(tensor(reads.get(1)).mul(scale.view(-1, 1, 1, 1)).to(dtype));
      View bias = constant((byNorm.get(4) == null ? offset : offset.add(tensor(byNorm.get(4)))).to(dtype));
      return each.with(new Instruction.Convolution(convolution.spec(), activation),
          Arrays.asList(reads.get(0), weight, bias, byNorm.get(5)));
    }
  }

  private static Tensor tensor(@Nullable View view) {
    if (view == null) {
      throw new IllegalStateException("[compile] expected an operand");
    }
    return Tensor.wrap(Simplification.constant(view), ThreadState.current());
  }

  private static View constant(Tensor value) {
    Tensor kept = MemoryScope.escape(value);
    return View.of(Buffer.constant(kept.strided().storage()), kept.strided());
  }
}
