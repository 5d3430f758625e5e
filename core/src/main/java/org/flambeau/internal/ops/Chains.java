package org.flambeau.internal.ops;

import static org.flambeau.internal.ops.Unit.UNIT;

import java.util.Arrays;
import java.util.List;
import org.flambeau.Tensor;
import org.flambeau.internal.Backends;
import org.flambeau.spi.Chain;
import org.flambeau.spi.Pointwise;
import org.flambeau.spi.Strided;

/// Element-wise functions after one another that core would else compose: one pass over memory, of the same bits. Only for backends that run any
/// chain as it comes, and nothing of it is recorded.
final class Chains {
  private static final Op<Unit> CHAIN = Op.notDifferentiable("chain");
  /// Fewer elements stay in a core's cache from one operation to the next.
  private static final long MANY = 1 << 15;

  private Chains() {}

  /// Whether functions that give as many elements as `x` has, and of its dtype, are worth a chain.
  static boolean pay(Tensor x) {
    Strided s = x.strided();
    return s.numel() >= MANY && s.dtype().isFloating() && Backends.kernels(x.device()).runsAnyChain();
  }

  /// A function whose result has the dtype of `x`; `reads` counts operands and, behind them, links.
  static Chain.Link link(Pointwise function, Tensor x, Integer... reads) {
    return new Chain.Link(function, x.dtype(), List.of(reads));
  }

  /// The last link's result, laid out as the first operand, to whose sizes the others are broadcast.
  static Tensor run(Tensor[] operands, Chain.Link... links) {
    Tensor x = operands[0];
    Chain chain = new Chain(operands.length, List.of(links));
    return CHAIN.run(UNIT, x.dtype(), Layout.like(x.strided()), x.device(), operands, (k, out) -> k.chain(chain, out, strided(operands)));
  }

  /// The first operand becomes the last link's result.
  static Tensor runInPlace(Tensor[] operands, Chain.Link... links) {
    Chain chain = new Chain(operands.length, List.of(links));
    return CHAIN.runInPlace(UNIT, operands[0], operands, (k, out) -> k.chain(chain, out, strided(operands)));
  }

  private static Strided[] strided(Tensor[] operands) {
    long[] sizes = operands[0].strided().sizes();
    return Arrays.stream(operands).map(operand -> Shapes.expand(operand.strided(), sizes)).toArray(Strided[]::new);
  }
}
