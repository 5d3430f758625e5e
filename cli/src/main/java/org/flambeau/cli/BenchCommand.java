package org.flambeau.cli;

import picocli.CommandLine.Command;

@Command(name = "bench", synopsisSubcommandLabel = "(inference | train)", description = "Measures a model on this machine.", subcommands = {
  BenchInferenceCommand.class, BenchTrainCommand.class})
final class BenchCommand extends FlambeauCommand {
  @Override
  int run() {
    throw new MisuseException("bench what? Say bench inference or bench train");
  }
}
