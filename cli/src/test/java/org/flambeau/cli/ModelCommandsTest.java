package org.flambeau.cli;

import static org.flambeau.cli.Command.flambeau;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.flambeau.Tensor;
import org.flambeau.models.Models;
import org.flambeau.models.TorchvisionWeights;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ModelCommandsTest {
  /// Torchvision publishes how many billions of multiplications and additions its models need.
  @ParameterizedTest
  @EnumSource(value = TorchvisionWeights.class, names = {"RESNET18_IMAGENET1K_V1", "RESNET50_IMAGENET1K_V2", "VIT_B_32_IMAGENET1K_V1"})
  void theSummaryCountsWhatTorchvisionCounts(TorchvisionWeights weights) {
    var summary = ModelSummary.of(Models.create(weights.model(), 1000).eval(), Tensor.zeros(1, 3, 224, 224));

    assertEquals(weights.gigaFlops(), summary.multiplyAdds() / 1e9, 0.0005);
    assertEquals(weights.parameterCount(), summary.parameters());
  }

  @Test
  void theSummaryIsATableOfLayers() {
    var run = flambeau("summary", "--model", "resnet18", "--input", "2x3x32x32", "--depth", "1");

    assertEquals(0, run.status(), run.err());
    List<String> lines = run.out().lines().toList();
    assertEquals("layer      type               output      parameters  multiply-adds", lines.get(0));
    assertEquals("model      ResNet             2x1000      11,689,512     75,046,912", lines.get(1));
    assertEquals("  conv1    Conv2d             2x64x16x16       9,408      4,816,896", lines.get(2));
  }

  @Test
  void aSummaryOfAnInputThatDoesNotFitIsMisuse() {
    assertEquals("flambeau: --input: expected four sizes such as 1x3x224x224, got 3x32\n",
        flambeau("summary", "--model", "resnet18", "--input", "3x32").err());
    var channels = flambeau("summary", "--model", "resnet18", "--input", "1x1x32x32");
    assertEquals(2, channels.status());
    assertTrue(channels.err().startsWith("flambeau: --input 1x1x32x32 does not fit resnet18: "), channels.err());
    var name = flambeau("summary", "--model", "resnet19");
    assertEquals(2, name.status());
    assertTrue(name.err().contains("expected one of resnet18, "), name.err());
  }

  @Test
  void benchInferenceShowsWhatTrackingCosts() {
    var run = flambeau("bench", "inference", "--model", "resnet18", "--batch", "2", "--image-size", "32", "--runs", "3", "--warmup", "1",
        "--compile");

    assertEquals(0, run.status(), run.err());
    List<String> lines = run.out().lines().toList();
    assertEquals("resnet18, 2x3x32x32 float32 on cpu, 3 runs after 1 to warm up", lines.get(0));
    assertTrue(lines.get(2).matches(" +time per batch +spread +rate +floor +reached"), lines.get(2));
    assertTrue(
        lines.get(3).matches(
            "without \\(noGrad\\) +[\\d.]+ ms +[\\d.]+ ms to [\\d.]+ ms +[\\d.]+ images/s +[\\d.]+ ms +\\d+ %"),
        lines.get(3));
    assertTrue(lines.get(4).startsWith("with gradient tracking") && lines.get(5).startsWith("compiled (noGrad)"), run.out());
    assertTrue(lines.get(7).matches("memory +held +at peak +process grew +heap and code"), lines.get(7));
    assertTrue(lines.get(8).matches("without \\(noGrad\\)( +[\\d.]+ [KM]iB){4}"), lines.get(8));
  }

  @Test
  void benchTrainAndFinetuneMeasureAStep() {
    String[] options = {"--model", "resnet18", "--batch", "2", "--image-size", "32", "--runs", "2", "--warmup", "0"};

    var train = flambeau(Stream.concat(Stream.of("bench", "train"), Stream.of(options)).toArray(String[]::new));
    assertEquals(0, train.status(), train.err());
    assertTrue(train.out().contains("\nstep  "), train.out());
    var finetune = flambeau(Stream.concat(Stream.of("bench", "finetune"), Stream.of(options)).toArray(String[]::new));
    assertEquals(0, finetune.status(), finetune.err());
    assertTrue(finetune.out().contains("\nstep of the classifier  "), finetune.out());
  }

  @Test
  void benchMeasuresMixedPrecision() {
    var run = flambeau("bench", "inference", "--model", "resnet18", "--batch", "1", "--image-size", "32", "--runs", "1", "--warmup", "0",
        "--amp");

    assertEquals(0, run.status(), run.err());
    assertEquals("resnet18, 1x3x32x32 autocast to bfloat16 on cpu, 1 runs after 0 to warm up", run.out().lines().findFirst().orElse(""));
  }

  @Test
  void benchMeasuresAModelOfAnotherDtype() {
    String[] small = {"--model", "resnet18", "--batch", "2", "--image-size", "32", "--runs", "1", "--warmup", "0", "--dtype", "bfloat16"};

    var inference = flambeau(Stream.concat(Stream.of("bench", "inference"), Stream.of(small)).toArray(String[]::new));
    assertEquals(0, inference.status(), inference.err());
    assertEquals("resnet18, 2x3x32x32 bfloat16 on cpu, 1 runs after 0 to warm up", inference.out().lines().findFirst().orElse(""));
    var train = flambeau(Stream.concat(Stream.of("bench", "train"), Stream.of(small)).toArray(String[]::new));
    assertEquals(0, train.status(), train.err());
    var both = flambeau(Stream.concat(Stream.of("bench", "train", "--amp"), Stream.of(small)).toArray(String[]::new));
    assertEquals(2, both.status());
    assertEquals("flambeau: --dtype bfloat16 and --amp contradict each other: autocast is for parameters in float32\n", both.err());
    var integral = flambeau("bench", "train", "--model", "resnet18", "--dtype", "int32");
    assertEquals(2, integral.status());
    assertTrue(
        integral.err()
            .startsWith("flambeau: Invalid value for option '--dtype': expected one of float32, tf32, bfloat16, float16, got int32\n"),
        integral.err());
  }

  @Test
  void predictNeedsAModelAndSaysWhichImagesItCannotRead(@TempDir Path folder) throws Exception {
    assertEquals("flambeau: predict needs --checkpoint FILE, or --model NAME and --weights FILE\n", flambeau("predict", "image.png").err());
    Path weights = folder.resolve("resnet18.safetensors"), names = folder.resolve("names.txt"), broken = folder.resolve("broken.png");
    Models.create("resnet18", 3).stateDict().save(weights);
    Files.writeString(names, "blue\ngreen\nred\n");
    Files.writeString(broken, "not an image");
    Path image = Pictures.folder(folder.resolve("images"), 1, 1).resolve("red/0.png");

    var run = flambeau("predict", "--model", "resnet18", "--weights", weights.toString(), "--classes", names.toString(), image.toString(),
        broken.toString());

    assertEquals(1, run.status());
    assertEquals(4, run.out().lines().count(), run.out());
    assertTrue(run.err().startsWith("flambeau: " + broken), run.err());
  }
}
