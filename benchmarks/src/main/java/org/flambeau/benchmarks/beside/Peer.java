package org.flambeau.benchmarks.beside;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// PyTorch in a process of its own, which times a workload when told to.
final class Peer implements AutoCloseable {
  private static final Pattern NUMBERS = Pattern.compile("\\[([^\\]]*)\\]");

  private final Process process;
  private final BufferedReader answers;
  private final BufferedWriter requests;
  private final String version;

  /// @param python an interpreter that can `import torch`
  Peer(String python, Path script, int threads) throws IOException {
    process = new ProcessBuilder(python, script.toString(), Integer.toString(threads)).redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
    answers = process.inputReader(StandardCharsets.UTF_8);
    requests = process.outputWriter(StandardCharsets.UTF_8);
    version = answer();
  }

  /// What it says of itself.
  String version() {
    return version;
  }

  /// Prepares a workload; returns the sum, the sum of magnitudes and one element of its result.
  double[] prepare(String workload) throws IOException {
    return ask(String.format(Locale.ROOT, "{\"workload\": \"%s\"}", workload));
  }

  /// Seconds per call, a value for each batch, over about `seconds`.
  double[] time(String workload, int batch, double seconds) throws IOException {
    return ask(String.format(Locale.ROOT, "{\"workload\": \"%s\", \"batch\": %d, \"seconds\": %f}", workload, batch, seconds));
  }

  private double[] ask(String request) throws IOException {
    requests.write(request);
    requests.newLine();
    requests.flush();
    Matcher numbers = NUMBERS.matcher(answer());
    if (!numbers.find()) {
      throw new IOException("the peer's answer holds no numbers");
    }
    return Arrays.stream(numbers.group(1).split(",")).mapToDouble(Double::parseDouble).toArray();
  }

  private String answer() throws IOException {
    String line = answers.readLine();
    if (line == null) {
      throw new IOException("the peer ended: is PyTorch installed for this python? Set FLAMBEAU_PYTHON to one that has it");
    }
    return line;
  }

  @Override
  public void close() throws IOException {
    requests.close();
    process.destroy();
  }
}
