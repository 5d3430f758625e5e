package org.flambeau.testkit.memory;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.flambeau.Device;
import org.flambeau.GradMode;
import org.flambeau.MemoryScope;
import org.flambeau.MemoryStats;
import org.flambeau.Tensor;

/// Records and walks tens of thousands of graphs on several threads, some of which fail midway, and looks at what memory is
/// left. Meant for a process of its own, with a Java heap of fixed size that was touched at the start, so that what the
/// process grows by is native memory.
///
/// Arguments: `scoped` or `unscoped`. Exit status 0 where memory came back.
final class Soak {
  private static final int THREADS = 4;
  private static final int STEPS = 20_000;
  private static final int WARM_UP = 5_000;
  private static final long MOST_GROWTH = 32L << 20;

  /// A step fails midway, on purpose.
  private static final class Midway extends RuntimeException {
    private static final long serialVersionUID = 1;

    Midway() {
      super("midway", null, false, false);
    }
  }

  private Soak() {}

  public static void main(String[] arguments) throws Exception {
    boolean scoped = arguments[0].equals("scoped");
    long before = SoakProcess.settled(Long.MAX_VALUE);
    everywhere(WARM_UP, scoped);
    long warm = SoakProcess.settled(before);
    long resident = SoakProcess.resident();
    everywhere(STEPS, scoped);
    long peak = MemoryStats.of(Device.CPU).peak();
    long after = SoakProcess.settled(before);
    long grown = SoakProcess.resident() - resident;
    System.out.println(String.format(Locale.ROOT,
        "soak %s: %,d graphs on %d threads after %,d to warm up; native bytes in use %,d -> %,d -> %,d, "
            + "at most %,d; resident memory %,d MiB, %+,d KiB",
        arguments[0], STEPS, THREADS, WARM_UP, before, warm, after, peak, resident >> 20,
        grown >> 10));
    if (after != before || grown > MOST_GROWTH) {
      System.exit(1);
    }
  }

  private static void everywhere(int steps, boolean scoped) throws InterruptedException, ExecutionException {
    try (ExecutorService threads = Executors.newFixedThreadPool(THREADS)) {
      List<Future<Integer>> running = new ArrayList<>();
      for (int t = 0; t < THREADS; t++) {
        int number = t;
        Callable<Integer> task = () -> train(number, steps / THREADS, scoped);
        running.add(threads.submit(task));
      }
      int failed = 0;
      for (Future<Integer> each : running) {
        failed += each.get();
      }
      if (failed <= steps / 20) {
        throw new IllegalStateException("too few steps failed midway: " + failed);
      }
    }
  }

  private static int train(int thread, int steps, boolean scoped) {
    int failed = 0;
    Tensor weight = Tensor.full(0.01, 64, 64).requiresGrad_(true);
    Tensor bias = Tensor.zeros(64).requiresGrad_(true);
    for (int step = 0; step < steps; step++) {
      MemoryScope scope = scoped ? MemoryScope.open() : null;
      try {
        step(weight, bias, (step + thread) % 11);
      } catch (Midway e) {
        failed++;
      } finally {
        if (scope != null) {
          scope.close();
        }
      }
    }
    weight.setGrad(null);
    bias.setGrad(null);
    return failed;
  }

  private static void step(Tensor weight, Tensor bias, int kind) {
    Tensor x = Tensor.full(0.5, 32, 64);
    Tensor hidden = x.matmul(weight).add(bias).relu();
    if (kind == 3) {
      throw new Midway();
    }
    if (kind == 5) {
      hidden.registerHook(_ -> {
        throw new Midway();
      });
    }
    Tensor loss = hidden.matmul(weight.t()).square().mean();
    weight.setGrad(null);
    bias.setGrad(null);
    loss.backward();
    try (var _ = GradMode.noGrad()) {
      weight.sub_(weight.grad(), 1e-3);
    }
  }
}
