package org.flambeau.backend.cpu;

import java.util.concurrent.LinkedTransferQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/// The threads that share a kernel's work: `-Dflambeau.threads` of them, the caller among them.
///
/// Workers are daemons that park when there is nothing to do, so that they leave the cores to whoever computes meanwhile.
///
/// Each thread has a share of its own of a loop's parts, the same of every loop that is cut alike, so that it finds in its core's cache what it had
/// there in the loop before. Who has done its share takes parts of the others'.
public final class CpuPool {
  /// What one part of a loop does.
  @FunctionalInterface
  public interface Body {
    void run(long begin, long end);
  }

  public static final CpuPool SHARED = new CpuPool(
      Math.max(1, Integer.getInteger("flambeau.threads", Runtime.getRuntime().availableProcessors())));

  /// How often an idle worker looks again before it parks, which costs tens of microseconds to undo: for some 100 us, unless the cores are wanted.
  private static final int SPINS = 4000;
  /// How long a caller looks for the last parts to finish before it parks. They are under way, and the core is the caller's own.
  private static final long PATIENCE_NANOS = 200_000;

  private static final ThreadLocal<Boolean> INSIDE = ThreadLocal.withInitial(() -> false);

  private final int threads;
  private final LinkedTransferQueue<Job> queue = new LinkedTransferQueue<>();
  private final AtomicInteger started = new AtomicInteger();
  /// Whether somebody else computes on the cores until the next loop.
  private volatile boolean coresAreWanted;

  CpuPool(int threads) {
    this.threads = threads;
  }

  public int threads() {
    return threads;
  }

  /// Runs `body` over [begin, end) in parts of at least `grain`, and returns when all have finished. How the range is cut
  /// depends on the range, the grain and the number of threads alone. Called within a body, it runs inline. What a body
  /// throws is thrown here, after the other parts have finished.
  public void parallelFor(long begin, long end, long grain, Body body) {
    long length = end - begin;
    if (length <= 0) {
      return;
    }
    if (threads == 1 || length <= grain || INSIDE.get()) {
      body.run(begin, end);
      return;
    }
    int parts = (int) Math.min((length + grain - 1) / grain, 4L * threads);
    int helpers = Math.min(threads, parts) - 1;
    Job job = new Job(begin, length, parts, helpers + 1, body);
    coresAreWanted = false;
    for (int i = 0; i < helpers; i++) {
      queue.put(job);
    }
    if (started.get() < threads - 1) {
      startWorkers();
    }
    INSIDE.set(true);
    try {
      job.work(0);
    } finally {
      INSIDE.set(false);
    }
    job.await();
  }

  /// Says that the calling thread is about to have others compute, as oneDNN's team: idle workers park at once. Within a body it says nothing.
  public void leaveCores() {
    if (!coresAreWanted && !INSIDE.get()) {
      coresAreWanted = true;
    }
  }

  private void startWorkers() {
    for (int n = started.getAndIncrement(); n < threads - 1; n = started.getAndIncrement()) {
      Thread.ofPlatform().daemon().name("flambeau-cpu-" + (n + 1)).start(serving(n + 1));
    }
  }

  private Runnable serving(int worker) {
    return () -> serve(worker);
  }

  private void serve(int worker) {
    INSIDE.set(true);
    while (true) {
      @Nullable Job job = queue.poll();
      for (int spin = 0; job == null && spin < SPINS && !coresAreWanted; spin++) {
        Thread.onSpinWait();
        job = queue.poll();
      }
      try {
        (job != null ? job : queue.take()).work(worker);
      } catch (InterruptedException e) {
        // nobody interrupts a worker for a reason: go on
      }
    }
  }

  /// One loop under way.
  private static final class Job {
    private final long begin;
    private final long length;
    private final int parts;
    private final Body body;
    private final Thread caller = Thread.currentThread();
    private final int shares;
    /// The next part of each share, to which every part belongs whose number leaves that of the share when divided by [#shares].
    private final AtomicIntegerArray next;
    private final AtomicInteger unfinished;
    private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();

    Job(long begin, long length, int parts, int shares, Body body) {
      this.begin = begin;
      this.length = length;
      this.parts = parts;
      this.shares = shares;
      this.next = new AtomicIntegerArray(shares);
      for (int share = 1; share < shares; share++) {
        next.setPlain(share, share);
      }
      this.body = body;
      this.unfinished = new AtomicInteger(parts);
    }

    /// Does the share of the thread of that number, then what is left of the others'.
    void work(int thread) {
      for (int i = 0; i < shares; i++) {
        int share = (thread + i) % shares;
        for (int part = next.getAndAdd(share, shares); part < parts; part = next.getAndAdd(share, shares)) {
          run(part);
        }
      }
    }

    private void run(int part) {
      try {
        if (failure.getPlain() == null) {
          body.run(bound(part), bound(part + 1));
        }
      } catch (Throwable t) {
        failure.compareAndSet(null, t);
      } finally {
        if (unfinished.decrementAndGet() == 0 && Thread.currentThread() != caller) {
          LockSupport.unpark(caller);
        }
      }
    }

    private long bound(int part) {
      long each = length / parts;
      long more = length % parts;
      return begin + part * each + Math.min(part, more);
    }

    void await() {
      long start = System.nanoTime();
      while (unfinished.get() > 0 && System.nanoTime() - start < PATIENCE_NANOS) {
        Thread.onSpinWait();
      }
      boolean interrupted = false;
      while (unfinished.get() > 0) {
        LockSupport.park(this);
        interrupted |= Thread.interrupted();
      }
      if (interrupted) {
        caller.interrupt();
      }
      Throwable thrown = failure.get();
      if (thrown != null) {
        throw CpuPool.<RuntimeException>sneaky(thrown);
      }
    }
  }

  @SuppressWarnings("unchecked") // a body declares nothing checked, so nothing checked comes here
  private static <T extends Throwable> T sneaky(Throwable thrown) throws T {
    throw (T) thrown;
  }
}
