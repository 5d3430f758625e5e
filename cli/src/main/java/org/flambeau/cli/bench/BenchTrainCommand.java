package org.flambeau.cli.bench;

import java.util.List;
import org.flambeau.cli.FlambeauCommand;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(name = "train", description = "What a step of training costs in time and memory: forward, backward, gradient descent with momentum.")
final class BenchTrainCommand extends FlambeauCommand {
  @Mixin private BenchOptions options = new BenchOptions();

  @Override
  protected int run() {
    options.check();
    options.comparison.run(this, options.title(), options.device.get(), options.precision().dtype(), options.turns(),
        List.of(() -> List.of(new ModelBench(options, false).step())));
    return 0;
  }
}
