package org.flambeau.testkit.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.flambeau.AutogradException;
import org.flambeau.BackwardOption;
import org.flambeau.ClosedTensorException;
import org.flambeau.DType;
import org.flambeau.GradMode;
import org.flambeau.MemoryScope;
import org.flambeau.Tensor;
import org.flambeau.autograd.Node.Registration;
import org.flambeau.nn.BatchNorm2d;
import org.flambeau.nn.Conv2d;
import org.flambeau.nn.Dropout;
import org.flambeau.nn.Embedding;
import org.flambeau.nn.Functional;
import org.flambeau.nn.GELU;
import org.flambeau.nn.Linear;
import org.flambeau.nn.Module;
import org.flambeau.nn.ReLU;
import org.flambeau.nn.Sequential;
import org.flambeau.nn.StateDict;
import org.flambeau.nn.Tanh;
import org.flambeau.nn.optim.Sgd;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What a module is: names, modes, calls, hooks, state.
final class ModuleTest {
  private static final class Net extends Module {
    final Tensor scale = parameter("scale", Tensor.ones(1));
    final Linear fc1 = child("fc1", new Linear(4, 3)), fc2 = child("fc2", new Linear(3, 2, false));
    final Tensor calls = buffer("calls", Tensor.zeros(DType.INT64));

    Net() {
      buffer("scratch", Tensor.zeros(2), false);
    }

    @Override
    protected Tensor forward(Tensor x) {
      calls.add_(1);
      return fc2.call(Functional.relu(fc1.call(x))).mul(scale);
    }
  }

  private static String message(Class<? extends Exception> type, org.junit.jupiter.api.function.Executable action) {
    return String.valueOf(assertThrows(type, action).getMessage());
  }

  // ---- names ----

  @Test
  void names_are_paths_in_the_order_of_declaration() {
    var model = new Sequential(new Net(), new ReLU());
    assertEquals("[0.scale, 0.fc1.weight, 0.fc1.bias, 0.fc2.weight]", model.namedParameters().keySet().toString());
    assertEquals("[0.calls, 0.scratch]", model.namedBuffers().keySet().toString());
    assertEquals("[, 0, 0.fc1, 0.fc2, 1]", model.namedModules().keySet().toString());
    assertEquals("[0.scale, 0.calls, 0.fc1.weight, 0.fc1.bias, 0.fc2.weight]", model.stateDict().keySet().toString());
    assertSame(((Net) model.get(0)).fc2, model.submodule("0.fc2"));
    assertEquals("[Sequential] has no module \"0.fc3\": Net has the children [fc1, fc2], not \"fc3\"",
        message(IllegalArgumentException.class, () -> model.submodule("0.fc3")));
  }

  @Test
  void what_stands_in_two_places_is_listed_once() {
    var shared = new Linear(2, 2);
    var model = new Sequential(shared, shared);
    assertEquals(List.of("0.weight", "0.bias"), List.copyOf(model.namedParameters().keySet()));
    assertEquals(2, model.modules().size());
    assertEquals(4, model.stateDict().size());
  }

  @Test
  void a_name_is_declared_once_and_has_no_dot() {
    assertEquals("[Twice] \"a\" is declared already", message(IllegalArgumentException.class, Twice::new));
    assertEquals("[Sequential] the name of a child, parameter or buffer is not empty and has no dot, got \"a.b\"",
        message(IllegalArgumentException.class, () -> new Sequential(java.util.Map.of("a.b", new ReLU()))));
  }

  private static final class Twice extends Module {
    Twice() {
      child("a", new ReLU());
      parameter("a", Tensor.ones(1));
    }
  }

  @Test
  void parameters_are_leaves_that_outlive_the_scope_they_were_made_in() {
    Linear linear;
    try (var _ = MemoryScope.open()) {
      linear = new Linear(2000, 3);
      Tensor computed = Tensor.ones(1).requiresGrad_(true).mul(2);
      assertTrue(message(IllegalArgumentException.class, () -> new Module() {
        {
          parameter("p", computed);
        }
      }).startsWith("[Module] parameter \"p\" must be a leaf"));
    }
    assertTrue(linear.weight().isLeaf() && linear.weight().requiresGrad());
    assertEquals(3, linear.call(Tensor.ones(1, 2000)).numel());
  }

  // ---- calls ----

  @Test
  void a_module_without_forward_says_so() {
    assertEquals("[Empty] has no forward of one tensor: override forward(Tensor) or forward(Tensor...)",
        message(UnsupportedOperationException.class, () -> new Empty().call(Tensor.ones(1))));
    assertEquals("[Linear] takes one tensor, got 2",
        message(UnsupportedOperationException.class, () -> new Linear(1, 1).call(Tensor.ones(1), Tensor.ones(1))));
  }

  private static final class Empty extends Module {}

  @Test
  void inside_a_scope_a_call_keeps_its_result_alone() {
    Tensor[] seen = new Tensor[1];
    var model = new Sequential(new Linear(64, 64), new Module() {
      @Override
      protected Tensor forward(Tensor x) {
        seen[0] = x.mul(2);
        return seen[0].add(1);
      }
    });
    Tensor x = Tensor.ones(64, 64);
    try (var _ = GradMode.noGrad(); var _ = MemoryScope.open()) {
      Tensor y = model.call(x);
      assertThrows(ClosedTensorException.class, () -> seen[0].sum());
      assertEquals(64 * 64, y.numel());
    }
  }

  @Test
  void outside_of_scopes_a_module_may_hold_on_to_what_it_computed() {
    Tensor[] seen = new Tensor[1];
    var model = new Module() {
      @Override
      protected Tensor forward(Tensor x) {
        seen[0] = x.mul(2);
        return seen[0].add(1);
      }
    };
    model.call(Tensor.ones(64, 64));
    assertEquals(2 * 64 * 64, seen[0].sum().toDouble());
  }

  /// A sequence in its parent's chain calls what it has, not what takes the place of that in the parent.
  @Test
  void a_successor_that_is_a_sequence_calls_the_old_one_once() {
    Linear linear = new Linear(4, 4);
    Tensor rows = Tensor.randn(3, 4);
    try (var _ = GradMode.noGrad()) {
      Sequential net = new Sequential(linear);
      net.replace("0", new Sequential(linear, new Tanh()));
      assertTrue(linear.call(rows).tanh().equal(net.call(rows)));
      net = new Sequential(linear);
      net.replace("0", new Sequential(linear, new GELU()));
      assertTrue(Functional.gelu(linear.call(rows)).equal(net.call(rows)));
      net = new Sequential(new Sequential(linear));
      net.replace("0.0", new Sequential(linear, new Tanh()));
      assertTrue(linear.call(rows).tanh().equal(net.call(rows)), "in a sequence that is a part of another");
      var watched = net.get(0).registerForwardHook((_, _, output) -> output);
      assertTrue(linear.call(rows).tanh().equal(net.call(rows)), "and while a hook looks on");
      watched.close();
      Conv2d conv = new Conv2d(2, 2, 1);
      BatchNorm2d norm = new BatchNorm2d(2);
      net = new Sequential(conv);
      net.replace("0", new Sequential(conv, norm));
      Tensor _ = net.call(Tensor.randn(1, 2, 3, 3));
      assertEquals(1, Objects.requireNonNull(norm.buffers().getLast()).toLong(), "batches tracked");
    }
  }

  @Test
  void a_replaced_child_is_not_called_any_more_though_a_field_names_it() {
    var net = new Net();
    var head = net.replace("fc2", new Linear(3, 7));
    assertArrayEquals(new long[] {5, 7}, net.call(Tensor.ones(5, 4)).sizes());
    assertSame(head, net.submodule("fc2"));
    assertArrayEquals(new long[] {5, 2}, net.fc2.call(Tensor.ones(5, 3)).sizes(), "the old child itself is as it was");

    var wrapped = new Sequential(net.fc2, net.replace("fc2", new Sequential(net.fc2, new Linear(2, 9))));
    assertArrayEquals(new long[] {5, 9}, net.call(Tensor.ones(5, 4)).sizes(), "also where the successor calls the old one");
    assertEquals(2, wrapped.size());
    net.replace("fc2", net.fc2);
    assertArrayEquals(new long[] {5, 2}, net.call(Tensor.ones(5, 4)).sizes(), "and back again");
    assertEquals("[Net] a module cannot replace itself: expected the path of a child",
        message(IllegalArgumentException.class, () -> net.replace("", new ReLU())));
    assertEquals("[Sequential] a module cannot be a part of itself, as it would be by the child \"0\"",
        message(IllegalArgumentException.class, () -> wrapped.replace("0", new Sequential(wrapped))));
  }

  // ---- hooks ----

  @Test
  void hooks_see_and_change_what_goes_through() {
    var linear = new Linear(2, 2);
    List<String> order = new ArrayList<>();
    try (var _ = linear.registerForwardPreHook((module, inputs) -> {
      order.add("before " + (module == linear));
      return new Tensor[] {inputs[0].mul(0)};
    }); var _ = linear.registerForwardHook((_, inputs, output) -> {
      order.add("after " + inputs[0].sum().toDouble());
      return output.sub(Objects.requireNonNull(linear.bias())).add(5);
    })) {
      assertEquals("tensor([[5., 5.]], grad_fn=<AddBackward0>)", linear.call(Tensor.ones(1, 2)).toString());
    }
    assertEquals(List.of("before true", "after 0.0"), order);
    linear.call(Tensor.ones(1, 2));
    assertEquals(2, order.size());
  }

  @Test
  void what_a_hook_is_given_lives_until_the_users_scope_closes() {
    var model = new Sequential(new Linear(64, 64), new ReLU());
    Tensor[] seen = new Tensor[1];
    var registration = model.get(0).registerForwardHook((_, _, output) -> {
      seen[0] = output;
      return null;
    });
    try (var _ = GradMode.noGrad(); var _ = MemoryScope.open()) {
      model.call(Tensor.ones(64, 64));
      assertTrue(Double.isFinite(seen[0].sum().toDouble()));
    }
    assertThrows(ClosedTensorException.class, () -> seen[0].sum());
    registration.close();
  }

  @Test
  void backward_hooks_see_both_gradients_and_may_change_that_of_the_input() {
    var linear = new Linear(2, 3);
    List<String> seen = new ArrayList<>();
    linear.registerFullBackwardHook((_, gradInput, gradOutput) -> {
      seen.add(Objects.requireNonNull(gradInput[0]).numel() + " " + Objects.requireNonNull(gradOutput[0]).sum().toDouble());
      return new Tensor[] {Tensor.ones(1, 2).mul(7)};
    });
    Tensor x = Tensor.ones(1, 2).requiresGrad_(true);
    linear.call(x).sum().backward();
    assertEquals(List.of("2 3.0"), seen);
    assertEquals("tensor([[7., 7.]])", Objects.requireNonNull(x.grad()).toString());
    linear.registerFullBackwardHook((_, gradInput, _) -> {
      seen.add(gradInput[0] == null ? "none" : "some");
      return null;
    });
    seen.clear();
    linear.call(Tensor.ones(1, 2).requiresGrad_(true)).sum().backward();
    assertEquals("some", seen.getLast());
  }

  @Test
  void a_backward_hook_runs_where_no_input_needs_a_gradient() {
    var linear = new Linear(2, 3);
    List<String> seen = new ArrayList<>();
    linear.registerFullBackwardHook((_, gradInput, _) -> {
      seen.add(String.valueOf(gradInput[0]));
      return null;
    });
    linear.call(Tensor.ones(1, 2)).sum().backward();
    assertEquals(List.of("null"), seen);
  }

  @Test
  void the_gradient_of_the_result_is_that_of_what_forward_hooks_made_of_it() {
    var linear = new Linear(2, 3);
    List<String> seen = new ArrayList<>();
    linear.registerForwardHook((_, _, output) -> output.mul(4));
    linear.registerFullBackwardHook((_, _, gradOutput) -> {
      seen.add(Objects.requireNonNull(gradOutput[0]).sum().toDouble() + "");
      return null;
    });
    Tensor result = linear.call(Tensor.ones(1, 2).requiresGrad_(true));
    assertEquals("BackwardHookFunctionBackward", Objects.requireNonNull(result.gradFn()).name());
    result.sum().backward();
    assertEquals(List.of("3.0"), seen);
  }

  @Test
  void a_backward_hook_is_that_of_the_call_and_rests_where_no_gradient_came_through_the_result() {
    var linear = new Linear(2, 3);
    List<String> seen = new ArrayList<>();
    Tensor[] inside = new Tensor[1];
    linear.registerForwardHook((_, inputs, _) -> {
      inside[0] = inputs[0].mul(2);
      return null;
    });
    var registration = linear.registerFullBackwardHook((_, gradInput, _) -> {
      seen.add(String.valueOf(gradInput[0]));
      return null;
    });
    Tensor x = Tensor.ones(1, 2).requiresGrad_(true);
    Tensor result = linear.call(x);
    registration.close();
    linear.registerFullBackwardHook((_, _, _) -> {
      throw new AssertionError("registered after the call");
    });
    inside[0].sum().backward(BackwardOption.RETAIN_GRAPH);
    assertEquals("tensor([[2., 2.]])", String.valueOf(x.grad()));
    assertEquals(List.of(), seen);
    result.sum().backward();
    assertEquals(1, seen.size());
  }

  @Test
  void inside_a_module_with_backward_hooks_an_input_wants_no_gradient_unless_it_does_outside_and_must_not_be_changed() {
    List<Boolean> wanted = new ArrayList<>();
    var sum = new Module() {
      @Override
      protected Tensor forward(Tensor... inputs) {
        for (Tensor input : inputs) {
          wanted.add(input.requiresGrad());
        }
        return inputs[0].add(inputs[1]);
      }
    };
    sum.registerFullBackwardHook((_, _, _) -> null);
    sum.call(Tensor.ones(2).requiresGrad_(true), Tensor.ones(2)).sum().backward();
    assertEquals(List.of(true, false), wanted);
    var inPlace = new Module() {
      @Override
      protected Tensor forward(Tensor x) {
        return x.relu_();
      }
    };
    inPlace.registerFullBackwardHook((_, _, _) -> null);
    Tensor x = Tensor.ones(2).requiresGrad_(true).mul(1);
    assertTrue(assertThrows(AutogradException.class, () -> inPlace.call(x)).getMessage()
        .startsWith("Output 0 of BackwardHookFunction is a view and is being modified inplace."));
  }

  @Test
  void a_backward_hook_that_returns_what_does_not_fit_is_refused() {
    var linear = new Linear(2, 3);
    linear.registerFullBackwardHook((_, _, _) -> new Tensor[] {Tensor.ones(1, 2), Tensor.ones(1, 2)});
    Tensor result = linear.call(Tensor.ones(1, 2).requiresGrad_(true));
    assertEquals("[Linear] Backward hook returned an invalid number of grad_input, got 2, but expected 1",
        assertThrows(IllegalStateException.class, () -> result.sum().backward()).getMessage());
    var other = new Linear(2, 3);
    other.registerFullBackwardHook((_, _, _) -> new Tensor[] {Tensor.ones(1, 2)});
    Tensor noneNeeded = other.call(Tensor.ones(1, 2));
    assertEquals(
        "[Linear] a backward hook returned gradients, but no input of the module requires grad: expected null, alone or for each input",
        assertThrows(IllegalStateException.class, () -> noneNeeded.sum().backward()).getMessage());
  }

  // ---- modes and conversions ----

  @Test
  void modes_reach_every_module() {
    var model = new Sequential(new Dropout(0.5), new Sequential(new BatchNorm2d(3)));
    assertTrue(model.modules().stream().allMatch(Module::isTraining));
    model.eval();
    assertTrue(model.modules().stream().noneMatch(Module::isTraining));
    model.get(1).train();
    assertFalse(model.isTraining());
    List<String> visited = new ArrayList<>();
    model.apply(module -> visited.add(module.getClass().getSimpleName()));
    assertEquals(List.of("Dropout", "BatchNorm2d", "Sequential", "Sequential"), visited);
  }

  @Test
  void a_cast_keeps_the_tensors_that_an_optimizer_holds() {
    var model = new Sequential(new Conv2d(1, 2, 3), new BatchNorm2d(2));
    var optimizer = new Sgd(model.parameters(), Sgd.options().lr(0.5));
    List<Tensor> before = model.parameters();
    model.call(Tensor.ones(2, 1, 5, 5).mul(Tensor.arange(5))).sum().backward();
    model.to(DType.FLOAT64);
    assertEquals(before, model.parameters());
    assertEquals(DType.FLOAT64, before.getFirst().dtype());
    assertEquals(DType.FLOAT64, Objects.requireNonNull(before.getFirst().grad()).dtype());
    assertEquals(DType.INT64, Objects.requireNonNull(model.namedBuffers().get("1.num_batches_tracked")).dtype());
    double[] bias = Objects.requireNonNull(model.namedParameters().get("1.bias")).toDoubleArray();
    optimizer.step();
    assertEquals(bias[0] - 0.5 * 18, Objects.requireNonNull(model.namedParameters().get("1.bias")).toDoubleArray()[0], 1e-5);
    assertEquals("[Sequential] to expects a float dtype, got int64", message(IllegalArgumentException.class, () -> model.to(DType.INT64)));
  }

  @Test
  void a_backward_pass_before_a_cast_does_not_decide_the_dtype_of_gradients_after_it() {
    var fc = new Linear(2, 1);
    fc.call(Tensor.ones(1, 2)).sum().backward();
    int[] seen = {0};
    fc.weight().registerPostAccumulateGradHook(_ -> seen[0]++);
    fc.to(DType.FLOAT64).zeroGrad();
    double third = 1 / 3.0;
    fc.call(Tensor.full(DType.FLOAT64, third, 1, 2)).sum().backward();
    Tensor grad = Objects.requireNonNull(fc.weight().grad());
    assertEquals(DType.FLOAT64, grad.dtype());
    assertArrayEquals(new double[] {third, third}, grad.toDoubleArray());
    assertEquals(1, seen[0], "hooks stay");
  }

  @Test
  void frozen_parameters_get_no_gradient() {
    var model = new Net();
    model.fc1.requiresGrad_(false);
    model.call(Tensor.ones(2, 4)).sum().backward();
    assertNull(model.fc1.weight().grad());
    assertTrue(model.fc2.weight().grad() != null);
    model.zeroGrad();
    assertNull(model.fc2.weight().grad());
  }

  // ---- state ----

  @Test
  void a_state_dict_shares_memory_and_loading_copies() {
    var from = new Net();
    var to = new Net();
    StateDict state = from.stateDict();
    assertFalse(Objects.requireNonNull(state.get("fc1.weight")).requiresGrad());
    assertTrue(to.loadStateDict(state, true).isEmpty());
    try (var _ = GradMode.noGrad()) {
      from.fc1.weight().fill_(3);
    }
    assertEquals(3, Objects.requireNonNull(state.get("fc1.weight")).select(0, 0).select(0, 0).toDouble());
    assertTrue(to.fc1.weight().max().toDouble() < 1);
  }

  @Test
  void loading_names_everything_that_does_not_match_and_changes_nothing() {
    var net = new Net();
    double sum = net.fc1.weight().sum().toDouble();
    StateDict state = new Net().stateDict();
    state.remove("fc1.bias");
    state.put("fc2.weight", Tensor.ones(1, 3));
    state.put("zz", Tensor.ones(1));
    assertEquals("""
        Error(s) in loading state_dict for Net:
        \tMissing key(s) in state_dict: "fc1.bias".\s
        \tUnexpected key(s) in state_dict: "zz".\s
        \tsize mismatch for fc2.weight: copying a param with shape torch.Size([1, 3]) from checkpoint, \
        the shape in current model is torch.Size([2, 3]).""", message(IllegalArgumentException.class, () -> net.loadStateDict(state)));
    assertEquals(sum, net.fc1.weight().sum().toDouble());
    state.remove("fc2.weight");
    var incompatible = net.loadStateDict(state, false);
    assertEquals(List.of("fc1.bias", "fc2.weight"), incompatible.missing());
    assertEquals(List.of("zz"), incompatible.unexpected());
    assertTrue(sum != net.fc1.weight().sum().toDouble());
  }

  /// In PyTorch's order.
  @Test
  void hooks_see_a_state_dict_being_made_and_loaded() {
    var net = new Net();
    List<String> seen = new ArrayList<>();
    List<Registration> registrations = new ArrayList<>();
    for (Module part : List.of(net, net.fc1)) {
      registrations.add(part.registerStateDictPreHook((module, prefix) -> seen.add("before " + prefix + name(module))));
      registrations
          .add(part.registerStateDictPostHook((module, state, prefix) -> seen.add("after " + prefix + name(module) + state.size())));
      registrations.add(part.registerLoadStateDictPreHook(
          (module, _, prefix, version) -> seen.add("before loading " + prefix + name(module) + version)));
      registrations.add(part.registerLoadStateDictPostHook((module, keys) -> seen.add("after loading " + name(module) + keys.missing())));
    }
    StateDict state = net.stateDict();
    assertEquals(List.of("before Net", "before fc1.Linear", "after fc1.Linear4", "after Net5"), seen);
    seen.clear();
    state.remove("fc2.weight");
    net.loadStateDict(state, false);
    assertEquals(
        List.of("before loading Net1", "before loading fc1.Linear1", "after loading Linear[fc2.weight]", "after loading Net[fc2.weight]"),
        seen);
    seen.clear();
    registrations.forEach(Registration::close);
    net.loadStateDict(net.stateDict());
    assertEquals(List.of(), seen);
  }

  private static String name(Module module) {
    return module.getClass().getSimpleName();
  }

  @Test
  void hooks_may_rename_what_is_saved_and_what_is_loaded() {
    var net = new Net();
    net.fc1
        .registerStateDictPostHook((_, state, prefix) -> state.put(prefix + "w", Objects.requireNonNull(state.remove(prefix + "weight"))));
    StateDict saved = net.stateDict();
    assertEquals(List.of("scale", "calls", "fc1.bias", "fc1.w", "fc2.weight"), List.copyOf(saved.keySet()));
    var other = new Net();
    assertTrue(message(IllegalArgumentException.class, () -> other.loadStateDict(saved)).contains("\"fc1.weight\""));
    var renaming = other.fc1.registerLoadStateDictPreHook(
        (_, state, prefix, _) -> state.put(prefix + "weight", Objects.requireNonNull(state.remove(prefix + "w"))));
    other.loadStateDict(saved);
    assertTrue(other.fc1.weight().equal(net.fc1.weight()));
    assertTrue(saved.containsKey("fc1.w"), "what is loaded is a copy");
    renaming.close();
    StateDict own = other.stateDict();
    net.loadStateDict(own); // a hook that renames what is saved has no say in what is loaded
  }

  @Test
  void what_a_hook_takes_out_is_no_error() {
    var net = new Net();
    StateDict state = new Net().stateDict();
    state.remove("fc1.bias");
    state.put("zz", Tensor.ones(1));
    net.registerLoadStateDictPostHook((_, keys) -> keys.missing().clear());
    assertEquals("Error(s) in loading state_dict for Net:\n\tUnexpected key(s) in state_dict: \"zz\". ",
        message(IllegalArgumentException.class, () -> net.loadStateDict(state)));
    state.remove("zz");
    assertTrue(net.loadStateDict(state, true).isEmpty());
    assertTrue(net.fc1.weight().equal(Objects.requireNonNull(state.get("fc1.weight"))));
  }

  @Test
  void a_number_may_have_been_written_with_one_dimension() {
    var norm = new BatchNorm2d(2);
    StateDict state = norm.stateDict();
    state.put("num_batches_tracked", Tensor.of(7L));
    norm.loadStateDict(state);
    assertEquals(7, Objects.requireNonNull(norm.namedBuffers().get("num_batches_tracked")).toLong());
  }

  @Test
  void batches_need_not_be_counted_by_older_files() {
    var norm = new Sequential(new BatchNorm2d(2));
    norm.call(Tensor.randn(2, 2, 3, 3));
    StateDict old = new StateDict();
    norm.stateDict().forEach((name, tensor) -> {
      if (!name.contains("num_batches")) {
        old.put(name, tensor);
      }
    });
    var fresh = new Sequential(new BatchNorm2d(2));
    assertTrue(fresh.loadStateDict(old, true).isEmpty());
    StateDict current = norm.stateDict();
    current.remove("0.num_batches_tracked");
    assertTrue(message(IllegalArgumentException.class, () -> fresh.loadStateDict(current)).contains("\"0.num_batches_tracked\""));
  }

  /// One weight in two places, as of a language model's first and last layer.
  private static final class Tied extends Module {
    final Embedding words = child("words", new Embedding(5, 3));
    final Linear scores = child("scores", new Linear(words.weight(), Tensor.zeros(5)));

    @Override
    protected Tensor forward(Tensor x) {
      return scores.call(words.call(x));
    }
  }

  @Test
  void a_tied_weight_is_one_parameter_under_two_names() {
    Tied model = new Tied();
    assertEquals(List.of("words.weight", "scores.bias"), List.copyOf(model.namedParameters().keySet()));
    assertEquals(List.of("words.weight", "scores.weight", "scores.bias"), List.copyOf(model.stateDict().keySet()));
    assertEquals("Linear(in_features=3, out_features=5, bias=True)", model.scores.toString());

    model.to(DType.FLOAT64);
    assertSame(model.words.weight(), model.scores.weight());
    assertEquals(DType.FLOAT64, model.scores.weight().dtype());

    var optimizer = new Sgd(model.parameters(), Sgd.options().lr(1));
    Tensor before = model.words.weight().detach().clone();
    model.call(Tensor.of(0L, 1L)).sum().backward();
    Tensor gradient = model.words.weight().grad();
    assertNotNull(gradient);
    Tensor ofEmbedding = Tensor.zeros(DType.FLOAT64, 5, 3); // each chosen row sees the sum of all rows
    ofEmbedding.narrow(0, 0, 2).copy_(before.sum(new int[] {0}, true).expand(2, 3));
    Tensor ofScores = before.narrow(0, 0, 2).sum(0).expand(5, 3);
    assertTrue(ofEmbedding.add(ofScores).allclose(gradient));
    optimizer.step();
    assertTrue(before.sub(gradient).equal(model.scores.weight().detach()), "the optimizer moves it once");
  }

  @Test
  void a_tied_weight_is_saved_and_loaded_under_both_names(@TempDir Path folder) {
    Tied model = new Tied();
    for (String file : List.of("tied.pth", "tied.safetensors")) {
      model.stateDict().save(folder.resolve(file));
      Tied loaded = new Tied();
      loaded.loadStateDict(StateDict.load(folder.resolve(file)));
      assertTrue(model.words.weight().detach().equal(loaded.words.weight().detach()));
      assertSame(loaded.words.weight(), loaded.scores.weight());
    }
    StateDict lacking = model.stateDict();
    var _ = lacking.remove("scores.weight");
    var e = assertThrows(IllegalArgumentException.class, () -> new Tied().loadStateDict(lacking));
    assertTrue(e.getMessage().contains("Missing key(s) in state_dict: \"scores.weight\""), e.getMessage());
  }

  @Test
  void parameters_that_do_not_fit_a_linear_map_are_refused() {
    var e = assertThrows(IllegalArgumentException.class, () -> new Linear(Tensor.ones(2, 3), Tensor.ones(3)));
    assertEquals("[Linear] expected a weight (out, in) and a bias (out), got sizes [2, 3] and [3]", e.getMessage());
  }
}
