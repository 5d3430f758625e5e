package org.flambeau.spi;

import java.lang.ref.PhantomReference;
import java.lang.ref.ReferenceQueue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/// A native block that is freed no later than when the collector finds that nobody can reach its owner any more.
///
/// The collector does not see native bytes: who runs out of them, a backend for its workspaces too, has it look for such blocks by [#allocate].
public abstract class Reclaimable extends PhantomReference<Object> {
  private static final ReferenceQueue<Object> UNREACHABLE = new ReferenceQueue<>();
  private static final Set<Reclaimable> WATCHED = ConcurrentHashMap.newKeySet();

  static {
    Thread.ofPlatform().daemon().name("flambeau-reclaimer").start(Reclaimable::run);
  }

  private final long bytes;

  /// A block of that many bytes, which is not [watched][#watch()] yet.
  protected Reclaimable(Object owner, long bytes) {
    super(owner, UNREACHABLE);
    this.bytes = bytes;
  }

  /// Frees the block; called once at most, by any thread.
  protected abstract void free();

  /// From now on the block is freed when its owner, which can still be reached here, no longer can.
  protected final void watch() {
    WATCHED.add(this);
  }

  /// Frees the block if it is watched and has not been freed before; returns the bytes freed.
  protected final long reclaim() {
    if (!WATCHED.remove(this)) {
      return 0;
    }
    free();
    return bytes;
  }

  /// Frees every block whose owner was found unreachable so far; returns the bytes freed.
  public static long drain() {
    long freed = 0;
    for (@Nullable Object next = UNREACHABLE.poll(); next != null; next = UNREACHABLE.poll()) {
      freed += ((Reclaimable) next).reclaim();
    }
    return freed;
  }

  /// Asks for a garbage collection and drains, waiting a little longer each time while that frees too little.
  public static void collect(long wanted) {
    System.gc();
    long freed = drain();
    for (long pause = 1; freed < wanted && pause <= 64; pause *= 2) {
      try {
        Thread.sleep(pause);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
      freed += drain();
    }
  }

  /// Memory of `allocator`'s, or where that has none, what is left once it has been given back what is unreachable and has emptied its cache.
  ///
  /// @throws Allocator.OutOfMemory where that was not enough
  public static long allocate(Allocator allocator, long bytes) throws Allocator.OutOfMemory {
    try {
      return allocator.allocate(bytes);
    } catch (Allocator.OutOfMemory first) {
      drain();
      allocator.emptyCache();
    }
    try {
      return allocator.allocate(bytes);
    } catch (Allocator.OutOfMemory second) {
      collect(bytes);
      allocator.emptyCache();
    }
    return allocator.allocate(bytes);
  }

  private static void run() {
    while (true) {
      try {
        ((Reclaimable) UNREACHABLE.remove()).reclaim();
      } catch (InterruptedException e) {
        // nobody interrupts this thread for a reason: go on
      }
    }
  }
}
