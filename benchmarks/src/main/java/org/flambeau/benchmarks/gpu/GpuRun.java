package org.flambeau.benchmarks.gpu;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// What the bundle's command runs: everything that needs a GPU, in processes of their own with a limit of time each, so that nothing that
/// crashes or hangs costs more than its own line of the report, which is written anew after each answer.
public final class GpuRun {
  static final String USAGE = """
      usage: ./run [PART[=MINUTES] ...] [--OPTION=VALUE ...]

      parts, all of them, in less than ten minutes, where none is named:
        doctor          what the machine offers and what was found where
        conformance=4   every operation of the table against PyTorch's results and gradients
        models=4        ResNet18 and ViT-B/16, inference and training, beside PyTorch where python3 has it
        profile=1       operations at the models' sizes, beside PyTorch

      options:
        --out=FOLDER         where results.json, results.md and logs go; $OUT, else out
        --device=cuda:0      what is measured
        --operations=A,B     operations of the table, all where none is named
        --models=A,B         of resnet18, vit_b_16, vit_tiny; the first two
        --batches=1,8,32     images of a batch
        --precisions=A,B     of fp32, tf32, bf16, fp16; the first three
        --size=224           pixels of an image's side
        --seconds=0.7        to warm up for, and to measure for, each time
        --workers=N          processes that share the device for conformance
        --python=python3     with torch and torchvision, for the comparison

      environment: FLAMBEAU_CUDA_PATH names folders of CUDA's libraries, FLAMBEAU_OPTS holds options for the JVM

      status: 0 where nothing of ours went wrong, as far as the time allowed; 1 where something did, which the report names;
      2 for an argument that is not understood; 3 where the device cannot be used, so that only doctor ran
      """;
  private static final int WRONG = 1, MISUSE = 2, NO_DEVICE = 3;
  private static final Map<String, Double> PARTS = Map.of("doctor", 0.5, "conformance", 4.0, "models", 4.0, "profile", 1.0);
  private static final Pattern MINUTES = Pattern.compile("[0-9]+([.][0-9]+)?");
  /// The parts that need the device, in their order.
  private static final List<String> MEASURING = List.of("conformance", "models", "profile");

  private GpuRun() {}

  public static void main(String[] arguments) throws IOException, InterruptedException {
    Runtime.getRuntime().addShutdownHook(new Thread(() -> ProcessHandle.current().descendants().forEach(ProcessHandle::destroyForcibly)));
    Map<String, Double> minutes = new LinkedHashMap<>();
    Map<String, String> options = new LinkedHashMap<>();
    for (String argument : arguments) {
      String[] sides = argument.split("=", 2);
      if (argument.startsWith("--") && sides.length == 2) {
        options.put(sides[0].substring(2), sides[1]);
      } else if (PARTS.containsKey(sides[0]) && (sides.length == 1 || MINUTES.matcher(sides[1]).matches())) {
        minutes.put(sides[0], sides.length == 2 ? Double.parseDouble(sides[1]) : PARTS.get(sides[0]));
      } else if (argument.equals("--help")) {
        System.out.print(USAGE);
        System.exit(0);
      } else {
        misuse("expected a part, as in models=5, or --OPTION=VALUE, got " + argument + "; --help lists them");
      }
    }
    if (minutes.isEmpty()) {
      minutes.putAll(PARTS);
    }
    System.exit(run(minutes, new Setup(options))); // whatever hangs on
  }

  private static void misuse(String what) {
    System.err.println("run: " + what);
    System.exit(MISUSE);
  }

  /// The status to end with.
  private static int run(Map<String, Double> minutes, Setup setup) throws IOException, InterruptedException {
    Results results = new Results(setup.out());
    results.put("date", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
    results.put("commit", Optional.ofNullable(System.getProperty("flambeau.commit")).orElse("unknown"));
    results.put("device", setup.device());
    results.put("gpu", output(List.of("nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader")));
    if (minutes.containsKey("doctor")) {
      results.put("doctor", doctor(setup));
    }
    String refusal = minutes.keySet().equals(Set.of("doctor")) ? null : refusal(setup);
    if (refusal != null) {
      System.err.println("run: " + refusal);
      results.put("unusable", refusal);
      return NO_DEVICE;
    }
    for (String part : MEASURING) {
      if (!minutes.containsKey(part)) {
        continue;
      }
      System.out.println("== " + part);
      Instant end = Instant.now().plus(Duration.ofMillis((long) (60_000 * minutes.get(part))));
      try {
        switch (part) {
          case "conformance" -> Conformance.run(setup, end, found -> results.put(part, found));
          case "models" -> Beside.models(setup, end, found -> results.put(part, found));
          default -> Beside.operations(setup, end, found -> results.put(part, found));
        }
      } catch (IOException | RuntimeException e) {
        e.printStackTrace();
        results.fail(part, e);
      }
    }
    System.out.println("wrote " + setup.out().resolve("results.md") + " and results.json; " + results.failures() + " failures");
    return results.failures() == 0 ? 0 : WRONG;
  }

  /// Why the device cannot be used, null where it can.
  private static @Nullable String refusal(Setup setup) throws IOException {
    String log = "device.log";
    try (WorkerProcess worker = setup.worker(log, ModelWorker.class, setup.seconds())) {
      Object error = worker.ask("device", Duration.ofSeconds(60)).get("error");
      if (error == null) {
        Files.delete(setup.out().resolve(log));
        return null;
      }
      return error.toString().replaceFirst("^[\\w.]+Exception: (\\[device] )?", "");
    }
  }

  private static Map<String, Object> doctor(Setup setup) {
    System.out.println("== doctor");
    String text = output(setup.java("org.flambeau.cli.Main", "doctor"));
    System.out.println(text);
    return Map.of("text", text);
  }

  /// What a command prints, or why it cannot be run.
  private static String output(List<String> command) {
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      Thread.ofVirtual().start(() -> {
        try {
          Thread.sleep(Duration.ofSeconds(60));
        } catch (InterruptedException _) {
          // then it is ended now
        }
        process.destroyForcibly();
      });
      return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    } catch (IOException e) {
      return "unknown (" + e.getMessage() + ")";
    }
  }

  /// What was asked for.
  record Setup(Map<String, String> options) {
    private static final TreeSet<String> KNOWN = new TreeSet<>(
        List.of("out", "device", "operations", "models", "batches", "precisions", "size", "seconds", "workers", "python"));

    Setup {
      for (String option : options.keySet()) {
        if (!KNOWN.contains(option)) {
          misuse("expected one of the options --" + String.join(", --", KNOWN) + ", got --" + option);
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

    String seconds() {
      return get("seconds", "0.7");
    }

    Path out() {
      Path folder = Path.of(get("out", System.getenv().getOrDefault("OUT", "out"))).toAbsolutePath();
      try {
        return Files.createDirectories(folder);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    /// A JVM like this one.
    List<String> java(String main, String... arguments) {
      List<String> command = new ArrayList<>();
      command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
      ManagementFactory.getRuntimeMXBean().getInputArguments().forEach(command::add);
      command.addAll(List.of("-XX:ErrorFile=" + out().resolve("crash.log"), "-cp", System.getProperty("java.class.path"), main));
      command.addAll(List.of(arguments));
      return command;
    }

    WorkerProcess worker(String log, Class<?> main, String... arguments) {
      String[] all = Stream.concat(Stream.of(device()), Stream.of(arguments)).toArray(String[]::new);
      return new WorkerProcess(java(main.getName(), all), out().resolve(log));
    }

    WorkerProcess peer(String log) {
      String script = System.getProperty("flambeau.peer", "peer/gpu.py");
      return new WorkerProcess(List.of(get("python", "python3"), script, device(), seconds()), out().resolve(log));
    }
  }
}
