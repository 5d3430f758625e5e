package org.flambeau.benchmarks.gpu;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.flambeau.cli.Main;
import org.jspecify.annotations.Nullable;

/// What the bundle's command runs: everything that needs a GPU, in processes of their own with a limit of time each, so that nothing that
/// crashes or hangs costs more than its own line of the report, which is written anew after each answer. All ends when the time is up.
public final class GpuRun {
  static final String USAGE = """
      usage: ./run [PART[=MINUTES] ...] [--OPTION=VALUE ...]

      parts, all of them where none is named; each takes what it needs of its share, or of MINUTES:
        doctor          what the machine offers and what was found where
        conformance     every operation of the table against PyTorch's results and gradients
        models          ResNet18 and ViT-B/16, inference and training, beside PyTorch where there is one
        profile         operations at the models' sizes, beside PyTorch

      options:
        --minutes=9          when all has ended, whatever became of it
        --out=FOLDER         where results.json, results.md and logs.zip go; $OUT, else out
        --device=cuda:0      what is measured
        --operations=A,B     operations of the table, all where none is named
        --models=A,B         of resnet18, vit_b_16, vit_b_1 (one layer of it), vit_tiny; the first two
        --batches=A,B        images of a batch; 32,1,8, and 128 in inference
        --precisions=A,B     of bf16, amp, tf32, fp32, fp16; in inference the first four, in training amp,tf32
        --forms=A,B          of compiled, graph, channels_last, untuned, beside eager: all, where they make sense
        --size=224           pixels of an image's side
        --seconds=0.25       to warm up for, and to measure for, each time
        --workers=N          processes that share the device for conformance
        --python=python3     with torch and torchvision, for the comparison

      environment: FLAMBEAU_CUDA_PATH names folders of CUDA's libraries, FLAMBEAU_OPTS holds options for the JVM

      status: 0 where nothing of ours went wrong, as far as the time allowed; 1 where something did, which the report names;
      2 for an argument that is not understood; 3 where the device cannot be used, so that only doctor ran
      """;
  private static final int WRONG = 1, MISUSE = 2, NO_DEVICE = 3;
  private static final Pattern MINUTES = Pattern.compile("[0-9]+([.][0-9]+)?");
  /// What ending processes and packing logs take.
  private static final Duration LAST = Duration.ofSeconds(10);

  private final Setup setup;
  private final Shares shares;
  private final Results results;

  private GpuRun(Setup setup, Shares shares) {
    this.setup = setup;
    this.shares = shares;
    this.results = new Results(setup.out());
  }

  public static void main(String[] arguments) throws IOException {
    Map<String, Double> minutes = new LinkedHashMap<>();
    Map<String, String> options = new LinkedHashMap<>();
    for (String argument : arguments) {
      String[] sides = argument.split("=", 2);
      if (argument.startsWith("--") && sides.length == 2) {
        options.put(sides[0].substring(2), sides[1]);
      } else if (Shares.isPart(sides[0]) && (sides.length == 1 || MINUTES.matcher(sides[1]).matches())) {
        minutes.put(sides[0], sides.length == 2 ? Double.parseDouble(sides[1]) : 0);
      } else if (argument.equals("--help")) {
        System.out.print(USAGE);
        System.exit(0);
      } else {
        misuse("expected a part, as in models=5, or --OPTION=VALUE, got " + argument + "; --help lists them");
      }
    }
    Setup setup;
    try {
      setup = new Setup(options, Files.createTempDirectory("flambeau-gpu"));
      if (!MINUTES.matcher(setup.get("minutes", "9")).matches()) {
        misuse("expected --minutes=9 or the like, got " + setup.get("minutes", "9"));
      }
    } catch (IllegalArgumentException e) {
      misuse(String.valueOf(e.getMessage()));
      return;
    }
    Instant began = Instant.ofEpochMilli(ManagementFactory.getRuntimeMXBean().getStartTime());
    String earlier = System.getProperty("flambeau.began");
    if (earlier != null) {
      began = Instant.ofEpochSecond(Long.parseLong(earlier));
    }
    Instant end = began.plus(Shares.duration(Double.parseDouble(setup.get("minutes", "9")))).minus(LAST);
    GpuRun run = new GpuRun(setup, new Shares(minutes, end));
    Runtime.getRuntime().addShutdownHook(new Thread(run::leave));
    System.exit(run.run()); // whatever hangs on
  }

  private static void misuse(String what) {
    System.err.println("run: " + what);
    System.exit(MISUSE);
  }

  /// Also for one who is told to end before his time.
  private void leave() {
    ProcessHandle.current().descendants().forEach(ProcessHandle::destroyForcibly);
    try {
      Logs.move(setup.logs(), logs());
    } catch (IOException e) {
      System.err.println("run: logs stay in " + setup.logs() + ": " + e);
    }
  }

  private Path logs() {
    return setup.out().resolve("logs.zip");
  }

  /// The status to end with.
  private int run() throws IOException {
    results.put("date", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
    results.put("commit", Optional.ofNullable(System.getProperty("flambeau.commit")).orElse("unknown"));
    results.put("device", setup.device());
    results.put("gpu", output(List.of("nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader")));
    Peer peer = new Peer(setup.peer(), shares.end());
    if (shares.has("models") || shares.has("profile")) {
      var _ = peer.start(); // while conformance runs
    }
    if (shares.has("doctor")) {
      results.put("doctor", doctor());
    }
    String refusal = shares.measuring().isEmpty() ? null : refusal();
    if (refusal != null) {
      System.err.println("run: " + refusal);
      results.put("unusable", refusal);
      return NO_DEVICE;
    }
    for (String part : shares.measuring()) {
      System.out.println("== " + part);
      measure(part, shares.end(part, Instant.now()), peer);
      Logs.pack(setup.logs(), logs());
    }
    System.out.println("wrote " + setup.out().resolve("results.md") + ", results.json and logs.zip; " + results.failures() + " failures");
    return results.failures() == 0 ? 0 : WRONG;
  }

  private void measure(String part, Instant end, Peer peer) {
    try {
      switch (part) {
        case "conformance" -> Conformance.run(setup, end, found -> results.put(part, found));
        case "models" -> ModelTimes.measure(setup, peer, end, found -> results.put(part, found));
        default -> Beside.operations(setup, peer, end, found -> results.put(part, found));
      }
    } catch (IOException | RuntimeException e) {
      e.printStackTrace();
      results.fail(part, e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /// Why the device cannot be used, null where it can.
  private @Nullable String refusal() {
    try (Worker worker = setup.models("device")) {
      Object error = worker.ask("device", Setup.START, shares.end()).get("error");
      return error == null ? null : error.toString().replaceFirst("^[\\w.]+Exception: (\\[device] )?", "");
    }
  }

  private Map<String, Object> doctor() {
    System.out.println("== doctor");
    String text = output(setup.java(List.of(), Main.class, "doctor"));
    System.out.println(text);
    return Map.of("text", text);
  }

  /// What a command prints, or why it cannot be run.
  private String output(List<String> command) {
    try {
      Path file = Files.createTempFile(setup.logs(), "output", ".log");
      Process process = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(file.toFile()).start();
      Duration left = Duration.between(Instant.now(), shares.end());
      if (!process.waitFor(Math.min(left.toMillis(), Setup.START.toMillis()), TimeUnit.MILLISECONDS)) {
        process.destroyForcibly();
      }
      String output = new String(Files.readAllBytes(file), StandardCharsets.UTF_8).strip();
      Files.delete(file);
      return output;
    } catch (IOException e) {
      return "unknown (" + e.getMessage() + ")";
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
