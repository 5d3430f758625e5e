package org.flambeau.testkit.indexing;

import static org.flambeau.Index.all;
import static org.flambeau.Index.at;
import static org.flambeau.Index.ellipsis;
import static org.flambeau.Index.every;
import static org.flambeau.Index.from;
import static org.flambeau.Index.newAxis;
import static org.flambeau.Index.of;
import static org.flambeau.Index.slice;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Objects;
import org.flambeau.DType;
import org.flambeau.Index;
import org.flambeau.Tensor;
import org.flambeau.autograd.GradCheck;
import org.junit.jupiter.api.Test;

/// Where the dimensions of positions go, and what stands there, as in PyTorch.
final class AdvancedIndexingTest {
  private static final Tensor X = Tensor.arange(24).reshape(2, 3, 4);
  private static final Tensor MASK = Tensor.of(new boolean[][] {{true, false, true}, {false, true, false}});

  private static Index positions(long... positions) {
    return of(Tensor.of(positions));
  }

  private static void assertIndexed(long[] sizes, long[] elements, Index... indices) {
    Tensor part = X.index(indices);
    assertArrayEquals(sizes, part.sizes());
    assertArrayEquals(elements, part.toLongArray());
  }

  private static long[] longs(long... values) {
    return values;
  }

  @Test
  void positions_slices_new_axes_and_the_ellipsis_make_views() {
    assertIndexed(longs(2, 2, 2), longs(4, 7, 8, 11, 16, 19, 20, 23), slice(0, 2), from(1), every(3));
    assertIndexed(longs(2, 4), longs(8, 9, 10, 11, 20, 21, 22, 23), all(), at(-1));
    assertIndexed(longs(2, 3), longs(0, 4, 8, 12, 16, 20), ellipsis(), at(0));
    assertArrayEquals(longs(1, 3, 4, 1), X.index(newAxis(), at(1), ellipsis(), newAxis()).sizes());
    assertSame(X.strided().storage(), X.index(all(), at(1), every(2)).strided().storage());
  }

  @Test
  void positions_of_one_dimension_stand_where_that_stood() {
    assertIndexed(longs(2, 2, 4), longs(0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15, 20, 21, 22, 23), all(), positions(0, 2));
    assertIndexed(longs(2, 2, 2), longs(0, 3, 8, 11, 12, 15, 20, 23), all(), positions(0, 2), every(3));
    assertIndexed(longs(1, 2, 4), longs(20, 21, 22, 23, 20, 21, 22, 23), from(1), positions(2, 2));
  }

  @Test
  void neighbouring_positions_are_broadcast_and_stand_where_the_first_stood() {
    assertIndexed(longs(2, 2), longs(0, 7, 12, 19), all(), positions(0, 1), positions(0, 3));
    assertIndexed(longs(2, 2, 4), longs(8, 9, 10, 11, 20, 21, 22, 23, 0, 1, 2, 3, 12, 13, 14, 15),
        positions(0, 1), of(Tensor.of(new long[][] {{2}, {0}})));
  }

  @Test
  void positions_with_something_between_them_come_first() {
    assertIndexed(longs(2, 3), longs(0, 4, 8, 15, 19, 23), positions(0, 1), all(), positions(0, 3));
    assertIndexed(longs(1, 1, 4), longs(20, 21, 22, 23), positions(1), newAxis(), positions(2));
  }

  @Test
  void a_single_position_counts_as_none_even_as_a_tensor() {
    assertIndexed(longs(3, 2), longs(0, 3, 4, 7, 8, 11), at(0), all(), positions(0, 3));
    assertIndexed(longs(3, 2), longs(0, 3, 4, 7, 8, 11), of(Tensor.scalar(0L)), all(), positions(0, 3));
  }

  @Test
  void a_mask_stands_for_the_positions_where_it_is_true() {
    assertIndexed(longs(3, 4), longs(0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19), of(MASK));
    assertIndexed(longs(3, 2), longs(1, 2, 9, 10, 17, 18), of(MASK), slice(1, 3));
    assertIndexed(longs(3), longs(0, 9, 18), of(MASK), positions(0, 1, 2));
    assertArrayEquals(longs(2, 1, 3, 4), X.index(all(), of(Tensor.scalar(true))).sizes());
    assertArrayEquals(longs(0, 2, 3, 4), X.index(of(Tensor.scalar(false))).sizes());
  }

  @Test
  void the_gradient_of_an_element_named_twice_adds_up() {
    Tensor x = Tensor.of(1f, 2f, 3f).requiresGrad_(true);
    x.index(positions(0, 2, 0)).mul(Tensor.of(1f, 10f, 100f)).sum().backward();
    assertTrue(x.grad().equal(Tensor.of(101f, 0f, 10f)));
  }

  @Test
  void values_are_written_or_added_to_the_part_that_is_named() {
    Tensor x = Tensor.zeros(3);
    x.indexPut_(List.of(positions(0, 2, 0)), Tensor.of(1f, 10f, 100f), true);
    assertTrue(x.equal(Tensor.of(101f, 0f, 10f)));
    x.indexPut_(List.of(positions(1, -1)), 7);
    assertTrue(x.equal(Tensor.of(101f, 7f, 7f)));
    x.indexPut_(List.of(from(1)), Tensor.of(new float[][] {{5f, 6f}}));
    assertTrue(x.equal(Tensor.of(101f, 5f, 6f)));
  }

  @Test
  void a_number_is_written_to_where_a_mask_is_true_with_its_gradient() {
    Tensor x = Tensor.of(new float[][] {{1, 2}, {3, 4}}).requiresGrad_(true);
    Tensor value = Tensor.scalar(9.0f).requiresGrad_(true);
    Tensor y = x.indexPut(List.of(of(Tensor.of(false, true))), value, false);
    assertTrue(y.equal(Tensor.of(new float[][] {{1, 2}, {9, 9}})));
    y.mul(Tensor.of(new float[][] {{1, 2}, {3, 4}})).sum().backward();
    assertTrue(Objects.requireNonNull(x.grad()).equal(Tensor.of(new float[][] {{1, 2}, {0, 0}})));
    assertTrue(Objects.requireNonNull(value.grad()).equal(Tensor.scalar(7.0f)));
    Tensor z = Tensor.of(1, 2, 3);
    z.indexPut_(List.of(of(Tensor.of(true, false, true))), 5);
    assertTrue(z.equal(Tensor.of(5, 2, 5)));
    assertTrue(
        String.valueOf(assertThrows(IndexOutOfBoundsException.class, () -> z.indexPut_(List.of(of(Tensor.of(true))), 5)).getMessage())
            .startsWith("[index_put] The shape of the mask (1,) at index 0 does not match the shape of the indexed tensor (3,)"));
    assertTrue(String.valueOf(assertThrows(IllegalArgumentException.class,
        () -> z.indexPut_(List.of(of(Tensor.of(true, false, true))), value.detach())).getMessage()).contains("dtypes match"));
  }

  @Test
  void reading_and_writing_are_differentiable_twice() {
    Tensor x = Tensor.randn(DType.FLOAT64, 2, 3, 4).requiresGrad_(true);
    Tensor values = Tensor.randn(DType.FLOAT64, 2, 3).requiresGrad_(true);
    Index[] apart = {positions(0, 1), all(), positions(0, 3)};
    GradCheck.check(in -> List.of(in.getFirst().index(apart).square()), List.of(x));
    GradCheck.checkSecond(in -> List.of(in.getFirst().index(apart).square()), List.of(x));
    for (boolean accumulate : new boolean[] {false, true}) {
      GradCheck.check(in -> List.of(in.get(0).indexPut(List.of(apart), in.get(1), accumulate).square()), List.of(x, values));
      GradCheck.checkSecond(in -> List.of(in.get(0).indexPut(List.of(apart), in.get(1), accumulate).square()), List.of(x, values));
    }
  }

  @Test
  void what_does_not_fit_is_refused_with_the_numbers_that_do_not() {
    assertRefused("too many indices for tensor of dimension 3", at(0), at(0), at(0), at(0));
    assertRefused("index 5 is out of bounds for dimension 0 with size 2", positions(5));
    assertRefused("index -3 is out of bounds for dimension 0 with size 2", positions(-3));
    assertRefused("could not be broadcast together with shapes (2,), (3,)", positions(0, 1), positions(0, 1, 2));
    assertRefused("The shape of the mask (2, 2) at index 1 does not match the shape of the indexed tensor (2, 3, 4) at index 1",
        of(Tensor.ones(DType.BOOL, 2, 2)));
    assertRefused("tensors used as indices must be long, int or bool tensors, got float32", of(Tensor.zeros(2)));
    Tensor x = Tensor.zeros(2, 3);
    String message = assertThrows(IllegalArgumentException.class, () -> x.indexPut_(List.of(positions(0)), Tensor.ones(7))).getMessage();
    assertEquals("[index_put] shape mismatch: value tensor of shape (7,) cannot be broadcast to indexing result of shape (1, 3)", message);
  }

  private static void assertRefused(String message, Index... indices) {
    String thrown = assertThrows(IndexOutOfBoundsException.class, () -> X.index(indices)).getMessage();
    assertTrue(thrown.contains(message), thrown);
  }

  /// Strides are those of PyTorch.
  @Test
  void what_is_picked_of_a_permuted_tensor_lies_in_its_order() {
    Tensor x = Tensor.arange(120).view(2, 3, 4, 5).permute(0, 2, 3, 1);
    Tensor position = Tensor.of(0L, 1L, 0L);
    assertArrayEquals(new long[] {60, 5, 1, 20}, x.index(of(position)).strides());
    assertArrayEquals(new long[] {45, 15, 1, 5}, x.index(all(), of(position)).strides());
    assertArrayEquals(new long[] {120, 60, 5, 1, 20}, x.index(of(Tensor.of(0L, 1L, 0L, 0L).view(2, 2))).strides());
    assertArrayEquals(new long[] {15, 1, 5}, x.index(of(position), of(position)).strides());
    assertArrayEquals(new long[] {15, 15, 1, 5},
        x.index(all(), of(Tensor.of(true, false, false, false))).strides());
    assertArrayEquals(x.contiguous().index(all(), of(position)).contiguous().toLongArray(),
        x.index(all(), of(position)).toLongArray());
    Tensor transposed = x.permute(2, 3, 1, 0);
    assertArrayEquals(new long[] {3, 15, 1},
        transposed.index(all(), all(), of(position), of(position)).strides());
    assertArrayEquals(new long[] {1, 20, 40, 5, 80}, transposed.index(all(), of(Tensor.of(0L, 1L, 0L, 0L).view(2, 2).t())).strides());
    assertArrayEquals(new long[] {12, 1, 4}, x.index(of(position), all(), of(position)).strides());
  }
}
