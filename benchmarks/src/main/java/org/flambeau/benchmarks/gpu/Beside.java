package org.flambeau.benchmarks.gpu;

import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;

/// Flambeau and PyTorch in turns on the same device, each in a process of its own, and the table of what both said.
final class Beside implements AutoCloseable {
  static final String OURS = "flambeau", EAGER = "pytorch", COMPILED = "pytorch compile";
  /// Times that each is asked, one after the other, so that what changes meanwhile meets both.
  private static final int TURNS = 2;
  private static final Duration LONGEST = Duration.ofMinutes(2);

  private final Worker ours;
  private final Peer peer;
  private final Instant end;
  private final Consumer<Map<String, Object>> found;
  private final Map<String, Object> all = new LinkedHashMap<>();

  /// @param found takes what was found so far, after each answer
  Beside(Worker ours, Peer peer, Instant end, Consumer<Map<String, Object>> found) {
    this.ours = ours;
    this.peer = peer;
    this.end = end;
    this.found = found;
    all.put("pytorch", peer.versions());
    System.out.println("PyTorch: " + Report.cell(peer.versions()));
  }

  Map<String, Object> ask(Worker worker, String question) {
    return shown(question, worker.ask(question, LONGEST, end));
  }

  Map<String, Object> ask(String question) {
    return ask(ours, question);
  }

  Map<String, Object> askPeer(String question) {
    return shown("PyTorch, " + question, peer.ask(question, LONGEST, end));
  }

  private static Map<String, Object> shown(String question, Map<String, Object> answer) {
    if (!Results.isNotRun(answer)) {
      System.out.println(question + ": " + brief(answer));
    }
    return answer;
  }

  private static String brief(Map<String, Object> answer) {
    return answer.get("milliseconds") instanceof Double time ? String.format(Locale.ROOT, "%.3f ms", time) : Report.cell(answer);
  }

  /// Puts one more thing among the results.
  void put(String name, Object values) {
    all.put(name, values);
  }

  /// Puts one more answer among the others, and tells what was found.
  void put(Map<String, Object> among, String name, Map<String, Object> answer) {
    among.merge(name, answer, (before, next) -> both((Map<?, ?>) before, answer));
    found.accept(all);
  }

  /// Of two times the better one counts, which less came in the way of; what went wrong once is told beside it.
  static Map<Object, Object> both(Map<?, ?> first, Map<?, ?> second) {
    boolean faster = second.get("milliseconds") instanceof Double now
        && !(first.get("milliseconds") instanceof Double before && before <= now);
    Map<Object, Object> both = new LinkedHashMap<>(faster ? second : first);
    Map<?, ?> other = faster ? first : second;
    if (Results.isFailure(other)) {
      other.forEach(both::putIfAbsent);
    }
    return both;
  }

  /// A row for each name, in which nobody has been asked yet.
  List<Map<String, Object>> rows(List<String> names) {
    List<Map<String, Object>> rows = names.stream().<Map<String, Object>>map(name -> new LinkedHashMap<>(Map.of("name", name))).toList();
    all.put("rows", rows);
    return rows;
  }

  /// Asks both sides in turns for what a row is about.
  ///
  /// @param oursToDo questions by the names of their answers
  void inTurns(Map<String, Object> row, Map<String, String> oursToDo, Map<String, String> peersToDo) {
    for (int turn = 0; turn < TURNS; turn++) {
      oursToDo.forEach((name, question) -> put(row, name, ask(question)));
      peersToDo.forEach((name, question) -> put(row, name, askPeer(question)));
    }
  }

  @Override
  public void close() {
    ours.close();
  }

  static void operations(Setup setup, Peer peer, Instant end, Consumer<Map<String, Object>> found) {
    try (Beside beside = new Beside(setup.models("profile"), peer, end, found)) {
      for (Map<String, Object> row : beside.rows(Operations.names())) {
        String question = "operation " + row.get("name");
        beside.inTurns(row, Map.of(OURS, question), Map.of(EAGER, question));
      }
    }
  }
}
