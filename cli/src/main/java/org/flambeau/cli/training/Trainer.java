package org.flambeau.cli.training;

import java.util.List;
import org.flambeau.MemoryScope;
import org.flambeau.Reduction;
import org.flambeau.Tensor;
import org.flambeau.data.Batch;
import org.flambeau.data.BatchIterator;
import org.flambeau.data.DataLoader;
import org.flambeau.nn.BatchNorm;
import org.flambeau.nn.Functional;
import org.flambeau.nn.GradientClipping;
import org.flambeau.nn.Module;
import org.flambeau.nn.optim.GradScaler;
import org.jspecify.annotations.Nullable;

/// Trains a classifier by epochs, each followed by an evaluation and a checkpoint.
///
/// A run that was stopped and resumed from its checkpoint ends in the same bits, on the CPU, as one that was not: model, optimizer, order of the
/// samples and random numbers go on where they were, also within an epoch. Batch norms whose parameters are frozen stay in evaluation.
///
/// In float16 the loss is scaled. A step whose gradients are then infinite is left out, and counted like any other: the schedule goes on.
public final class Trainer {
  /// How a run ended.
  public enum Outcome {
    FINISHED,
    STOPPED
  }

  private static final int IGNORE_NO_CLASS = -100;

  private final TrainingRun run;
  private final List<TrainingListener> listeners;
  private final Precision precision;
  private final GradScaler scaler;
  private Position position = new Position();
  private RandomState epochStart;
  private RandomState now;
  private volatile boolean stopping;

  private long resumedImages;
  private long started;

  public Trainer(TrainingRun run, List<TrainingListener> listeners) {
    this.run = run;
    this.listeners = List.copyOf(listeners);
    this.precision = run.settings().precision();
    this.scaler = precision.scaler();
    this.epochStart = this.now = RandomState.of(run.device());
  }

  /// Goes on where the run was that wrote `checkpoint`.
  ///
  /// @throws org.flambeau.io.CheckpointException if the file holds no such state
  /// @throws IllegalArgumentException if it is that of another model or optimizer
  public void resume(Tree checkpoint) {
    position = new Position(checkpoint.tree("position"));
    epochStart = RandomState.of(run.device(), checkpoint.tree("random_at_epoch_start"));
    now = RandomState.of(run.device(), checkpoint.tree("random"));
    Checkpoints.restore(run, scaler, checkpoint);
  }

  /// Makes [#run()] finish the step under way, save and return. From any thread.
  public void stop() {
    stopping = true;
  }

  /// The epochs so far.
  public List<EpochReport> history() {
    return List.copyOf(position.history);
  }

  /// Trains until all epochs are done or somebody stops it.
  ///
  /// @throws TrainingException if a loss is no longer finite
  public Outcome run() {
    now.restore();
    while (position.epoch <= run.settings().epochs() && position.steps < run.settings().maxSteps()) {
      if (stopping || !epoch()) {
        return Outcome.STOPPED;
      }
    }
    return Outcome.FINISHED;
  }

  /// @return false if it was stopped, after saving
  private boolean epoch() {
    started = System.nanoTime();
    resumedImages = position.images;
    train();
    double trained = seconds();
    now = RandomState.of(run.device());
    DataLoader images = run.validation();
    Metrics validation = stopping || images == null ? null : evaluate(images);
    if (stopping) {
      save();
      return false;
    }
    EpochReport report = new EpochReport(position.epoch, position.steps, position.learningRate, position.metrics(), validation,
        lossScale(), (position.images - resumedImages) / trained, seconds());
    position.history.add(report);
    position.nextEpoch();
    epochStart = now = RandomState.of(run.device());
    if (run.folder() != null && position.isBest()) { // first: who is killed between the two does this epoch again
      new Checkpoints(run.folder()).saveBest(run, report);
    }
    save();
    List<EpochReport> history = history();
    listeners.forEach(listener -> listener.epoch(history));
    return true;
  }

  private void save() {
    if (run.folder() != null) {
      new Checkpoints(run.folder()).saveLast(run, scaler, position, epochStart, now);
    }
  }

  /// The steps of this epoch that are not done yet. The order of an epoch and its augmentation depend on how the generators stood when it began.
  private void train() {
    long of = run.training().size();
    if (position.epochSteps >= of) {
      return;
    }
    run.model().train();
    run.model().apply(Trainer::keepFrozenStatistics);
    epochStart.restore();
    try (BatchIterator batches = run.training().iterator()) {
      if (position.epochSteps > 0) {
        for (long done = 0; done < position.epochSteps; done++) {
          batches.next();
        }
        now.restore();
      }
      while (!stopping && position.steps < run.settings().maxSteps() && batches.hasNext()) {
        Batch batch = batches.next();
        double loss = step(batch);
        position.lossSum += loss * batch.size();
        position.images += batch.size();
        position.epochSteps++;
        position.steps++;
        report(loss, of);
      }
    }
  }

  private static void keepFrozenStatistics(Module module) {
    if (module instanceof BatchNorm norm && norm.weight() != null && !norm.weight().requiresGrad()) {
      norm.eval();
    }
  }

  private double step(Batch batch) {
    try (var _ = MemoryScope.open()) {
      Tensor target = batch.target().to(run.device());
      Tensor input = batch.input().to(run.device());
      Tensor logits, loss;
      try (var _ = precision.autocast()) {
        logits = run.model().call(input);
        loss = Functional.crossEntropy(logits, target, null, Reduction.MEAN, IGNORE_NO_CLASS, run.settings().labelSmoothing());
      }
      double value = loss.toDouble();
      requireFinite(value,
          "the loss is " + value + " at step " + (position.steps + 1) + ", batch " + (position.epochSteps + 1) + " of epoch "
              + position.epoch);
      scaler.scale(loss).backward();
      if (run.settings().maxGradNorm() < Double.POSITIVE_INFINITY) {
        scaler.unscale_(run.optimizer());
        GradientClipping.clipGradNorm_(run.model().parameters(), run.settings().maxGradNorm());
      }
      position.learningRate = run.optimizer().parameterGroups().getFirst().lr();
      if (!scaler.step(run.optimizer())) {
        position.skippedSteps++;
      }
      scaler.update();
      run.optimizer().zeroGrad();
      if (run.scheduler() != null) {
        run.scheduler().step();
      }
      position.correct += Evaluation.correct(logits, target);
      return value;
    }
  }

  /// The model's metrics on `images`; null if it was stopped meanwhile.
  private @Nullable Metrics evaluate(DataLoader images) {
    Evaluation evaluation = new Evaluation(run.model(), run.device(), precision);
    long of = images.dataset().size();
    Metrics metrics = evaluation.of(images, done -> {
      listeners.forEach(listener -> listener.evaluated(position.epoch, done, of));
      return !stopping;
    });
    if (metrics != null) { // before a checkpoint of broken parameters takes the place of a good one
      requireFinite(metrics.loss(),
          "the validation loss is " + metrics.loss() + " after step " + position.steps + " of epoch " + position.epoch);
    }
    return metrics;
  }

  private void requireFinite(double loss, String problem) {
    if (!Double.isFinite(loss)) {
      throw new TrainingException(problem + ": lower the learning rate, clip gradients, or look for broken images"
          + (precision == Precision.FLOAT16 ? ", or compute in bfloat16, which has float32's range" : "")
          + (run.folder() == null || position.history.isEmpty() ? "" : "; " + new Checkpoints(run.folder()).last()
              + " holds the run after epoch " + position.history.size()));
    }
  }

  private void report(double loss, long epochSteps) {
    double seconds = seconds();
    double perSecond = (position.images - resumedImages) / seconds;
    long stepsLeft = Math.min(run.settings().maxSteps() - position.steps,
        epochSteps - position.epochSteps + epochSteps * (run.settings().epochs() - position.epoch));
    long steps = position.epochSteps;
    StepReport report = new StepReport(position.epoch, position.steps, loss, position.learningRate, lossScale(), position.metrics(),
        run.training().dataset().size(), perSecond, stepsLeft * (position.images / (double) steps) / perSecond);
    listeners.forEach(listener -> listener.step(report));
  }

  private @Nullable LossScale lossScale() {
    return scaler.isEnabled() ? new LossScale(scaler.getScale(), position.skippedSteps) : null;
  }

  private double seconds() {
    return Math.max(1, System.nanoTime() - started) / 1e9;
  }
}
