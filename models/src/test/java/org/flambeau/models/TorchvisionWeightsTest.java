package org.flambeau.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import org.flambeau.Tensor;
import org.flambeau.nn.Module;
import org.flambeau.nn.StateDict;
import org.flambeau.vision.Image;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// torchvision's weights: what is known of them, and files of them.
class TorchvisionWeightsTest {
  private static final ResNet.Options SMALL = ResNet.Options.RESNET18.blocks(1, 1, 1, 1).numClasses(3);
  private static final VisionTransformer.Options VIT = VisionTransformer.Options.B_16.imageSize(16).patchSize(8).layers(2).heads(2)
      .hidden(8).mlp(12).numClasses(3);

  @TempDir private Path folder;

  private static void assertSame(Module expected, Module actual) {
    assertArrayEquals(ModelGoldens.sampled(expected.stateDict()), ModelGoldens.sampled(actual.stateDict()));
  }

  @ParameterizedTest
  @ValueSource(strings = {"weights.pth", "weights.pt", "weights.safetensors"})
  void comeFromFilesOfEitherKind(String name) {
    Module model = ModelGoldens.fill(new ResNet(SMALL));
    model.stateDict().save(folder.resolve(name));

    assertSame(model, TorchvisionWeights.RESNET18_IMAGENET1K_V1.loadInto(new ResNet(SMALL), folder.resolve(name)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"weights.pth", "weights.safetensors"})
  void comeFromFilesThatDoNotCountBatches(String name) {
    Module model = ModelGoldens.fill(new ResNet(SMALL));
    StateDict old = new StateDict();
    model.stateDict().forEach((key, tensor) -> {
      if (!key.endsWith("num_batches_tracked")) {
        old.put(key, tensor);
      }
    });
    old.save(folder.resolve(name));

    assertSame(model, TorchvisionWeights.RESNET18_IMAGENET1K_V1.loadInto(new ResNet(SMALL), folder.resolve(name)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"weights.pth", "weights.safetensors"})
  void ofVisionTransformersCanHaveTheirOldNames(String name) {
    Module model = ModelGoldens.fill(new VisionTransformer(VIT));
    StateDict old = new StateDict();
    model.stateDict().forEach((key, tensor) -> old.put(key.replace("mlp.0.", "mlp.linear_1.").replace("mlp.3.", "mlp.linear_2."), tensor));
    assertTrue(old.containsKey("encoder.layers.encoder_layer_1.mlp.linear_2.bias"));
    old.save(folder.resolve(name));

    assertSame(model, TorchvisionWeights.VIT_B_16_IMAGENET1K_V1.loadInto(new VisionTransformer(VIT), folder.resolve(name)));
  }

  @Test
  void ofOtherSizesChangeNothing() {
    new ResNet(SMALL.numClasses(5)).stateDict().save(folder.resolve("five.pth"));
    Module model = ModelGoldens.fill(new ResNet(SMALL));

    String message = String.valueOf(assertThrows(IllegalArgumentException.class,
        () -> TorchvisionWeights.RESNET18_IMAGENET1K_V1.loadInto(model, folder.resolve("five.pth"))).getMessage());

    assertTrue(message.contains("size mismatch for fc.weight: copying a param with shape torch.Size([5, 512]) from checkpoint, "
        + "the shape in current model is torch.Size([3, 512])."), message);
    assertSame(ModelGoldens.fill(new ResNet(SMALL)), model);
  }

  @Test
  void areForOneModel() {
    assertEquals("[TorchvisionWeights] RESNET34_IMAGENET1K_V1 is for resnet34, not for resnet18",
        assertThrows(IllegalArgumentException.class, () -> ResNet.resnet18(TorchvisionWeights.RESNET34_IMAGENET1K_V1)).getMessage());
  }

  @ParameterizedTest
  @EnumSource
  void sayWhatTheyAre(TorchvisionWeights weights) {
    assertTrue(weights.fileName().matches("[a-z0-9_]+-[0-9a-f]{8}\\.pth"), weights.fileName());
    assertTrue(Models.names().contains(weights.model()));
    assertTrue(weights.top1() < weights.top5() && weights.top5() < 100);
    int size = weights.imageSize();
    assertArrayEquals(new long[] {3, size, size}, weights.transforms().apply(Image.of(30, 20, 3, new byte[1800])).sizes());
    assertEquals(1000, weights.categories().size());
    assertEquals(List.of("tench", "goldfish", "great white shark"), weights.categories().subList(0, 3));
  }

  @Test
  void haveAsManyParametersAsTheirModels() {
    assertEquals(TorchvisionWeights.RESNET50_IMAGENET1K_V2.parameterCount(),
        ResNet.resnet50().parameters().stream().mapToLong(Tensor::numel).sum());
    assertEquals(TorchvisionWeights.VIT_B_16_IMAGENET1K_SWAG_E2E_V1.parameterCount(),
        new VisionTransformer(VisionTransformer.Options.B_16.imageSize(384)).parameters().stream().mapToLong(Tensor::numel).sum());
  }
}
