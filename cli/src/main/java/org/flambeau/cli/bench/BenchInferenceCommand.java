package org.flambeau.cli.bench;

import java.util.List;
import picocli.CommandLine.Command;

@Command(name = "inference", description = "What a forward pass costs in time and memory, without gradient tracking and with it.")
final class BenchInferenceCommand extends BenchModelCommand {
  @Override
  List<Workload> workloads() {
    var bench = new ModelBench(options, false);
    return List.of(bench.noGrad(), bench.tracked());
  }
}
