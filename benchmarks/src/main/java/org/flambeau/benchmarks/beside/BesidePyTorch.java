package org.flambeau.benchmarks.beside;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.flambeau.MemoryScope;
import org.flambeau.Tensor;

/// Times operations beside PyTorch, in one run on the same inputs: results are compared first, then both take turns, and the
/// ratio is the median over the pairs of turns, so that a machine that changes its pace changes it for both.
///
/// Arguments: the peer's script, the number of pairs, the file for the JSON, and words to select workloads by.
public final class BesidePyTorch {
  private static final double TURN_SECONDS = 0.25;

  private static volatile Object sink = "";

  private record Row(Workload workload, double ours, double theirs, double ratio) {}

  private BesidePyTorch() {}

  public static void main(String[] arguments) throws IOException {
    Path script = Path.of(arguments[0]);
    int pairs = Integer.parseInt(arguments[1]);
    Path json = Path.of(arguments[2]);
    List<String> words = Arrays.asList(arguments).subList(3, arguments.length);
    int threads = Integer.getInteger("flambeau.threads", Runtime.getRuntime().availableProcessors());
    String python = System.getenv().getOrDefault("FLAMBEAU_PYTHON", "python3");
    List<Row> rows = new ArrayList<>();
    try (Peer peer = new Peer(python, script, threads)) {
      for (Workload workload : selected(words)) {
        Row row = compare(workload, peer, pairs);
        rows.add(row);
        System.out.println(line(row));
      }
      System.out.println();
      System.out.println(table(rows, peer.version()));
      Files.writeString(json, json(rows, peer.version()));
    }
  }

  /// All operations, or the operations and models that a word is in the name of.
  private static List<Workload> selected(List<String> words) {
    return words.isEmpty()
        ? Workload.ALL
        : Stream.concat(Workload.ALL.stream(), ModelWorkloads.ALL.stream())
            .filter(workload -> words.stream().anyMatch(workload.name()::contains)).toList();
  }

  private static Row compare(Workload workload, Peer peer, int pairs) throws IOException {
    double[] expected = peer.prepare(workload.name());
    Supplier<Tensor> run = workload.make().get();
    requireEqual(workload, run.get(), expected);
    ours(workload, run, workload.warmUpSeconds());
    peer.time(workload.name(), workload.batch(), TURN_SECONDS);
    double[] ours = new double[pairs];
    double[] theirs = new double[pairs];
    double[] ratios = new double[pairs];
    for (int i = 0; i < pairs; i++) {
      ours[i] = median(ours(workload, run, TURN_SECONDS));
      theirs[i] = median(peer.time(workload.name(), workload.batch(), TURN_SECONDS));
      ratios[i] = ours[i] / theirs[i];
    }
    return new Row(workload, median(ours), median(theirs), median(ratios));
  }

  private static void requireEqual(Workload workload, Tensor result, double[] expected) {
    double[] values = result.detach().toDoubleArray();
    double[] actual = {Arrays.stream(values).sum(), Arrays.stream(values).map(Math::abs).sum(), values[values.length / 3]};
    double scale = Math.abs(expected[1]);
    for (int i = 0; i < actual.length; i++) {
      double tolerance = i == 2 ? 1e-4 * Math.max(1, Math.abs(expected[2])) : 1e-5 * Math.max(1, scale);
      if (!(Math.abs(actual[i] - expected[i]) <= tolerance)) {
        throw new IllegalStateException(
            workload.name() + ": results differ: " + Arrays.toString(actual) + " here, " + Arrays.toString(expected)
                + " in PyTorch");
      }
    }
  }

  private static double[] ours(Workload workload, Supplier<Tensor> run, double seconds) {
    List<Double> times = new ArrayList<>();
    long start = System.nanoTime();
    while (System.nanoTime() - start < seconds * 1e9) {
      long before = System.nanoTime();
      if (workload.batch() >= 1000) { // small tensors rest in the Java heap: no scope is needed, as none is in a user's loop
        for (int i = 0; i < workload.batch(); i++) {
          sink = run.get();
        }
      } else {
        for (int i = 0; i < workload.batch(); i++) {
          try (var _ = MemoryScope.open()) {
            sink = run.get();
          }
        }
      }
      times.add((System.nanoTime() - before) / 1e9 / workload.batch());
    }
    return times.stream().mapToDouble(Double::doubleValue).toArray();
  }

  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    int middle = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }

  private static String line(Row row) {
    return String.format(Locale.ROOT, "%-44s %12s %12s %6.2f", row.workload.name(), time(row.ours), time(row.theirs), row.ratio);
  }

  private static String time(double seconds) {
    return seconds < 1e-5 ? String.format(Locale.ROOT, "%.3f us", seconds * 1e6) : String.format(Locale.ROOT, "%.3f ms", seconds * 1e3);
  }

  private static String table(List<Row> rows, String peer) {
    StringBuilder text = new StringBuilder("| workload | Flambeau | PyTorch | ratio | GFLOP/s or GB/s here |\n|---|---|---|---|---|\n");
    for (Row row : rows) {
      String rate = row.workload.flops() > 0 ? String.format(Locale.ROOT, "%.0f GFLOP/s", row.workload.flops() / row.ours / 1e9)
          : row.workload.bytes() > 0 ? String.format(Locale.ROOT, "%.1f GB/s", row.workload.bytes() / row.ours / 1e9) : "";
      text.append(
          String.format(Locale.ROOT, "| %s | %s | %s | %.2f | %s |%n", row.workload.name(), time(row.ours), time(row.theirs), row.ratio,
              rate));
    }
    return text.append("\nPeer: ").append(peer).toString();
  }

  private static String json(List<Row> rows, String peer) {
    StringBuilder text = new StringBuilder("{\"peer\": ").append(peer).append(", \"rows\": [\n");
    for (int i = 0; i < rows.size(); i++) {
      Row row = rows.get(i);
      text.append(String.format(Locale.ROOT, "  {\"workload\": \"%s\", \"seconds\": %.9g, \"peer_seconds\": %.9g, \"ratio\": %.4f}%s\n",
          row.workload.name(), row.ours, row.theirs, row.ratio, i + 1 < rows.size() ? "," : ""));
    }
    return text.append("]}\n").toString();
  }
}
