package org.flambeau.nn;

import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.flambeau.Tensor;
import org.flambeau.io.CheckpointException;
import org.flambeau.io.OrderedDict;
import org.flambeau.io.Safetensors;
import org.flambeau.io.TorchFile;

/// A module's parameters and persistent buffers by name, in the module's order, and the layout version of each module.
///
/// What [Module#stateDict] gives shares the module's memory; what [#load] gives has memory of its own.
public final class StateDict extends LinkedHashMap<String, Tensor> {
  private final Map<String, Long> versions = new LinkedHashMap<>();

  /// A state dict without entries.
  public StateDict() {}

  /// The layout version of the module whose names begin with `prefix`, or 0 where nobody said.
  long version(String prefix) {
    return versions.getOrDefault(prefix, 0L);
  }

  void setVersion(String prefix, long version) {
    versions.put(prefix, version);
  }

  /// Reads a `.safetensors` file, or a `.pth` (or `.pt`) of PyTorch's: a state dict, or one beside other things as
  /// [TorchFile#loadTensors] finds it.
  ///
  /// @throws CheckpointException if the file cannot be read or is none
  public static StateDict load(Path file) {
    StateDict state = new StateDict();
    if (isTorch(file)) {
      OrderedDict stored = TorchFile.loadState(file);
      stored.forEach((name, tensor) -> state.put((String) name, (Tensor) Objects.requireNonNull(tensor)));
      stored.versions().forEach((path, version) -> state.setVersion(path.isEmpty() ? "" : path + ".", version));
      return state;
    }
    try (var arena = Arena.ofConfined(); var tensors = Safetensors.open(file, arena)) {
      tensors.entries().forEach(entry -> state.put(entry.name(), Tensor.copySegment(entry.data(), entry.dtype(), entry.shape())));
    }
    return state;
  }

  /// Writes a `.safetensors` file, or a `.pth` (or `.pt`) that PyTorch's `load_state_dict` takes, as a whole or not at all.
  ///
  /// @throws CheckpointException if the file cannot be written
  public void save(Path file) {
    if (isTorch(file)) {
      OrderedDict tree = new OrderedDict();
      tree.putAll(this);
      versions.forEach((prefix, version) -> tree.setVersion(prefix.isEmpty() ? "" : prefix.substring(0, prefix.length() - 1), version));
      TorchFile.save(file, tree);
      return;
    }
    Collection<Safetensors.Entry> entries = entrySet().stream().map(entry -> {
      Tensor tensor = entry.getValue().cpu().contiguous();
      return new Safetensors.Entry(entry.getKey(), tensor.dtype(), tensor.sizes(), tensor.toSegment());
    }).toList();
    Safetensors.save(file, List.copyOf(entries));
  }

  private static boolean isTorch(Path file) {
    String name = file.toString().toLowerCase(Locale.ROOT);
    if (name.endsWith(".safetensors")) {
      return false;
    }
    if (name.endsWith(".pth") || name.endsWith(".pt")) {
      return true;
    }
    throw new CheckpointException(file, "expected a name that ends in .safetensors, .pth or .pt");
  }
}
