package org.flambeau.autograd;

import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// A backward pass's slots by node: a hash table with open addressing, since nodes are many and looked up on every edge.
final class SlotTable {
  private @Nullable Slot[] table = new Slot[32];
  private int count;

  /// The slot of `node`, made when first asked for.
  Slot of(Node node) {
    int mask = table.length - 1;
    int at = place(node.hash(), mask);
    for (Slot slot = table[at]; slot != null; slot = table[at = at + 1 & mask]) {
      if (slot.node == node) {
        return slot;
      }
    }
    Slot made = new Slot(node);
    table[at] = made;
    if (2 * ++count > table.length) {
      grow();
    }
    return made;
  }

  private static int place(int hash, int mask) {
    return (hash ^ hash >>> 16) & mask;
  }

  private void grow() {
    @Nullable Slot[] old = table;
    table = new Slot[2 * old.length];
    int mask = table.length - 1;
    for (Slot slot : old) {
      if (slot != null) {
        int at = place(slot.node.hash(), mask);
        while (table[at] != null) {
          at = at + 1 & mask;
        }
        table[at] = slot;
      }
    }
  }

  void forEach(Consumer<Slot> visitor) {
    for (Slot slot : table) {
      if (slot != null) {
        visitor.accept(slot);
      }
    }
  }
}
