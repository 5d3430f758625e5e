package org.flambeau.internal.ops;

import static org.flambeau.autograd.Derivative.RESULT;
import static org.flambeau.autograd.Derivative.fixing;
import static org.flambeau.autograd.Derivative.joint;
import static org.flambeau.autograd.Derivative.saves;
import static org.flambeau.autograd.Derivative.term;

import java.util.Arrays;
import org.flambeau.AutogradException;
import org.flambeau.DType;
import org.flambeau.GradMode;
import org.flambeau.Reduce;
import org.flambeau.Tensor;
import org.flambeau.autograd.Derivative;
import org.flambeau.autograd.Derivative.Term;
import org.flambeau.autograd.Saved;
import org.flambeau.spi.BinaryOp;
import org.flambeau.spi.ScatterOp;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// Elements picked along a dimension by a tensor of positions of the same rank, and placed so.
public final class Scattering {
  private record Joining(int dim, Reduce reduce, boolean includeSelf) {}

  private static final Op<Integer> GATHER = Op.of("gather", Derivative.of("GatherBackward0",
      fixing(saves(0), term(saves(1), (g, s, dim) -> Tensor.zeros(g.device(), g.dtype(), s.sizes(0)).scatterAdd_(dim, s.input(1), g)))));
  private static final Op<Integer> SCATTER = Op.of("scatter", Derivative.of("ScatterBackward0",
      overwritten(), none(), term(saves(1), (g, s, dim) -> g.gather(dim, s.input(1)))));
  private static final Op<Integer> SCATTER_VALUE = Op.of("scatter.value", Derivative.of("ScatterBackward1", overwritten()));
  private static final Op<Integer> SCATTER_ADD = Op.of("scatter_add", Derivative.of("ScatterAddBackward0",
      term((g, _, _) -> g), none(), term(saves(1), (g, s, dim) -> g.gather(dim, s.input(1)))));
  private static final Op<Joining> SCATTER_MEAN = Op.of("scatter_reduce.mean", Derivative.of("ScatterReduceBackward0",
      term(saves(1), (g, s, a) -> ownGradient(share(g, s.input(1), a), s.input(1), a)),
      term((_, _, _) -> null),
      term(saves(1), (g, s, a) -> share(g, s.input(1), a).gather(a.dim, s.input(1)))));
  private static final Op<Joining> SCATTER_REDUCE = Op.of("scatter_reduce",
      joint("ScatterReduceBackward0", saves(0, 1, 2) | RESULT, Scattering::reduceBack));

  private Scattering() {}

  private static Term<Integer> overwritten() {
    return term(saves(1), (g, s, dim) -> g.scatter(dim, s.input(1), 0));
  }

  private static Term<Integer> none() {
    return term((_, _, _) -> null);
  }

  public static Tensor gather(Tensor x, int dim, Tensor index) {
    int at = Shapes.dim("gather", dim, x.dim());
    Tensor positions = Indexing.positions("gather", index);
    checkIndex("gather", x, at, index, null);
    return GATHER.run(at, x.dtype(), Layout.contiguous(index.sizes()), x.device(), x, positions,
        (k, out) -> k.gather(Shapes.atLeastVector(out), Shapes.atLeastVector(x.strided()), at, Shapes.atLeastVector(positions.strided())));
  }

  /// Like [#gather], with index and tensor broadcast in the other dimensions.
  public static Tensor takeAlongDim(Tensor x, Tensor index, int dim) {
    if (x.dim() != Op.given("take_along_dim", "index", index).dim()) {
      throw new IllegalArgumentException("[take_along_dim] input and indices should have the same number of dimensions, but got " + x.dim()
          + " dimensions for input, and " + index.dim() + " dimensions for indices");
    }
    int at = Shapes.dim("take_along_dim", dim, x.dim());
    long[] sizes = Shapes.broadcast("take_along_dim", Shapes.resized(x.sizes(), at, 1), Shapes.resized(index.sizes(), at, 1));
    return Op.scoped("take_along_dim", () -> x.dim() == 0 ? gather(x, 0, index)
        : gather(x.expand(Shapes.resized(sizes, at, x.size(at))), at, index.expand(Shapes.resized(sizes, at, index.size(at)))));
  }

  public static Tensor scatter(Tensor x, int dim, Tensor index, Tensor source, boolean inPlace) {
    return place(SCATTER, ScatterOp.ASSIGN, x, dim, index, source, inPlace);
  }

  public static Tensor scatterAdd(Tensor x, int dim, Tensor index, Tensor source, boolean inPlace) {
    AutocastPolicy policy = inPlace ? null : AutocastPolicy.of("scatter_add", x);
    if (policy != null) {
      return policy.run(c -> scatterAdd(c[0], dim, index, c[1], false), x, source);
    }
    return place(SCATTER_ADD, ScatterOp.ADD, x, dim, index, source, inPlace);
  }

  private static Tensor place(Op<Integer> op, ScatterOp kernel, Tensor x, int dim, Tensor index, Tensor source, boolean inPlace) {
    int at = Shapes.dim(op.title(), dim, x.dim());
    Tensor positions = Indexing.positions(op.title(), index);
    Tensor values = part(op.title(), x, at, index, source, inPlace);
    return op.change(at, inPlace, new Tensor[] {x, positions, values}, (k, out) -> k.scatter(kernel, Shapes.atLeastVector(out), at,
        Shapes.atLeastVector(positions.strided()), Shapes.atLeastVector(values.strided())));
  }

  public static Tensor scatter(Tensor x, int dim, Tensor index, double value, boolean inPlace) {
    int at = Shapes.dim("scatter", dim, x.dim());
    Promotion.checkHolds("scatter", x.dtype(), value);
    Tensor positions = Indexing.positions("scatter", index);
    checkIndex("scatter", x, at, index, null);
    Strided filling = Shapes.atLeastVector(repeated(x, value, index.sizes()).strided());
    return SCATTER_VALUE.change(at, inPlace, new Tensor[] {x, positions},
        (k, out) -> k.scatter(ScatterOp.ASSIGN, Shapes.atLeastVector(out), at, Shapes.atLeastVector(positions.strided()), filling));
  }

  private static Tensor repeated(Tensor like, double value, long[] sizes) {
    return Creation.full(like.device(), like.dtype(), Tensor.number(value)).expand(sizes);
  }

  // ---- checks ----

  /// The part of `source` that `index` has a position for; where x is written in place, apart from its memory.
  private static Tensor part(String op, Tensor x, int dim, Tensor index, Tensor source, boolean inPlace) {
    if (Op.given(op, "source", source).dtype() != x.dtype()) {
      throw new IllegalArgumentException("[" + op + "] Expected self.dtype to be equal to src.dtype, got " + x.dtype().label() + " and "
          + source.dtype().label() + ": cast one with to(dtype)");
    }
    Binary.device(op, x, source);
    checkIndex(op, x, dim, index, source);
    Tensor part = inPlace ? Copies.apart(op, x, source) : source;
    for (int d = 0; d < index.dim() && index.numel() > 0; d++) {
      part = part.size(d) == index.size(d) ? part : part.narrow(d, 0, index.size(d));
    }
    return index.numel() > 0 ? part : repeated(x, 0, index.sizes());
  }

  private static void checkIndex(String op, Tensor x, int dim, Tensor index, @Nullable Tensor source) {
    if (index.numel() == 0) {
      return;
    }
    int rank = Math.max(x.dim(), 1);
    if (Math.max(index.dim(), 1) != rank) {
      throw new IllegalArgumentException("[" + op + "] Index tensor must have the same number of dimensions as "
          + (op.equals("gather") ? "input" : "self") + " tensor: sizes " + Shapes.show(index.sizes()) + " for " + Shapes.show(x.sizes()));
    }
    if (source != null && Math.max(source.dim(), 1) != rank) {
      throw new IllegalArgumentException("[" + op + "] Index tensor must have the same number of dimensions as src tensor: sizes "
          + Shapes.show(index.sizes()) + " for " + Shapes.show(source.sizes()));
    }
    for (int d = 0; d < x.dim() && index.dim() > 0; d++) {
      boolean fits = d == dim || index.size(d) <= x.size(d);
      if (source == null && !fits) {
        throw new IllegalArgumentException("[" + op + "] Size does not match at dimension " + d + " expected index "
            + Shapes.show(index.sizes()) + " to be no larger than self " + Shapes.show(x.sizes()) + " apart from dimension " + dim);
      }
      if (source != null && (!fits || index.size(d) > source.size(d))) {
        throw new IllegalArgumentException("[" + op + "] Expected index " + Shapes.show(index.sizes()) + " to be no larger than self "
            + Shapes.show(x.sizes()) + " apart from dimension " + dim + " and to be no larger size than src "
            + Shapes.show(source.sizes()));
      }
    }
  }

  // ---- reductions ----

  public static Tensor scatterReduce(Tensor x, int dim, Tensor index, Tensor source, Reduce reduce, boolean includeSelf, boolean inPlace) {
    boolean linear = reduce == Reduce.SUM || reduce == Reduce.MEAN;
    Op<Joining> op = linear ? SCATTER_MEAN : SCATTER_REDUCE;
    String title = op.title();
    int at = Shapes.dim(title, dim, x.dim());
    Tensor positions = Indexing.positions(title, index);
    Tensor values = part(title, x, at, index, source, inPlace);
    Strided where = Shapes.atLeastVector(positions.strided());
    Strided from = Shapes.atLeastVector(values.strided());
    Joining joining = new Joining(at, reduce, includeSelf);
    ScatterOp kernel = switch (reduce) {
      case SUM, MEAN -> ScatterOp.ADD;
      case PROD -> ScatterOp.MUL;
      case AMAX -> ScatterOp.AMAX;
      case AMIN -> ScatterOp.AMIN;
    };
    Strided neutral = Shapes
        .atLeastVector(Creation.full(x.device(), x.dtype(), neutral(reduce, x.dtype())).expand(index.sizes()).strided());
    Tensor counts = reduce == Reduce.MEAN ? counts(x.sizes(), joining, positions).to(x.dtype()) : null;
    return op.change(joining, inPlace, new Tensor[] {x, positions, values}, (k, out) -> {
      Strided into = Shapes.atLeastVector(out);
      if (!includeSelf) {
        k.scatter(ScatterOp.ASSIGN, into, at, where, neutral);
      }
      k.scatter(kernel, into, at, where, from);
      if (counts != null) {
        k.binary(x.dtype().isFloating() ? BinaryOp.DIV : BinaryOp.FLOOR_DIVIDE, out, out, counts.strided());
      }
    });
  }

  /// What a reduction starts from where the tensor's own elements do not take part.
  private static Tensor neutral(Reduce reduce, DType dtype) {
    return switch (reduce) {
      case SUM, MEAN -> Tensor.number(0);
      case PROD -> Tensor.number(1);
      case AMAX -> dtype.isFloating() ? Tensor.number(Double.NEGATIVE_INFINITY) : Tensor.number(least(dtype));
      case AMIN -> dtype.isFloating() ? Tensor.number(Double.POSITIVE_INFINITY) : Tensor.number(largest(dtype));
    };
  }

  private static long largest(DType dtype) {
    return dtype == DType.BOOL ? 1 : dtype == DType.UINT8 ? 255 : ~least(dtype);
  }

  private static long least(DType dtype) {
    return dtype == DType.BOOL || dtype == DType.UINT8 ? 0 : -1L << dtype.size() * 8 - 1;
  }

  /// How many elements meet in each place; 1 where none does.
  private static Tensor counts(long[] sizes, Joining a, Tensor index) {
    try (var _ = GradMode.noGrad()) {
      Tensor start = Creation.full(index.device(), DType.INT64, Tensor.number(a.includeSelf ? 1 : 0), sizes);
      Tensor counts = start.scatterAdd_(a.dim, index, Tensor.onesLike(index));
      return a.includeSelf ? counts : counts.clamp(1, Double.POSITIVE_INFINITY);
    }
  }

  private static Tensor ownGradient(Tensor grad, Tensor index, Joining a) {
    return a.includeSelf ? grad : grad.scatter(a.dim, index, 0);
  }

  /// Of what a gradient is, per place, shared by all that meet there.
  private static Tensor share(Tensor grad, Tensor index, Joining a) {
    return a.reduce == Reduce.SUM ? grad : grad.div(counts(grad.sizes(), a, index).to(grad.dtype()));
  }

  /// How often each number occurs in the vector `x`, or the sum of the weights with which it does.
  public static Tensor bincount(Tensor x, @Nullable Tensor weights, long minLength) {
    boolean whole = x.dtype().isIntegral() && x.dim() == 1;
    if (!whole || x.numel() > 0 && x.min().toLong() < 0) {
      throw new IllegalArgumentException("[bincount] only supports 1-d non-negative integral inputs, got "
          + (whole ? "the number " + x.min().toLong() : x.dtype().label() + " of sizes " + Shapes.show(x.sizes())));
    }
    if (weights != null && !Arrays.equals(weights.sizes(), x.sizes())) {
      throw new IllegalArgumentException("[bincount] weights should be 1-d and have the same length as input, got sizes "
          + Shapes.show(weights.sizes()) + " and " + Shapes.show(x.sizes()));
    }
    if (minLength < 0) {
      throw new IllegalArgumentException("[bincount] minlength should be >= 0, got " + minLength);
    }
    if (x.numel() == 0) {
      return Tensor.zeros(x.device(), DType.INT64, minLength);
    }
    DType dtype = weights == null ? DType.INT64 : weights.dtype() == DType.FLOAT32 ? DType.FLOAT32 : DType.FLOAT64;
    return Op.scoped("bincount", () -> {
      Tensor index = x.to(DType.INT64);
      Tensor counts = Tensor.zeros(x.device(), dtype, Math.max(minLength, index.max().toLong() + 1));
      return counts.scatterAdd_(0, index, weights == null ? Tensor.onesLike(index) : weights.detach().to(dtype));
    });
  }

  private static @Nullable Tensor[] reduceBack(@Nullable Tensor[] grads, Saved s, Joining a) {
    Tensor g = grads[0];
    if (g == null) {
      return new Tensor[3];
    }
    Tensor[] parts = a.reduce == Reduce.PROD ? productBack(g, s, a) : extremumBack(g, s, a);
    return new Tensor[] {ownGradient(parts[0], s.input(1), a), null, parts[1]};
  }

  /// Equal extrema share the gradient.
  private static Tensor[] extremumBack(Tensor g, Saved s, Joining a) {
    Tensor index = s.input(1);
    Tensor self = ownGradient(s.input(0).eq(s.result()).to(g.dtype()), index, a);
    Tensor source = s.input(2).eq(s.result().gather(a.dim, index)).to(g.dtype());
    Tensor share = g.div(self.scatterAdd(a.dim, index, source));
    return new Tensor[] {self.mul(share), source.mul(share.gather(a.dim, index))};
  }

  /// Each factor's gradient is the product of the others: the result divided by it, but where it is the only 0 among them
  /// the product with 1 in its place.
  private static Tensor[] productBack(Tensor g, Saved s, Joining a) {
    Tensor self = s.input(0);
    Tensor index = s.input(1);
    Tensor source = s.input(2);
    Tensor selfWithoutZero = self.maskedFill(self.eq(0), 1);
    Tensor gradSelf = g.mul(selfWithoutZero.scatterReduce(a.dim, index, source, Reduce.PROD, a.includeSelf)).div(selfWithoutZero);
    Tensor zero = source.eq(0);
    Tensor zeros = self.zerosLike().scatterAdd_(a.dim, index, zero.to(self.dtype())).gather(a.dim, index);
    if (GradMode.isEnabled() && zeros.gt(1).any().toBoolean()) {
      throw new AutogradException("scatter_reduce(): Double backward is unsupported for src when >1 zeros in src are scattered to the same "
          + "position in self");
    }
    Tensor single = zero.logicalAnd(zeros.eq(1));
    Tensor others = self.scatterReduce(a.dim, index, source.maskedFill(single, 1), Reduce.PROD, a.includeSelf);
    Tensor gradSource = Tensor.where(single, g.mul(others).gather(a.dim, index),
        g.mul(s.result()).gather(a.dim, index).div(source.maskedFill(zero, 1)));
    return new Tensor[] {gradSelf, gradSource};
  }
}
