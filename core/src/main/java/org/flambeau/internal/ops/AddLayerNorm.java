package org.flambeau.internal.ops;

import static org.flambeau.autograd.Derivative.joint;
import static org.flambeau.autograd.Derivative.result;
import static org.flambeau.autograd.Derivative.saves;
import static org.flambeau.internal.text.Shapes.list;

import java.util.Arrays;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.Tensor;
import org.flambeau.autograd.Saved;
import org.flambeau.internal.Backends;
import org.flambeau.internal.ops.LayerNorm.Rows;
import org.flambeau.spi.FusedOp;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// A sum and its layer normalisation, both of which a residual network goes on with. Where there is no kernel for both, they are two operations.
///
/// Operands 0, 1 and 2 are x, weight and bias, and results 0, 1 and 2 y, means and `1/√(var + eps)`, all as [LayerNorm] has them; operand 3 is
/// the residual, and result 3 the sum.
public final class AddLayerNorm {
  private static final int RESIDUAL = 3;
  private static final int SUM = 3;
  private static final Op<Rows> ADD_LAYER_NORM = Op.of("add_layer_norm",
      joint("AddLayerNormBackward0", AddLayerNorm::saved, AddLayerNorm::backward));

  private AddLayerNorm() {}

  private static int saved(int needed) {
    return (needed & saves(0, 1, RESIDUAL)) == 0 ? 0 : saves(1) | result(1) | result(2) | result(SUM);
  }

  /// `x + residual`, and what layer norm makes of it.
  public static Tensor[] addLayerNorm(Tensor x, Tensor residual, long[] shape, @Nullable Tensor weight, @Nullable Tensor bias, double eps) {
    Device _ = Binary.device("add_layer_norm", x, residual, weight, bias);
    DType dtype = DType.promote(x.dtype(), residual.dtype());
    boolean autocast = AutocastPolicy.of("layer_norm", x) != null;
    if (!Arrays.equals(x.strided().sizes(), residual.strided().sizes())) {
      throw new IllegalArgumentException("[add_layer_norm] expected a residual of the sizes of x, " + list(x.sizes()) + ", got "
          + list(residual.sizes()));
    }
    if (!(autocast && dtype != DType.FLOAT32) && x.isContiguous() && residual.isContiguous()) {
      Tensor a = x.to(dtype);
      if (LayerNorm.sameDtype(a, weight, bias)) {
        LayerNorm.check("add_layer_norm", a, shape, weight, bias);
        Rows rows = Rows.of(a, shape, eps);
        if (Backends.kernels(a.device()).supports(FusedOp.ADD_LAYER_NORM, LayerNorm.rows(a.strided(), rows))) {
          return fused(rows, a, residual.to(dtype), weight, bias);
        }
      }
    }
    Tensor sum = x.add(residual);
    if (!autocast) {
      LayerNorm.check("add_layer_norm", sum, shape, weight, bias);
    }
    return new Tensor[] {sum, LayerNorm.layerNorm(sum, shape, weight, bias, eps)};
  }

  private static Tensor[] fused(Rows a, Tensor x, Tensor residual, @Nullable Tensor weight, @Nullable Tensor bias) {
    DType wide = LayerNorm.statistics(x.dtype());
    Layout whole = Layout.contiguous(x.sizes());
    Layout perRow = Layout.contiguous(a.rows());
    Strided scale = LayerNorm.flatOrNull(weight == null ? null : weight.strided());
    Strided shift = LayerNorm.flatOrNull(bias == null ? null : bias.strided());
    Tensor[] results = ADD_LAYER_NORM.runMulti(a, x.device(), new DType[] {x.dtype(), wide, wide, x.dtype()},
        new Layout[] {whole, perRow, perRow, whole}, new @Nullable Tensor[] {x, weight, bias, residual},
        (k, outs) -> k.addLayerNorm(LayerNorm.rows(outs[SUM], a), LayerNorm.rows(outs[0], a), outs[1], outs[2],
            LayerNorm.rows(x.strided(), a), LayerNorm.rows(residual.strided(), a), scale, shift, a.eps()));
    return new Tensor[] {results[SUM], results[0]};
  }

  private static @Nullable Tensor[] backward(@Nullable Tensor[] grads, Saved s, Rows a) {
    Tensor ofNorm = grads[0];
    Tensor ofSum = grads[SUM];
    if (ofNorm == null) {
      return new @Nullable Tensor[] {ofSum, null, null, ofSum};
    }
    @Nullable Tensor[] g = LayerNorm.backward(ofNorm, ofSum, new OfSum(s), a);
    return new @Nullable Tensor[] {s.needs(0) ? g[0] : null, g[1], g[2], s.needs(RESIDUAL) ? g[0] : null};
  }

  /// What was saved as layer norm's backward asks for it: there the operand is the sum.
  private record OfSum(Saved node) implements Saved {
    private int place(int i) {
      return i == 0 && !node.needs(0) ? RESIDUAL : i;
    }

    @Override
    public Tensor input(int i) {
      return i == 0 ? node.result(SUM) : node.input(i);
    }

    @Override
    public @Nullable Tensor inputOrNull(int i) {
      return i == 0 ? node.result(SUM) : node.inputOrNull(i);
    }

    @Override
    public Tensor result(int i) {
      return node.result(i);
    }

    @Override
    public boolean needs(int i) {
      return node.needs(place(i));
    }

    @Override
    public long[] sizes(int i) {
      return node.sizes(place(i));
    }

    @Override
    public boolean isChannelsLast(int i) {
      return node.isChannelsLast(place(i));
    }

    @Override
    public DType dtype(int i) {
      return node.dtype(place(i));
    }
  }
}
