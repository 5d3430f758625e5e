package org.flambeau.testkit;

import static org.flambeau.testkit.OpInfo.Check.GRAD_CHECK;
import static org.flambeau.testkit.OpInfo.Check.GRAD_GRAD_CHECK;
import static org.flambeau.testkit.OpInfo.Check.STRIDED;
import static org.flambeau.testkit.OpInfo.op;
import static org.flambeau.testkit.OpInfo.several;
import static org.flambeau.testkit.OpInfo.unary;

import java.util.List;
import org.flambeau.Tensor;

/// The operations that change sizes and order, copy and join.
final class ShapeOps {
  private ShapeOps() {}

  private static final String RANGE = "Dimension out of range (expected to be in range of [-2, 1], but got 2)";

  private static final String ANY = "takes any tensor";

  // spotless:off
  static final List<OpInfo> ALL = List.of(
      op("reshape", (x, a) -> x.get(0).reshape(a.longs("sizes"))).records("reshape", "view", "unsafe_view").methods("reshape", "reshapeAs")
          .refuses(() -> m().reshape(4), "[reshape]", "(4,)", "6", "(2, 3)")
          .refuses(() -> m().reshape(-1, -1), "[reshape]", "only one dimension can be inferred")
          .refuses(() -> m().reshape(-2, 3), "[reshape]", "invalid shape dimension -2")
          .refuses(() -> Tensor.ones(0).reshape(-1, 0), "[reshape]", "ambiguous"),
      op("view", (x, a) -> x.get(0).view(a.longs("sizes"))).except(STRIDED, "refuses strides that would need a copy")
          .refuses(() -> m().t().view(6), "[view]", "view size is not compatible with input tensor's size and stride", "(3, 2)", "reshape"),
      op("flatten", (x, a) -> x.get(0).flatten(a.integer("start"), a.integer("end"))).records("view")
          .refuses(() -> m().flatten(1, 0), "[flatten]", "start", "1", "0").refuses(() -> m().flatten(0, 2), "[flatten]", RANGE),
      op("unflatten", (x, a) -> x.get(0).unflatten(a.integer("dim"), a.longs("sizes"))).records("view")
          .refuses(() -> m().unflatten(1, 2, 2), "(2, 2, 2)", "6"),
      op("squeeze", (x, a) -> x.get(0).squeeze(a.integers("dims"))).records("squeeze", "squeeze.dim", "squeeze.dims").refuses(() -> m().squeeze(2), "[squeeze]", RANGE),
      op("unsqueeze", (x, a) -> x.get(0).unsqueeze(a.integer("dim"))).refuses(() -> m().unsqueeze(3), "[unsqueeze]", "[-3, 2]", "3"),
      op("expand", (x, a) -> x.get(0).expand(a.longs("sizes"))).methods("expand", "expandAs", "broadcastTo")
          .refuses(() -> m().expand(2, 4), "[expand]", "The expanded size of the tensor (4) must match the existing size (3) at non-singleton dimension 1")
          .refuses(() -> m().expand(3), "[expand]", "must be greater or equal to the number of dimensions in the tensor (2)")
          .refuses(() -> m().expand(-1, 2, 3), "[expand]", "isn't allowed in a leading, non-existing dimension 0"),
      op("transpose", (x, a) -> x.get(0).transpose(a.integer("dim0"), a.integer("dim1"))).refuses(() -> m().transpose(0, 2), "[transpose]", RANGE),
      unary("t", Tensor::t).refuses(() -> Tensor.ones(1, 2, 3).t(), "[t]", "expects a tensor with <= 2 dimensions, but self is 3D"),
      unary("mT", Tensor::mT).records("transpose").refuses(() -> Tensor.ones(2).mT(), "[mT]", "only supported on matrices or batches of matrices", "(2,)"),
      op("permute", (x, a) -> x.get(0).permute(a.integers("dims")))
          .refuses(() -> m().permute(0), "[permute]", "2", "1").refuses(() -> m().permute(0, 0), "[permute]", "0"),
      op("movedim", (x, a) -> x.get(0).movedim(a.integer("source"), a.integer("destination"))).records("permute")
          .refuses(() -> m().movedim(2, 0), RANGE),
      op("slice", (x, a) -> x.get(0).slice(a.integer("dim"), a.integer("start"), a.integer("end"), a.integer("step")))
          .refuses(() -> m().slice(0, 0, 1, 0), "[slice]", "slice step must be positive").refuses(() -> m().slice(2, 0, 1), "[slice]", RANGE),
      op("narrow", (x, a) -> x.get(0).narrow(a.integer("dim"), a.integer("start"), a.integer("length"))).records("slice")
          .refuses(() -> m().narrow(0, 1, 2), "[narrow]", "start (1) + length (2) exceeds dimension size (2)")
          .refuses(() -> m().narrow(0, 3, 0), "[narrow]", "start out of range (expected to be in range of [-2, 2], but got 3)"),
      op("select", (x, a) -> x.get(0).select(a.integer("dim"), a.integer("index"))).methods("select", "get")
          .refuses(() -> m().select(1, 3), "[select]", "index 3 is out of bounds for dimension 1 with size 3").refuses(() -> m().select(2, 0), "[select]", RANGE)
          .refuses(() -> m().get(0, 3), "[get]", "index 3 is out of bounds for dimension 0 with size 3").refuses(() -> m().get(0, 1, 0), "[get]", "got 3 for a tensor of 2 dimensions"),
      several("split", (x, a) -> x.get(0).split(a.integer("size"), a.integer("dim")))
          .refuses(() -> m().split(-1, 0), "[split]", "-1").refuses(() -> m().split(1, 2), "[split]", RANGE),
      several("split_sizes", (x, a) -> x.get(0).split(a.longs("sizes"), a.integer("dim"))).methods("split").records("split.sizes")
          .refuses(() -> m().split(new long[] {1, 2}, 0), "[split]", "2", "[1, 2]"),
      several("chunk", (x, a) -> x.get(0).chunk(a.integer("chunks"), a.integer("dim"))).records("split")
          .refuses(() -> m().chunk(0, 0), "[chunk]", "0"),
      several("unbind", (x, a) -> x.get(0).unbind(a.integer("dim"))).refuses(() -> m().unbind(2), "[unbind]", RANGE),
      op("unfold", (x, a) -> x.get(0).unfold(a.integer("dim"), a.integer("size"), a.integer("step")))
          .refuses(() -> m().unfold(1, 4, 1), "[unfold]", "4", "3").refuses(() -> m().unfold(1, 2, 0), "[unfold]", "0"),
      op("diagonal", (x, a) -> x.get(0).diagonal(a.integer("offset"), a.integer("dim1"), a.integer("dim2")))
          .refuses(() -> m().diagonal(0, 1, 1), "[diagonal]", "1"),
      op("as_strided", (x, a) -> x.get(0).asStrided(a.longs("sizes"), a.longs("strides"), a.integer("offset")))
          .except(STRIDED, "is about the memory, not the elements")
          .refuses(() -> m().asStrided(new long[] {7}, new long[] {1}, 0), "[as_strided]"),
      op("flip", (x, a) -> x.get(0).flip(a.integers("dims"))).refuses(() -> m().flip(2), RANGE),
      op("roll", (x, a) -> x.get(0).roll(a.integer("shift"), a.integer("dim"))).refuses(() -> m().roll(1, 2), RANGE),
      op("repeat", (x, a) -> x.get(0).repeat(a.longs("repeats"))).refuses(() -> m().repeat(2), "[repeat]", "(2,)", "(2, 3)"),
      op("repeat_interleave", (x, a) -> x.get(0).repeatInterleave(a.integer("repeats"), a.integer("dim")))
          .refuses(() -> m().repeatInterleave(-1, 0), "[repeat_interleave]", "-1"),
      unary("clone", Tensor::clone).refusesNothing(ANY),
      unary("contiguous", x -> (x.dim() == 2 ? x.t() : x).contiguous()).records("clone", "t").refusesNothing(ANY),
      op("to", (x, a) -> x.get(0).to(Sample.dtype(a.text("target")))).except(GRAD_CHECK, "rounds").except(GRAD_GRAD_CHECK, "rounds").refusesNothing(ANY),
      op("cat", (x, a) -> Tensor.cat(x, a.integer("dim")))
          .refuses(() -> Tensor.cat(List.of(), 0), "[cat]", "non-empty list")
          .refuses(() -> Tensor.cat(List.of(m(), Tensor.ones(2, 4)), 0), "[cat]",
              "Sizes of tensors must match except in dimension 0. Expected size 3 but got size 4 for tensor number 1 in the list.")
          .refuses(() -> Tensor.cat(List.of(m(), Tensor.ones(2)), 0), "[cat]", "same number of dimensions", "2", "1")
          .refuses(() -> Tensor.cat(List.of(Tensor.scalar(1f)), 0), "[cat]", "zero-dimensional"),
      op("stack", (x, a) -> Tensor.stack(x, a.integer("dim")))
          .refuses(() -> Tensor.stack(List.of(m(), Tensor.ones(3, 2)), 0), "[stack]", "stack expects each tensor to be equal size, but got", "(2, 3)", "(3, 2)"));
  // spotless:on

  private static Tensor m() {
    return Tensor.ones(2, 3);
  }
}
