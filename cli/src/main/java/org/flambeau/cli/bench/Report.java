package org.flambeau.cli.bench;

import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.flambeau.cli.Machine;
import org.flambeau.cli.Quantities;
import org.flambeau.cli.Table;
import org.flambeau.io.AtomicFile;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

/// What was measured, as a table for people and as JSON for programs.
///
/// @param title what was measured, on what, and how often
/// @param peer what the peer says of itself, as JSON, or null where there is none
record Report(String title, Ceilings ceilings, @Nullable String peer, List<Measurement> measurements) {
  /// The measured times, the memory that models need, the peer's times, and how near we came to what the machine allows.
  String table() {
    boolean models = measurements.stream().anyMatch(each -> each.workload().isModel());
    List<String[]> rows = new ArrayList<>();
    rows.add(row("", models ? "time per batch" : "time", "spread", "rate", "PyTorch", "ratio", "floor", "reached"));
    for (Measurement each : measurements) {
      Double theirs = each.peerMedian();
      double floor = ceilings.floor(each.workload());
      rows.add(row(each.workload().title(), time(each.median()), time(each.spread()[0]) + " to " + time(each.spread()[1]),
          rate(each), theirs == null ? "" : time(theirs) + (each.peerVariant().isEmpty() ? "" : " " + each.peerVariant()),
          theirs == null ? "" : String.format(Locale.ROOT, "%.2f", each.ratio()), floor == 0 ? "" : time(floor),
          floor == 0 ? "" : String.format(Locale.ROOT, "%.0f %%", 100 * floor / each.median())));
    }
    return title + "\n\n" + Table.of(rows, 1) + (models ? "\n" + memory() : "") + "\nceilings of this machine: " + ceilings
        + (peer == null ? "" : "\npeer: " + peer);
  }

  /// The columns that this table has.
  private String[] row(String... cells) {
    List<String> row = new ArrayList<>(List.of(cells));
    if (peer == null) {
      row.subList(4, 6).clear();
    }
    return row.toArray(String[]::new);
  }

  /// What tensors hold between calls and at the peak of one, what the process grew by, and at most how much of that is the JVM's.
  private String memory() {
    List<String[]> rows = new ArrayList<>();
    rows.add(new String[] {"memory", "held", "at peak", "process grew", "heap and code", "ratio at peak", "of growth"});
    for (Measurement each : measurements) {
      Memory ours = each.memory();
      Memory theirs = each.peerMemory();
      if (ours != null) {
        rows.add(row(each.workload().title(), ours, theirs));
      }
      if (theirs != null) {
        rows.add(row("  in PyTorch", theirs, null));
      }
    }
    if (peer == null) {
      rows.replaceAll(row -> Arrays.copyOf(row, 5));
    }
    return Table.of(rows, 1);
  }

  private static String[] row(String title, Memory memory, @Nullable Memory other) {
    return new String[] {title, Quantities.bytes(memory.held()), Quantities.bytes(memory.peak()), bytes(memory.resident()),
      bytes(memory.managed()),
      other == null ? "" : ratio(memory.peak(), other.peak()), other == null ? "" : ratio(memory.resident(), other.resident())};
  }

  private static String bytes(long known) {
    return known == 0 ? "" : Quantities.bytes(known);
  }

  private static String ratio(long ours, long theirs) {
    return theirs == 0 ? "" : String.format(Locale.ROOT, "%.2f", ours / (double) theirs);
  }

  private static String rate(Measurement each) {
    Workload workload = each.workload();
    double seconds = each.median();
    if (workload.items() > 0) {
      return String.format(Locale.ROOT, "%.1f images/s", workload.items() / seconds);
    }
    return workload.flops() > 0 ? String.format(Locale.ROOT, "%.0f GFLOP/s", workload.flops() / seconds / 1e9)
        : workload.bytes() > 0 ? String.format(Locale.ROOT, "%.1f GB/s", workload.bytes() / seconds / 1e9) : "";
  }

  private static String time(double seconds) {
    return seconds < 1e-5 ? String.format(Locale.ROOT, "%.3f us", seconds * 1e6)
        : String.format(Locale.ROOT, seconds < 1e-2 ? "%.3f ms" : "%.1f ms", seconds * 1e3);
  }

  /// Writes date, machine, versions and every measurement, in seconds and bytes.
  void save(Path file) {
    var text = new StringWriter();
    try (JsonGenerator json = new JsonFactory().createGenerator(ObjectWriteContext.empty(), text)) {
      json.writeStartObject();
      json.writeStringProperty("title", title);
      json.writeStringProperty("date", LocalDate.now(ZoneId.systemDefault()).toString());
      json.writeName("machine");
      json.writeStartObject();
      Machine.facts().forEach(json::writeStringProperty);
      json.writeEndObject();
      json.writeName("flops_per_second_ceilings");
      json.writeStartObject();
      ceilings.flopsPerSecond().forEach((numerics, rate) -> json.writeNumberProperty(numerics.toString(), rate));
      json.writeEndObject();
      json.writeNumberProperty("bytes_per_second_ceiling", ceilings.bytesPerSecond());
      if (peer != null) {
        json.writeName("peer");
        json.writeRawValue(peer);
      }
      json.writeName("workloads");
      json.writeStartArray();
      measurements.forEach(each -> write(json, each));
      json.writeEndArray();
      json.writeEndObject();
    }
    byte[] bytes = (text + "\n").getBytes(StandardCharsets.UTF_8);
    AtomicFile.write(file, channel -> {
      ByteBuffer rest = ByteBuffer.wrap(bytes);
      while (rest.hasRemaining()) {
        channel.write(rest);
      }
    });
  }

  private void write(JsonGenerator json, Measurement each) {
    Workload workload = each.workload();
    json.writeStartObject();
    json.writeStringProperty("workload", workload.name());
    json.writeStringProperty("title", workload.title());
    json.writeNumberProperty("seconds", each.median());
    json.writeNumberProperty("least_seconds", each.spread()[0]);
    json.writeNumberProperty("most_seconds", each.spread()[1]);
    Double theirs = each.peerMedian();
    if (theirs != null) {
      json.writeNumberProperty("peer_seconds", theirs);
      json.writeStringProperty("peer_variant", each.peerVariant());
      json.writeNumberProperty("ratio", each.ratio());
    }
    json.writeNumberProperty("flops", workload.flops());
    json.writeNumberProperty("bytes", workload.bytes());
    json.writeNumberProperty("floor_seconds", ceilings.floor(workload));
    write(json, "memory", each.memory());
    write(json, "peer_memory", each.peerMemory());
    json.writeEndObject();
  }

  private static void write(JsonGenerator json, String name, @Nullable Memory memory) {
    if (memory != null) {
      json.writeName(name);
      json.writeStartObject();
      json.writeNumberProperty("held_bytes", memory.held());
      json.writeNumberProperty("peak_bytes", memory.peak());
      json.writeNumberProperty("resident_bytes", memory.resident());
      json.writeNumberProperty("managed_bytes", memory.managed());
      json.writeEndObject();
    }
  }
}
