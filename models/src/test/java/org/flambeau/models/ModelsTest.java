package org.flambeau.models;

import static java.util.stream.Collectors.joining;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import org.flambeau.DType;
import org.flambeau.GradMode;
import org.flambeau.MemoryScope;
import org.flambeau.Random;
import org.flambeau.Tensor;
import org.flambeau.nn.Functional;
import org.flambeau.nn.Linear;
import org.flambeau.nn.Module;
import org.flambeau.nn.optim.Sgd;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// torchvision's models: what they print, begin with, compute and learn.
class ModelsTest {
  private static final VisionTransformer.Options VIT_TINY = VisionTransformer.Options.B_16.imageSize(32).patchSize(8).layers(2).heads(4)
      .hidden(64).mlp(128).numClasses(10);

  private static Module create(String name) {
    return name.equals("vit_tiny") ? new VisionTransformer(VIT_TINY) : Models.create(name, 1000);
  }

  @Test
  void areCreatedByName() {
    Module model = Models.create("resnet18", 7);

    assertEquals(7, ((Linear) model.submodule(Models.of("resnet18").classifier())).outFeatures());
    assertEquals(TorchvisionWeights.RESNET50_IMAGENET1K_V2, TorchvisionWeights.DEFAULT.of("resnet50"));
    assertEquals("[Models] expected one of resnet18, resnet34, resnet50, vit_b_16, vit_b_32, vit_l_16, vit_l_32, got \"alexnet\"",
        assertThrows(IllegalArgumentException.class, () -> Models.create("alexnet", 10)).getMessage());
  }

  @Test
  void residualBlocksCanBeginAsTheIdentity() {
    Module model = new ResNet(ResNet.Options.RESNET18.blocks(1, 1, 1, 1).zeroInitResidual(true));

    model.namedParameters().forEach((name, parameter) -> {
      if (name.endsWith("bn2.weight")) {
        assertEquals(0, parameter.abs().sum().toDouble(), name);
      }
    });
    assertEquals(64, model.stateDict().getOrDefault("layer1.0.bn1.weight", Tensor.zeros(1)).sum().toDouble());
  }

  @Test
  void aVisionTransformerRefusesImagesOfOtherSizes() {
    Module model = new VisionTransformer(VIT_TINY);

    assertEquals("[VisionTransformer] expected images (n, 3, 32, 32), got (1, 3, 32, 40)",
        assertThrows(IllegalArgumentException.class, () -> model.call(Tensor.zeros(1, 3, 32, 40))).getMessage());
    assertEquals("[VisionTransformer] expected an image size that the patch size divides, got 30 and 8",
        assertThrows(IllegalArgumentException.class, () -> VIT_TINY.imageSize(30)).getMessage());
  }

  @ParameterizedTest
  @ValueSource(strings = {"resnet18", "resnet34", "resnet50", "vit_b_16", "vit_tiny"})
  void beginsAsInPyTorchWithTheSameSeed(String name) {
    Random.manualSeed(0);
    Module model = create(name);

    assertEquals(ModelGoldens.text(name + ".txt"), model + "\n");
    assertEquals(ModelGoldens.text(name + ".state"), model.stateDict().entrySet().stream()
        .map(entry -> entry.getKey() + " " + Arrays.toString(entry.getValue().sizes()) + "\n").collect(joining()));
    ModelGoldens.assertSampledClose(ModelGoldens.numbers(name + "/initial"), model.stateDict(), 1e-6);
  }

  @ParameterizedTest
  @CsvSource({"resnet18, 2, 64, FLOAT32, 1e-4", "resnet18, 2, 32, FLOAT64, 1e-10", "resnet50, 2, 64, FLOAT32, 1e-4",
    "vit_b_16, 1, 224, FLOAT32, 1e-4", "vit_tiny, 3, 32, FLOAT32, 1e-4", "vit_tiny, 3, 32, FLOAT64, 1e-10"})
  void givesPyTorchsLogits(String name, int count, int size, DType dtype, double relative) {
    Module model = ModelGoldens.fill(create(name)).to(dtype).eval();

    try (var _ = GradMode.noGrad()) {
      Tensor logits = model.call(ModelGoldens.images(count, size).to(dtype));
      double[] expected = ModelGoldens.numbers(name + "/logits/" + dtype.label());
      ModelGoldens.assertClose(expected, logits.toDoubleArray(), relative);
    }
  }

  @ParameterizedTest
  @CsvSource({"resnet18, 4, 224, 0.001, FLOAT32, 1e-3", "resnet18, 4, 32, 0.01, FLOAT64, 1e-8", "vit_b_16, 2, 224, 0.01, FLOAT32, 1e-3",
    "vit_tiny, 4, 32, 0.01, FLOAT32, 1e-3", "vit_tiny, 4, 32, 0.01, FLOAT64, 1e-8"})
  void learnsAsInPyTorch(String name, int count, int size, double lr, DType dtype, double relative) {
    Module model = ModelGoldens.fill(create(name)).to(dtype);
    var optimizer = new Sgd(model.parameters(), Sgd.options().lr(lr).momentum(0.9));
    Tensor images = ModelGoldens.images(count, size).to(dtype);
    Tensor labels = Tensor.arange(count);
    double[] losses = new double[5];
    for (int step = 0; step < losses.length; step++) {
      try (var _ = MemoryScope.open()) {
        optimizer.zeroGrad();
        Tensor loss = Functional.crossEntropy(model.call(images), labels);
        loss.backward();
        optimizer.step();
        losses[step] = loss.toDouble();
      }
    }

    String suffix = "/" + size + "/" + dtype.label();
    ModelGoldens.assertClose(ModelGoldens.numbers(name + "/losses" + suffix), losses, relative);
    ModelGoldens.assertSampledClose(ModelGoldens.numbers(name + "/trained" + suffix), model.stateDict(), relative);
  }
}
