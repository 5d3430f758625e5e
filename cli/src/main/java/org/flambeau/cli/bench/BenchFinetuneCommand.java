package org.flambeau.cli.bench;

import java.util.List;
import picocli.CommandLine.Command;

@Command(name = "finetune", description = "What a step of training costs that learns a new classifier on a frozen backbone.")
final class BenchFinetuneCommand extends BenchModelCommand {
  @Override
  List<Workload> workloads() {
    return List.of(new ModelBench(options, true).stepOfTheClassifier());
  }
}
