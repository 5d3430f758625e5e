package org.flambeau.testkit.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.flambeau.Tensor;
import org.flambeau.nn.BatchNorm1d;
import org.flambeau.nn.Linear;
import org.flambeau.nn.Module;
import org.flambeau.nn.Sequential;
import org.flambeau.nn.StateDict;
import org.flambeau.nn.optim.AveragedModel;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Averaged models go where PyTorch's go.
final class AveragedModelTest {
  private static Module model() {
    return new Sequential(new Linear(3, 4), new BatchNorm1d(4)).to(NnGoldens.device());
  }

  static Stream<Arguments> ways() {
    return Map.of("equal", AveragedModel.equal(), "exponential", AveragedModel.exponential(0.9)).entrySet().stream()
        .flatMap(way -> Stream.of(false, true)
            .map(buffers -> Arguments.of(way.getKey() + (buffers ? " buffers" : ""), way.getValue(), buffers)));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("ways")
  void averages_are_pytorchs(String name, AveragedModel.Average average, boolean useBuffers) {
    Module model = model();
    AveragedModel averaged = new AveragedModel(model, model(), average, useBuffers);
    Module _ = averaged.to(NnGoldens.device());
    for (int update = 0; update < 4; update++) {
      StateDict state = new StateDict();
      String from = "average/model/" + update + "/";
      model.stateDict().keySet().forEach(key -> state.put(key, NnGoldens.get(from + key)));
      model.loadStateDict(state);
      averaged.updateParameters(model);
      assertState(name + "/" + update, averaged);
    }
    Tensor batches = NnGoldens.get("average/batches");
    Module _ = averaged.eval();
    AveragedModel.updateBatchNorms(averaged, () -> LongStream.range(0, batches.size(0)).iterator(), batches::get);
    assertState(name + "/norms", averaged);
    assertFalse(averaged.module().isTraining());
    assertTrue(averaged.toString().contains("momentum=0.1"), averaged::toString);
  }

  private static void assertState(String name, AveragedModel averaged) {
    StateDict state = averaged.stateDict();
    assertEquals(List.of("n_averaged", "module.0.weight", "module.0.bias", "module.1.weight", "module.1.bias", "module.1.running_mean",
        "module.1.running_var", "module.1.num_batches_tracked"), List.copyOf(state.keySet()));
    state.forEach((key, value) -> NnGoldens.assertClose(NnGoldens.get("average/" + name + "/" + key), value, 1e-6, key));
  }

  @Test
  void the_average_is_the_model_at_first_and_apart_from_it() {
    Module model = model();
    Module _ = model.requiresGrad_(false);
    AveragedModel averaged = new AveragedModel(model, model());
    Tensor x = Tensor.ones(2, 3).to(NnGoldens.device());
    assertArrayEquals(model.eval().call(x).flatten().toFloatArray(), averaged.eval().call(x).flatten().toFloatArray());
    assertFalse(averaged.parameters().getFirst().requiresGrad());
    Tensor _ = model.parameters().getFirst().zero_();
    assertTrue(averaged.parameters().getFirst().abs().max().toFloat() > 0);
  }

  @Test
  void another_model_is_refused() {
    AveragedModel averaged = new AveragedModel(new Linear(3, 4), new Linear(3, 4));
    assertEquals(
        "[AveragedModel] expected a model with the names and sizes of the average, {weight=[4, 3], bias=[4]}, but got {weight=[4, 3]}",
        assertThrows(IllegalArgumentException.class, () -> averaged.updateParameters(new Linear(3, 4, false))).getMessage());
    Module model = model();
    assertEquals("[AveragedModel] expected another module of the same kind, got the model itself",
        assertThrows(IllegalArgumentException.class, () -> new AveragedModel(model, model)).getMessage());
    assertEquals("[AveragedModel] Invalid decay value 1.5 provided. Please provide a value in [0,1] range.",
        assertThrows(IllegalArgumentException.class, () -> AveragedModel.exponential(1.5)).getMessage());
  }
}
