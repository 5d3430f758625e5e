package org.flambeau.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.flambeau.Device;
import org.flambeau.Random;
import org.flambeau.Tensor;
import org.flambeau.cli.training.Checkpoints;
import org.flambeau.cli.training.CsvLog;
import org.flambeau.cli.training.CurvePlot;
import org.flambeau.cli.training.EpochReport;
import org.flambeau.cli.training.Precision;
import org.flambeau.cli.training.TensorBoardLog;
import org.flambeau.cli.training.Trainer;
import org.flambeau.cli.training.Trainer.Outcome;
import org.flambeau.cli.training.TrainingListener;
import org.flambeau.cli.training.TrainingRun;
import org.flambeau.cli.training.TrainingRun.Settings;
import org.flambeau.cli.training.Tree;
import org.flambeau.data.DataLoader;
import org.flambeau.nn.Module;
import org.flambeau.nn.StateDict;
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
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(name = "finetune", description = {"Trains a vision model on images, from weights or from scratch.",
  "In --out it leaves last.pth (the whole run, for --resume), best.pth (the best model and how to use it, for predict), model.pth and "
      + "model.safetensors (its weights alone), log.csv, curves.png and TensorBoard's events. Ctrl-C saves and ends the run."})
final class FinetuneCommand extends FlambeauCommand {
  @Mixin private FinetuneOptions options = new FinetuneOptions();

  @Override
  protected int run() {
    options.check();
    Device device = options.device.get();
    Path out = options.run.out;
    Tree checkpoint = options.run.resume ? Tree.load(new Checkpoints(out).last()) : null;
    if (checkpoint != null) {
      requireSameOptions(checkpoint);
    }
    Images images = Images.open(options);
    if (checkpoint != null) {
      requireSameImages(checkpoint, images);
    }
    Random.manualSeed(options.learning.seed);
    Module model = model(images.classes().size());
    model.to(device);
    TrainingRun run = training(images, model, device);
    List<Tensor> learning = model.parameters().stream().filter(Tensor::requiresGrad).toList();
    Precision precision = options.amp.precision();
    out().println(images.describe());
    out().println(options.model.entry.name() + " with " + Quantities.count(numel(model.parameters())) + " parameters, of which "
        + Quantities.count(numel(learning)) + " learn"
        + (precision == Precision.FLOAT32 ? "" : "; autocast to " + precision));
    out().flush();
    try (var _ = RunFolder.open(out)) {
      return train(run, checkpoint);
    }
  }

  private int train(TrainingRun run, @Nullable Tree checkpoint) {
    Path out = options.run.out;
    List<TrainingListener> listeners = new ArrayList<>();
    try {
      listeners.add(new ProgressLine(out(), err(), Integer.getInteger("flambeau.columns", 0), options.learning.epochs));
      listeners.add(new CsvLog(out.resolve("log.csv")));
      listeners.add(new CurvePlot(out.resolve("curves.png")));
      listeners.add(new TensorBoardLog(out));
      Trainer trainer = new Trainer(run, listeners);
      if (checkpoint != null) {
        trainer.resume(checkpoint);
      }
      try (var _ = new Interrupts(trainer::stop)) {
        if (trainer.run() == Outcome.STOPPED) {
          listeners.forEach(TrainingListener::close);
          listeners.clear();
          err().println("flambeau: stopped; the same command with --resume goes on");
          return Interrupts.EXIT_CODE;
        }
        finish(trainer.history());
      }
      return 0;
    } finally {
      listeners.forEach(TrainingListener::close);
    }
  }

  private void finish(List<EpochReport> history) {
    Path out = options.run.out;
    Checkpoints checkpoints = new Checkpoints(out);
    Tree best = Tree.load(checkpoints.best());
    StateDict state = Checkpoints.state(best);
    state.save(out.resolve("model.pth"));
    state.save(out.resolve("model.safetensors"));
    EpochReport report = history.get(Math.toIntExact(best.whole("epoch")) - 1);
    out().println(String.format(Locale.ROOT, "best: epoch %d, %s accuracy %.2f%%; %s", report.epoch(),
        report.validation() == null ? "training" : "validation", 100 * report.score(), checkpoints.best()));
  }

  private Module model(int classes) {
    FinetuneOptions.Network network = options.model;
    Module model = new Weights(network.weights).load(network.entry, classes, err());
    if (network.keepHead) {
      int kept = Weights.classes(model, network.entry);
      if (kept != classes) {
        throw new MisuseException(
            "--keep-head: the head of " + network.weights + " tells " + kept + " classes apart, the images have " + classes
                + ": leave out --keep-head");
      }
    } else if (!network.weights.equals(Weights.NONE)) {
      Weights.replaceHead(model, network.entry, classes);
    }
    model.activationCheckpointing(network.activationCheckpointing);
    if (network.freezeBackbone) {
      Backbone.freeze(model, network.entry.classifier());
    }
    return model;
  }

  private TrainingRun training(Images images, Module model, Device device) {
    FinetuneOptions.Learning learning = options.learning;
    long count = images.training().size();
    boolean oneLeftOver = count > learning.batchSize && count % learning.batchSize == 1; // a batch norm cannot learn from one image of one pixel
    DataLoader training = DataLoader.of(images.training()).batchSize(learning.batchSize).dropLast(oneLeftOver).shuffle(true)
        .workers(options.data.workers);
    DataLoader validation = images.validation() == null
        ? null
        : DataLoader.of(images.validation()).batchSize(learning.batchSize).workers(options.data.workers);
    Optimizer<?> optimizer = optimizer(model.parameters().stream().filter(Tensor::requiresGrad).toList());
    long maxSteps = Objects.requireNonNullElse(learning.maxSteps, Long.MAX_VALUE);
    long steps = Math.min(maxSteps, training.size() * learning.epochs);
    if (learning.warmup >= steps && learning.warmup > 0) {
      throw new MisuseException("--warmup " + learning.warmup + " is longer than the run, which has " + steps + " steps");
    }
    Settings settings = new Settings(learning.epochs, maxSteps, learning.labelSmoothing,
        Objects.requireNonNullElse(learning.clipGrad, Double.POSITIVE_INFINITY), options.amp.precision());
    return new TrainingRun(model, optimizer, scheduler(optimizer, steps), training, validation, device, settings, options.run.out,
        description(images));
  }

  private Optimizer<?> optimizer(List<Tensor> parameters) {
    return switch (options.learning.optimizer) {
      case SGD -> new Sgd(parameters, Sgd.options().lr(options.lr()).momentum(options.momentum()).weightDecay(options.weightDecay()));
      case ADAM -> new Adam(parameters, Adam.options().lr(options.lr()).weightDecay(options.weightDecay()));
      case ADAMW -> new AdamW(parameters, AdamW.options().lr(options.lr()).weightDecay(options.weightDecay()));
    };
  }

  private @Nullable LrScheduler scheduler(Optimizer<?> optimizer, long steps) {
    int warmup = options.learning.warmup;
    if (warmup == 0) {
      return falling(optimizer, steps);
    }
    LrScheduler rising = new LinearLr(optimizer, 1.0 / (warmup + 1), 1, warmup);
    LrScheduler falling = falling(optimizer, steps - warmup);
    return falling == null ? rising : new SequentialLr(List.of(rising, falling), List.of(warmup));
  }

  private @Nullable LrScheduler falling(Optimizer<?> optimizer, long steps) {
    return switch (options.learning.scheduler) {
      case CONSTANT -> null;
      case STEP -> new StepLr(optimizer, Math.ceilDiv(steps, 3), 0.1);
      case LINEAR -> new LinearLr(optimizer, 1, 0, steps);
      case COSINE -> new CosineAnnealingLr(optimizer, steps);
    };
  }

  private static long numel(List<Tensor> tensors) {
    return tensors.stream().mapToLong(Tensor::numel).sum();
  }

  /// What `predict` needs to know, and what a resumed run is compared with.
  private Map<String, Object> description(Images images) {
    Map<String, Object> description = new LinkedHashMap<>();
    description.put("flambeau", Machine.flambeauVersion());
    description.put("model", options.model.entry.name());
    description.put("classes", images.classes());
    description.put("images", images.training().size());
    description.put("preprocessing", images.preprocessing().toTree());
    description.put("options", options.decisive());
    return description;
  }

  private void requireSameOptions(Tree checkpoint) {
    Map<?, ?> before = checkpoint.tree("description").tree("options").map();
    Map<?, ?> now = options.decisive();
    Stream.concat(now.keySet().stream(), before.keySet().stream()).forEach(name -> {
      if (!Objects.equals(before.get(name), now.get(name))) {
        throw new MisuseException("the run in " + options.run.out + " was started with " + name + " "
            + Objects.requireNonNullElse(before.get(name), "none") + ", not " + Objects.requireNonNullElse(now.get(name), "none")
            + ": give the same, or another --out without --resume");
      }
    });
    long done = checkpoint.tree("position").whole("epoch") - 1;
    if (done > options.learning.epochs) { // one that has done as many may still lack what is written at the end
      throw new MisuseException("the run in " + options.run.out + " has done " + Quantities.counted(done, "epoch", "epochs")
          + ": there is nothing left to do with --epochs " + options.learning.epochs);
    }
  }

  private void requireSameImages(Tree checkpoint, Images images) {
    Tree before = checkpoint.tree("description");
    if (!images.classes().equals(before.texts("classes")) || images.training().size() != before.whole("images")) {
      throw new MisuseException(
          "the run in " + options.run.out + " was started with " + Quantities.counted(before.whole("images"), "image", "images")
              + " of the classes " + before.texts("classes") + " to learn from, now there are " + images.training().size() + " of "
              + images.classes() + ": give the same, or another --out without --resume");
    }
  }
}
