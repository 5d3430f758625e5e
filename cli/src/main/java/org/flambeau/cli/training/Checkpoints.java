package org.flambeau.cli.training;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.flambeau.io.TorchFile;
import org.flambeau.nn.StateDict;
import org.flambeau.nn.optim.GradScaler;
import org.flambeau.nn.optim.LrScheduler;

/// The checkpoints of a run, in one folder. Each is replaced as a whole or not at all, and PyTorch reads them with `weights_only=True`.
///
/// `last.pth` has everything from which the run continues; `best.pth` has the model of the best epoch. The model's state stands under `model`.
public record Checkpoints(Path folder) {
  /// What holds the whole state of the run.
  public Path last() {
    return folder.resolve("last.pth");
  }

  /// What holds the best model.
  public Path best() {
    return folder.resolve("best.pth");
  }

  void saveLast(TrainingRun run, GradScaler scaler, Position position, RandomState epochStart, RandomState now) {
    Map<String, Object> tree = model(run);
    tree.put("optimizer", run.optimizer().stateDict());
    LrScheduler scheduler = run.scheduler();
    if (scheduler != null) {
      tree.put("scheduler", scheduler.stateDict());
    }
    if (scaler.isEnabled()) {
      tree.put("scaler", scaler.stateDict());
    }
    tree.put("position", position.toTree());
    tree.put("random_at_epoch_start", epochStart.toTree());
    tree.put("random", now.toTree());
    TorchFile.save(last(), tree);
  }

  void saveBest(TrainingRun run, EpochReport report) {
    Map<String, Object> tree = model(run);
    tree.put("epoch", (long) report.epoch());
    tree.put("score", report.score());
    TorchFile.save(best(), tree);
  }

  private static Map<String, Object> model(TrainingRun run) {
    Map<String, Object> tree = new LinkedHashMap<>();
    tree.put("description", run.description());
    tree.put("model", run.model().stateDict());
    return tree;
  }

  /// The model's state in a checkpoint.
  public static StateDict state(Tree checkpoint) {
    Tree model = checkpoint.tree("model");
    StateDict state = new StateDict();
    model.map().keySet().forEach(name -> state.put(String.valueOf(name), model.tensor(String.valueOf(name))));
    return state;
  }

  /// Copies the states of model, scheduler, scaler and optimizer into `scaler` and those of `run`.
  static void restore(TrainingRun run, GradScaler scaler, Tree checkpoint) {
    run.model().loadStateDict(state(checkpoint));
    LrScheduler scheduler = run.scheduler();
    if (scheduler != null) {
      scheduler.loadStateDict(checkpoint.tree("scheduler").map());
    }
    if (scaler.isEnabled()) {
      scaler.loadStateDict(checkpoint.tree("scaler").map());
    }
    run.optimizer().loadStateDict(checkpoint.tree("optimizer").map());
  }
}
