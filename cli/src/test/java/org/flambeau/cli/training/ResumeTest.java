package org.flambeau.cli.training;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.Random;
import org.flambeau.Tensor;
import org.flambeau.cli.training.Trainer.Outcome;
import org.flambeau.cli.training.TrainingRun.Settings;
import org.flambeau.data.DataLoader;
import org.flambeau.data.TensorDataset;
import org.flambeau.models.VisionTransformer;
import org.flambeau.nn.AdaptiveAvgPool2d;
import org.flambeau.nn.BatchNorm2d;
import org.flambeau.nn.Conv2d;
import org.flambeau.nn.Dropout;
import org.flambeau.nn.Flatten;
import org.flambeau.nn.Linear;
import org.flambeau.nn.Module;
import org.flambeau.nn.ReLU;
import org.flambeau.nn.Sequential;
import org.flambeau.nn.optim.Adam;
import org.flambeau.nn.optim.AdamW;
import org.flambeau.nn.optim.CosineAnnealingLr;
import org.flambeau.nn.optim.LinearLr;
import org.flambeau.nn.optim.LrScheduler;
import org.flambeau.nn.optim.Optimizer;
import org.flambeau.nn.optim.SequentialLr;
import org.flambeau.nn.optim.Sgd;
import org.flambeau.nn.optim.StepLr;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// A run that was stopped somewhere and resumed leaves the same checkpoint and the same log as one that was not.
class ResumeTest {
  private static final int EPOCHS = 3, STEPS = 5, BATCH = 4, CLASSES = 3;

  /// What depends on the clock.
  private static final Set<String> TIMES = Set.of("images_per_second", "seconds");

  @TempDir private Path folder;

  /// Nets with everything that has a state: running statistics, random zeros.
  private static Module model(String name) {
    return switch (name) {
      case "vit" -> new VisionTransformer(VisionTransformer.Options.B_16.patchSize(4).imageSize(8).layers(2).heads(2).hidden(8).mlp(16)
          .dropout(0.1).attentionDropout(0.1).numClasses(CLASSES));
      default -> new Sequential(new Conv2d(3, 4, 3), new BatchNorm2d(4), new ReLU(), new AdaptiveAvgPool2d(2, 2), new Flatten(),
          new Dropout(0.25), new Linear(16, CLASSES));
    };
  }

  private static Optimizer<?> optimizer(String name, Module model) {
    return switch (name) {
      case "adam" -> new Adam(model.parameters(), Adam.options().lr(0.01).weightDecay(0.01));
      case "adamw" -> new AdamW(model.parameters(), AdamW.options().lr(0.01).weightDecay(0.1));
      default -> new Sgd(model.parameters(), Sgd.options().lr(0.05).momentum(0.9));
    };
  }

  private static @Nullable LrScheduler schedule(String name, Optimizer<?> optimizer) {
    return switch (name) {
      case "step" -> new StepLr(optimizer, STEPS - 1, 0.3);
      case "warm-up" -> new LinearLr(optimizer, 0.25, 1, STEPS + 2);
      case "cosine" -> new CosineAnnealingLr(optimizer, (long) EPOCHS * STEPS);
      case "warm-up, cosine" -> new SequentialLr(
          List.of(new LinearLr(optimizer, 2), new CosineAnnealingLr(optimizer, EPOCHS * STEPS - 2)), List.of(2));
      default -> null;
    };
  }

  /// Images whose brightness tells their class, but for noise.
  private static TensorDataset images(int count, long seed) {
    Random.manualSeed(seed);
    Tensor labels = Tensor.randint(0, CLASSES, count);
    return TensorDataset.of(Tensor.randn(count, 3, 8, 8).add(labels.to(DType.FLOAT32).reshape(-1, 1, 1, 1)), labels);
  }

  private static TrainingRun run(String model, String optimizer, String schedule, Precision precision, Path folder) {
    DataLoader training = DataLoader.of(images(STEPS * BATCH - 1, 5)).batchSize(BATCH).shuffle(true);
    DataLoader validation = DataLoader.of(images(10, 6)).batchSize(BATCH);
    Random.manualSeed(1);
    Module net = model(model);
    Optimizer<?> learning = optimizer(optimizer, net);
    return new TrainingRun(net, learning, schedule(schedule, learning), training, validation, Device.CPU,
        new Settings(EPOCHS, Long.MAX_VALUE, 0.1, 1.0, precision), folder, Map.of("model", model));
  }

  private static CsvLog log(Path folder) {
    return new CsvLog(folder.resolve("log.csv"));
  }

  /// Stops the run after some steps, in training or, after the last step of an epoch, in the evaluation.
  private static final class StopAfter implements TrainingListener {
    private final long step;
    private @Nullable Trainer trainer;

    StopAfter(long step) {
      this.step = step;
    }

    Outcome run(TrainingRun run, Path folder) {
      var started = new Trainer(run, List.of(this, log(folder)));
      trainer = started;
      return started.run();
    }

    private void stop() {
      if (trainer != null) {
        trainer.stop();
      }
    }

    @Override
    public void step(StepReport report) {
      if (report.step() == step && step % STEPS != 0) {
        stop();
      }
    }

    @Override
    public void evaluated(int epoch, long images, long ofImages) {
      if ((long) epoch * STEPS == step) {
        stop();
      }
    }
  }

  @ParameterizedTest(name = "{0}, {1}, schedule {2}, stopped after step {3}")
  @CsvSource(delimiter = '|', value = {
    "convolutions | sgd   | none            | 7",
    "convolutions | sgd   | step            | 8",
    "convolutions | sgd   | warm-up, cosine | 1",
    "convolutions | sgd   | warm-up, cosine | 3",
    "convolutions | sgd   | warm-up, cosine | 5",
    "convolutions | sgd   | warm-up, cosine | 7",
    "convolutions | sgd   | warm-up, cosine | 10",
    "convolutions | sgd   | warm-up, cosine | 14",
    "convolutions | adam  | none            | 10",
    "convolutions | adam  | cosine          | 6",
    "convolutions | adam  | warm-up         | 3",
    "convolutions | adamw | step            | 9",
    "convolutions | adamw | warm-up         | 12",
    "convolutions | adamw | warm-up, cosine | 5",
    "vit          | sgd   | step            | 13",
    "vit          | sgd   | warm-up         | 5",
    "vit          | adam  | step            | 4",
    "vit          | adam  | warm-up, cosine | 11",
    "vit          | adamw | cosine          | 7",
    "vit          | adamw | warm-up, cosine | 1"})
  void aRunThatWasStoppedAndResumedLeavesTheSame(String model, String optimizer, String schedule, long step) throws Exception {
    requireTheSame(model, optimizer, schedule, Precision.FLOAT32, step);
  }

  @ParameterizedTest(name = "{0}, {1}, {2}, stopped after step {3}")
  @CsvSource(delimiter = '|', value = {
    "convolutions | sgd  | bfloat16 | 7",
    "convolutions | sgd  | float16  | 1",
    "convolutions | adam | float16  | 10",
    "vit          | sgd  | float16  | 3"})
  void oneInMixedPrecisionDoesSoToo(String model, String optimizer, String precision, long step) throws Exception {
    requireTheSame(model, optimizer, "cosine", Precision.valueOf(precision.toUpperCase(Locale.ROOT)), step);
    Tree last = Tree.load(new Checkpoints(folder.resolve("parts")).last());
    assertEquals(precision.equals("float16"), last.has("scaler"));
  }

  private void requireTheSame(String model, String optimizer, String schedule, Precision precision, long step) throws Exception {
    Path inOne = Files.createDirectory(folder.resolve("whole")), inParts = Files.createDirectory(folder.resolve("parts"));
    TrainingRun whole = run(model, optimizer, schedule, precision, inOne);
    Random.manualSeed(7);
    assertEquals(Outcome.FINISHED, new Trainer(whole, List.of(log(inOne))).run());

    TrainingRun first = run(model, optimizer, schedule, precision, inParts);
    Random.manualSeed(7);
    assertEquals(Outcome.STOPPED, new StopAfter(step).run(first, inParts));

    TrainingRun second = run(model, optimizer, schedule, precision, inParts);
    Random.manualSeed(99);
    var trainer = new Trainer(second, List.of(log(inParts)));
    Tree stopped = Tree.load(new Checkpoints(inParts).last());
    assertEquals(step, stopped.tree("position").whole("steps"));
    trainer.resume(stopped);
    assertEquals(Outcome.FINISHED, trainer.run());

    for (String file : List.of("last.pth", "best.pth")) {
      Map<String, String> expected = contents(inOne.resolve(file));
      assertTrue(expected.keySet().stream().anyMatch(name -> name.startsWith(".model.")), () -> expected.keySet().toString());
      assertEquals(expected, contents(inParts.resolve(file)), file);
    }
    assertEquals(EPOCHS + 1, scores(inOne).size());
    assertEquals(scores(inOne), scores(inParts));
  }

  /// Everything in a checkpoint but times: model, optimizer, schedule, position, scores, random numbers.
  private static Map<String, String> contents(Path checkpoint) {
    Map<String, String> all = new LinkedHashMap<>();
    collect("", Tree.load(checkpoint).map(), all);
    return all;
  }

  private static void collect(String path, @Nullable Object value, Map<String, String> all) {
    switch (value) {
      case Map<?, ?> map -> map.forEach((name, entry) -> {
        if (!(name instanceof String time && TIMES.contains(time))) {
          collect(path + "." + name, entry, all);
        }
      });
      case List<?> list -> {
        for (int i = 0; i < list.size(); i++) {
          collect(path + "." + i, list.get(i), all);
        }
      }
      case Tensor tensor -> all.put(path,
          tensor.describe() + Arrays.toString(tensor.contiguous().toSegment().toArray(ValueLayout.JAVA_BYTE)));
      case null -> all.put(path, "nothing");
      default -> all.put(path, value.toString());
    }
  }

  /// The lines of the log without the two columns that depend on the clock.
  private static List<String> scores(Path folder) throws IOException {
    return Files.readAllLines(folder.resolve("log.csv")).stream().map(line -> line.replaceFirst(",[^,]*,[^,]*$", "")).toList();
  }
}
