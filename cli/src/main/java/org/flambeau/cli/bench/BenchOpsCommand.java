package org.flambeau.cli.bench;

import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Stream;
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

  @Parameters(arity = "0..*", paramLabel = "WORD", description = "only operations that one of these is in the name of, of those of --all") private List<String> words = List
      .of();

  @Option(names = "--all", description = "not only what the models are made of, but all that programs commonly use") private boolean all;

  @Option(names = "--runs", paramLabel = "N", description = "how many turns of a quarter of a second each operation has") private int runs = 9;

  @Mixin private ComparisonOptions comparison = new ComparisonOptions();

  @Override
  protected int run() {
    if (runs < 1) {
      throw new MisuseException("--runs must be at least 1, got " + runs);
    }
    List<Workload> known = Stream.of(Operations.ALL, CommonOperations.ALL).flatMap(List::stream).toList();
    List<Supplier<List<Workload>>> chosen = (all || !words.isEmpty() ? known : Operations.ALL).stream()
        .filter(workload -> words.isEmpty() || words.stream().anyMatch(workload.title()::contains))
        .<Supplier<List<Workload>>>map(workload -> () -> List.of(workload)).toList();
    if (chosen.isEmpty()) {
      throw new MisuseException("no operation has one of " + words + " in its name; there are " + String.join("; ",
          known.stream().map(Workload::title).toList()));
    }
    comparison.run(this, "operations in float32 on cpu, " + runs + " turns each", Device.CPU, Numerics.FLOAT32,
        new Turns(1e-5, 1, WARM_UP_SECONDS, runs, TURN_SECONDS), chosen);
    return 0;
  }
}
