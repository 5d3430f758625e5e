package org.flambeau.cli;

import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/// What all commands have in common.
@Command(mixinStandardHelpOptions = true, versionProvider = Main.Version.class, sortOptions = false, showDefaultValues = true, usageHelpAutoWidth = true)
public abstract class FlambeauCommand implements Callable<Integer> {
  @Spec
  @SuppressWarnings("NullAway.Init") // picocli sets it
  private CommandSpec spec;

  /// Where results go.
  public final PrintWriter out() {
    return spec.commandLine().getOut();
  }

  /// Where everything goes that is not the result.
  public final PrintWriter err() {
    return spec.commandLine().getErr();
  }

  /// @return the exit code
  protected abstract int run() throws Exception;

  @Override
  public final Integer call() throws Exception {
    int status = run();
    out().flush();
    return status;
  }
}
