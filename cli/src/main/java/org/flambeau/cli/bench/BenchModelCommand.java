package org.flambeau.cli.bench;

import java.util.List;
import org.flambeau.cli.FlambeauCommand;
import picocli.CommandLine.Mixin;

/// Measures workloads of one model in turns.
abstract class BenchModelCommand extends FlambeauCommand {
  @Mixin final BenchOptions options = new BenchOptions();

  /// Makes the model and says what of it is measured; [#options] have been checked.
  abstract List<Workload> workloads();

  /// What the options say.
  String title() {
    return options.title();
  }

  @Override
  protected final int run() {
    options.check();
    options.comparison.run(this, title(), options.device.get(), options.numerics(), options.turns(), List.of(this::workloads));
    return 0;
  }
}
