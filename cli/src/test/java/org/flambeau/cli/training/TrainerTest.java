package org.flambeau.cli.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.MemoryStats;
import org.flambeau.Random;
import org.flambeau.Tensor;
import org.flambeau.cli.training.Trainer.Outcome;
import org.flambeau.cli.training.TrainingRun.Settings;
import org.flambeau.data.DataLoader;
import org.flambeau.data.TensorDataset;
import org.flambeau.io.CheckpointException;
import org.flambeau.io.TorchFile;
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
import org.flambeau.nn.optim.CosineAnnealingLr;
import org.flambeau.nn.optim.LinearLr;
import org.flambeau.nn.optim.LrScheduler;
import org.flambeau.nn.optim.Optimizer;
import org.flambeau.nn.optim.SequentialLr;
import org.flambeau.nn.optim.Sgd;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class TrainerTest {
  private static final int EPOCHS = 3, STEPS = 5, BATCH = 4, CLASSES = 3;

  @TempDir private Path folder;

  /// A net with everything that has a state: running statistics, random zeros, momentum.
  private static Module net() {
    return new Sequential(new Conv2d(1, 4, 3), new BatchNorm2d(4), new ReLU(), new AdaptiveAvgPool2d(2, 2), new Flatten(),
        new Dropout(0.25),
        new Linear(16, CLASSES));
  }

  /// Images whose brightness tells their class, but for noise.
  private static TensorDataset images(int count, long seed) {
    Random.manualSeed(seed);
    Tensor labels = Tensor.randint(0, CLASSES, count);
    return TensorDataset.of(Tensor.randn(count, 1, 8, 8).add(labels.to(DType.FLOAT32).reshape(-1, 1, 1, 1)), labels);
  }

  private static TrainingRun run(Module model, Optimizer<?> optimizer, @Nullable Path folder, Settings settings) {
    DataLoader training = DataLoader.of(images(STEPS * BATCH - 1, 5)).batchSize(BATCH).shuffle(true);
    DataLoader validation = DataLoader.of(images(10, 6)).batchSize(BATCH);
    Random.manualSeed(7);
    LrScheduler scheduler = new SequentialLr(List.of(new LinearLr(optimizer, 2), new CosineAnnealingLr(optimizer, EPOCHS * STEPS - 2)),
        List.of(2));
    return new TrainingRun(model, optimizer, scheduler, training, validation, Device.CPU, settings, folder, Map.of("model", "net"));
  }

  private static TrainingRun run(Path folder) {
    Random.manualSeed(1);
    Module model = net();
    Optimizer<?> optimizer = new Sgd(model.parameters(), Sgd.options().lr(0.05).momentum(0.9));
    return run(model, optimizer, folder, new Settings(EPOCHS, Long.MAX_VALUE, 0.1, 1.0, Precision.FLOAT32));
  }

  private static byte[] bits(Module model) {
    var all = new ByteArrayOutputStream();
    model.stateDict().values().forEach(tensor -> all.writeBytes(tensor.contiguous().toSegment().toArray(ValueLayout.JAVA_BYTE)));
    return all.toByteArray();
  }

  @Test
  void itLearns() {
    Random.manualSeed(1);
    Module model = net();
    var run = run(model, new Adam(model.parameters(), Adam.options().lr(0.02)), folder, Settings.ofEpochs(12));

    var trainer = new Trainer(run, List.of());
    trainer.run();

    assertTrue(trainer.history().getLast().score() >= 0.8, () -> trainer.history().toString());
    assertTrue(trainer.history().getLast().training().loss() < trainer.history().getFirst().training().loss());
  }

  @ParameterizedTest
  @EnumSource(names = {"BFLOAT16", "FLOAT16"})
  void itLearnsInMixedPrecisionWithParametersInFloat32(Precision precision) {
    Random.manualSeed(1);
    Module model = net();
    var run = run(model, new Adam(model.parameters(), Adam.options().lr(0.02)), folder, ofEpochs(12, precision));

    var trainer = new Trainer(run, List.of());
    trainer.run();

    assertTrue(trainer.history().getLast().score() >= 0.8, () -> trainer.history().toString());
    assertEquals(Set.of(DType.FLOAT32), model.parameters().stream().map(Tensor::dtype).collect(Collectors.toSet()));
  }

  private static Settings ofEpochs(int epochs, Precision precision) {
    return new Settings(epochs, Long.MAX_VALUE, 0, Double.POSITIVE_INFINITY, precision);
  }

  /// Remembers in which dtype its result came out while it learnt, and while it was evaluated.
  private static final class Watched extends Module {
    private final Linear linear = child("linear", new Linear(64, CLASSES));
    private final Set<String> seen = new TreeSet<>();

    @Override
    protected Tensor forward(Tensor x) {
      Tensor result = linear.call(x.flatten(1, -1));
      seen.add((isTraining() ? "training in " : "evaluation in ") + result.dtype().label());
      return result;
    }
  }

  @ParameterizedTest
  @EnumSource
  void trainingAndEvaluationComputeInTheGivenPrecision(Precision precision) {
    var model = new Watched();

    new Trainer(run(model, new Sgd(model.parameters(), Sgd.options().lr(0.1)), null, ofEpochs(1, precision)), List.of()).run();

    assertEquals(Set.of("training in " + precision, "evaluation in " + precision), model.seen);
  }

  /// The weight's gradient is that of the logits, 0.5, times the image, 16, times the scale.
  @Test
  void stepsWithInfiniteGradientsAreLeftOutUntilTheScaleFitsThem() {
    var model = new Sequential(new Flatten(), new Linear(4, 2));
    model.parameters().forEach(parameter -> parameter.detach().zero_());
    byte[] untouched = bits(model);
    Tensor images = Tensor.full(16, 8, 1, 2, 2);
    DataLoader training = DataLoader.of(TensorDataset.of(images, Tensor.arange(8).remainder(2))).batchSize(1);
    var settings = new Settings(1, Long.MAX_VALUE, 0, 1, Precision.FLOAT16);
    Map<Long, Boolean> changed = new LinkedHashMap<>();
    List<LossScale> scales = new ArrayList<>();
    TrainingListener watch = new TrainingListener() {
      @Override
      public void step(StepReport report) {
        changed.put(report.step(), !Arrays.equals(untouched, bits(model)));
        scales.add(Objects.requireNonNull(report.lossScale()));
      }
    };

    var trainer = new Trainer(new TrainingRun(model, new Sgd(model.parameters(), Sgd.options().lr(1e-3)), null, training, null, Device.CPU,
        settings, null, Map.of()), List.of(watch));
    trainer.run();

    LossScale last = scales.getLast();
    assertEquals(4, last.skippedSteps(), scales.toString()); // 0.5 * 16 * 65536 / 2⁴ is below 65504
    for (int i = 0; i < scales.size(); i++) {
      assertEquals(Math.scalb(65536.0, -(int) scales.get(i).skippedSteps()), scales.get(i).factor());
      assertEquals(scales.get(i).skippedSteps() <= i, changed.get(i + 1L), "step " + (i + 1));
    }
    assertEquals(last, trainer.history().getLast().lossScale());
  }

  @Test
  void theBestCheckpointIsThatOfTheEpochWithTheHighestScore() {
    TrainingRun run = run(folder);
    var trainer = new Trainer(run, List.of());
    trainer.run();

    Tree best = Tree.load(new Checkpoints(folder).best());
    double highest = trainer.history().stream().mapToDouble(EpochReport::score).max().orElseThrow();
    assertEquals(highest, best.real("score"));
    assertEquals(highest, trainer.history().get((int) best.whole("epoch") - 1).score());
    assertEquals("net", best.tree("description").text("model"));
  }

  /// Makes a parameter no number after one step.
  private static TrainingListener poison(Module model, long step) {
    return new TrainingListener() {
      @Override
      public void step(StepReport report) {
        if (report.step() == step) {
          model.parameters().getLast().detach().fill_(Double.NaN);
        }
      }
    };
  }

  @Test
  void aLossThatIsNoNumberEndsTheRunAndSaysAtWhichStep() throws Exception {
    Random.manualSeed(1);
    Module model = net();
    var run = run(model, new Sgd(model.parameters(), Sgd.options().lr(0.01)), folder, Settings.ofEpochs(2));

    var error = assertThrows(TrainingException.class, () -> new Trainer(run, List.of(poison(model, STEPS + 1))).run());

    assertEquals("the loss is NaN at step 7, batch 2 of epoch 2: lower the learning rate, clip gradients, or look for broken images; "
        + folder.resolve("last.pth") + " holds the run after epoch 1", error.getMessage());
    assertEquals(STEPS, Tree.load(folder.resolve("last.pth")).tree("position").whole("steps"));
  }

  /// The training loss is that before the last step, so that only the evaluation sees what the step did.
  @Test
  void aValidationLossThatIsNoNumberEndsTheRunBeforeItsCheckpointTakesThePlaceOfAGoodOne() throws Exception {
    Random.manualSeed(1);
    Module model = net();
    var run = run(model, new Sgd(model.parameters(), Sgd.options().lr(0.01)), folder, Settings.ofEpochs(2));

    var error = assertThrows(TrainingException.class, () -> new Trainer(run, List.of(poison(model, 2 * STEPS))).run());

    assertEquals("the validation loss is NaN after step 10 of epoch 2: lower the learning rate, clip gradients, or look for broken images; "
        + folder.resolve("last.pth") + " holds the run after epoch 1", error.getMessage());
    assertEquals(STEPS, Tree.load(folder.resolve("last.pth")).tree("position").whole("steps"));
  }

  /// A folder in the place of the file stands for whatever ends the run just there.
  @Test
  void aRunThatEndsBetweenItsTwoCheckpointsHasTheBestOne() throws Exception {
    Files.createDirectories(folder.resolve("last.pth/in the way"));

    assertThrows(CheckpointException.class, () -> new Trainer(run(folder), List.of()).run());

    assertEquals(1, Tree.load(new Checkpoints(folder).best()).whole("epoch"));
  }

  @Test
  void aFrozenPartKeepsItsParametersAndItsStatisticsToTheBit() {
    Random.manualSeed(1);
    Sequential model = new Sequential(new Sequential(new Conv2d(1, 4, 3), new BatchNorm2d(4), new ReLU(), new AdaptiveAvgPool2d(2, 2)),
        new Flatten(), new Linear(16, CLASSES));
    Module backbone = model.get(0);
    backbone.requiresGrad_(false);
    byte[] before = bits(backbone);
    byte[] head = bits(model.get(2));

    new Trainer(run(model, new Sgd(model.get(2).parameters(), Sgd.options().lr(0.1)), null, Settings.ofEpochs(2)), List.of()).run();

    assertArrayEquals(before, bits(backbone));
    assertFalse(Arrays.equals(head, bits(model.get(2))));
  }

  @Test
  void aRunEndsAfterTheGivenNumberOfStepsInWhicheverEpoch() {
    TrainingRun whole = run(folder);
    var limited = new TrainingRun(whole.model(), whole.optimizer(), null, whole.training(), whole.validation(), Device.CPU,
        new Settings(EPOCHS, STEPS + 2, 0, Double.POSITIVE_INFINITY, Precision.FLOAT32), folder, Map.of());
    var trainer = new Trainer(limited, List.of());

    assertEquals(Outcome.FINISHED, trainer.run());

    assertEquals(List.of(5L, 7L), trainer.history().stream().map(EpochReport::step).toList());
    assertEquals(2 * BATCH, trainer.history().getLast().training().images());
  }

  @Test
  void aCheckpointThatCannotBeWrittenLeavesTheLastGoodOne() throws Exception {
    Path used = Files.createDirectory(folder.resolve("run")), moved = folder.resolve("moved");
    TrainingListener move = new TrainingListener() {
      @Override
      public void epoch(List<EpochReport> history) {
        assertTrue(used.toFile().renameTo(moved.toFile()));
      }
    };

    var error = assertThrows(CheckpointException.class, () -> new Trainer(run(used), List.of(move)).run());

    assertTrue(String.valueOf(error.getMessage()).startsWith(used + "/"), error.getMessage());
    assertEquals(STEPS, Tree.load(moved.resolve("last.pth")).tree("position").whole("steps"));
    try (var files = Files.list(moved)) {
      assertEquals(List.of("best.pth", "last.pth"), files.map(file -> file.getFileName().toString()).sorted().toList());
    }
  }

  @Test
  void aCheckpointOfSomethingElseIsRefused() {
    var error = assertThrows(CheckpointException.class, () -> {
      Path file = folder.resolve("plain.pth");
      TorchFile.save(file, Map.of("weight", Tensor.ones(2)));
      new Trainer(run(folder), List.of()).resume(Tree.load(file));
    });

    assertTrue(
        String.valueOf(error.getMessage()).endsWith("plain.pth: expected the checkpoint of a run, with a map at position, got nothing"),
        error.getMessage());
  }

  @Test
  void memoryIsFlatOverManySteps() {
    TrainingRun run = run(folder);
    long[] after = new long[2];
    TrainingListener watch = new TrainingListener() {
      @Override
      public void epoch(List<EpochReport> history) {
        after[history.size() == 10 ? 0 : 1] = MemoryStats.of(Device.CPU).current();
      }
    };
    new Trainer(
        new TrainingRun(run.model(), run.optimizer(), null, run.training(), run.validation(), Device.CPU, Settings.ofEpochs(100), null,
            Map.of()),
        List.of(watch)).run();

    assertTrue(after[1] <= after[0], () -> after[0] + " bytes after 10 epochs, " + after[1] + " after 100");
  }
}
