package org.flambeau.testkit.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
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
import org.junit.jupiter.api.Test;

/// Tens of thousands of graphs, from several threads, with exceptions thrown midway: native memory returns to where it
/// started, and the process does not grow.
final class SoakTest {
  private static final int THREADS = 4;
  private static final int STEPS = 6_000;
  private static final int WARM_UP = 1_500;
  private static final long MOST_GROWTH = 96L << 20;

  /// A step fails midway, on purpose.
  private static final class Midway extends RuntimeException {
    private static final long serialVersionUID = 1;

    Midway() {
      super("midway", null, false, false);
    }
  }

  @Test
  void training_in_scopes_leaves_no_memory_behind() throws Exception {
    long before = settled(Long.MAX_VALUE);
    everywhere(WARM_UP, true);
    long resident = resident();
    everywhere(STEPS, true);
    assertEquals(before, settled(before), "native bytes in use");
    assertFlat("in scopes", resident);
  }

  @Test
  void training_without_scopes_leaves_no_memory_behind_once_collected() throws Exception {
    long before = settled(Long.MAX_VALUE);
    everywhere(WARM_UP, false);
    settled(before);
    long resident = resident();
    everywhere(STEPS, false);
    assertEquals(before, settled(before), "native bytes in use");
    assertFlat("without scopes", resident);
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
      assertTrue(failed > steps / 20, "steps that failed midway: " + failed);
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

  /// Bytes in use after collections, until they are `target` or stop changing.
  private static long settled(long target) throws InterruptedException {
    long last = Long.MAX_VALUE;
    for (int round = 0; round < 20; round++) {
      System.gc();
      Thread.sleep(50);
      long now = MemoryStats.of(Device.CPU).current();
      if (now == target || round > 5 && now == last) {
        return now;
      }
      last = now;
    }
    return last;
  }

  private static void assertFlat(String what, long before) throws IOException {
    long after = resident();
    System.out.println(String.format(Locale.ROOT, "soak %s: %,d graphs after warm-up, resident memory %,d MiB -> %,d MiB", what, STEPS,
        before >> 20, after >> 20));
    assertTrue(after - before < MOST_GROWTH, "resident memory grew by " + (after - before) + " bytes");
  }

  private static long resident() throws IOException {
    Path statm = Path.of("/proc/self/statm");
    assumeTrue(Files.exists(statm), "resident memory can be read on Linux only");
    return Long.parseLong(Files.readString(statm).split(" ")[1]) * 4096;
  }
}
