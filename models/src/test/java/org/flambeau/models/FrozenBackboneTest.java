package org.flambeau.models;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.flambeau.Device;
import org.flambeau.MemoryScope;
import org.flambeau.MemoryStats;
import org.flambeau.Tensor;
import org.flambeau.autograd.Node;
import org.flambeau.nn.Functional;
import org.flambeau.nn.Linear;
import org.flambeau.nn.Module;
import org.flambeau.nn.StateDict;
import org.flambeau.nn.optim.Sgd;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// A model whose backbone is frozen costs nothing backward.
class FrozenBackboneTest {
  private static Module model(String name) {
    Module model = name.equals("resnet18")
        ? ResNet.resnet18()
        : new VisionTransformer(VisionTransformer.Options.B_16.imageSize(64).patchSize(8).layers(2).heads(4).hidden(64).mlp(256));
    model.requiresGrad_(false);
    String classifier = name.equals("resnet18") ? "fc" : "heads.head";
    model.replace(classifier, new Linear(((Linear) model.submodule(classifier)).inFeatures(), 10));
    return model;
  }

  private static long memory() {
    return MemoryStats.of(Device.CPU).current();
  }

  @ParameterizedTest
  @ValueSource(strings = {"resnet18", "vit"})
  void aStepHasNoGraphBelowTheClassifierAndSavesNoActivation(String name) {
    Module model = model(name);
    Tensor images = Tensor.rand(8, 3, 64, 64);
    try (var _ = MemoryScope.open()) {
      long before = memory();
      Tensor logits = model.call(images);
      long saved = memory() - before;

      assertTrue(saved <= 64 * 1024, () -> "the step holds " + saved + " bytes");
      List<String> graph = new ArrayList<>();
      Node.visit(Objects.requireNonNull(logits.gradFn()), node -> graph.add(node.name()));
      assertEquals(2, graph.stream().filter("AccumulateGrad"::equals).count(), graph.toString());
      assertTrue(graph.size() <= 4, graph.toString());

      logits.sum().backward();
      model.namedParameters().forEach((key, parameter) -> {
        if (parameter.requiresGrad()) {
          assertNotNull(parameter.grad(), key);
        } else {
          assertNull(parameter.grad(), key);
        }
      });
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"resnet18", "vit"})
  void trainingLeavesItBitForBitAsItWas(String name) {
    Module model = model(name);
    model.eval();
    StateDict before = new StateDict();
    model.stateDict().forEach((key, tensor) -> before.put(key, tensor.clone()));
    var optimizer = new Sgd(model.parameters(), Sgd.options().lr(0.1).momentum(0.9).weightDecay(0.1));
    Tensor images = Tensor.rand(2, 3, 64, 64);
    for (int step = 0; step < 2; step++) {
      optimizer.zeroGrad();
      Functional.crossEntropy(model.call(images), Tensor.of(1L, 2L)).backward();
      optimizer.step();
    }

    List<String> changed = new ArrayList<>();
    model.stateDict().forEach((key, tensor) -> {
      if (!Arrays.equals(Objects.requireNonNull(before.get(key)).toDoubleArray(), tensor.toDoubleArray())) {
        changed.add(key);
      }
    });
    assertEquals(name.equals("resnet18") ? List.of("fc.weight", "fc.bias") : List.of("heads.head.weight", "heads.head.bias"), changed);
  }
}
