package org.flambeau.cli.training;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.flambeau.io.AtomicFile;

/// The epochs of a run as a table. The whole file is written anew each time, from the history that the checkpoint holds too, so that the
/// two always agree.
public record CsvLog(Path file) implements TrainingListener {
  private static final String HEADER = "epoch,step,learning_rate,training_loss,training_accuracy,validation_loss,validation_accuracy,loss_scale,skipped_steps,images_per_second,seconds\n";

  @Override
  public void epoch(List<EpochReport> history) {
    StringBuilder table = new StringBuilder(HEADER);
    for (EpochReport e : history) {
      Metrics validation = e.validation();
      LossScale scale = e.lossScale();
      table.append(
          String.format(Locale.ROOT, "%d,%d,%s,%.6f,%.6f,%s,%s,%.1f,%.1f%n", e.epoch(), e.step(), e.learningRate(), e.training().loss(),
              e.training().accuracy(),
              validation == null ? "," : String.format(Locale.ROOT, "%.6f,%.6f", validation.loss(), validation.accuracy()),
              scale == null ? "," : scale.factor() + "," + scale.skippedSteps(),
              e.imagesPerSecond(), e.seconds()));
    }
    ByteBuffer bytes = StandardCharsets.UTF_8.encode(table.toString());
    AtomicFile.write(file, channel -> {
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
    });
  }
}
