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

  /// Whether it is one of the library's own, opened around a computation.
  boolean isInner() {
    return inner;
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

  /// Whether it is `outer`, or was opened inside it.
  boolean isWithin(ScopeMembers outer) {
    ScopeMembers each = this;
    while (each != null && each != outer) {
      each = each.parent;
    }
    return each != null;
  }

  /// Releases `storage`, if it is one of the library's own scopes, and its owner.
  public void giveBack(Storage storage) {
    if (inner && storage.scope() == this) {
      storage.setScope(null);
      storage.release();
    }
  }

  /// Hands `storage`, if it is its own, to the parent, or where there is none to whoever can reach it.
  public void passOn(Storage storage) {
    if (storage.scope() == this) {
      keep(storage);
    }
  }

  /// Hands `storage`, which it or a scope inside it owns, to the parent, or where there is none to whoever can reach it.
  void keep(Storage storage) {
    if (parent != null) {
      parent.own(storage);
    } else {
      storage.setScope(null);
      Reclaimer.watch(storage, DeviceMemory.of(storage.device()));
    }
  }

  /// Hands `node`, which was recorded in it or in a scope inside it, to the parent, or where there is none to whoever can reach it.
  void keep(Node node) {
    if (parent != null) {
      parent.own(node);
    } else {
      node.setScope(null);
      node.watchSaved();
    }
  }

  /// Releases the saved tensors of its nodes, then its storages. What others still own (a `.grad`, an operation in
  /// flight on another thread, a saved tensor of a node that was passed on) is freed when they leave.
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
    releaseStorages();
  }

  /// Releases its storages, and stays open for more.
  public void releaseStorages() {
    for (int i = 0; i < storages.size(); i++) {
      Storage storage = storages.get(i);
      if (storage.scope() == this) {
        storage.setScope(null);
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
