package org.flambeau.testkit.reductions;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.function.UnaryOperator;
import org.flambeau.AutogradException;
import org.flambeau.DType;
import org.flambeau.MemoryScope;
import org.flambeau.Selected;
import org.flambeau.Tensor;
import org.flambeau.UniqueElements;
import org.flambeau.autograd.GradCheck;
import org.junit.jupiter.api.Test;

/// Reductions where there is nothing, infinity, NaN or more than one answer, as in PyTorch.
final class ReductionEdgesTest {
  private static final double INFINITY = Double.POSITIVE_INFINITY;

  @Test
  void gradients_of_several_sums_of_one_tensor_add_up() {
    Tensor x = Tensor.of(new float[][] {{1, 2}, {3, 4}}).requiresGrad_(true);
    Tensor v = Tensor.of(5f, 7f);
    Tensor loss = x.sum(0).mul(v).add(x.mean(0).mul(v)).add(x.sum(0)).sum();
    loss.backward();
    assertTrue(x.grad().equal(Tensor.of(new float[][] {{8.5f, 11.5f}, {8.5f, 11.5f}})), () -> x.grad().toString());
    Tensor y = Tensor.of(new float[][] {{1, 2}, {3, 4}}).requiresGrad_(true);
    try (var _ = MemoryScope.open()) {
      y.sum(0).mul(v).add(y.mean(0).mul(v)).add(y.sum(0)).sum().backward();
      assertTrue(y.grad().equal(x.grad()), () -> y.grad().toString());
    }
  }

  @Test
  void the_log_of_summed_exponentials_is_infinite_only_where_an_element_is() {
    assertEquals(-INFINITY, Tensor.of(-INFINITY, -INFINITY).logsumexp(0).toDouble());
    assertEquals(INFINITY, Tensor.of(INFINITY, -INFINITY).logsumexp(0).toDouble());
    assertEquals(1000 + Math.log(2), Tensor.of(1000.0, 1000).logsumexp(0).toDouble());
    assertEquals(-INFINITY, Tensor.zeros(0).logsumexp(0).toDouble());
  }

  /// PyTorch's numbers: what stands behind a zero does not reach what stands before it, be it infinite.
  @Test
  void gradients_of_products_with_zeros_are_those_of_what_counts() {
    double nan = Double.NaN;
    assertGradient(new double[] {1, 20, 0, 0, 0}, new double[] {2, 0, 3, 0, 5}, new double[] {1, 4, 2, -INFINITY, nan}, x -> x.cumprod(0));
    assertGradient(new double[] {INFINITY, 2, -INFINITY, 0}, new double[] {2, 3, 0, 4}, new double[] {INFINITY, 1, -INFINITY, 2},
        x -> x.cumprod(0));
    assertGradient(new double[] {1, 0, 0}, new double[] {0, 0, 3}, new double[] {1, -INFINITY, nan}, x -> x.cumprod(0));
    assertGradient(new double[] {1, INFINITY}, new double[] {nan, 2}, new double[] {1, INFINITY},
        x -> x.unsqueeze(1).cumprod(1).squeeze(1));
    assertGradient(new double[] {INFINITY, nan, nan}, new double[] {0, 2, 3}, new double[] {INFINITY}, x -> x.prod().view(1));
    assertGradient(new double[] {0, 0, 0}, new double[] {0, 2, 0}, new double[] {INFINITY}, x -> x.prod().view(1));
    assertGradient(new double[] {nan, nan, nan}, new double[] {0, 2, 0}, new double[] {INFINITY}, x -> x.prod(0).view(1));
    assertGradient(new double[] {30, 0, 0}, new double[] {0, 2, 3}, new double[] {5}, x -> x.prod(0).view(1));
  }

  private static void assertGradient(double[] expected, double[] x, double[] grad, UnaryOperator<Tensor> operation) {
    Tensor leaf = Tensor.of(x).requiresGrad_(true);
    operation.apply(leaf).backward(Tensor.of(grad));
    assertArrayEquals(expected, leaf.grad().toDoubleArray());
  }

  @Test
  void the_least_of_nothing_does_not_exist() {
    assertEquals(
        "[max] Expected reduction dim to be specified for input.numel() == 0, sizes (0,). Specify the reduction dim with the 'dim' "
            + "argument.",
        assertThrows(IllegalArgumentException.class, () -> Tensor.zeros(0).max()).getMessage());
    assertThrows(IndexOutOfBoundsException.class, () -> Tensor.zeros(0, 3).max(0));
    assertArrayEquals(new long[] {0}, Tensor.zeros(0, 3).max(1).values().sizes());
    assertEquals(1, Tensor.zeros(2, 0).prod().toDouble());
    assertTrue(Double.isNaN(Tensor.zeros(0).median().toDouble()));
  }

  @Test
  void nan_is_larger_than_everything_and_smaller_too() {
    Tensor x = Tensor.of(1.0, Double.NaN, 3);
    assertEquals(1, x.argmax().toLong());
    assertEquals(1, x.argmin().toLong());
    assertTrue(Double.isNaN(x.max(0).values().toDouble()));
    assertTrue(Double.isNaN(x.median().toDouble()));
    assertEquals(4, x.nansum().toDouble());
    assertEquals(2, x.nanmean().toDouble());
    assertArrayEquals(new long[] {0, 2, 1}, x.argsort().toLongArray());
    assertArrayEquals(new long[] {0, 1, 1}, x.cummax(0).indices().toLongArray());
  }

  @Test
  void running_extrema_name_the_last_of_equal_elements() {
    Tensor x = Tensor.of(1.0, 3, 3, 2, 4, 1).requiresGrad_(true);
    assertArrayEquals(new long[] {0, 1, 2, 2, 4, 4}, x.cummax(0).indices().toLongArray());
    assertArrayEquals(new long[] {0, 0, 0, 0, 0, 5}, x.cummin(0).indices().toLongArray());
    x.cummax(0).values().sum().backward();
    assertArrayEquals(new double[] {1, 1, 2, 0, 2, 0}, x.grad().toDoubleArray());
  }

  @Test
  void distinct_elements_know_where_they_came_from() {
    Tensor x = Tensor.of(new float[][] {{2, 1, 2}, {1, 1, -1}}).requiresGrad_(true);
    UniqueElements unique = x.unique();
    assertArrayEquals(new float[] {-1, 1, 2}, unique.values().toFloatArray());
    assertArrayEquals(new long[] {1, 3, 2}, unique.counts().toLongArray());
    assertTrue(unique.values().take(unique.inverse()).equal(x));
    assertThrows(AutogradException.class, () -> unique.values().sum().backward());
  }

  @Test
  void the_gradient_of_a_deviation_is_0_where_nothing_deviates() {
    Tensor x = Tensor.ones(DType.FLOAT64, 3, 2).requiresGrad_(true);
    x.std(0).sum().backward();
    assertArrayEquals(new double[6], x.grad().toDoubleArray());
    Tensor y = Tensor.randn(DType.FLOAT64, 3, 2).requiresGrad_(true);
    GradCheck.check(in -> {
      var both = in.getFirst().stdMean(new int[] {0}, 0, false);
      return List.of(both.std(), both.mean());
    }, List.of(y));
  }

  @Test
  void a_product_with_zeros_has_the_gradient_of_the_other_factors() {
    Tensor x = Tensor.of(new double[][] {{0, 2, 3}, {0, 4, 0}}).requiresGrad_(true);
    x.prod(1).sum().backward();
    assertArrayEquals(new double[] {6, 0, 0, 0, 0, 0}, x.grad().toDoubleArray());
    GradCheck.checkSecond(in -> List.of(in.getFirst().prod(1)), List.of(x.detach().clone().requiresGrad_(true)));
  }

  @Test
  void nothing_is_written_through_a_tensor_whose_elements_share_memory() {
    Tensor x = Tensor.zeros(1);
    Tensor wide = x.expand(3);
    assertTrue(assertThrows(IllegalArgumentException.class, () -> wide.add_(1)).getMessage()
        .contains("more than one element of the written-to tensor refers to a single memory location"));
    wide.fill_(2);
    assertEquals(2, x.toDouble());
  }

  /// Strides are those of PyTorch.
  @Test
  void a_sorted_tensor_lies_as_the_tensor_did() {
    Tensor x = Tensor.arange(24).view(2, 3, 4).permute(0, 2, 1);
    for (int dim = 0; dim < 3; dim++) {
      Selected sorted = x.sort(dim, true);
      assertArrayEquals(new long[] {12, 1, 4}, sorted.values().strides());
      assertArrayEquals(new long[] {12, 1, 4}, sorted.indices().strides());
      assertArrayEquals(x.contiguous().sort(dim, true).values().toLongArray(), sorted.values().toLongArray());
    }
    assertArrayEquals(new long[] {2, 1}, Tensor.arange(8).view(2, 4).slice(1, 0, 4, 2).sort(0).values().strides());
    assertArrayEquals(new long[] {4, 1}, Tensor.arange(4).expand(3, 4).argsort(0, false).strides());
  }
}
