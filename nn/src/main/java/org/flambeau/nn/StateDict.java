package org.flambeau.nn;

import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.flambeau.Tensor;
import org.flambeau.io.CheckpointException;
import org.flambeau.io.Safetensors;

/// A module's parameters and persistent buffers by name, in the module's order, and the layout version of each module.
///
/// What [Module#stateDict] gives shares the module's memory; what [#load] gives has memory of its own.
public final class StateDict extends LinkedHashMap<String, Tensor> {
  private final Map<String, Long> versions = new HashMap<>();

  /// A state dict without entries.
  public StateDict() {}

  /// The layout version of the module whose names begin with `prefix`, or 0 where nobody said.
  long version(String prefix) {
    return versions.getOrDefault(prefix, 0L);
  }

  void setVersion(String prefix, long version) {
    versions.put(prefix, version);
  }

  /// Reads a `.safetensors` file.
  ///
  /// @throws CheckpointException if the file cannot be read or is none
  public static StateDict load(Path file) {
    requireSafetensors(file);
    StateDict state = new StateDict();
    try (var arena = Arena.ofConfined(); var tensors = Safetensors.open(file, arena)) {
      tensors.entries().forEach(entry -> state.put(entry.name(), Tensor.copySegment(entry.data(), entry.dtype(), entry.shape())));
    }
    return state;
  }

  /// Writes a `.safetensors` file, as a whole or not at all.
  ///
  /// @throws CheckpointException if the file cannot be written
  public void save(Path file) {
    requireSafetensors(file);
    Collection<Safetensors.Entry> entries = entrySet().stream().map(entry -> {
      Tensor tensor = entry.getValue().cpu().contiguous();
      return new Safetensors.Entry(entry.getKey(), tensor.dtype(), tensor.sizes(), tensor.toSegment());
    }).toList();
    Safetensors.save(file, List.copyOf(entries));
  }

  private static void requireSafetensors(Path file) {
    if (!file.toString().toLowerCase(Locale.ROOT).endsWith(".safetensors")) {
      throw new CheckpointException(file, "expected a name that ends in .safetensors");
    }
  }
}
