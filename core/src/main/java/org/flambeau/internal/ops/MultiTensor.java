package org.flambeau.internal.ops;

import static org.flambeau.internal.ops.Unit.UNIT;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.Tensor;
import org.flambeau.internal.ops.OptimizerSteps.Kind;
import org.flambeau.spi.FusedOp;
import org.flambeau.spi.Strided;

/// Many tensors as if they were one vector, in one kernel call for all of a device and dtype that lie without gaps, where its backend has
/// one. Nothing of it is recorded.
public final class MultiTensor {
  private static final Op<Unit> NORM = Op.notDifferentiable("multi_tensor_norm");
  private static final Op<Unit> SCALE = Op.notDifferentiable("multi_tensor_scale");

  private MultiTensor() {}

  /// Those that share a kernel call, and those that `op` cannot take.
  private record Split(Map<Kind, List<Tensor>> together, List<Tensor> alone) {
    static Split of(FusedOp op, List<Tensor> xs) {
      Split split = new Split(new LinkedHashMap<>(), new ArrayList<>());
      for (Tensor x : xs) {
        if (x.numel() > 0) {
          boolean fusable = OptimizerSteps.isFusable(op, x);
          (fusable ? split.together.computeIfAbsent(Kind.of(x), _ -> new ArrayList<>()) : split.alone).add(x);
        }
      }
      return split;
    }
  }

  /// The norm of order `order` of all elements, on the device of the first tensor that has some, in the dtype that all have in common; 0
  /// where there are none. The order 0 counts tensors that are not zero, as the norm of their norms.
  public static Tensor norm(List<Tensor> xs, double order) {
    Split split = Split.of(FusedOp.MULTI_TENSOR_NORM, xs);
    List<Tensor> norms = new ArrayList<>();
    split.together.forEach((kind, tensors) -> {
      if (order == 0) {
        split.alone.addAll(tensors);
      } else {
        norms.add(norm(kind, tensors, order));
      }
    });
    split.alone.forEach(x -> norms.add(x.norm(order)));
    return switch (norms.size()) {
      case 0 -> Tensor.scalar(0f);
      case 1 -> order == 0 ? norms.getFirst().norm(0) : norms.getFirst();
      default -> {
        Device first = xs.stream().filter(x -> x.numel() > 0).findFirst().orElseThrow().device();
        yield Tensor.stack(norms.stream().map(norm -> norm.to(first)).toList(), 0).norm(order);
      }
    };
  }

  private static Tensor norm(Kind kind, List<Tensor> xs, double order) {
    DType wide = LayerNorm.statistics(kind.dtype());
    return NORM.run(UNIT, wide, Layout.contiguous(), kind.device(), xs.toArray(Tensor[]::new),
        (k, out) -> k.multiTensorNorm(out, OptimizerSteps.strided(xs), order)).to(kind.dtype());
  }

  /// Multiplies all elements in place by `factor`, of rank 0 on any device.
  public static void scale_(List<Tensor> xs, Tensor factor) {
    Split split = Split.of(FusedOp.MULTI_TENSOR_SCALE, xs);
    split.together.forEach((kind, tensors) -> {
      Tensor local = factor.strided().isHostScalar() ? factor : factor.to(kind.device());
      Strided number = local.strided();
      SCALE.runInPlace(kind.device(), tensors, List.of(local), k -> k.multiTensorScale(OptimizerSteps.strided(tensors), number));
    });
    split.alone.forEach(x -> x.mul_(factor.to(x.device())));
  }
}
