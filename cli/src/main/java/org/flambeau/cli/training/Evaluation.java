package org.flambeau.cli.training;

import java.util.function.LongPredicate;
import org.flambeau.Device;
import org.flambeau.GradMode;
import org.flambeau.MemoryScope;
import org.flambeau.Reduction;
import org.flambeau.Tensor;
import org.flambeau.data.Batch;
import org.flambeau.data.BatchIterator;
import org.flambeau.data.DataLoader;
import org.flambeau.nn.Functional;
import org.flambeau.nn.Module;
import org.jspecify.annotations.Nullable;

/// How well a classifier does on images that it does not learn from.
///
/// @param device where the model is
/// @param precision in which it computes
public record Evaluation(Module model, Device device, Precision precision) {
  /// Loss and accuracy over all images.
  ///
  /// @param goOn is told how many images are done after each batch, and says whether to go on
  /// @return null if not
  public @Nullable Metrics of(DataLoader images, LongPredicate goOn) {
    model.eval();
    double lossSum = 0;
    long correct = 0, done = 0;
    try (var _ = GradMode.noGrad(); BatchIterator batches = images.iterator()) {
      while (batches.hasNext()) {
        Batch batch = batches.next();
        try (var _ = MemoryScope.open(); var _ = precision.autocast()) {
          Tensor target = batch.target().to(device);
          Tensor logits = model.call(batch.input().to(device));
          lossSum += Functional.crossEntropy(logits, target, Reduction.SUM).toDouble();
          correct += correct(logits, target);
        }
        done += batch.size();
        if (!goOn.test(done)) {
          return null;
        }
      }
    }
    return done == 0 ? new Metrics(0, 0, 0) : new Metrics(lossSum / done, (double) correct / done, done);
  }

  /// How many rows of `logits` are highest where `target` says.
  static long correct(Tensor logits, Tensor target) {
    return logits.argmax(1).eq(target).sum().toLong();
  }
}
