package org.flambeau.io;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.flambeau.Tensor;
import org.jspecify.annotations.Nullable;

/// PyTorch's checkpoints, `.pth` or `.pt`: what `torch.save` wrote, and what `torch.load` reads.
///
/// A checkpoint is a tree. Python's objects are these here, both ways:
///
/// | Python | Java |
/// | --- | --- |
/// | `Tensor`, `Parameter` | [Tensor] |
/// | `dict`, `Counter`; `OrderedDict` | [Map]; [OrderedDict], which carries a state's `_metadata` |
/// | `list`, `tuple`, `torch.Size` | [List]; of a tuple one that cannot be changed, which is written as a tuple again |
/// | `set` | [java.util.Set] |
/// | `int`, `float`, `bool`, `str`, `None` | [Long] (or [java.math.BigInteger]), [Double], [Boolean], [String], null |
/// | `torch.dtype`, `torch.device` | [org.flambeau.DType], [String] |
///
/// Keys are strings and numbers. Reading runs nothing that a file says: any other class is an error that names it. Tensors come to the CPU,
/// wherever they were, and keep whether they require grad; tensors that share memory in the file share it here.
///
/// Large tensors lie over the file, which is mapped into memory for as long as they can be reached; changing them in place never
/// changes the file. The file must not be changed in the meantime, except by being replaced, as [#save] does. Tensors belong to no
/// [org.flambeau.MemoryScope].
///
/// DTypes: all of [org.flambeau.DType]; a file that holds others is refused.
///
/// Errors: [CheckpointException] names the file, what was expected and what came.
///
/// Reference: <https://docs.pytorch.org/docs/stable/notes/serialization.html>.
public final class TorchFile {
  /// Under what training programs put the model's state beside other things.
  private static final List<String> STATES = List.of("state_dict", "model_state_dict", "model");

  private TorchFile() {}

  /// Reads a checkpoint of any of PyTorch's formats: zip (1.6 and later), the stream before it, and the tar of the oldest.
  public static @Nullable Object load(Path file) {
    MappedFile source = MappedFile.open(file);
    Object stored;
    if (ZipArchive.isZip(source)) {
      stored = TorchZip.load(source);
    } else if (TarFile.isTar(source)) {
      stored = TarFile.load(source);
    } else if (LegacyStream.isPickle(source)) {
      stored = LegacyStream.load(source);
    } else {
      throw source.error("expected a checkpoint that torch.save wrote, got other bytes");
    }
    return TorchTree.open(source, stored);
  }

  /// Reads a model's state: a map of tensors, or such a map beside other things as `state_dict`, `model_state_dict` or `model`.
  public static LinkedHashMap<String, Tensor> loadTensors(Path file) {
    return tensors(file, state(file));
  }

  private static Map<?, ?> state(Path file) {
    Object root = load(file);
    if (!(root instanceof Map<?, ?> map)) {
      throw new CheckpointException(file, "expected a map of tensors, got " + Unpickler.describe(root));
    }
    for (String name : STATES) {
      if (map.get(name) instanceof Map<?, ?> state) {
        return state;
      }
    }
    return map;
  }

  /// [#loadTensors] with the modules' versions: all its keys are strings, all its values tensors.
  public static OrderedDict loadState(Path file) {
    Map<?, ?> stored = state(file);
    var state = new OrderedDict();
    state.putAll(tensors(file, stored));
    if (stored instanceof OrderedDict known) {
      state.attributes().putAll(known.attributes());
    }
    return state;
  }

  /// Writes a checkpoint, replacing `file` as a whole or not at all; PyTorch loads it with `weights_only=True`. Tensors on other devices are
  /// written as on the CPU. Tensors that share memory share it in the file.
  ///
  /// @throws IllegalArgumentException where the tree holds what a checkpoint cannot
  /// @throws CheckpointException where the file cannot be written
  public static void save(Path file, @Nullable Object tree) {
    TorchZipWriter.save(file, tree);
  }

  private static LinkedHashMap<String, Tensor> tensors(Path file, Map<?, ?> map) {
    var tensors = new LinkedHashMap<String, Tensor>();
    map.forEach((key, value) -> {
      if (!(key instanceof String name) || !(value instanceof Tensor tensor)) {
        throw new CheckpointException(file, "expected a map of names and tensors, got " + Unpickler.describe(value) + " at "
            + Unpickler.describe(key) + " beside " + map.keySet().stream().limit(8).map(other -> Quoted.text(String.valueOf(other)))
                .collect(Collectors.joining(", ")));
      }
      tensors.put(name, tensor);
    });
    return tensors;
  }
}
