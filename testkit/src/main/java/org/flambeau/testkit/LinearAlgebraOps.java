package org.flambeau.testkit;

import static org.flambeau.testkit.OpInfo.binary;
import static org.flambeau.testkit.OpInfo.op;
import static org.flambeau.testkit.OpInfo.unary;

import java.util.List;
import org.flambeau.DType;
import org.flambeau.Tensor;

/// Products of vectors and matrices, and parts of matrices.
final class LinearAlgebraOps {
  private LinearAlgebraOps() {}

  // spotless:off
  static final List<OpInfo> ALL = List.of(
      binary("matmul", Tensor::matmul).tolerance(4).records("mm", "bmm", "mv", "dot", "unsafe_view", "squeeze.result")
          .refuses(() -> Tensor.ones(8, 3).matmul(Tensor.ones(4, 5)), "[matmul]", "(8, 3)", "(4, 5)")
          .refuses(() -> Tensor.ones(3).matmul(Tensor.ones(4)), "[matmul]", "(3,)", "(4,)")
          .refuses(() -> Tensor.scalar(1f).matmul(Tensor.ones(4)), "[matmul]", "both arguments to matmul need to be at least 1D, but they are 0D and 1D")
          .refuses(() -> Tensor.ones(2, 3, 4).matmul(Tensor.ones(3, 4, 5)), "[matmul]", "(2", "(3")
          .refuses(() -> Tensor.ones(3).matmul(Tensor.of(1.0, 2, 3)), "[matmul]", "float32", "float64"),
      binary("bmm", Tensor::bmm).refuses(() -> Tensor.ones(2, 3).bmm(Tensor.ones(2, 3)), "[bmm]", "3D", "(2, 3)")
          .refuses(() -> Tensor.ones(2, 3, 4).bmm(Tensor.ones(2, 3, 4)), "[bmm]", "[2, 4]", "[2, 3]"),
      binary("mm", Tensor::mm).refuses(() -> Tensor.ones(2, 3).mm(Tensor.ones(2, 3)), "[mm]", "2x3")
          .refuses(() -> Tensor.ones(2).mm(Tensor.ones(2, 3)), "[mm]", "(2,)"),
      binary("mv", Tensor::mv).refuses(() -> Tensor.ones(2, 3).mv(Tensor.ones(2)), "[mv]", "size mismatch", "(2x3)", "(2)"),
      binary("dot", Tensor::dot).refuses(() -> Tensor.ones(2).dot(Tensor.ones(3)), "[dot]", "2", "3")
          .refuses(() -> Tensor.ones(2, 2).dot(Tensor.ones(3)), "[dot]", "1D"),
      binary("outer", Tensor::outer).records("mul").refuses(() -> Tensor.ones(2, 2).outer(Tensor.ones(3)), "[outer]", "(2, 2)"),
      op("addmm", (x, a) -> x.get(0).addmm(x.get(1), x.get(2), a.number("beta"), a.number("alpha")))
          .refuses(() -> Tensor.ones(2, 2).addmm(Tensor.ones(2, 3), Tensor.ones(4, 2)), "[addmm]", "mat1 and mat2 shapes cannot be multiplied (2x3 and 4x2)")
          .refuses(() -> Tensor.ones(3, 3).addmm(Tensor.ones(2, 3), Tensor.ones(3, 2)), "[addmm]", "(3, 3)", "(2, 2)"),
      op("baddbmm", (x, a) -> x.get(0).baddbmm(x.get(1), x.get(2), a.number("beta"), a.number("alpha")))
          .refuses(() -> Tensor.ones(1).baddbmm(Tensor.ones(2, 3, 4), Tensor.ones(2, 3, 4)), "[baddbmm]", "[2, 4]", "[2, 3]"),
      op("tensordot", (x, a) -> x.get(0).tensordot(x.get(1), a.integers("dims"), a.integers("otherDims"))).records("mm")
          .refuses(() -> Tensor.ones(2, 3).tensordot(Tensor.ones(2, 3), new int[] {1}, new int[] {0}), "[tensordot]", "3", "2"),
      op("tensordot_count", (x, a) -> x.get(0).tensordot(x.get(1), a.integer("count"))).methods("tensordot").records("mm")
          .refuses(() -> Tensor.ones(2, 3).tensordot(Tensor.ones(4, 3), 1), "[tensordot]", "3", "4"),
      op("einsum", (x, a) -> Tensor.einsum(a.text("equation"), x.toArray(Tensor[]::new))).records("bmm")
          .refuses(() -> Tensor.einsum("ij,jk->ik", Tensor.ones(2, 3), Tensor.ones(4, 5)), "[einsum]",
              "subscript j has size 4 for operand 1 which does not broadcast with previously seen size 3")
          .refuses(() -> Tensor.einsum("ij,jk", Tensor.ones(2, 3)), "[einsum]", "fewer operands were provided than specified in the equation")
          .refuses(() -> Tensor.einsum("i", Tensor.ones(2, 3)), "[einsum]", "1", "2")
          .refuses(() -> Tensor.einsum("ij->k", Tensor.ones(2, 3)), "[einsum]", "output subscript k does not appear in the equation"),
      op("cdist", (x, a) -> x.get(0).cdist(x.get(1), a.number("p"))).tolerance(4)
          .rough("equal rows", "has no derivative there").rough("order 0.0", "jumps")
          .refuses(() -> Tensor.ones(3).cdist(Tensor.ones(2, 3)), "[cdist]", "at least 2D", "(3,)", "(2, 3)")
          .refuses(() -> Tensor.ones(2, 3).cdist(Tensor.ones(2, 4)), "[cdist]", "same number of columns", "(2, 3)", "(2, 4)")
          .refuses(() -> Tensor.ones(2, 3).cdist(Tensor.ones(DType.FLOAT64, 2, 3)), "[cdist]", "one float dtype", "float32", "float64")
          .refuses(() -> Tensor.ones(3, 2, 3).cdist(Tensor.ones(2, 2, 3)), "[cdist]", "(3", "(2")
          .refuses(() -> Tensor.ones(2, 3).cdist(Tensor.ones(2, 3), -1), "[cdist]", "non-negative p values, got -1"),
      op("tril", (x, a) -> x.get(0).tril(a.integer("diagonal"))).inPlace((x, a) -> x.get(0).tril_(a.integer("diagonal"))).refuses(() -> Tensor.ones(2).tril(), "[tril]", "at least 2 dimensions", "(2,)"),
      op("triu", (x, a) -> x.get(0).triu(a.integer("diagonal"))).inPlace((x, a) -> x.get(0).triu_(a.integer("diagonal"))).refuses(() -> Tensor.ones(2).triu(), "[triu]", "at least 2 dimensions", "(2,)"),
      op("diag", (x, a) -> x.get(0).diag(a.integer("diagonal"))).records("diag", "diag_embed")
          .refuses(() -> Tensor.ones(1, 2, 3).diag(), "[diag]", "3"),
      op("diag_embed", (x, a) -> x.get(0).diagEmbed(a.integer("offset"), a.integer("dim1"), a.integer("dim2")))
          .refuses(() -> Tensor.ones(2).diagEmbed(0, 1, 1), "[diag_embed]", "1"),
      unary("trace", Tensor::trace).refuses(() -> Tensor.ones(2).trace(), "[trace]", "expected a matrix"));
  // spotless:on
}
