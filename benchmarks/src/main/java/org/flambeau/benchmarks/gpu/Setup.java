package org.flambeau.benchmarks.gpu;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Stream;

/// What a run was asked for, and the processes that it has.
///
/// @param logs the folder of what processes say
record Setup(Map<String, String> options, Path logs) {
  /// How long a fresh process may take to begin: libraries of more than a gigabyte come from a cold disk.
  static final Duration START = Duration.ofMinutes(3);

  private static final TreeSet<String> KNOWN = new TreeSet<>(
      List.of("out", "minutes", "device", "operations", "models", "batches", "precisions",
          "forms", "size", "seconds", "workers", "python"));

  /// @throws IllegalArgumentException where an option is not known
  Setup {
    for (String option : options.keySet()) {
      if (!KNOWN.contains(option)) {
        throw new IllegalArgumentException("expected one of the options --" + String.join(", --", KNOWN) + ", got --" + option);
      }
    }
  }

  String get(String option, String otherwise) {
    return options.getOrDefault(option, otherwise);
  }

  List<String> list(String option, String otherwise) {
    return Arrays.stream(get(option, otherwise).split(",")).filter(word -> !word.isEmpty()).toList();
  }

  String device() {
    return get("device", "cuda:0");
  }

  Path out() {
    Path folder = Path.of(get("out", System.getenv().getOrDefault("OUT", "out"))).toAbsolutePath();
    try {
      return Files.createDirectories(folder);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// A JVM like this one, with further options.
  List<String> java(List<String> further, Class<?> main, String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
    command.addAll(further);
    command.addAll(List.of("-XX:ErrorFile=" + logs.resolve("crash-%p.log"), "-cp", System.getProperty("java.class.path"), main.getName()));
    command.addAll(List.of(arguments));
    return command;
  }

  /// A process that answers with the device, without which its faults stay unexplained.
  Worker worker(String name, List<String> further, Class<?> main, String... arguments) {
    String[] all = Stream.concat(Stream.of(device()), Stream.of(arguments)).toArray(String[]::new);
    List<String> blocking = Stream.concat(further.stream(), Stream.of("-Dflambeau.cuda.launchBlocking=true")).toList();
    return new Worker(new WorkerProcess(java(further, main, all), logs.resolve(name + ".log")),
        new WorkerProcess(java(blocking, main, all), logs.resolve(name + "-launch-by-launch.log")));
  }

  /// One that times [ModelWorker]'s workloads.
  Worker models(String name, String... further) {
    return worker(name, List.of(further), ModelWorker.class, seconds());
  }

  WorkerProcess peer() {
    String script = System.getProperty("flambeau.peer", "peer/gpu.py");
    return new WorkerProcess(List.of(get("python", "python3"), script, device(), seconds()), logs.resolve("pytorch.log"));
  }

  private String seconds() {
    return get("seconds", "0.25");
  }
}
