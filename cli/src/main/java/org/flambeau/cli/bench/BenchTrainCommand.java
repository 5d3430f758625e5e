package org.flambeau.cli.bench;

import java.util.List;
import org.flambeau.cli.FlambeauCommand;
import org.flambeau.cli.MisuseException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(name = "train", description = "What a step of training costs in time and memory: forward, backward, gradient descent with momentum.")
final class BenchTrainCommand extends FlambeauCommand {
  @Mixin private BenchOptions options = new BenchOptions();

  @Option(names = "--activation-checkpointing", description = "compute what is inside of a block again for its backward pass") private boolean activationCheckpointing;

  @Override
  protected int run() {
    options.check();
    if (activationCheckpointing && options.comparison.hasPeer()) {
      throw new MisuseException("--activation-checkpointing and --peer contradict each other: the peer keeps its activations");
    }
    options.comparison.run(this, options.title() + (activationCheckpointing ? ", activations computed again" : ""), options.device.get(),
        options.precision().dtype(), options.turns(),
        List.of(() -> List.of(new ModelBench(options, false).activationCheckpointing(activationCheckpointing).step())));
    return 0;
  }
}
