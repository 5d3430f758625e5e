package org.flambeau.testkit.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.flambeau.DType;
import org.flambeau.MemoryScope;
import org.flambeau.Tensor;
import org.flambeau.nn.GradientClipping;
import org.junit.jupiter.api.Test;

final class GradientClippingTest {
  private static Tensor withGradient(Tensor gradient) {
    Tensor parameter = gradient.zerosLike().requiresGrad_(true);
    parameter.mul(gradient).sum().backward();
    return parameter;
  }

  private final Tensor a = withGradient(Tensor.of(3f, 0f));
  private final Tensor b = withGradient(Tensor.of(-4f));
  private final Tensor none = Tensor.ones(2).requiresGrad_(true);
  private final List<Tensor> parameters = List.of(a, none, b);

  private String gradients() {
    return a.grad() + " " + b.grad() + " " + none.grad();
  }

  @Test
  void gradients_shrink_to_the_norm() {
    Tensor norm;
    try (var scope = MemoryScope.open()) {
      norm = scope.keep(GradientClipping.clipGradNorm_(parameters, 1));
    }
    assertEquals("tensor(5.)", norm.toString());
    assertEquals("tensor([0.6000, 0.0000]) tensor([-0.8000]) null", gradients());
  }

  @Test
  void gradients_within_the_norm_stay() {
    assertEquals(5, GradientClipping.clipGradNorm_(parameters, 6).toDouble());
    assertEquals("tensor([3., 0.]) tensor([-4.]) null", gradients());
  }

  @Test
  void norms_have_any_order() {
    assertEquals("tensor(7.)", GradientClipping.clipGradNorm_(parameters, 100, 1, true).toString());
    assertEquals("tensor(4.)", GradientClipping.clipGradNorm_(parameters, 2, Double.POSITIVE_INFINITY, true).toString());
    assertEquals("tensor([1.5000, 0.0000]) tensor([-2.0000]) null", gradients());
  }

  @Test
  void gradients_may_be_of_several_dtypes() {
    Tensor c = withGradient(Tensor.of(12.0).to(DType.FLOAT64));
    assertEquals(13, GradientClipping.clipGradNorm_(List.of(a, b, c), 26).toDouble());
    GradientClipping.clipGradNorm_(List.of(a, b, c), 6.5);
    assertEquals("tensor([1.5000, 0.0000]) tensor([6.0000], dtype=torch.float64)", a.grad() + " " + c.grad());
  }

  @Test
  void without_gradients_the_norm_is_0() {
    assertEquals("tensor(0.)", GradientClipping.clipGradNorm_(List.of(none), 1).toString());
  }

  @Test
  void a_norm_that_is_not_finite_can_be_refused() {
    Tensor bad = withGradient(Tensor.of(Float.NaN));
    var e = assertThrows(ArithmeticException.class, () -> GradientClipping.clipGradNorm_(List.of(a, bad), 1, 2, true));
    assertEquals("[clip_grad_norm_] The total norm of order 2.0 for gradients from `parameters` is non-finite, so it cannot be clipped. To "
        + "disable this error and scale the gradients by the non-finite norm anyway, pass false for errorIfNonfinite", e.getMessage());
    assertEquals("tensor([3., 0.])", String.valueOf(a.grad()));
    assertEquals("tensor(nan)", GradientClipping.clipGradNorm_(List.of(a, bad), 1).toString());
    assertEquals("tensor([nan, nan])", String.valueOf(a.grad()));
  }

  @Test
  void values_are_limited_one_by_one() {
    GradientClipping.clipGradValue_(parameters, 3.5);
    assertEquals("tensor([3., 0.]) tensor([-3.5000]) null", gradients());
  }
}
