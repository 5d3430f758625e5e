package org.flambeau.testkit.indexing;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.flambeau.DType;
import org.flambeau.Tensor;
import org.flambeau.autograd.GradCheck;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Einstein's notation: what it means, and what it refuses in PyTorch's words.
final class EinsumTest {
  private static final Tensor A = numbers(2, 3);
  private static final Tensor B = numbers(3, 4);
  private static final Tensor X = numbers(5, 2, 3);
  private static final Tensor Y = numbers(5, 3, 4);
  private static final Tensor SQUARE = numbers(3, 3);

  private static Tensor numbers(long... sizes) {
    Tensor all = Tensor.ones(DType.FLOAT64, sizes);
    return Tensor.arange(all.numel()).to(DType.FLOAT64).reshape(sizes).remainder(7).sub(3);
  }

  private static void assertEinsum(Tensor expected, String equation, Tensor... operands) {
    Tensor result = Tensor.einsum(equation, operands);
    assertArrayEquals(expected.sizes(), result.sizes());
    assertTrue(result.allclose(expected), () -> equation + ": " + result + " instead of " + expected);
  }

  @Test
  void one_operand_is_permuted_summed_or_taken_by_its_diagonal() {
    assertEinsum(A.t(), "ji", A);
    assertEinsum(A.sum(1), "ij->i", A);
    assertEinsum(A.sum(), "ij->", A);
    assertEinsum(SQUARE.diagonal(), "ii->i", SQUARE);
    assertEinsum(SQUARE.trace(), "ii", SQUARE);
    assertEinsum(X.permute(2, 0, 1), "b...k->kb...", X);
    assertEinsum(X.sum(0), "i...->...", X);
  }

  @Test
  void two_operands_are_multiplied_over_what_they_share() {
    assertEinsum(A.matmul(B), "ij,jk->ik", A, B);
    assertEinsum(A.matmul(B).t(), "ij,jk->ki", A, B);
    assertEinsum(X.bmm(Y), "bij,bjk->bik", X, Y);
    assertEinsum(X.bmm(Y).sum(0), "bij,bjk->ik", X, Y);
    assertEinsum(X.matmul(B), "...ij,jk->...ik", X, B);
    assertEinsum(A.mul(A).sum(), "ij,ij->", A, A);
    assertEinsum(A.mul(A), "ij,ij->ij", A, A);
    assertEinsum(A.select(0, 0).outer(B.select(0, 1)), "i,j->ij", A.select(0, 0), B.select(0, 1));
    assertEinsum(A.sum(1).unsqueeze(1).mul(B.sum(1)), "ij,kl->ik", A, B);
  }

  @Test
  void without_an_arrow_what_appears_once_remains_in_alphabetical_order() {
    assertEinsum(A.matmul(B), "ij,jk", A, B);
    assertEinsum(A.matmul(B).t(), "kj,ji", A, B);
    assertEinsum(X.bmm(Y), "...ij,...jk", X, Y);
    assertEinsum(A, "Ba->Ba", A);
    assertEinsum(A.t(), "aB", A);
  }

  @Test
  void several_operands_are_multiplied_from_left_to_right() {
    assertEinsum(A.matmul(B).matmul(B.t()), "ij,jk,lk->il", A, B, B);
    assertEinsum(X.mul(A).sum(2).mul(A.sum(1)), "bij,ij,ik->bi", X, A, A);
  }

  @Test
  void dimensions_of_size_1_broadcast_and_spaces_do_not_matter() {
    assertEinsum(A.mul(A.narrow(0, 0, 1)).sum(), " i j , i j ", A, A.narrow(0, 0, 1));
    assertEinsum(Tensor.scalar(6.0), ",", Tensor.scalar(2.0), Tensor.scalar(3.0));
    assertEinsum(Tensor.zeros(DType.FLOAT64, 2, 4), "ij,jk", Tensor.zeros(DType.FLOAT64, 2, 0), Tensor.zeros(DType.FLOAT64, 0, 4));
  }

  @Test
  void it_is_differentiable_twice() {
    List<Tensor> inputs = List.of(A.clone().requiresGrad_(true), B.clone().requiresGrad_(true), SQUARE.clone().requiresGrad_(true));
    GradCheck.check(in -> List.of(Tensor.einsum("ij,jk,jj->ki", in.toArray(Tensor[]::new))), inputs);
    GradCheck.checkSecond(in -> List.of(Tensor.einsum("ij,jk,jj->ki", in.toArray(Tensor[]::new))), inputs);
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
    "ij,jk->ik  | subscript j has size 2 for operand 1 which does not broadcast with previously seen size 3",
    "iij,ij->i  | the number of subscripts in the equation (3) does not match the number of dimensions (2) for operand 0",
    "ij         | more operands were provided than specified in the equation",
    "ij,ij,ij   | fewer operands were provided than specified in the equation",
    "ij,ij->k   | output subscript k does not appear in the equation for any input operand",
    "ij,ij->ii  | output subscript i appears more than once in the output",
    "i.j,ij     | found '.' for operand 0 that is not part of any ellipsis",
    "......,ij  | found '.' for operand 0 for which an ellipsis was already found",
    "ij,ij->i1  | invalid subscript given at index 8 in the equation string, subscripts must be in [a-zA-Z]",
    "ii,ij->i   | subscript i is repeated for operand 0 but the sizes don't match, 3 != 2"})
  void what_makes_no_sense_is_refused(String equation, String message) {
    String thrown = assertThrows(IllegalArgumentException.class, () -> Tensor.einsum(equation, A, A)).getMessage();
    assertEquals("[einsum] " + message, thrown.substring(0, Math.min(thrown.length(), message.length() + 9)));
  }
}
