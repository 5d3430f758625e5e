package org.flambeau;

import java.lang.ref.Cleaner;
import org.flambeau.internal.ThreadState;
import org.flambeau.internal.memory.ScopeMembers;
import org.flambeau.internal.memory.Scopes;
import org.jspecify.annotations.Nullable;

/// Owns the memory of the tensors made while it is open, and frees it when it closes.
///
/// ```java
/// try (var scope = MemoryScope.open()) {
///   Tensor loss = lossOf(batch);
///   loss.backward();
///   optimizer.step();
/// }                                  // every temporary of the step is freed here
/// ```
///
/// Scopes of one thread nest and close last-in first-out. Memory that someone else owns too (a parameter's `.grad`, an
/// optimizer's state) outlives the scope; so does what [#keep] moves out. Everything else made in the scope throws
/// [ClosedTensorException] when it is used afterwards. Without a scope, memory is freed once the garbage collector finds
/// its tensors unreachable.
public final class MemoryScope implements AutoCloseable {
  private static final Cleaner LOST = Cleaner.create();

  private final @Nullable ThreadState thread;
  private final ScopeMembers members;
  private final Cleaner.@Nullable Cleanable net;

  private MemoryScope(ThreadState thread) {
    this.thread = thread;
    this.members = Scopes.open(thread);
    this.net = LOST.register(this, members);
  }

  private MemoryScope(ScopeMembers members) {
    this.thread = null;
    this.members = members;
    this.net = null;
  }

  /// Opens a scope on this thread, inside the one open there now.
  public static MemoryScope open() {
    return new MemoryScope(ThreadState.current());
  }

  /// A scope that takes over `tensors` and is on no thread's stack: any one thread may close it, at any time. For what is made
  /// on one thread and used on another, such as a loader's batches. What it still owns when it is lost lives as long as it
  /// can be reached.
  public static MemoryScope holding(Tensor... tensors) {
    return new MemoryScope(Scopes.holding(tensors));
  }

  /// Moves `tensor`, and the graph behind it, to the enclosing scope, or, without one, to whoever can reach it: they outlive this scope, also
  /// where they were made in a scope inside it. `keep(t.detach())` moves the value alone.
  ///
  /// @return `tensor`
  /// @throws IllegalArgumentException where `tensor` belongs to a scope that neither encloses this one nor is inside it
  public Tensor keep(Tensor tensor) {
    Scopes.keep(members, tensor);
    return tensor;
  }

  /// Takes the value of `tensor` out of whatever scope owns it: it lives as long as it can be reached. For what outlives the
  /// step that makes it, such as an optimizer's state.
  ///
  /// @return `tensor`
  public static Tensor escape(Tensor tensor) {
    Scopes.escape(tensor);
    return tensor;
  }

  /// Frees what the scope owns, and releases what the backward of graphs recorded in it would have needed.
  ///
  /// @throws IllegalStateException on another thread than it was opened on, or before a scope opened later is closed
  @Override
  public void close() {
    if (thread == null || net == null) {
      members.run();
      return;
    }
    if (ThreadState.current() != thread) {
      throw new IllegalStateException("[MemoryScope] a scope is closed by the thread that opened it");
    }
    Scopes.close(thread, members);
    net.clean();
  }
}
