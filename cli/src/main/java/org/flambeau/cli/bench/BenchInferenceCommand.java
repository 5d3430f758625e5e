package org.flambeau.cli.bench;

import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(name = "inference", description = "What a forward pass costs in time and memory, without gradient tracking and with it.")
final class BenchInferenceCommand extends BenchModelCommand {
  @Option(names = "--compile", description = "measure the compiled model too") private boolean compile;

  @Override
  List<Workload> workloads() {
    var bench = new ModelBench(options, false);
    return compile ? List.of(bench.noGrad(), bench.tracked(), bench.compiled()) : List.of(bench.noGrad(), bench.tracked());
  }
}
