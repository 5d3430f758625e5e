package org.flambeau.cli;

import java.io.PrintWriter;
import java.io.StringWriter;

/// What the command prints and how it ends, run within this JVM.
record Command(int status, String out, String err) {
  static Command flambeau(String... arguments) {
    var out = new StringWriter();
    var err = new StringWriter();
    int status = Main.commandLine().setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true)).execute(arguments);
    return new Command(status, out.toString(), err.toString());
  }
}
