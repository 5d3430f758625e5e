package org.flambeau.cli.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/// The memory of this process that rests in RAM, as Linux counts it.
final class Resident {
  private static final Path STATUS = Path.of("/proc/self/status"), CLEAR = Path.of("/proc/self/clear_refs");

  private Resident() {}

  /// Starts a new measurement of the peak, and returns what is resident now; 0 where the system does not tell.
  static long startPeak() {
    try {
      Files.writeString(CLEAR, "5");
    } catch (IOException e) {
      return 0;
    }
    return bytes("VmRSS:");
  }

  /// The most since [#startPeak()].
  static long peak() {
    return bytes("VmHWM:");
  }

  private static long bytes(String field) {
    try {
      return Files.readAllLines(STATUS).stream().filter(line -> line.startsWith(field))
          .mapToLong(line -> 1024 * Long.parseLong(line.replaceAll("\\D", ""))).findFirst().orElse(0);
    } catch (IOException e) {
      return 0;
    }
  }
}
