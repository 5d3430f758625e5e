package org.flambeau.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import org.flambeau.Device;
import org.flambeau.FlambeauException;
import org.flambeau.models.Models;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "predict", description = "Prints the most probable classes of images.")
final class PredictCommand extends FlambeauCommand {
  @Option(names = "--checkpoint", paramLabel = "FILE", description = "best.pth or last.pth of a run of finetune, which knows its model and classes") private @Nullable Path checkpoint;

  @Option(names = "--model", converter = ModelOption.class, completionCandidates = ModelOption.class, paramLabel = "NAME", description = "instead of a checkpoint: one of ${COMPLETION-CANDIDATES}") private Models.@Nullable Entry model;

  @Option(names = "--weights", paramLabel = "FILE", description = "of --model: a .pth or .safetensors file, or default (torchvision's)") private @Nullable String weights;

  @Option(names = "--classes", paramLabel = "FILE", description = "the names of the model's classes, one a line; ImageNet's unless given") private @Nullable Path classes;

  @Option(names = "--top", paramLabel = "N", description = "how many classes to print") private int top = 5;

  @Mixin private DeviceOption device = new DeviceOption();

  @Parameters(arity = "1..*", paramLabel = "IMAGE", description = "image files") private List<Path> images = List.of();

  @Override
  protected int run() {
    check();
    Classifier classifier = classifier(device.get());
    List<String> failures = new ArrayList<>();
    for (Path image : images) {
      try {
        List<Classifier.Guess> guesses = classifier.guess(image, top);
        out().println(image);
        guesses.forEach(guess -> out().println(String.format(Locale.ROOT, "  %6.2f%%  %s", 100 * guess.probability(), guess.name())));
      } catch (FlambeauException e) {
        failures.add(String.valueOf(e.getMessage()));
      }
    }
    failures.forEach(failure -> err().println("flambeau: " + failure));
    return failures.isEmpty() ? 0 : 1;
  }

  private void check() {
    if (checkpoint == null && model == null) {
      throw new MisuseException("predict needs --checkpoint FILE, or --model NAME and --weights FILE");
    }
    if (checkpoint != null && (model != null || weights != null || classes != null)) {
      throw new MisuseException("--checkpoint knows its model, weights and classes: leave out --model, --weights and --classes");
    }
    if (checkpoint != null && !Files.isRegularFile(checkpoint)) {
      throw new MisuseException("--checkpoint: there is no file " + checkpoint);
    }
    if (classes != null && !Files.isRegularFile(classes)) {
      throw new MisuseException("--classes: there is no file " + classes);
    }
    if (top < 1) {
      throw new MisuseException("--top must be at least 1, got " + top);
    }
  }

  private Classifier classifier(Device device) {
    Models.Entry entry = model;
    if (entry == null) {
      return Classifier.ofCheckpoint(Objects.requireNonNull(checkpoint), device);
    }
    Weights chosen = new Weights(weights == null ? Weights.DEFAULT : weights);
    if (chosen.areRandom()) {
      throw new MisuseException("a model without weights predicts nothing: give --weights FILE or default");
    }
    return Classifier.ofWeights(entry, chosen, classes, device, err());
  }
}
