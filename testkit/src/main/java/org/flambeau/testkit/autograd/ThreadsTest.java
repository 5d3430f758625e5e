package org.flambeau.testkit.autograd;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.flambeau.Tensor;
import org.junit.jupiter.api.Test;

/// Backward passes from several threads at once.
final class ThreadsTest {
  private static final int THREADS = 8;

  private static <T> List<T> inThreads(Callable<T> task) throws Exception {
    try (ExecutorService pool = Executors.newFixedThreadPool(THREADS)) {
      List<Future<T>> futures = new ArrayList<>();
      for (int i = 0; i < THREADS; i++) {
        futures.add(pool.submit(task));
      }
      List<T> results = new ArrayList<>();
      for (Future<T> future : futures) {
        results.add(future.get());
      }
      return results;
    }
  }

  @Test
  void each_thread_walks_its_own_graph() throws Exception {
    List<float[]> gradients = inThreads(() -> {
      Tensor x = Tensor.of(1f, 2f, 3f).requiresGrad_(true);
      for (int i = 0; i < 200; i++) {
        x.mul(x).exp().log().sum().backward();
      }
      return x.grad().toFloatArray();
    });
    for (float[] gradient : gradients) {
      assertArrayEquals(new float[] {400, 800, 1200}, gradient, 0.5f);
    }
  }

  @Test
  void threads_that_share_a_leaf_lose_no_gradient() throws Exception {
    Tensor x = Tensor.ones(1000).requiresGrad_(true);
    inThreads(() -> {
      for (int i = 0; i < 200; i++) {
        x.mul(2).sum().backward();
      }
      return true;
    });
    assertEquals(THREADS * 200 * 2.0 * 1000, x.grad().sum().toDouble());
  }

  @Test
  void a_graph_recorded_by_one_thread_is_walked_by_another() throws Exception {
    Tensor x = Tensor.of(3f).requiresGrad_(true);
    Tensor y = x.pow(3);
    Thread thread = new Thread(y::backward);
    thread.start();
    thread.join();
    assertEquals(27, x.grad().toDouble());
  }

  @Test
  void forwards_of_shared_parameters_run_side_by_side() throws Exception {
    Tensor w = Tensor.ones(16, 16).requiresGrad_(true);
    List<Double> sums = inThreads(() -> {
      double sum = 0;
      for (int i = 0; i < 50; i++) {
        sum += Tensor.ones(4, 16).matmul(w).relu().sum().toDouble();
      }
      return sum;
    });
    sums.forEach(sum -> assertEquals(50 * 4 * 16 * 16, sum));
  }
}
