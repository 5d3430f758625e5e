package org.flambeau.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.util.Arrays;
import java.util.Objects;
import org.flambeau.Autocast;
import org.flambeau.DType;
import org.flambeau.MemoryScope;
import org.flambeau.Tensor;
import org.flambeau.nn.Functional;
import org.flambeau.nn.Module;
import org.flambeau.nn.optim.Sgd;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Training under autocast to bfloat16 goes where PyTorch's goes on the CPU.
class AutocastTrainingTest {
  private static final int COUNT = 8;
  /// Relative to the loss before the first step: what bfloat16 can tell apart.
  private static final double TOLERANCE = 0x1p-8;

  private static Module create(String name) {
    return ModelGoldens.fill(name.equals("resnet")
        ? new ResNet(ResNet.Options.RESNET18.blocks(1, 1, 1, 1).numClasses(10))
        : new VisionTransformer(
            VisionTransformer.Options.B_16.imageSize(32).patchSize(8).layers(2).heads(4).hidden(64).mlp(128).numClasses(10)));
  }

  private static double[] expected(String name, String how) {
    String line = ModelGoldens.text("autocast.tsv").lines().filter(each -> each.startsWith(name + "\t" + how + "\t")).findFirst()
        .orElseThrow();
    return Arrays.stream(line.split("\t", -1)).skip(2).mapToDouble(Double::parseDouble).toArray();
  }

  /// Five steps; a backward pass is inside the region or after it.
  private static double[] train(Module model, boolean inside) {
    var optimizer = new Sgd(model.parameters(), Sgd.options().lr(0.01).momentum(0.9));
    Tensor images = ModelGoldens.images(COUNT, 32).to(DType.FLOAT32);
    Tensor labels = Tensor.arange(COUNT);
    double[] losses = new double[5];
    for (int step = 0; step < losses.length; step++) {
      try (var _ = MemoryScope.open()) {
        optimizer.zeroGrad();
        Tensor loss;
        try (var _ = Autocast.open(DType.BFLOAT16)) {
          loss = Functional.crossEntropy(model.call(images), labels);
          if (inside) {
            loss.backward();
          }
        }
        if (!inside) {
          loss.backward();
        }
        optimizer.step();
        losses[step] = loss.toDouble();
      }
    }
    return losses;
  }

  @ParameterizedTest
  @CsvSource({"resnet, outside", "resnet, inside", "vit_tiny, outside", "vit_tiny, inside"})
  void losses_are_pytorchs(String name, String how) {
    double[] losses = train(create(name), how.equals("inside"));
    double[] expected = expected(name, how);
    assertArrayEquals(expected, losses, TOLERANCE * expected[0], () -> Arrays.toString(losses));
    assertNotEquals(expected(name, "float32")[0], losses[0], 1e-6);
  }

  @Test
  void parameters_and_their_gradients_stay_float32() {
    Module model = create("vit_tiny");
    double[] _ = train(model, false);
    model.namedParameters().forEach((name, parameter) -> {
      assertEquals(DType.FLOAT32, parameter.dtype(), name);
      assertEquals(DType.FLOAT32, Objects.requireNonNull(parameter.grad(), name).dtype(), name);
    });
  }
}
