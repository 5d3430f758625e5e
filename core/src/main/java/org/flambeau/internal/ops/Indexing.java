package org.flambeau.internal.ops;

import static org.flambeau.autograd.Derivative.saves;
import static org.flambeau.autograd.Derivative.term;

import org.flambeau.DType;
import org.flambeau.Tensor;
import org.flambeau.autograd.Derivative;
import org.flambeau.spi.Strided;

/// Elements picked and placed by tensors of positions.
public final class Indexing {
  private record Along(int dim, double alpha) {}

  private static final Op<Along> INDEX_SELECT = Op.of("index_select", Derivative.of("IndexSelectBackward0",
      term(saves(1), (g, s, a) -> Tensor.zeros(g.device(), g.dtype(), s.sizes(0)).indexAdd(a.dim, s.input(1), g)),
      term((_, _, _) -> null)));
  private static final Op<Along> INDEX_ADD = Op.of("index_add", Derivative.of("IndexAddBackward0",
      term((g, _, _) -> g),
      term((_, _, _) -> null),
      term(saves(1), (g, s, a) -> {
        Tensor picked = g.indexSelect(a.dim, s.input(1)).expand(s.sizes(2));
        return a.alpha == 1 ? picked : picked.mul(a.alpha);
      })));

  private Indexing() {}

  public static Tensor indexSelect(Tensor x, int dim, Tensor index) {
    int at = Shapes.dim("index_select", dim, x.dim());
    Strided positions = vector("index_select", index);
    Strided in = x.strided();
    long[] sizes = in.sizes().clone();
    if (in.rank() > 0) {
      sizes[at] = index.numel();
    }
    Strided from = in.rank() > 0 ? in : in.with(in.offset(), new long[] {1}, new long[] {1});
    return INDEX_SELECT.run(new Along(at, 1), in.dtype(), Layout.contiguous(sizes), x.device(), x, index,
        (k, out) -> k.indexSelect(in.rank() > 0 ? out : out.with(0, new long[] {1}, new long[] {1}), from, at, positions));
  }

  /// `x` with alpha·source added to the parts of `dim` that `index` names, as often as it names them.
  public static Tensor indexAdd(Tensor x, int dim, Tensor index, Tensor source, double alpha) {
    int at = Shapes.dim("index_add", dim, x.dim());
    checkIndexAdd(x, at, index, source);
    Strided in = x.strided();
    return INDEX_ADD.run(new Along(at, alpha), in.dtype(), Layout.contiguous(in.sizes()), x.device(), new Tensor[] {x, index, source},
        (k, out) -> {
          k.copy(out, in);
          k.indexAdd(out, at, index.strided(), source.strided(), alpha);
        });
  }

  public static Tensor indexAddInPlace(Tensor x, int dim, Tensor index, Tensor source, double alpha) {
    int at = Shapes.dim("index_add", dim, x.dim());
    checkIndexAdd(x, at, index, source);
    return INDEX_ADD.runInPlace(new Along(at, alpha), x, new Tensor[] {x, index, source},
        (k, out) -> k.indexAdd(out, at, index.strided(), source.strided(), alpha));
  }

  private static void checkIndexAdd(Tensor x, int dim, Tensor index, Tensor source) {
    vector("index_add", index);
    if (source.dtype() != x.dtype()) {
      throw new IllegalArgumentException("[index_add] self and source are expected to have the same dtype, but got (self) "
          + x.dtype().label() + " and (source) " + source.dtype().label());
    }
    long[] expected = x.sizes();
    if (expected.length == 0 || source.dim() != expected.length) {
      throw new IllegalArgumentException("[index_add] expected self and source of equal rank above 0, got sizes " + Shapes.show(x.sizes())
          + " and " + Shapes.show(source.sizes()));
    }
    expected[dim] = index.numel();
    if (!java.util.Arrays.equals(expected, source.strided().sizes())) {
      throw new IllegalArgumentException("[index_add] expected a source of sizes " + Shapes.show(expected) + " for " + index.numel()
          + " indices along dimension " + dim + ", got " + Shapes.show(source.sizes()));
    }
  }

  /// Checks that `index` is int64 of rank 1 (or 0), and shows it as a vector.
  private static Strided vector(String op, Tensor index) {
    if (index.dtype() != DType.INT64 && index.dtype() != DType.INT32) {
      throw new IllegalArgumentException("[" + op + "] Expected dtype int32/int64 for index, got " + index.dtype().label());
    }
    if (index.dim() > 1) {
      throw new IndexOutOfBoundsException("[" + op + "] Index is supposed to be a vector, got sizes " + Shapes.show(index.sizes()));
    }
    if (index.dtype() == DType.INT32) {
      throw new IllegalArgumentException("[" + op + "] expected an int64 index, got int32: cast it with to(INT64)");
    }
    Strided in = index.strided();
    return in.rank() == 1 ? in : in.with(in.offset(), new long[] {1}, new long[] {1});
  }
}
