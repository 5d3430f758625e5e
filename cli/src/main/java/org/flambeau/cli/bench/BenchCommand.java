package org.flambeau.cli.bench;

import org.flambeau.cli.FlambeauCommand;
import org.flambeau.cli.MisuseException;
import picocli.CommandLine.Command;

/// `flambeau bench`.
@Command(name = "bench", synopsisSubcommandLabel = "(inference | train | finetune | ops)", description = "Measures a model, or single operations, on this machine.", subcommands = {
  BenchInferenceCommand.class, BenchTrainCommand.class, BenchFinetuneCommand.class, BenchOpsCommand.class})
public final class BenchCommand extends FlambeauCommand {
  @Override
  protected int run() {
    throw new MisuseException("bench what? Say bench inference, bench train, bench finetune or bench ops");
  }
}
