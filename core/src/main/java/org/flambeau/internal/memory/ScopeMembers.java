package org.flambeau.internal.memory;

import java.util.ArrayList;
import java.util.List;
import org.flambeau.autograd.Node;
import org.flambeau.spi.Storage;
import org.jspecify.annotations.Nullable;

/// What a memory scope owns: the storages allocated in it, and the nodes recorded in it.
///
/// Kept apart from the scope that the user closes, so that a scope lost without being closed can be cleaned up.
public final class ScopeMembers implements Runnable {
  private final @Nullable ScopeMembers parent;
  private final boolean inner;
  private final List<Storage> storages = new ArrayList<>();
  private final List<Node> nodes = new ArrayList<>();
  private boolean closed;

  ScopeMembers(@Nullable ScopeMembers parent, boolean inner) {
    this.parent = parent;
    this.inner = inner;
  }

  @Nullable ScopeMembers parent() {
    return parent;
  }

  boolean isClosed() {
    return closed;
  }

  void own(Storage storage) {
    storage.setScope(this);
    storages.add(storage);
  }

  /// Registers a recorded node with the nearest scope of the user's: an inner one ends long before its graph does.
  public void own(Node node) {
    ScopeMembers home = this;
    while (home.inner && home.parent != null) {
      home = home.parent;
    }
    node.setScope(home);
    home.nodes.add(node);
  }

  /// Hands `storage` to the parent, or where there is none to whoever can reach it.
  void passOn(Storage storage) {
    if (storage.scope() != this) {
      return;
    }
    if (parent != null) {
      parent.own(storage);
    } else {
      storage.setScope(null);
      Reclaimer.watch(storage, DeviceMemory.of(storage.device()));
    }
  }

  /// Hands `node` to the parent, or where there is none to whoever can reach it.
  void passOn(Node node) {
    if (node.scope() != this) {
      return;
    }
    if (parent != null) {
      parent.own(node);
    } else {
      node.setScope(null);
    }
  }

  /// Releases the saved tensors of its nodes, then its storages. What others still own is freed when they leave, or
  /// when it becomes unreachable.
  void close() {
    if (closed) {
      return;
    }
    closed = true;
    for (Node node : nodes) {
      if (node.scope() == this) {
        node.setScope(null);
        node.releaseSaved(Node.Released.SCOPE_CLOSED);
      }
    }
    nodes.clear();
    for (Storage storage : storages) {
      if (storage.scope() == this) {
        storage.setScope(null);
        if (storage.owners() > 1) {
          Reclaimer.watch(storage, DeviceMemory.of(storage.device()));
        }
        storage.release();
      }
    }
    storages.clear();
  }

  /// The net under a scope that was lost without being closed.
  @Override
  public void run() {
    close();
  }
}
