package org.flambeau.cli.training;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.flambeau.Tensor;
import org.flambeau.io.CheckpointException;
import org.flambeau.io.TorchFile;
import org.jspecify.annotations.Nullable;

/// A map within a checkpoint, read by name and type.
///
/// @param file for messages
/// @param path of the map within it: empty, or ending in a dot
public record Tree(Path file, String path, Map<?, ?> map) {
  /// Opens a checkpoint.
  ///
  /// @throws CheckpointException if the file cannot be read or holds no map
  public static Tree load(Path file) {
    if (TorchFile.load(file) instanceof Map<?, ?> map) {
      return new Tree(file, "", map);
    }
    throw new CheckpointException(file, "expected the checkpoint of a run, a map at its top");
  }

  public boolean has(String name) {
    return map.get(name) != null;
  }

  public long whole(String name) {
    return get(name, Number.class, "a number").longValue();
  }

  public double real(String name) {
    return get(name, Number.class, "a number").doubleValue();
  }

  public String text(String name) {
    return get(name, String.class, "a text");
  }

  public Tensor tensor(String name) {
    return get(name, Tensor.class, "a tensor");
  }

  public Tree tree(String name) {
    return new Tree(file, path + name + ".", get(name, Map.class, "a map"));
  }

  public List<String> texts(String name) {
    return get(name, List.class, "a list") instanceof List<?> list ? list.stream().map(String::valueOf).toList() : List.of();
  }

  public List<Double> reals(String name) {
    List<Double> reals = new ArrayList<>();
    for (Object value : get(name, List.class, "a list")) {
      reals.add(require(name, value, Number.class, "numbers").doubleValue());
    }
    return reals;
  }

  public List<Tree> trees(String name) {
    List<Tree> trees = new ArrayList<>();
    for (Object value : get(name, List.class, "a list")) {
      trees.add(new Tree(file, path + name + "." + trees.size() + ".", require(name, value, Map.class, "maps")));
    }
    return trees;
  }

  private <T> T get(String name, Class<T> type, String expected) {
    return require(name, map.get(name), type, expected);
  }

  private <T> T require(String name, @Nullable Object value, Class<T> type, String expected) {
    if (!type.isInstance(value)) {
      throw new CheckpointException(file, "expected the checkpoint of a run, with " + expected + " at " + path + name + ", got "
          + (value == null ? "nothing" : value.getClass().getSimpleName()));
    }
    return type.cast(value);
  }
}
