package org.flambeau.io;

import java.util.AbstractList;
import java.util.RandomAccess;
import org.jspecify.annotations.Nullable;

/// Python's tuple: a list that cannot be changed, and that is written as a tuple again.
final class Tuple extends AbstractList<@Nullable Object> implements RandomAccess {
  static final Tuple EMPTY = new Tuple();

  private final @Nullable Object[] items;

  Tuple(@Nullable Object... items) {
    this.items = items;
  }

  @Override
  public @Nullable Object get(int index) {
    return items[index];
  }

  @Override
  public int size() {
    return items.length;
  }

  /// For whoever builds it.
  @Nullable Object[] items() {
    return items;
  }
}
