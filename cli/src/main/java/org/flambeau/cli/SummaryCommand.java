package org.flambeau.cli;

import java.util.Arrays;
import org.flambeau.Tensor;
import org.flambeau.models.Models;
import org.flambeau.nn.Module;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Visibility;
import picocli.CommandLine.Option;

@Command(name = "summary", description = "Prints a model's layers, what they give, how many parameters they have, and what a pass costs.")
final class SummaryCommand extends FlambeauCommand {
  @Option(names = "--model", required = true, showDefaultValue = Visibility.NEVER, converter = ModelOption.class, completionCandidates = ModelOption.class, paramLabel = "NAME", description = "one of ${COMPLETION-CANDIDATES}") private Models.Entry model = Models
      .of("resnet18");

  @Option(names = "--input", paramLabel = "NxCxHxW", showDefaultValue = Visibility.NEVER, description = "the sizes of the input; one image of the model's size unless given") private String input = "";

  @Option(names = "--num-classes", paramLabel = "N", description = "how many logits the model gives") private int numClasses = 1000;

  @Option(names = "--depth", paramLabel = "N", description = "how deep to look into layers that are made of others") private int depth = 8;

  @Override
  protected int run() {
    long[] sizes = sizes();
    if (numClasses < 1 || depth < 0) {
      throw new MisuseException("--num-classes must be at least 1 and --depth not negative");
    }
    Module module = model.create(numClasses).eval();
    ModelSummary summary;
    try {
      summary = ModelSummary.of(module, Tensor.zeros(sizes));
    } catch (IllegalArgumentException e) {
      throw new MisuseException("--input " + input + " does not fit " + model.name() + ": " + e.getMessage());
    }
    out().println(summary.table(depth));
    out().println("parameters     " + Quantities.count(summary.parameters()));
    out().println("multiply-adds  " + Quantities.count(summary.multiplyAdds()));
    return 0;
  }

  private long[] sizes() {
    if (input.isEmpty()) {
      return new long[] {1, 3, model.imageSize(), model.imageSize()};
    }
    if (!input.matches("[1-9]\\d{0,4}(x[1-9]\\d{0,4}){3}")) {
      throw new MisuseException("--input: expected four sizes such as 1x3x224x224, got " + input);
    }
    return Arrays.stream(input.split("x", -1)).mapToLong(Long::parseLong).toArray();
  }
}
