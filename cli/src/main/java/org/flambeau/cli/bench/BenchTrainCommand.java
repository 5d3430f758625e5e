package org.flambeau.cli.bench;

import java.util.List;
import org.flambeau.cli.MisuseException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(name = "train", description = "What a step of training costs in time and memory: forward, backward, gradient descent with momentum.")
final class BenchTrainCommand extends BenchModelCommand {
  @Option(names = "--activation-checkpointing", description = "compute what is inside of a block again for its backward pass") private boolean activationCheckpointing;

  @Override
  String title() {
    return super.title() + (activationCheckpointing ? ", activations computed again" : "");
  }

  @Override
  List<Workload> workloads() {
    if (activationCheckpointing && options.comparison.hasPeer()) {
      throw new MisuseException("--activation-checkpointing and --peer contradict each other: the peer keeps its activations");
    }
    return List.of(new ModelBench(options, false).activationCheckpointing(activationCheckpointing).step());
  }
}
