package org.flambeau.internal.memory;

import java.lang.ref.PhantomReference;
import java.lang.ref.ReferenceQueue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import org.flambeau.spi.Allocator;
import org.flambeau.spi.Storage;
import org.jspecify.annotations.Nullable;

/// Frees a native block once its storage is unreachable, unless an owner freed it before.
public final class Reclaimer extends PhantomReference<Storage> {
  private static final ReferenceQueue<Storage> UNREACHABLE = new ReferenceQueue<>();
  private static final Set<Reclaimer> PENDING = ConcurrentHashMap.newKeySet();

  static {
    Thread.ofPlatform().daemon().name("flambeau-reclaimer").start(Reclaimer::run);
  }

  private final DeviceMemory memory;
  private final long address;
  private final long bytes;
  private final AtomicBoolean done = new AtomicBoolean();

  private Reclaimer(Storage storage, DeviceMemory memory) {
    super(storage, UNREACHABLE);
    this.memory = memory;
    this.address = storage.address();
    this.bytes = storage.bytes();
  }

  /// From now on `storage` is freed no later than when the collector finds it unreachable.
  static void watch(Storage storage, DeviceMemory memory) {
    if (storage.heap() == null && !storage.isForeign() && storage.reclaimer() == null) {
      Reclaimer reclaimer = new Reclaimer(storage, memory);
      storage.setReclaimer(reclaimer);
      PENDING.add(reclaimer);
      memory.becameUnscoped(storage.bytes());
    }
  }

  /// The last counted owner left.
  public static void freed(Storage storage) {
    Provenance provenance = storage.provenance();
    if (provenance != null) {
      provenance.closedHere();
    }
    if (storage.heap() != null || storage.isForeign()) {
      return;
    }
    Reclaimer reclaimer = storage.reclaimer();
    if (reclaimer == null) {
      DeviceMemory.of(storage.device()).free(storage.address(), storage.bytes());
    } else {
      reclaimer.clear();
      reclaimer.reclaim();
    }
  }

  /// Frees everything found unreachable so far; returns the bytes freed.
  static long drain() {
    long freed = 0;
    for (@Nullable Object next = UNREACHABLE.poll(); next != null; next = UNREACHABLE.poll()) {
      freed += ((Reclaimer) next).reclaim();
    }
    return freed;
  }

  /// Asks for a garbage collection and drains, waiting a little longer each time while that frees too little.
  static void collect(long wanted) {
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

  private long reclaim() {
    PENDING.remove(this);
    if (done.compareAndSet(false, true)) {
      memory.freeUnscoped(address, bytes);
      return bytes;
    }
    return 0;
  }

  private static void run() {
    while (true) {
      try {
        ((Reclaimer) UNREACHABLE.remove()).reclaim();
      } catch (InterruptedException e) {
        // nobody interrupts this thread for a reason: go on
      }
    }
  }
}
