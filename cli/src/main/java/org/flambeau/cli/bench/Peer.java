package org.flambeau.cli.bench;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.flambeau.Device;
import org.flambeau.FlambeauException;
import org.flambeau.io.Trouble;
import tools.jackson.core.JacksonException;

/// PyTorch in a process of its own, which runs the same workloads and times them when told to.
final class Peer implements AutoCloseable {
  private static final List<String> SCRIPTS = List.of("pytorch.py", "operations.py", "expressions.py", "models.py", "memory.py");
  private static final String ANSWER = "@answer ";

  private final String python;
  private final Device device;
  private final int threads;
  private final Path folder;
  private final Process process;
  private final BufferedReader answers;
  private final BufferedWriter requests;
  private final String version;

  /// @param python an interpreter that has torch, and torchvision where models are compared
  /// @throws FlambeauException where it cannot be started
  Peer(String python, Device device, int threads) {
    this.python = python;
    this.device = device;
    this.threads = threads;
    try {
      folder = Files.createTempDirectory("flambeau-peer");
    } catch (IOException e) {
      throw new FlambeauException("--peer: no folder for its scripts: " + Trouble.reason(e), e);
    }
    try {
      for (String script : SCRIPTS) {
        try (InputStream source = Objects.requireNonNull(Peer.class.getResourceAsStream(script), script)) {
          Files.copy(source, folder.resolve(script));
        }
      }
      process = new ProcessBuilder(python, folder.resolve(SCRIPTS.getFirst()).toString(), device.toString(), Integer.toString(threads))
          .redirectError(ProcessBuilder.Redirect.INHERIT).start();
    } catch (IOException e) {
      deleteScripts();
      throw new FlambeauException("--peer " + python + " cannot be started: " + Trouble.reason(e), e);
    }
    answers = process.inputReader(StandardCharsets.UTF_8);
    requests = process.outputWriter(StandardCharsets.UTF_8);
    try {
      version = answer();
    } catch (FlambeauException e) {
      process.destroy();
      deleteScripts();
      throw e;
    }
  }

  /// What it says of itself, as JSON.
  String version() {
    return version;
  }

  /// One more like it, which has not run anything yet.
  Peer another() {
    return new Peer(python, device, threads);
  }

  /// What it found when it prepared a workload.
  ///
  /// @param variant what it runs in the fastest way, as in `channels-last`, or empty where there is only one
  /// @param fingerprint the sum of the result's elements, that of their magnitudes, and one of them
  record Prepared(String variant, double[] fingerprint) {}

  /// Prepares a workload in the way in which it takes least time.
  Prepared prepare(Workload workload) {
    Map<String, Object> answer = ask(Map.of("workload", workload.name()));
    return new Prepared(Objects.toString(answer.get("variant"), ""), numbers(answer, "fingerprint"));
  }

  /// Seconds of a call, a value for each `workload.calls()` of them, over about `seconds`.
  double[] time(Workload workload, double seconds) {
    return numbers(ask(Map.of("workload", workload.name(), "calls", workload.calls(), "seconds", seconds)), "seconds");
  }

  /// What memory the first calls of a workload need; of a peer that has not run anything.
  Memory memory(Workload workload, String variant) {
    Map<String, Object> answer = ask(Map.of("workload", workload.name(), "memory", variant));
    return new Memory(bytes(answer, "held"), bytes(answer, "peak"), bytes(answer, "resident"), 0);
  }

  private long bytes(Map<String, Object> answer, String name) {
    if (!(answer.get(name) instanceof Long bytes)) {
      throw new FlambeauException("--peer " + python + ": expected " + name + ", got " + answer);
    }
    return bytes;
  }

  private double[] numbers(Map<String, Object> answer, String name) {
    if (!(answer.get(name) instanceof List<?> numbers)) {
      throw new FlambeauException("--peer " + python + ": expected " + name + ", got " + answer);
    }
    return numbers.stream().mapToDouble(number -> ((Number) number).doubleValue()).toArray();
  }

  private Map<String, Object> ask(Map<String, Object> request) {
    try {
      requests.write(Json.write(request));
      requests.newLine();
      requests.flush();
    } catch (IOException e) {
      throw ended();
    }
    String answer = answer();
    try {
      return Json.readObject(answer);
    } catch (JacksonException e) {
      throw new FlambeauException("--peer " + python + ": expected JSON, got " + answer, e);
    }
  }

  /// The next answer; what modules print when they are imported is none.
  private String answer() {
    try {
      for (String line = answers.readLine(); line != null; line = answers.readLine()) {
        if (line.startsWith(ANSWER)) {
          return line.substring(ANSWER.length());
        }
      }
    } catch (IOException e) {
      // it is gone, which is said below
    }
    throw ended();
  }

  private FlambeauException ended() {
    return new FlambeauException("--peer " + python + " has ended: it needs torch, and torchvision for models; what it said stands above");
  }

  @Override
  public void close() {
    process.destroy();
    deleteScripts();
  }

  private void deleteScripts() {
    try {
      for (String script : SCRIPTS) {
        Files.deleteIfExists(folder.resolve(script));
      }
      Files.deleteIfExists(folder);
    } catch (IOException e) {
      // The system clears its folder of temporary files.
    }
  }
}
