package org.flambeau.build;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/// The folders of this checkout, and programs started in it as a user starts them.
final class Checkout {
  static final Path HOME = Path.of(System.getProperty("flambeau.home"));
  static final Path ROOT = HOME.toAbsolutePath().getParent();
  static final Path LIB = HOME.resolve("target/lib");
  static final Path EXAMPLES = HOME.resolveSibling("examples");
  static final Path LAUNCHER = HOME.resolve("bin/flambeau");
  static final Path JAVA = Path.of(System.getProperty("java.home"), "bin/java");

  private static final int TIMEOUT_MINUTES = 3;

  private Checkout() {}

  /// What a program printed and how it ended.
  record Run(int status, String out, String err) {}

  static Run run(List<?> command) throws IOException, InterruptedException {
    return run(command, HOME);
  }

  /// Runs a program in `folder`.
  static Run run(List<?> command, Path folder) throws IOException, InterruptedException {
    Path out = Files.createTempFile("flambeau", ".out"), err = Files.createTempFile("flambeau", ".err");
    try {
      var builder = new ProcessBuilder(command.stream().map(Object::toString).toList()).directory(folder.toFile());
      builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
      var process = builder.redirectOutput(out.toFile()).redirectError(err.toFile()).start();
      process.getOutputStream().close();
      if (!process.waitFor(TIMEOUT_MINUTES, TimeUnit.MINUTES)) {
        process.destroyForcibly().waitFor();
        throw new AssertionError(command + " did not end within " + TIMEOUT_MINUTES + " minutes; it printed:\n" + Files.readString(out)
            + Files.readString(err));
      }
      return new Run(process.exitValue(), Files.readString(out), Files.readString(err));
    } finally {
      Files.delete(out);
      Files.delete(err);
    }
  }
}
