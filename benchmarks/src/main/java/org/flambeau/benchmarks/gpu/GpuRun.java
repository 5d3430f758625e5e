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
import java.util.TreeSet;
import java.util.stream.Stream;

/// What the bundle's command runs: everything that needs a GPU, in processes of their own with a limit of time each, so that nothing that
/// crashes or hangs costs more than its own line of the report, which is written anew after each part.
public final class GpuRun {
  static final String USAGE = """
      usage: ./run [PART[=MINUTES] ...] [--OPTION=VALUE ...]

      parts, all of them where none is named:
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
      """;
  private static final Map<String, Double> PARTS = Map.of("doctor", 0.5, "conformance", 4.0, "models", 4.0, "profile", 1.0);
  private static final List<String> ORDER = List.of("doctor", "conformance", "models", "profile");

  private GpuRun() {}

  public static void main(String[] arguments) throws IOException, InterruptedException {
    Map<String, Double> minutes = new LinkedHashMap<>();
    Map<String, String> options = new LinkedHashMap<>();
    for (String argument : arguments) {
      String[] sides = argument.split("=", 2);
      if (argument.startsWith("--") && sides.length == 2) {
        options.put(sides[0].substring(2), sides[1]);
      } else if (PARTS.containsKey(sides[0])) {
        minutes.put(sides[0], sides.length == 2 ? Double.parseDouble(sides[1]) : PARTS.get(sides[0]));
      } else {
        System.out.print(USAGE);
        System.exit(argument.equals("--help") ? 0 : 2);
      }
    }
    if (minutes.isEmpty()) {
      minutes.putAll(PARTS);
    }
    run(minutes, new Setup(options));
    System.exit(0); // whatever hangs on
  }

  private static void run(Map<String, Double> minutes, Setup setup) throws IOException, InterruptedException {
    Map<String, Object> results = new LinkedHashMap<>();
    results.put("date", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
    results.put("commit", Optional.ofNullable(System.getProperty("flambeau.commit")).orElse("unknown"));
    results.put("device", setup.device());
    results.put("gpu", output(List.of("nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader")));
    for (String part : ORDER) {
      if (!minutes.containsKey(part)) {
        continue;
      }
      System.out.println("== " + part);
      Instant end = Instant.now().plus(Duration.ofMillis((long) (60_000 * minutes.get(part))));
      try {
        results.put(part, switch (part) {
          case "doctor" -> doctor(setup);
          case "conformance" -> Conformance.run(setup, end);
          case "models" -> Beside.models(setup, end);
          default -> Beside.operations(setup, end);
        });
      } catch (RuntimeException e) {
        e.printStackTrace();
        results.put(part, Map.of("error", e.toString()));
      }
      Files.writeString(setup.out().resolve("results.json"), Json.write(results) + "\n");
      Files.writeString(setup.out().resolve("results.md"), Report.of(results));
    }
    System.out.println("wrote " + setup.out().resolve("results.md") + " and results.json");
  }

  private static Map<String, Object> doctor(Setup setup) {
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
          System.err.println("run: expected one of the options --" + String.join(", --", KNOWN) + ", got --" + option);
          System.exit(2);
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

  /// What of a part's time is left, at least a second.
  static Duration left(Instant end) {
    Duration left = Duration.between(Instant.now(), end);
    return left.toSeconds() < 1 ? Duration.ofSeconds(1) : left;
  }
}
