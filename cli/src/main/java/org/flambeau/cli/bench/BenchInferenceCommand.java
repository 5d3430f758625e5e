package org.flambeau.cli.bench;

import java.util.List;
import org.flambeau.cli.FlambeauCommand;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(name = "inference", description = "What a forward pass costs in time and memory, with gradient tracking and without.")
final class BenchInferenceCommand extends FlambeauCommand {
  @Mixin private BenchOptions options = new BenchOptions();

  @Override
  protected int run() {
    options.check();
    options.comparison.run(this, options.title(), options.device.get(), options.precision().dtype(), options.turns(), List.of(() -> {
      var bench = new ModelBench(options, false);
      return List.of(bench.tracked(), bench.noGrad());
    }));
    return 0;
  }
}
