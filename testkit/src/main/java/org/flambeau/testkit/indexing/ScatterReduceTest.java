package org.flambeau.testkit.indexing;

import static org.flambeau.Reduce.AMAX;
import static org.flambeau.Reduce.AMIN;
import static org.flambeau.Reduce.MEAN;
import static org.flambeau.Reduce.PROD;
import static org.flambeau.Reduce.SUM;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.flambeau.AutogradException;
import org.flambeau.BackwardOption;
import org.flambeau.DType;
import org.flambeau.Reduce;
import org.flambeau.Tensor;
import org.flambeau.autograd.Autograd;
import org.flambeau.autograd.GradCheck;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// What scattered values become together, and who gets which part of the gradient; numbers from PyTorch. Three values meet in
/// place 0, among them a 0; two equal ones in place 1, whose own element is 0; none in place 2.
final class ScatterReduceTest {
  private static final Tensor INDEX = Tensor.of(0L, 0, 0, 1, 1);

  private static void assertReduced(Reduce reduce, boolean includeSelf, double[] result, double[] ownGradient, double[] sourceGradient) {
    Tensor self = Tensor.of(2.0, 0, 5).requiresGrad_(true);
    Tensor source = Tensor.of(3.0, 2, 0, 4, 4).requiresGrad_(true);
    Tensor reduced = self.scatterReduce(0, INDEX, source, reduce, includeSelf);
    reduced.mul(Tensor.of(1.0, 10, 100)).sum().backward();
    assertArrayEquals(result, reduced.toDoubleArray(), 1e-12);
    assertArrayEquals(ownGradient, self.grad().toDoubleArray(), 1e-12);
    assertArrayEquals(sourceGradient, source.grad().toDoubleArray(), 1e-12);
  }

  private static double[] of(double... values) {
    return values;
  }

  @Test
  void sums_give_everyone_the_whole_gradient() {
    assertReduced(SUM, true, of(7, 8, 5), of(1, 10, 100), of(1, 1, 1, 10, 10));
    assertReduced(SUM, false, of(5, 8, 5), of(0, 0, 100), of(1, 1, 1, 10, 10));
  }

  @Test
  void means_share_the_gradient() {
    assertReduced(MEAN, true, of(7 / 4.0, 8 / 3.0, 5), of(1 / 4.0, 10 / 3.0, 100), of(1 / 4.0, 1 / 4.0, 1 / 4.0, 10 / 3.0, 10 / 3.0));
    assertReduced(MEAN, false, of(5 / 3.0, 4, 5), of(0, 0, 100), of(1 / 3.0, 1 / 3.0, 1 / 3.0, 5, 5));
  }

  @Test
  void products_give_each_factor_the_product_of_the_others_also_where_one_is_0() {
    assertReduced(PROD, true, of(0, 0, 5), of(0, 160, 100), of(0, 0, 12, 0, 0));
    assertReduced(PROD, false, of(0, 16, 5), of(0, 0, 100), of(0, 0, 6, 40, 40));
  }

  @Test
  void equal_extrema_share_the_gradient() {
    assertReduced(AMAX, true, of(3, 4, 5), of(0, 0, 100), of(1, 0, 0, 5, 5));
    assertReduced(AMAX, false, of(3, 4, 5), of(0, 0, 100), of(1, 0, 0, 5, 5));
    assertReduced(AMIN, true, of(0, 0, 5), of(0, 10, 100), of(0, 0, 1, 0, 0));
    assertReduced(AMIN, false, of(0, 4, 5), of(0, 0, 100), of(0, 0, 1, 5, 5));
  }

  @ParameterizedTest
  @EnumSource
  void gradients_are_differentiable_themselves(Reduce reduce) {
    Tensor self = Tensor.randn(DType.FLOAT64, 2, 3).requiresGrad_(true);
    Tensor source = Tensor.randn(DType.FLOAT64, 2, 4).requiresGrad_(true);
    Tensor index = Tensor.of(new long[][] {{0, 2, 2, 0}, {1, 1, 1, 0}});
    for (boolean includeSelf : new boolean[] {true, false}) {
      GradCheck.check(in -> List.of(in.get(0).scatterReduce(1, index, in.get(1), reduce, includeSelf)), List.of(self, source));
      GradCheck.checkSecond(in -> List.of(in.get(0).scatterReduce(1, index, in.get(1), reduce, includeSelf).square()),
          List.of(self, source));
    }
  }

  @Test
  void only_the_part_of_a_source_that_has_a_position_takes_part() {
    Tensor self = Tensor.zeros(DType.FLOAT64, 3).requiresGrad_(true);
    Tensor source = Tensor.of(1.0, 2, 3).requiresGrad_(true);
    Tensor sum = self.scatterReduce(0, Tensor.of(2, 2), source, SUM, true);
    sum.sum().backward();
    assertArrayEquals(of(0, 0, 3), sum.toDoubleArray());
    assertArrayEquals(of(1, 1, 0), source.grad().toDoubleArray());
  }

  @Test
  void second_gradients_of_a_product_with_two_zeros_in_one_place_are_refused() {
    Tensor self = Tensor.ones(DType.FLOAT64, 2);
    Tensor source = Tensor.of(0.0, 0).requiresGrad_(true);
    Tensor product = self.scatterReduce(0, Tensor.of(0L, 0), source, PROD, true).sum();
    assertThrows(AutogradException.class, () -> Autograd.grad(product, List.of(source), BackwardOption.CREATE_GRAPH));
  }
}
