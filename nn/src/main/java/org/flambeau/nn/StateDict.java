package org.flambeau.nn;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
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
/// ```java
/// net.stateDict().save(Path.of("net.pth"));
/// net.loadStateDict(StateDict.load(Path.of("net.pth")));
/// ```
/// What [Module#stateDict] gives shares the module's memory; what [#load] gives does not, and may lie over the file, as [TorchFile] says.
public final class StateDict extends LinkedHashMap<String, Tensor> {
  private static final long serialVersionUID = 1;

  private final transient Map<String, Long> versions = new LinkedHashMap<>();

  /// A state dict without entries.
  public StateDict() {}

  /// The tensors of a map by name, such as a part of a checkpoint that [TorchFile] has read; what it says of versions stays.
  ///
  /// @throws IllegalArgumentException where a value is no tensor
  public static StateDict of(Map<?, ?> tensors) {
    if (tensors instanceof StateDict state) {
      return state;
    }
    StateDict state = new StateDict();
    tensors.forEach((name, value) -> {
      if (!(value instanceof Tensor tensor)) {
        throw new IllegalArgumentException("[state_dict] expected a tensor for " + name + ", got "
            + (value == null ? "null" : "a " + value.getClass().getSimpleName())
            + (value instanceof Map ? ": a checkpoint's parts are loaded one by one" : ""));
      }
      state.put(String.valueOf(name), tensor.detach());
    });
    if (tensors instanceof OrderedDict stored) {
      stored.versions().forEach((path, version) -> state.setVersion(path.isEmpty() ? "" : path + ".", version));
    }
    return state;
  }

  /// The layout version of the module whose names begin with `prefix`, or 0 where nobody said.
  long version(String prefix) {
    return versions.getOrDefault(prefix, 0L);
  }

  void setVersion(String prefix, long version) {
    versions.put(prefix, version);
  }

  // ---- reading ----

  /// Reads a file of PyTorch's, `.pth` or `.pt` (of any format it ever had), or a `.safetensors` file; the content tells which it is.
  ///
  /// @throws CheckpointException if the file cannot be read or is neither
  public static StateDict load(Path file) {
    return endsWith(file, ".safetensors") || beginsAsSafetensors(file) ? loadSafetensors(file) : loadTorch(file);
  }

  private static StateDict loadSafetensors(Path file) {
    StateDict state = new StateDict();
    try (var arena = Arena.ofConfined(); var tensors = Safetensors.open(file, arena)) {
      tensors.entries().forEach(entry -> state.put(entry.name(), Tensor.copySegment(entry.data(), entry.dtype(), entry.shape())));
    }
    return state;
  }

  private static StateDict loadTorch(Path file) {
    return of(TorchFile.loadState(file));
  }

  /// The header, of which the first eight bytes tell the length, is JSON; no format of PyTorch's has a brace there.
  private static boolean beginsAsSafetensors(Path file) {
    try (InputStream in = Files.newInputStream(file)) {
      byte[] beginning = in.readNBytes(Long.BYTES + 1);
      return beginning.length > Long.BYTES && beginning[Long.BYTES] == '{';
    } catch (IOException e) {
      return false; // whoever opens it next says why
    }
  }

  // ---- writing ----

  /// Writes a file, as a whole or not at all: by its name's end `.pth` or `.pt`, which PyTorch loads with `weights_only=True`, or `.safetensors`.
  ///
  /// @throws CheckpointException if the file cannot be written, or its name ends otherwise
  public void save(Path file) {
    if (endsWith(file, ".safetensors")) {
      saveSafetensors(file);
    } else if (endsWith(file, ".pth") || endsWith(file, ".pt")) {
      saveTorch(file);
    } else {
      throw new CheckpointException(file, "expected a name that ends in .safetensors, .pth or .pt");
    }
  }

  private void saveSafetensors(Path file) {
    List<Safetensors.Entry> entries = entrySet().stream().map(entry -> Safetensors.Entry.of(entry.getKey(), entry.getValue())).toList();
    Safetensors.save(file, entries, Map.of("format", "pt"));
  }

  private void saveTorch(Path file) {
    OrderedDict stored = new OrderedDict();
    stored.putAll(this);
    versions.forEach((prefix, version) -> stored.setVersion(prefix.isEmpty() ? "" : prefix.substring(0, prefix.length() - 1), version));
    TorchFile.save(file, stored);
  }

  private static boolean endsWith(Path file, String end) {
    return file.toString().toLowerCase(Locale.ROOT).endsWith(end);
  }
}
