package org.flambeau.testkit.autograd;

import static org.flambeau.BackwardOption.CREATE_GRAPH;
import static org.flambeau.BackwardOption.RETAIN_GRAPH;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.flambeau.AutogradException;
import org.flambeau.GradMode;
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

  /// Doubles `x` in place and, where `alone` is false, gives a second result. Counts gradients that are null.
  private static final class Doubled extends DifferentiableFunction {
    private final boolean alone;
    int missing;

    Doubled(boolean alone) {
      this.alone = alone;
    }

    @Override
    protected List<Tensor> forward(Context context, List<Tensor> inputs) {
      Tensor x = inputs.getFirst();
      x.mul_(2);
      context.markDirty(x);
      context.setMaterializeGrads(false);
      return alone ? List.of(x) : List.of(x.mul(3), x);
    }

    @Override
    protected List<Tensor> backward(Context context, List<Tensor> grads) {
      missing += (int) grads.stream().filter(Objects::isNull).count();
      return List.of(grads.getLast().mul(2));
    }
  }

  @Test
  void an_input_that_is_changed_in_place_is_the_result_and_has_a_new_history() {
    Tensor leaf = Tensor.of(3f).requiresGrad_(true);
    Tensor x = leaf.mul(1);
    Tensor square = x.mul(x);
    var function = new Doubled(false);
    List<Tensor> results = function.applyAll(x);
    assertSame(x, results.get(1));
    assertEquals("DoubledBackward", x.gradFn().name());
    assertEquals(1, x.outputNr());
    x.add(1).backward(RETAIN_GRAPH);
    assertEquals(2, leaf.grad().toDouble());
    assertEquals(1, function.missing);
    assertTrue(assertThrows(AutogradException.class, square::backward).getMessage().contains("modified by an inplace operation"));
    assertEquals("a leaf Variable that requires grad is being used in an in-place operation.",
        assertThrows(AutogradException.class, () -> new Doubled(true).apply(leaf)).getMessage());
  }

  @Test
  void a_view_that_is_changed_in_place_passes_its_history_on_to_what_it_views() {
    Tensor leaf = Tensor.of(3f, 4f).requiresGrad_(true);
    Tensor x = leaf.mul(1);
    Tensor view = x.select(0, 1);
    assertSame(view, new Doubled(true).apply(view));
    x.sum().backward();
    assertArrayEquals(new double[] {1, 2}, leaf.grad().toDoubleArray());
    Tensor other = leaf.mul(1).select(0, 1);
    assertEquals(
        "function DoubledBackward modifies a view in place, which must be its first input and only result: call it with a clone of "
            + "the view",
        assertThrows(AutogradException.class, () -> new Doubled(false).applyAll(other)).getMessage());
  }

  @Test
  void no_gradient_goes_through_a_result_that_has_none() {
    Tensor x = Tensor.of(3f).requiresGrad_(true);
    List<Tensor> results = new DifferentiableFunction() {
      @Override
      protected List<Tensor> forward(Context context, List<Tensor> inputs) {
        Tensor rank = inputs.getFirst().mul(0);
        context.markNonDifferentiable(rank);
        return List.of(inputs.getFirst().mul(2), rank);
      }

      @Override
      protected List<Tensor> backward(Context context, List<Tensor> grads) {
        assertEquals(0, grads.get(1).toDouble());
        return List.of(grads.getFirst().mul(2));
      }
    }.applyAll(x);
    assertFalse(results.get(1).requiresGrad());
    results.get(0).mul(results.get(1).add(1)).backward();
    assertEquals(2, x.grad().toDouble());
  }

  /// Its backward multiplies the gradient by ten.
  private static final class AsItIs extends DifferentiableFunction {
    @Override
    protected List<Tensor> forward(Context context, List<Tensor> inputs) {
      return inputs;
    }

    @Override
    protected List<Tensor> backward(Context context, List<Tensor> grads) {
      return grads.stream().map(grad -> grad.mul(10)).toList();
    }
  }

  @Test
  void an_input_that_is_returned_as_it_is_is_viewed_and_the_view_must_not_change() {
    Tensor x = Tensor.of(3f).requiresGrad_(true).mul(1);
    Tensor y = new AsItIs().apply(x);
    assertNotSame(x, y);
    assertEquals("Output 0 of AsItIs is a view and is being modified inplace. This view was created inside a DifferentiableFunction (or "
        + "because an input was returned as it is), whose backward the change would pass by. You can fix this by cloning the output of the "
        + "function.", assertThrows(AutogradException.class, () -> y.mul_(2)).getMessage());
    List<Tensor> several = new AsItIs().applyAll(x, x.clone());
    assertTrue(assertThrows(AutogradException.class, () -> several.get(1).mul_(2)).getMessage().contains("returns multiple views"));
    try (var _ = GradMode.noGrad()) {
      assertFalse(new AsItIs().apply(x).requiresGrad());
    }
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
