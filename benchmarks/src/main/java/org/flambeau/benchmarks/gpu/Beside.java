package org.flambeau.benchmarks.gpu;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;

/// Flambeau and PyTorch in turns on the same device, each in a process of its own.
final class Beside implements AutoCloseable {
  static final String OURS = "flambeau", EAGER = "pytorch_eager", COMPILED = "pytorch_compile";
  private static final Duration LONGEST = Duration.ofMinutes(2);

  private final WorkerProcess ours;
  private final WorkerProcess peer;
  private final Instant end;
  private final Consumer<Map<String, Object>> found;
  private final Map<String, Object> versions;
  private final Map<String, Object> all = new LinkedHashMap<>();

  /// @param found takes what was found so far, after each answer
  private Beside(GpuRun.Setup setup, Instant end, String part, Consumer<Map<String, Object>> found) {
    this.ours = setup.worker(part + "-flambeau.log", ModelWorker.class, setup.seconds());
    this.peer = setup.peer(part + "-pytorch.log");
    this.end = end;
    this.found = found;
    this.versions = peer.ask("versions", Duration.ofSeconds(60));
    System.out.println("PyTorch: " + Report.cell(versions));
    all.put("pytorch", versions);
  }

  private boolean hasPeer() {
    return !versions.containsKey("error");
  }

  private Map<String, Object> ask(WorkerProcess process, String question) {
    Map<String, Object> answer = process.ask(question, LONGEST, end);
    if (!Results.isNotRun(answer)) {
      System.out.println(question + ": " + brief(answer));
    }
    return answer;
  }

  private Map<String, Object> askPeer(String question) {
    return hasPeer() ? ask(peer, question) : Map.of("error", Results.SKIPPED + ": there is no PyTorch to ask");
  }

  private static String brief(Map<String, Object> answer) {
    return answer.get("milliseconds") instanceof Double time ? String.format(Locale.ROOT, "%.3f ms", time) : Report.cell(answer);
  }

  /// Puts one more answer among the others, and tells what was found.
  private void put(Map<String, Object> among, String name, Map<String, Object> answer) {
    among.put(name, answer);
    found.accept(all);
  }

  /// A row for each name, in which nobody has been asked yet.
  private List<Map<String, Object>> rows(List<String> names) {
    List<Map<String, Object>> rows = names.stream().<Map<String, Object>>map(name -> new LinkedHashMap<>(Map.of("name", name))).toList();
    all.put("rows", rows);
    return rows;
  }

  private void inTurns(List<Map<String, Object>> rows, String oursToDo, String peersToDo) {
    for (Map<String, Object> row : rows) {
      put(row, OURS, ask(ours, oursToDo + row.get("name")));
      put(row, EAGER, askPeer(peersToDo + row.get("name")));
    }
  }

  @Override
  public void close() {
    ours.close();
    peer.close();
  }

  /// Results first, then times; compiled ones last, since each is compiled for long.
  static void models(GpuRun.Setup setup, Instant end, Consumer<Map<String, Object>> found) throws IOException {
    try (Beside beside = new Beside(setup, end, "models", found)) {
      beside.models(setup);
    }
  }

  private void models(GpuRun.Setup setup) throws IOException {
    List<String> models = setup.list("models", "resnet18,vit_b_16");
    List<String> precisions = setup.list("precisions", "fp32,tf32,bf16");
    String size = setup.get("size", "224");
    List<Map<String, Object>> rows = rows(names(setup, models, precisions, size));
    Map<String, Object> comparisons = new LinkedHashMap<>();
    all.put("comparisons", comparisons);
    for (String model : models) {
      for (String precision : precisions) {
        put(comparisons, model + " " + precision, compare(model + " 4 " + precision + " " + size));
      }
    }
    inTurns(rows, "time ", "time eager ");
    for (Map<String, Object> row : rows) {
      put(row, COMPILED, askPeer("time compile " + row.get("name")));
    }
  }

  private static List<String> names(GpuRun.Setup setup, List<String> models, List<String> precisions, String size) {
    List<String> names = new ArrayList<>();
    for (String precision : precisions.reversed()) {
      for (String batch : setup.list("batches", "1,8,32").reversed()) {
        for (String model : models) {
          for (String mode : List.of("inference", "training")) {
            names.add(String.join(" ", model, mode, batch, precision, size));
          }
        }
      }
    }
    return names;
  }

  private Map<String, Object> compare(String what) throws IOException {
    Path file = Files.createTempFile("flambeau", ".pth");
    try {
      Map<String, Object> saved = ask(ours, "save " + what + " " + file);
      return saved.containsKey("error") ? saved : askPeer("compare " + what + " " + file);
    } finally {
      Files.deleteIfExists(file);
    }
  }

  static void operations(GpuRun.Setup setup, Instant end, Consumer<Map<String, Object>> found) {
    try (Beside beside = new Beside(setup, end, "profile", found)) {
      beside.inTurns(beside.rows(Operations.names()), "operation ", "operation ");
    }
  }
}
