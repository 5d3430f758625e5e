package org.flambeau.internal;

import java.util.Collections;
import java.util.Set;
import java.util.WeakHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.flambeau.Device;
import org.flambeau.spi.Kernels;
import org.flambeau.spi.Storage;

/// Which threads have a tracer: none costs next to nothing.
public final class Tracers {
  /// How many threads have one; each sees its own.
  private static final AtomicInteger TRACING = new AtomicInteger();
  /// What threads without one have allocated meanwhile.
  private static final Set<Storage> ELSEWHERE = Collections.synchronizedSet(Collections.newSetFromMap(new WeakHashMap<>()));

  private Tracers() {}

  /// Runs `work` in the sight of `tracer`.
  public static void trace(Tracer tracer, Runnable work) {
    ThreadState thread = ThreadState.current();
    Tracer outside = thread.tracer;
    thread.tracer = tracer;
    synchronized (ELSEWHERE) {
      TRACING.incrementAndGet();
    }
    try {
      work.run();
    } finally {
      thread.tracer = outside;
      synchronized (ELSEWHERE) { // so that nobody begins in between
        if (TRACING.decrementAndGet() == 0) {
          ELSEWHERE.clear();
        }
      }
    }
  }

  static Kernels over(Device device, Kernels kernels) {
    if (TRACING.getPlain() == 0) {
      return kernels;
    }
    Tracer tracer = ThreadState.current().tracer;
    return tracer == null ? kernels : tracer.over(device, kernels);
  }

  /// For who allocates.
  public static void allocated(ThreadState thread, Storage storage) {
    if (thread.tracer != null) {
      thread.tracer.allocated(storage);
    } else if (TRACING.getPlain() != 0) {
      ELSEWHERE.add(storage);
    }
  }

  /// Whether `storage` was allocated by another thread while this one had its tracer.
  public static boolean isFromElsewhere(Storage storage) {
    return ELSEWHERE.contains(storage);
  }
}
