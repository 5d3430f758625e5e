package org.flambeau.testkit.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.stream.Stream;
import org.flambeau.DType;
import org.flambeau.MemoryScope;
import org.flambeau.Tensor;
import org.flambeau.nn.optim.Sgd;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Stochastic gradient descent goes where PyTorch's goes.
public class SgdTest {
  static Stream<Arguments> ways() {
    return Stream.of(
        Arguments.of("plain", Sgd.options().lr(0.1)),
        Arguments.of("decay", Sgd.options().lr(0.05).weightDecay(0.1)),
        Arguments.of("momentum", Sgd.options().lr(0.05).momentum(0.9)),
        Arguments.of("dampening", Sgd.options().lr(0.05).momentum(0.9).dampening(0.5).weightDecay(0.01)),
        Arguments.of("nesterov", Sgd.options().lr(0.05).momentum(0.8).nesterov(true).weightDecay(0.01)),
        Arguments.of("dampening", Sgd.options().lr(0.05).momentum(0.9).dampening(0.5).weightDecay(0.01).capturable(true)),
        Arguments.of("maximize", Sgd.options().lr(0.01).momentum(0.5).maximize(true)));
  }

  private static Tensor loss(Tensor p) {
    return p.sub(NnGoldens.get("sgd/target")).square().mul(Tensor.arange(1, 6).to(p.device())).sum();
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("ways")
  void ten_steps_go_where_pytorch_goes(String name, Sgd.Options options) {
    Tensor p = NnGoldens.get("sgd/start").requiresGrad_(true);
    Tensor course = NnGoldens.get("sgd/" + name);
    var optimizer = new Sgd(List.of(p), options);
    for (int step = 0; step < 10; step++) {
      try (var _ = MemoryScope.open()) {
        optimizer.zeroGrad();
        loss(p).backward();
        optimizer.step();
      }
      NnGoldens.assertClose(course.get(step), p.detach(), 1e-6, name + " after step " + step);
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("ways")
  void parameters_that_do_not_lie_like_their_gradients_go_there_too(String name, Sgd.Options options) {
    Tensor p = Tensor.zeros(NnGoldens.device(), DType.FLOAT32, 5, 2).select(1, 0).copy_(NnGoldens.get("sgd/start")).requiresGrad_(true);
    var optimizer = new Sgd(List.of(p), options);
    for (int step = 0; step < 10; step++) {
      optimizer.zeroGrad();
      loss(p).backward();
      optimizer.step();
    }
    NnGoldens.assertClose(NnGoldens.get("sgd/" + name).get(9), p.detach(), 1e-6, name);
  }

  @Test
  void parameters_without_gradient_stay() {
    Tensor p = Tensor.ones(2).requiresGrad_(true);
    new Sgd(List.of(p), Sgd.options().lr(1).weightDecay(1)).step();
    assertEquals("tensor([1., 1.], requires_grad=True)", p.toString());
  }

  @Test
  void zero_grad_clears_or_zeroes() {
    Tensor p = Tensor.ones(2).requiresGrad_(true);
    var optimizer = new Sgd(List.of(p), Sgd.options().lr(1));
    p.sum().backward();
    Tensor grad = p.grad();
    assertNotNull(grad);
    optimizer.zeroGrad(false);
    assertSame(grad, p.grad());
    assertEquals("tensor([0., 0.])", grad.toString());
    optimizer.zeroGrad();
    assertNull(p.grad());
  }

  @Test
  void groups_have_options_of_their_own() {
    Tensor slow = Tensor.zeros(1).requiresGrad_(true);
    Tensor fast = Tensor.zeros(1).requiresGrad_(true);
    var optimizer = new Sgd(List.of(slow), Sgd.options().lr(0.5));
    optimizer.addParameterGroup(List.of(fast), Sgd.options().lr(2));
    slow.add(fast).sum().backward();
    optimizer.step();
    optimizer.parameterGroups().get(1).setLr(1);
    optimizer.step();
    assertEquals(-1, slow.toDouble());
    assertEquals(-3, fast.toDouble());
  }

  @Test
  void steps_count_as_changes_in_place() {
    Tensor p = Tensor.ones(2).requiresGrad_(true);
    Tensor y = p.square().sum();
    var optimizer = new Sgd(List.of(p), Sgd.options().lr(1));
    p.sum().backward();
    optimizer.step();
    assertThrows(RuntimeException.class, y::backward);
    assertTrue(p.isLeaf());
  }

  @Test
  void a_closure_computes_gradients_and_the_loss_is_returned() {
    Tensor p = Tensor.ones(2).requiresGrad_(true);
    var optimizer = new Sgd(List.of(p), Sgd.options().lr(0.5));
    Tensor loss = optimizer.step(() -> {
      optimizer.zeroGrad();
      Tensor sum = p.sum();
      sum.backward();
      return sum;
    });
    assertEquals(2, loss.toDouble());
    assertEquals("tensor([0.5000, 0.5000], requires_grad=True)", p.toString());
  }

  @Test
  void options_that_make_no_sense_are_refused() {
    Tensor p = Tensor.ones(2).requiresGrad_(true);
    refused("[Sgd] Invalid learning rate: -1.0", List.of(p), Sgd.options().lr(-1));
    refused("[Sgd] Invalid momentum value: -1.0", List.of(p), Sgd.options().momentum(-1));
    refused("[Sgd] Invalid weight_decay value: -1.0", List.of(p), Sgd.options().weightDecay(-1));
    refused("[Sgd] Nesterov momentum requires a momentum and zero dampening", List.of(p), Sgd.options().nesterov(true));
    refused("[Sgd] Nesterov momentum requires a momentum and zero dampening", List.of(p),
        Sgd.options().momentum(0.9).dampening(0.1).nesterov(true));
    refused(
        "[Sgd] optimizer got an empty parameter list: a module lists what it declares by parameter(...), and that of modules it declares by "
            + "child(...)",
        List.of(), Sgd.options());
    refused("[Sgd] can't optimize a non-leaf Tensor", List.of(p.mul(2)), Sgd.options());
    var optimizer = new Sgd(List.of(p));
    var e = assertThrows(IllegalArgumentException.class, () -> optimizer.addParameterGroup(List.of(p), Sgd.options()));
    assertEquals("[Sgd] some parameters appear in more than one parameter group", e.getMessage());
  }

  private static void refused(String message, List<Tensor> parameters, Sgd.Options options) {
    assertEquals(message, assertThrows(IllegalArgumentException.class, () -> new Sgd(parameters, options)).getMessage());
  }

  @Test
  void prints_like_pytorch() {
    assertEquals("""
        Sgd (
        Parameter Group 0
            dampening: 0.0
            lr: 0.1
            maximize: false
            momentum: 0.9
            nesterov: false
            weight_decay: 0.0
        )""", new Sgd(List.of(Tensor.ones(1)), Sgd.options().lr(0.1).momentum(0.9)).toString());
  }
}
