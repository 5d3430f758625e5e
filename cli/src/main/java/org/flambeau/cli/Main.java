package org.flambeau.cli;

import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import org.flambeau.FlambeauException;
import org.flambeau.cli.bench.BenchCommand;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/// The `flambeau` command. Errors are one plain sentence with the remedy on stderr: exit code 2 where the command was misused, 1 where it
/// failed, 130 where Ctrl-C ended it.
@Command(name = "flambeau", synopsisSubcommandLabel = "COMMAND", description = "Trains, runs and measures vision models on the JVM.", versionProvider = Main.Version.class, subcommands = {
  FinetuneCommand.class, PredictCommand.class, BenchCommand.class, SummaryCommand.class, DoctorCommand.class, DemoCommand.class})
public final class Main {
  @Option(names = "--debug", scope = CommandLine.ScopeType.INHERIT, description = "show the stack trace of a failure") private boolean debug;

  private Main() {}

  public static void main(String[] arguments) {
    CommandLine line = commandLine();
    int status;
    try {
      status = line.execute(arguments);
    } catch (OutOfMemoryError e) {
      line.getErr().println("flambeau: Java's heap is full (" + e.getMessage() + "); FLAMBEAU_OPTS=-Xmx8g gives it 8 GiB");
      status = CommandLine.ExitCode.SOFTWARE;
    }
    System.exit(status);
  }

  static CommandLine commandLine() {
    Locale.setDefault(Locale.Category.FORMAT, Locale.ROOT);
    Main main = new Main();
    CommandLine line = new CommandLine(main);
    line.setCaseInsensitiveEnumValuesAllowed(true);
    line.setUsageHelpLongOptionsMaxWidth(30);
    line.setUsageHelpWidth(120);
    line.setParameterExceptionHandler(Main::misused);
    line.setExecutionExceptionHandler((failure, command, _) -> main.failed(failure, command));
    return line;
  }

  private static int misused(ParameterException misuse, String[] arguments) {
    CommandLine command = misuse.getCommandLine();
    PrintWriter err = command.getErr();
    err.println(Ansi.AUTO.string("flambeau: " + misuse.getMessage()));
    if (misuse instanceof UnmatchedArgumentException unmatched) {
      List<String> suggestions = unmatched.getSuggestions();
      if (!suggestions.isEmpty()) {
        err.println("Did you mean: " + String.join(" or ", suggestions) + "?");
      }
    }
    err.println("See: " + command.getCommandSpec().qualifiedName() + " --help");
    return CommandLine.ExitCode.USAGE;
  }

  private int failed(Exception failure, CommandLine command) {
    PrintWriter err = command.getErr();
    if (debug) {
      failure.printStackTrace(err);
    }
    if (failure instanceof FlambeauException) {
      err.println("flambeau: " + failure.getMessage());
    } else {
      err.println("flambeau: " + failure + (debug ? "" : "\nThis should not happen; --debug shows where it did."));
    }
    return failure instanceof MisuseException ? CommandLine.ExitCode.USAGE : CommandLine.ExitCode.SOFTWARE;
  }

  /// The version of Flambeau and of the Java that runs it.
  static final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
      return new String[] {"flambeau " + Machine.flambeauVersion(), "Java " + Machine.javaVersion()};
    }
  }
}
