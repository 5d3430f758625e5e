package org.flambeau.cli;

import java.util.ArrayList;
import java.util.List;

/// Measures several things in turns, so that whatever else the machine does meets all of them alike, and prints them as one table.
final class Bench {
  private Bench() {}

  static void run(FlambeauCommand command, BenchOptions options, List<Measurement> measurements) {
    for (int i = 0; i < options.warmup; i++) {
      measurements.forEach(Measurement::warmUp);
    }
    for (int i = 0; i < options.runs; i++) {
      measurements.forEach(Measurement::measure);
    }
    List<String[]> rows = new ArrayList<>(List.<String[]>of(Measurement.HEADER));
    measurements.forEach(measurement -> rows.add(measurement.row(options.batch)));
    command.out().println(options.title() + "\n\n" + Table.of(rows, 1));
  }
}
