package org.flambeau.cli.bench;

import java.util.List;
import java.util.function.Supplier;
import org.flambeau.Device;
import org.flambeau.cli.FlambeauCommand;
import org.flambeau.cli.MisuseException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "ops", description = "What single operations cost on the CPU.")
final class BenchOpsCommand extends FlambeauCommand {
  /// Until the JIT compiler has done with what an operation runs.
  private static final double WARM_UP_SECONDS = 3;
  private static final double TURN_SECONDS = 0.25;

  @Parameters(arity = "0..*", paramLabel = "WORD", description = "only operations that one of these is in the name of") private List<String> words = List
      .of();

  @Option(names = "--runs", paramLabel = "N", description = "how many turns of a quarter of a second each operation has") private int runs = 9;

  @Mixin private ComparisonOptions comparison = new ComparisonOptions();

  @Override
  protected int run() {
    if (runs < 1) {
      throw new MisuseException("--runs must be at least 1, got " + runs);
    }
    List<Supplier<List<Workload>>> chosen = Operations.ALL.stream()
        .filter(workload -> words.isEmpty() || words.stream().anyMatch(workload.name()::contains))
        .<Supplier<List<Workload>>>map(workload -> () -> List.of(workload)).toList();
    if (chosen.isEmpty()) {
      throw new MisuseException("no operation has one of " + words + " in its name; there are " + String.join("; ",
          Operations.ALL.stream().map(Workload::name).toList()));
    }
    comparison.run(this, "operations in float32 on cpu, " + runs + " turns each", Device.CPU, Numerics.FLOAT32,
        new Turns(1e-5, 1, WARM_UP_SECONDS, runs, TURN_SECONDS), chosen);
    return 0;
  }
}
