package org.flambeau.cli;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// What the command prints and how it ends.
record Command(int status, String out, String err) {
  /// Runs the command within this JVM.
  static Command flambeau(String... arguments) {
    var out = new StringWriter();
    var err = new StringWriter();
    int status = Main.commandLine().setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true)).execute(arguments);
    return new Command(status, out.toString(), err.toString());
  }

  /// The command in a JVM of its own.
  static List<String> line(String... arguments) {
    List<String> line = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin/java").toString(),
        "--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED", "-Djava.awt.headless=true", "-cp",
        System.getProperty("java.class.path"), Main.class.getName()));
    line.addAll(List.of(arguments));
    return line;
  }
}
