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

/// Flambeau and PyTorch in turns on the same device, each in a process of its own.
final class Beside {
  static final String OURS = "flambeau", EAGER = "pytorch_eager", COMPILED = "pytorch_compile";
  private static final Duration LONGEST = Duration.ofMinutes(2);

  private final WorkerProcess ours;
  private final WorkerProcess peer;
  private final Instant end;
  private final Map<String, Object> versions;

  private Beside(GpuRun.Setup setup, Instant end, String part) {
    this.ours = setup.worker(part + "-flambeau.log", ModelWorker.class, setup.seconds());
    this.peer = setup.peer(part + "-pytorch.log");
    this.end = end;
    this.versions = peer.ask("versions", Duration.ofSeconds(60));
  }

  private boolean hasPeer() {
    return !versions.containsKey("error");
  }

  private Map<String, Object> ask(WorkerProcess process, String question) {
    if (!Instant.now().isBefore(end)) {
      return Map.of("error", "not run: the time was up");
    }
    Duration left = GpuRun.left(end);
    Map<String, Object> answer = process.ask(question, left.compareTo(LONGEST) < 0 ? left : LONGEST);
    System.out.println(question + ": " + brief(answer));
    return answer;
  }

  private Map<String, Object> askPeer(String question) {
    return hasPeer() ? ask(peer, question) : Map.of("error", "skipped: python has no torch and torchvision");
  }

  private static String brief(Map<String, Object> answer) {
    return answer.get("milliseconds") instanceof Double time ? String.format(Locale.ROOT, "%.3f ms", time) : answer.toString();
  }

  private Map<String, Object> with(List<Map<String, Object>> rows, Map<String, Object> more) {
    ours.close();
    peer.close();
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("pytorch", versions);
    all.put("rows", rows);
    all.putAll(more);
    return all;
  }

  /// Results first, then times; compiled ones last, since each is compiled for long.
  static Map<String, Object> models(GpuRun.Setup setup, Instant end) throws IOException {
    Beside beside = new Beside(setup, end, "models");
    List<String> models = setup.list("models", "resnet18,vit_b_16");
    List<String> precisions = setup.list("precisions", "fp32,tf32,bf16");
    String size = setup.get("size", "224");
    Map<String, Object> comparisons = new LinkedHashMap<>();
    for (String model : models) {
      for (String precision : precisions) {
        comparisons.put(model + " " + precision, beside.compare(model + " 4 " + precision + " " + size));
      }
    }
    List<Map<String, Object>> rows = new ArrayList<>();
    for (String precision : precisions.reversed()) {
      for (String batch : setup.list("batches", "1,8,32").reversed()) {
        for (String model : models) {
          for (String mode : List.of("inference", "training")) {
            String name = String.join(" ", model, mode, batch, precision, size);
            Map<String, Object> row = new LinkedHashMap<>(Map.of("name", name));
            row.put(OURS, beside.ask(beside.ours, "time " + name));
            row.put(EAGER, beside.askPeer("time eager " + name));
            rows.add(row);
          }
        }
      }
    }
    for (Map<String, Object> row : rows) {
      row.put(COMPILED, beside.askPeer("time compile " + row.get("name")));
    }
    return beside.with(rows, Map.of("comparisons", comparisons));
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

  static Map<String, Object> operations(GpuRun.Setup setup, Instant end) {
    Beside beside = new Beside(setup, end, "profile");
    List<Map<String, Object>> rows = new ArrayList<>();
    for (String name : Operations.names()) {
      Map<String, Object> row = new LinkedHashMap<>(Map.of("name", name));
      row.put(OURS, beside.ask(beside.ours, "operation " + name));
      row.put(EAGER, beside.askPeer("operation " + name));
      rows.add(row);
    }
    return beside.with(rows, Map.of());
  }
}
