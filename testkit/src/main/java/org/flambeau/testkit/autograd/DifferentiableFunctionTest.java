package org.flambeau.testkit.autograd;

import static org.flambeau.BackwardOption.CREATE_GRAPH;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import org.flambeau.AutogradException;
import org.flambeau.Tensor;
import org.flambeau.autograd.Autograd;
import org.flambeau.autograd.DifferentiableFunction;
import org.flambeau.autograd.GradCheck;
import org.junit.jupiter.api.Test;

/// Functions whose derivative is written by hand.
final class DifferentiableFunctionTest {
  /// eˣ, from its saved result.
  private static final class Exp extends DifferentiableFunction {
    @Override
    protected List<Tensor> forward(Context context, List<Tensor> inputs) {
      Tensor result = inputs.getFirst().exp();
      assertFalse(result.requiresGrad());
      context.save(result);
      return List.of(result);
    }

    @Override
    protected List<Tensor> backward(Context context, List<Tensor> grads) {
      return List.of(grads.getFirst().mul(context.saved(0)));
    }
  }

  /// a·b and a + b; what it computes in its backward depends on who asks.
  private static final class ProductAndSum extends DifferentiableFunction {
    int computed;

    @Override
    protected List<Tensor> forward(Context context, List<Tensor> inputs) {
      context.save(inputs.get(0), inputs.get(1));
      return List.of(inputs.get(0).mul(inputs.get(1)), inputs.get(0).add(inputs.get(1)));
    }

    @Override
    protected List<Tensor> backward(Context context, List<Tensor> grads) {
      return Arrays.asList(part(context, grads, 0, 1), part(context, grads, 1, 0));
    }

    private Tensor part(Context context, List<Tensor> grads, int input, int other) {
      if (!context.needs(input)) {
        return null;
      }
      computed++;
      return grads.get(0).mul(context.saved(other)).add(grads.get(1));
    }
  }

  @Test
  void its_backward_is_used() {
    Tensor x = Tensor.of(0f, 1f).requiresGrad_(true);
    Tensor y = new Exp().apply(x);
    assertEquals("ExpBackward", y.gradFn().name());
    y.sum().backward();
    assertArrayEquals(new double[] {1, Math.E}, x.grad().toDoubleArray(), 1e-6);
  }

  @Test
  void what_its_backward_is_made_of_is_differentiated_again() {
    Tensor x = Tensor.of(0.3, -0.7).requiresGrad_(true);
    GradCheck.check(in -> List.of(new Exp().apply(in.getFirst())), List.of(x));
    GradCheck.checkSecond(in -> List.of(new Exp().apply(in.getFirst())), List.of(x));
    Tensor first = Autograd.grad(new Exp().apply(x).sum(), List.of(x), CREATE_GRAPH).getFirst();
    assertTrue(first.requiresGrad());
  }

  @Test
  void results_nobody_used_come_with_zero_gradients() {
    Tensor a = Tensor.of(2f).requiresGrad_(true);
    Tensor b = Tensor.of(3f).requiresGrad_(true);
    List<Tensor> results = new ProductAndSum().applyAll(a, b);
    assertEquals(1, results.get(1).outputNr());
    results.get(0).backward();
    assertEquals(3, a.grad().toDouble());
    assertEquals(2, b.grad().toDouble());
  }

  @Test
  void only_gradients_that_somebody_needs_are_computed() {
    ProductAndSum function = new ProductAndSum();
    Tensor a = Tensor.of(2f).requiresGrad_(true);
    Tensor b = Tensor.of(3f);
    List<Tensor> results = function.applyAll(a, b);
    results.get(0).add(results.get(1)).backward();
    assertEquals(4, a.grad().toDouble());
    assertNull(b.grad());
    assertEquals(1, function.computed);
  }

  @Test
  void only_functions_that_lead_to_what_is_asked_for_are_run() {
    ProductAndSum function = new ProductAndSum();
    Tensor a = Tensor.of(2f).requiresGrad_(true);
    Tensor b = Tensor.of(3f).requiresGrad_(true);
    Tensor y = function.applyAll(a, a).get(0).mul(b);
    assertEquals(4, Autograd.grad(y, List.of(b)).getFirst().toDouble());
    assertEquals(0, function.computed);
  }

  @Test
  void a_gradient_that_fits_no_operand_is_refused_by_the_functions_name() {
    DifferentiableFunction wrong = new DifferentiableFunction() {
      @Override
      protected String name() {
        return "WrongBackward";
      }

      @Override
      protected List<Tensor> forward(Context context, List<Tensor> inputs) {
        return List.of(inputs.getFirst().mul(2));
      }

      @Override
      protected List<Tensor> backward(Context context, List<Tensor> grads) {
        return List.of(Tensor.ones(3));
      }
    };
    Tensor y = wrong.apply(Tensor.of(1f, 2f).requiresGrad_(true)).sum();
    var refused = assertThrows(AutogradException.class, y::backward);
    assertEquals("Function WrongBackward returned an invalid gradient at index 0 - got [3] but expected shape compatible with [2]",
        refused.getMessage());
  }

  @Test
  void without_gradients_nothing_is_recorded() {
    Tensor y = new Exp().apply(Tensor.of(1f));
    assertFalse(y.requiresGrad());
    assertNull(y.gradFn());
  }

  @Test
  void saved_tensors_are_guarded_and_freed() {
    Tensor x = Tensor.of(1f).requiresGrad_(true);
    Tensor y = new Exp().apply(x);
    y.mul_(2);
    assertThrows(AutogradException.class, y::backward);
    Tensor z = new Exp().apply(x);
    z.backward();
    assertThrows(AutogradException.class, z::backward);
  }

  @Test
  void an_input_that_is_returned_becomes_a_result() {
    DifferentiableFunction reversed = new DifferentiableFunction() {
      @Override
      protected String name() {
        return "GradientReversalBackward";
      }

      @Override
      protected List<Tensor> forward(Context context, List<Tensor> inputs) {
        return List.of(inputs.getFirst());
      }

      @Override
      protected List<Tensor> backward(Context context, List<Tensor> grads) {
        return List.of(grads.getFirst().neg());
      }
    };
    Tensor x = Tensor.of(1f, 2f).requiresGrad_(true);
    Tensor y = reversed.apply(x);
    assertEquals("GradientReversalBackward", y.gradFn().name());
    y.sum().backward();
    assertArrayEquals(new float[] {-1, -1}, x.grad().toFloatArray());
  }
}
