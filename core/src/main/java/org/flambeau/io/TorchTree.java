package org.flambeau.io;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.flambeau.io.PickleGlobals.Callable;
import org.flambeau.io.PickleGlobals.StorageType;
import org.jspecify.annotations.Nullable;

/// Turns what a pickle holds into what its reader gets: tensors take the place of [StoredTensor]s.
///
/// Collections may be shared. Whoever goes through them as through a tree must come to an end soon and not too deep, so cycles, deep
/// nesting and sharing that multiplies are errors here; one walk, whose stack is its own, finds them.
final class TorchTree {
  private static final int MAX_DEPTH = 100;

  /// A collection on the way to the one that is looked into.
  private static final class Frame {
    final Object collection;
    final Iterator<? extends @Nullable Object> children;
    int height = 1;
    long unfolded = 1;

    Frame(Object collection) {
      this.collection = collection;
      this.children = children(collection);
    }
  }

  /// How many levels a collection has, and how many objects it would be without sharing; those of one that is not finished are 0.
  private record Extent(int height, long unfolded) {}

  private static final Extent UNFINISHED = new Extent(0, 0);

  private final MappedFile source;
  private final Map<Object, Extent> extents = new IdentityHashMap<>();
  private final ArrayDeque<Frame> path = new ArrayDeque<>();

  private TorchTree(MappedFile source) {
    this.source = source;
  }

  static @Nullable Object open(MappedFile source, @Nullable Object root) {
    return new TorchTree(source).walk(root);
  }

  private @Nullable Object walk(@Nullable Object root) {
    Object[] holder = {root};
    enter(new Tuple(holder));
    while (!path.isEmpty()) {
      Frame frame = path.getLast();
      if (frame.children.hasNext()) {
        visit(frame, frame.children.next());
      } else {
        path.removeLast();
        leave(frame);
      }
    }
    return holder[0];
  }

  private void enter(Object collection) {
    if (path.size() > MAX_DEPTH) {
      throw tooDeep();
    }
    extents.put(collection, UNFINISHED);
    path.addLast(new Frame(collection));
  }

  private void leave(Frame frame) {
    replaceTensors(frame.collection);
    var extent = new Extent(frame.height, frame.unfolded);
    extents.put(frame.collection, extent);
    if (!path.isEmpty()) {
      add(path.getLast(), extent);
    }
  }

  private void visit(Frame frame, @Nullable Object child) {
    if (child == null || !isCollection(child)) {
      check(child);
      frame.unfolded += child instanceof Set<?> set ? set.size() : 1;
      return;
    }
    Extent extent = extents.get(child);
    if (extent == null) {
      enter(child);
    } else if (extent == UNFINISHED) {
      throw source.error("expected collections that do not hold themselves, got " + Unpickler.describe(child) + " that does");
    } else {
      add(frame, extent);
    }
  }

  private void add(Frame frame, Extent child) {
    frame.height = Math.max(frame.height, child.height + 1);
    frame.unfolded += child.unfolded;
    if (frame.unfolded > Unpickler.MAX_OBJECTS) {
      throw source.error("expected at most " + Unpickler.MAX_OBJECTS + " objects, got collections that are shared until they are more");
    }
    if (frame.height > MAX_DEPTH + 1) {
      throw tooDeep();
    }
  }

  private CheckpointException tooDeep() {
    return source.error("expected at most " + MAX_DEPTH + " levels of collections, got more");
  }

  private void check(@Nullable Object value) {
    if (value instanceof StoredStorage || value instanceof StorageType || value instanceof Callable) {
      throw source.error("expected tensors, collections, numbers and strings, got " + Unpickler.describe(value));
    }
  }

  private static boolean isCollection(@Nullable Object value) {
    return value instanceof List || value instanceof Map;
  }

  private static Iterator<? extends @Nullable Object> children(Object collection) {
    return switch (collection) {
      case OrderedDict map when !map.attributes().isEmpty() -> joined(List.of(map.attributes()).iterator(), map.values().iterator());
      case Map<?, ?> map -> map.values().iterator();
      default -> ((List<?>) collection).iterator();
    };
  }

  private static Iterator<@Nullable Object> joined(Iterator<?> first, Iterator<?> second) {
    return new Iterator<>() {
      @Override
      public boolean hasNext() {
        return first.hasNext() || second.hasNext();
      }

      @Override
      public @Nullable Object next() {
        return first.hasNext() ? first.next() : second.next();
      }
    };
  }

  private static @Nullable Object replaced(@Nullable Object value) {
    return value instanceof StoredTensor tensor ? tensor.open() : value;
  }

  @SuppressWarnings("unchecked") // the collections are the unpickler's own
  private static void replaceTensors(Object collection) {
    switch (collection) {
      case Map<?, ?> map -> ((Map<Object, @Nullable Object>) map).replaceAll((_, value) -> replaced(value));
      case Tuple tuple -> Arrays.setAll(tuple.items(), i -> replaced(tuple.items()[i]));
      default -> ((List<@Nullable Object>) collection).replaceAll(TorchTree::replaced);
    }
  }
}
