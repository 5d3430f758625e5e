package org.flambeau.internal.memory;

import org.flambeau.Tensor;
import org.flambeau.autograd.Node;
import org.flambeau.internal.ThreadState;
import org.flambeau.spi.Storage;
import org.jspecify.annotations.Nullable;

/// Opens and closes scopes on a thread's stack.
public final class Scopes {
  private Scopes() {}

  /// A scope of the user's.
  public static ScopeMembers open(ThreadState thread) {
    return thread.scope = new ScopeMembers(thread.scope, false);
  }

  /// A scope for the temporaries of one computation: what leaves it is passed on, or retained by who keeps it.
  public static ScopeMembers openInner(ThreadState thread) {
    return thread.scope = new ScopeMembers(thread.scope, true);
  }

  /// A scope on no thread's stack that takes over the memory of `tensors`; what it loses sight of the collector frees.
  public static ScopeMembers holding(Tensor... tensors) {
    ScopeMembers scope = new ScopeMembers(null, false);
    for (Tensor tensor : tensors) {
      Storage storage = tensor.strided().storage();
      if (storage.scope() == null && storage.isCounted()) {
        storage.retain();
      }
      scope.own(storage);
      Reclaimer.watch(storage, DeviceMemory.of(storage.device()));
    }
    return scope;
  }

  /// A scope on no thread's stack, for who owns memory by other rules than a stack's.
  public static ScopeMembers apart() {
    return new ScopeMembers(null, false);
  }

  /// Closes the thread's innermost scope, which must be `scope`.
  public static void close(ThreadState thread, ScopeMembers scope) {
    if (scope.isClosed()) {
      return;
    }
    if (thread.scope != scope) {
      throw new IllegalStateException("[MemoryScope] scopes must be closed last-in first-out, by the thread that opened them: "
          + (thread.scope == null ? "this thread has no scope open" : "another scope was opened later and is still open"));
    }
    thread.scope = scope.parent();
    scope.close();
  }

  /// Takes `tensor` out of whatever scope owns it: from now on its owners besides scopes, and the program's references,
  /// keep it alive. For what outlives steps: optimizer states, running statistics.
  public static void escape(Tensor tensor) {
    escape(tensor.strided().storage());
  }

  /// The same for a storage.
  public static void escape(Storage storage) {
    ScopeMembers scope = storage.scope();
    if (scope != null) {
      storage.setScope(null);
      Reclaimer.watch(storage, DeviceMemory.of(storage.device()));
    }
  }

  /// Becomes an owner of `tensor`'s memory, where it is counted, until [#disown].
  public static void own(Tensor tensor) {
    Storage storage = tensor.strided().storage();
    if (storage.isCounted()) {
      storage.retain();
      Reclaimer.watch(storage, DeviceMemory.of(storage.device()));
    }
  }

  public static void disown(@Nullable Tensor tensor) {
    if (tensor != null) {
      Storage storage = tensor.strided().storage();
      if (storage.isCounted()) {
        storage.release();
      }
    }
  }

  /// Makes sure that the user, who is about to see `tensor`, can hold on to it: in a scope of the user's until that
  /// closes, without one as long as it can be reached.
  public static void expose(ThreadState thread, Tensor tensor) {
    Storage storage = tensor.strided().storage();
    ScopeMembers owner = storage.scope();
    if (!storage.isCounted() || owner != null && !owner.isInner()) {
      return;
    }
    ScopeMembers home = thread.scope;
    while (home != null && home.isInner()) {
      home = home.parent();
    }
    if (owner == null) {
      storage.retain();
    }
    if (home != null) {
      home.own(storage);
    } else {
      storage.setScope(null);
      Reclaimer.watch(storage, DeviceMemory.of(storage.device()));
    }
  }

  /// Moves `tensor`, and the graph behind it, from `scope`, or a scope inside it, to the parent of `scope`.
  ///
  /// @throws IllegalArgumentException where a scope owns it that neither encloses `scope` nor is inside it
  public static void keep(ScopeMembers scope, Tensor tensor) {
    Storage storage = tensor.strided().storage();
    ScopeMembers owner = storage.scope();
    if (owner != null && !owner.isWithin(scope) && !scope.isWithin(owner)) {
      throw new IllegalArgumentException("[MemoryScope] keep expected a tensor of this scope or of one inside it, got " + tensor.describe()
          + " of a scope apart: call keep on that one, or MemoryScope.escape(tensor)");
    }
    if (owner != null && owner.isWithin(scope)) {
      scope.keep(storage);
    }
    Node root = tensor.gradFn();
    if (root != null) {
      Node.visit(root, node -> {
        ScopeMembers recordedIn = node.scope();
        if (recordedIn != null && recordedIn.isWithin(scope)) {
          scope.keep(node);
        }
      });
    }
  }
}
