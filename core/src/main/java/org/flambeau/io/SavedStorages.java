package org.flambeau.io;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.flambeau.DType;
import org.flambeau.Tensor;
import org.flambeau.internal.ThreadState;
import org.flambeau.internal.memory.HostAccess;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// The storages behind a tree's tensors: each once, and of each the part that the tensors show.
///
/// PyTorch writes storages whole; a row of a large matrix then makes a large file.
final class SavedStorages {
  private static final int MAX_DEPTH = 100;

  /// A part of a storage, in elements.
  static final class Part {
    private final String key;
    private final Strided first;
    private long begin = Long.MAX_VALUE;
    private long end;

    private Part(String key, Strided first) {
      this.key = key;
      this.first = first;
    }

    String key() {
      return key;
    }

    DType dtype() {
      return first.dtype();
    }

    long numel() {
      return Math.max(0, end - begin);
    }

    /// Where the tensor begins in this part.
    long offset(Strided tensor) {
      return tensor.numel() == 0 ? 0 : tensor.offset() - begin;
    }

    private void include(Strided tensor) {
      if (tensor.numel() == 0) {
        return;
      }
      long last = tensor.offset();
      for (int d = 0; d < tensor.rank(); d++) {
        last += (tensor.size(d) - 1) * tensor.stride(d);
      }
      begin = Math.min(begin, tensor.offset());
      end = Math.max(end, last + 1);
    }

    /// Its bytes on the host: its own memory where it is on the CPU.
    MemorySegment bytes() {
      Strided all = first.with(numel() == 0 ? 0 : begin, new long[] {numel()}, new long[] {1});
      return HostAccess.readOnlySegment(Tensor.wrap(all, ThreadState.current()).cpu());
    }
  }

  private final Map<Storage, Part> parts = new IdentityHashMap<>();
  private final List<Part> ordered = new ArrayList<>();
  private final Set<Object> enclosing = Collections.newSetFromMap(new IdentityHashMap<>());
  private final Set<Object> known = Collections.newSetFromMap(new IdentityHashMap<>());

  /// @throws IllegalArgumentException where a collection holds itself, or the tree is deeper than what can be read again
  SavedStorages(@Nullable Object tree) {
    collect(tree);
  }

  /// In the order in which the tree mentions them.
  Collection<Part> all() {
    return Collections.unmodifiableList(ordered);
  }

  Part of(Tensor tensor) {
    Part part = parts.get(tensor.strided().storage());
    if (part == null) {
      throw new IllegalStateException("[save] the tree was changed while it was written");
    }
    return part;
  }

  private void collect(@Nullable Object node) {
    switch (node) {
      case Tensor tensor -> add(tensor.strided());
      case OrderedDict map -> enter(map, List.of(map.values(), map.attributes().values()));
      case Map<?, ?> map -> enter(map, List.of(map.values()));
      case List<?> list -> enter(list, List.of(list));
      case null, default -> {
      }
    }
  }

  private void enter(Object collection, List<Collection<?>> children) {
    if (enclosing.contains(collection) || enclosing.size() >= MAX_DEPTH) {
      throw new IllegalArgumentException("[save] expected at most " + MAX_DEPTH + " levels of collections that do not hold themselves, got "
          + (enclosing.contains(collection) ? "one that does" : "more"));
    }
    if (known.add(collection)) {
      enclosing.add(collection);
      children.forEach(values -> values.forEach(this::collect));
      enclosing.remove(collection);
    }
  }

  private void add(Strided tensor) {
    Part part = parts.computeIfAbsent(tensor.storage(), _ -> {
      var made = new Part(String.valueOf(ordered.size()), tensor);
      ordered.add(made);
      return made;
    });
    if (part.dtype() != tensor.dtype()) {
      throw new IllegalArgumentException("[save] Cannot save multiple tensors or storages that view the same data as different types: got "
          + part.dtype().label() + " and " + tensor.dtype().label());
    }
    part.include(tensor);
  }
}
