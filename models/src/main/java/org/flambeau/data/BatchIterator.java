package org.flambeau.data;

import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadFactory;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// One epoch of a [DataLoader], for one thread.
///
/// At most `prefetch` batches are ready or in the making at any time. The end of the epoch, an error or [#close()] stops the
/// workers and frees what they made; who leaves a loop early without closing leaves that to the garbage collector.
public final class BatchIterator implements Iterator<Batch>, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(BatchIterator.class);
  private static final Cleaner LOST = Cleaner.create();

  /// How long [#close()] waits for workers that are in the middle of a sample.
  private static final Duration PATIENCE = Duration.ofSeconds(5);

  private final Dataset dataset;
  private final @Nullable Function<List<Sample>, Batch> collate;
  private final Iterator<long[]> order;
  private final long seed;
  private final int prefetch;
  private final ArrayDeque<Future<BatchLoad.Loaded>> pending = new ArrayDeque<>();
  private final List<Thread> threads = new CopyOnWriteArrayList<>();
  private final @Nullable ExecutorService workers;
  private final Cleaner.@Nullable Cleanable net;
  private BatchLoad.@Nullable Loaded current;
  private long position;
  private boolean closed;

  BatchIterator(Dataset dataset, @Nullable Function<List<Sample>, Batch> collate, Iterator<long[]> order, long seed, int workers,
      int prefetch) {
    this.dataset = dataset;
    this.collate = collate;
    this.order = order;
    this.seed = seed;
    this.prefetch = prefetch;
    if (workers == 0) {
      this.workers = null;
      this.net = null;
    } else {
      ThreadFactory factory = Thread.ofPlatform().daemon().name("flambeau-loader-", 0).factory();
      List<Thread> started = threads;
      ExecutorService executor = Executors.newFixedThreadPool(workers, work -> {
        Thread thread = factory.newThread(work);
        started.add(thread);
        return thread;
      });
      this.workers = executor;
      this.net = LOST.register(this, executor::shutdownNow);
    }
  }

  /// Whether another batch follows; frees the last one where none does.
  @Override
  public boolean hasNext() {
    if (!closed && pending.isEmpty() && !order.hasNext()) {
      close();
    }
    return !closed;
  }

  /// The next batch; the one before is freed unless it was kept.
  ///
  /// @throws DataException where one of its samples cannot be loaded, or the thread is interrupted while it waits; no further
  ///         batch comes then
  @Override
  public Batch next() {
    if (!hasNext()) {
      throw new NoSuchElementException();
    }
    free();
    boolean done = false;
    try {
      BatchLoad.Loaded next = workers == null ? work().call() : await(workers);
      done = true;
      current = next;
      return next.batch();
    } catch (BatchLoad.SampleFailure e) {
      throw failure(e);
    } finally {
      if (!done) {
        close();
      }
      Reference.reachabilityFence(this); // its net stops the workers
    }
  }

  private BatchLoad work() {
    long[] indices = order.next();
    BatchLoad work = new BatchLoad(dataset, collate, indices, seed, position);
    position += indices.length;
    return work;
  }

  private BatchLoad.Loaded await(ExecutorService workers) throws BatchLoad.SampleFailure {
    loadAhead(workers);
    Future<BatchLoad.Loaded> first = pending.remove();
    try {
      BatchLoad.Loaded loaded = first.get();
      loadAhead(workers);
      return loaded;
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case BatchLoad.SampleFailure failure -> throw failure;
        case Error error -> throw error;
        case null, default -> throw new DataException("[DataLoader] a worker failed: " + e.getCause(), e);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new DataException("[DataLoader] interrupted while waiting for a batch", e);
    }
  }

  private void loadAhead(ExecutorService workers) {
    while (pending.size() < prefetch && order.hasNext()) {
      pending.add(workers.submit(work()));
    }
  }

  private static DataException failure(BatchLoad.SampleFailure e) {
    String message = e.getMessage() == null ? e.toString() : e.getMessage();
    return new DataException(message, e.getCause() == null ? e : e.getCause());
  }

  private void free() {
    if (current != null) {
      current.memory().close();
      current = null;
    }
  }

  /// Stops the workers and frees the present batch and those made ahead.
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    free();
    if (workers == null || net == null) {
      return;
    }
    net.clean();
    awaitThreads();
    for (Future<BatchLoad.Loaded> batch : pending) {
      if (batch.state() == Future.State.SUCCESS) {
        batch.resultNow().memory().close();
      }
    }
    pending.clear();
  }

  private void awaitThreads() {
    try {
      long deadline = System.nanoTime() + PATIENCE.toNanos();
      for (Thread thread : threads) {
        if (!thread.join(Duration.ofNanos(Math.max(deadline - System.nanoTime(), 1)))) {
          LOG.warn("[DataLoader] {} has not answered its interruption for {} seconds; it ends after the sample it is reading",
              thread.getName(),
              PATIENCE.toSeconds());
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
