package org.flambeau.testkit.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.flambeau.DType;
import org.flambeau.MemoryScope;
import org.flambeau.Tensor;
import org.flambeau.io.TorchFile;
import org.flambeau.nn.optim.Lbfgs;
import org.flambeau.nn.optim.ParameterGroup;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// L-BFGS goes through Rosenbrock's valley where PyTorch's goes, and looks as often.
final class LbfgsTest {
  private static final Lbfgs.Options WOLFE = Lbfgs.options().maxIter(4).historySize(3).strongWolfe(true);

  /// A different last bit of a loss grows on the way.
  private static final double TOLERANCE = 1e-9;

  /// A valley, two parameters on its slope, and the optimizer that is to lead them down.
  private static final class Run {
    final Tensor a;
    final Tensor b;
    final Lbfgs optimizer;

    Run(DType dtype, Lbfgs.Options options) {
      Tensor start = NnGoldens.get("lbfgs/start").to(dtype);
      this.a = start.narrow(0, 0, 3).clone().requiresGrad_(true);
      this.b = start.narrow(0, 3, 6).reshape(2, 3).clone().requiresGrad_(true);
      this.optimizer = new Lbfgs(List.of(a, b), options);
    }

    Tensor loss() {
      optimizer.zeroGrad();
      Tensor x = position();
      Tensor first = x.narrow(0, 0, 8);
      Tensor loss = x.narrow(0, 1, 8).sub(first.square()).square().mul(4).add(first.rsub(1).square()).sum();
      loss.backward();
      return loss;
    }

    Tensor position() {
      return Tensor.cat(List.of(a, b.flatten()), 0);
    }

    Tensor step() {
      return optimizer.step(this::loss).detach();
    }
  }

  static Stream<Arguments> ways() {
    return Map.of("plain", Lbfgs.options().lr(0.05).maxIter(4), "wolfe", WOLFE,
        "far", Lbfgs.options().lr(300).maxIter(3).maxEval(9).strongWolfe(true),
        "ends", Lbfgs.options().lr(0.9).maxIter(30).toleranceGrad(1e-3).strongWolfe(true))
        .entrySet().stream().map(way -> Arguments.of(way.getKey(), way.getValue()));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("ways")
  void twenty_steps_go_where_pytorch_goes_by_as_many_calls(String name, Lbfgs.Options options) {
    Run run = new Run(DType.FLOAT64, options);
    Tensor course = NnGoldens.get("lbfgs/" + name);
    Tensor losses = NnGoldens.get("lbfgs/" + name + "/losses");
    for (int step = 0; step < 20; step++) {
      try (var _ = MemoryScope.open()) {
        NnGoldens.assertClose(losses.get(step), run.step(), TOLERANCE, "loss of step " + step);
        NnGoldens.assertClose(course.get(step), run.position().detach(), TOLERANCE, "after step " + step);
      }
    }
    Map<?, ?> state = (Map<?, ?>) ((Map<?, ?>) run.optimizer.stateDict().get("state")).get(0L);
    assertEquals(NnGoldens.get("lbfgs/" + name + "/func_evals").toLong(), state.get("func_evals"));
    assertEquals(NnGoldens.get("lbfgs/" + name + "/n_iter").toLong(), state.get("n_iter"));
  }

  @Test
  void half_the_precision_finds_the_bottom_too() {
    Run run = new Run(DType.FLOAT32, WOLFE);
    for (int step = 0; step < 25; step++) {
      var _ = run.step();
    }
    assertTrue(run.loss().toDouble() < 1e-5, () -> run.loss().toString());
  }

  @Test
  void a_saved_state_continues_to_the_bit(@TempDir Path folder) {
    Run whole = new Run(DType.FLOAT64, WOLFE);
    Run resumed = new Run(DType.FLOAT64, Lbfgs.options());
    for (int step = 0; step < 3; step++) {
      var _ = whole.step();
    }
    Path file = folder.resolve("lbfgs.pth");
    TorchFile.save(file, whole.optimizer.stateDict());
    resumed.optimizer.loadStateDict((Map<?, ?>) TorchFile.load(file));
    resumed.a.detach().copy_(whole.a.detach());
    resumed.b.detach().copy_(whole.b.detach());
    assertEquals(whole.optimizer.toString(), resumed.optimizer.toString());
    for (int step = 0; step < 3; step++) {
      assertTrue(whole.step().equal(resumed.step()));
      assertTrue(whole.position().equal(resumed.position()));
    }
  }

  @Test
  @SuppressWarnings("unchecked") // a state is by name
  void a_state_in_any_form_that_pytorch_saves_continues_to_the_bit() {
    Run whole = new Run(DType.FLOAT64, Lbfgs.options().maxIter(1));
    Run resumed = new Run(DType.FLOAT64, Lbfgs.options());
    var _ = whole.step();
    Map<String, Object> saved = whole.optimizer.stateDict();
    Map<String, Object> state = new HashMap<>((Map<String, Object>) ((Map<?, ?>) saved.get("state")).get(0L));
    double t = (Double) Objects.requireNonNull(state.get("t"));
    assertTrue(t < 1);
    state.put("t", Tensor.scalar(t)); // 1/Σ|g| is a tensor there,
    state.put("H_diag", 1L); // what comes before all changes is none,
    state.put("al", Arrays.asList(Tensor.scalar(0.5), null)); // and there is room for what is computed anew
    resumed.optimizer.loadStateDict(Map.of("state", Map.of(0L, state), "param_groups", saved.get("param_groups")));
    resumed.a.detach().copy_(whole.a.detach());
    resumed.b.detach().copy_(whole.b.detach());
    for (int step = 0; step < 3; step++) {
      assertTrue(whole.step().equal(resumed.step()));
      assertTrue(whole.position().equal(resumed.position()));
    }
  }

  @Test
  void what_it_cannot_do_is_refused() {
    Run run = new Run(DType.FLOAT32, WOLFE);
    var _ = run.loss();
    assertEquals("[Lbfgs] a step computes the loss several times: call step(closure)",
        assertThrows(IllegalStateException.class, run.optimizer::step).getMessage());
    var groups = assertThrows(IllegalArgumentException.class, () -> run.optimizer.addParameterGroup(List.of(Tensor.ones(2)), WOLFE));
    assertEquals("[Lbfgs] LBFGS doesn't support per-parameter options (parameter groups)", groups.getMessage());
    assertEquals(List.of(2), run.optimizer.parameterGroups().stream().map(ParameterGroup::parameters).map(List::size).toList());
    var other = new Run(DType.FLOAT32, WOLFE);
    var _ = other.step();
    var smaller = new Lbfgs(List.of(Tensor.ones(2), Tensor.ones(2)), WOLFE);
    var sizes = assertThrows(IllegalArgumentException.class, () -> smaller.loadStateDict(other.optimizer.stateDict()));
    assertTrue(sizes.getMessage().contains("but the parameters have 4 elements"), sizes.getMessage());
    var history = assertThrows(IllegalArgumentException.class, () -> new Lbfgs(List.of(Tensor.ones(2)), WOLFE.historySize(0)));
    assertEquals("[Lbfgs] Invalid history size: 0.0", history.getMessage());
    var list = Map.of("state", Map.of(0L, Map.of("ro", List.of("one"))), "param_groups", other.optimizer.stateDict().get("param_groups"));
    assertEquals("[Lbfgs] expected tensors, lists of tensors and numbers as saved state, got [one] as \"ro\"",
        assertThrows(IllegalArgumentException.class, () -> other.optimizer.loadStateDict(list)).getMessage());
  }
}
