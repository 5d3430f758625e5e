package org.flambeau.backend.cuda;

import org.flambeau.backend.cuda.binding.Driver;

/// Ways to do the same work, tried one after the other on the GPU, which waits for it. What they compute is computed again by whichever is
/// used in the end.
///
/// Ways may differ in the last bits, so that processes in which different ones come out fastest do too; with
/// `-Dflambeau.cuda.autotune=false` nothing is tried and the first is taken, the same in every process.
final class Trial implements AutoCloseable {
  private static final boolean AUTOTUNE = Boolean.parseBoolean(System.getProperty("flambeau.cuda.autotune", "true"));
  /// Work of fewer operations is over before ways could be told apart.
  private static final double WORTHWHILE = 1 << 26;
  /// Runs of each way that count, after one that warms up, and how many more where together they take less than so many milliseconds.
  private static final int RUNS = 3;
  private static final int MOST_RUNS = 48;
  private static final float LONG_ENOUGH = 1;
  /// What a later way has to undercut the time of the best before it by, so that chance decides less.
  private static final float MARGIN = 0.97f;

  private final Gpu gpu;
  private final long start;
  private final long end;
  private float least = Float.POSITIVE_INFINITY;

  Trial(Gpu gpu) {
    this.gpu = gpu;
    gpu.makeCurrent();
    this.start = Driver.eventCreate(true);
    this.end = Driver.eventCreate(true);
  }

  /// Whether ways to do so many operations are worth trying.
  static boolean pays(double operations) {
    return AUTOTUNE && operations >= WORTHWHILE;
  }

  /// Issues the work to the stream.
  interface Way {
    /// False where it is refused after all.
    boolean issue();
  }

  /// Whether a way works and is faster than all before it.
  boolean prefers(Way way) {
    float time = time(way);
    boolean faster = time < MARGIN * least;
    if (faster) {
      least = time;
    }
    return faster;
  }

  /// Milliseconds of one run, infinitely many where the way is refused.
  private float time(Way way) {
    if (!way.issue()) {
      return Float.POSITIVE_INFINITY;
    }
    for (int runs = RUNS;; runs *= 4) {
      record(start);
      for (int run = 0; run < runs; run++) {
        if (!way.issue()) {
          return Float.POSITIVE_INFINITY;
        }
      }
      record(end);
      Driver.eventSynchronize(end);
      float time = Driver.eventElapsedTime(start, end);
      if (time >= LONG_ENOUGH || runs >= MOST_RUNS) {
        return time / runs;
      }
    }
  }

  private void record(long event) {
    gpu.makeCurrent();
    Driver.eventRecord(event, gpu.stream());
  }

  /// Waits until all that was issued is done, that of ways which were refused halfway too.
  @Override
  public void close() {
    gpu.makeCurrent();
    Driver.streamSynchronize(gpu.stream());
    Driver.eventDestroy(start);
    Driver.eventDestroy(end);
  }
}
