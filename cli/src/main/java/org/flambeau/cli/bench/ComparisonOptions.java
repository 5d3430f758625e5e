package org.flambeau.cli.bench;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Supplier;
import org.flambeau.Device;
import org.flambeau.cli.FlambeauCommand;
import org.flambeau.cli.MisuseException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Help.Visibility;
import picocli.CommandLine.Option;

/// What measurements are held against, and where they are left.
final class ComparisonOptions {
  @Option(names = "--peer", arity = "0..1", fallbackValue = "python3", paramLabel = "PYTHON", showDefaultValue = Visibility.NEVER, description = "time PyTorch too, in turns, on the same weights and inputs, after results have been compared; a Python that has torch and, for models, torchvision: python3 unless given") private @Nullable String peer;

  @Option(names = "--json", paramLabel = "FILE", showDefaultValue = Visibility.NEVER, description = "where to leave the measurements as JSON") private @Nullable Path json;

  boolean hasPeer() {
    return peer != null;
  }

  /// Measures the groups of workloads one after the other, the members of a group in turns, and prints one table.
  ///
  /// @param numerics of all workloads
  void run(FlambeauCommand command, String title, Device device, Numerics numerics, Turns turns, List<Supplier<List<Workload>>> groups) {
    if (json != null && !Files.isDirectory(Objects.requireNonNullElse(json.toAbsolutePath().getParent(), json))) {
      throw new MisuseException("--json " + json + ": there is no such folder");
    }
    numerics.apply(device);
    try (Peer other = peer == null ? null : new Peer(peer, device, threads())) {
      List<Measurement> measurements = new ArrayList<>();
      for (Supplier<List<Workload>> group : groups) {
        measurements.addAll(turns.measure(group.get(), device, other));
      }
      var report = new Report(title, Ceilings.measure(device, numerics), other == null ? null : other.version(), measurements);
      command.out().println(report.table());
      if (json != null) {
        report.save(json);
      }
    } catch (IllegalArgumentException e) {
      throw new MisuseException("these sizes do not fit: " + e.getMessage());
    }
  }

  /// The peer gets as many as we take.
  private static int threads() {
    return Integer.getInteger("flambeau.threads", Runtime.getRuntime().availableProcessors());
  }
}
