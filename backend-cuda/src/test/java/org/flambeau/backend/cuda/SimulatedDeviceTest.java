package org.flambeau.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.Tensor;
import org.flambeau.backend.cuda.binding.SimulatedDriver;
import org.flambeau.nn.Functional;
import org.flambeau.spi.Backend;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Tensors on the simulated GPU.
class SimulatedDeviceTest {
  @BeforeAll
  static void install(@TempDir Path kernels) throws Exception {
    System.setProperty("flambeau.cuda.kernelCache", kernels.toString());
    SimulatedDriver.install();
  }

  @Test
  void theDeviceIsDescribed() {
    var backend = new CudaBackend();

    assertTrue(backend.report().lines().anyMatch("cuda:0: simulated GPU, sm_90, 132 multiprocessors, 1.0 GiB"::equals), backend.report());
    assertTrue(backend.report().lines().anyMatch("the driver serves: CUDA 13.0"::equals), backend.report());
    assertEquals(2, backend.deviceCount());
  }

  /// As in a process of its own: a class loader that has the backend's classes anew.
  @Test
  void aLibraryWithoutAFunctionIsPartOfTheReport(@TempDir Path folder) throws Exception {
    String installed = System.getProperty("flambeau.cuda.path");
    for (String library : List.of("libcuda.so.1", "libnvrtc.so.13", "libnvrtc-builtins.so.13.0", "libcublasLt.so.13")) {
      Files.copy(Path.of(installed, library), folder.resolve(library));
    }
    Files.copy(Path.of(installed, "libcublasLt.so.13"), folder.resolve("libcudnn.so.9"));
    URL classes = CudaBackend.class.getProtectionDomain().getCodeSource().getLocation();
    System.setProperty("flambeau.cuda.path", folder.toString());
    try (var anew = new URLClassLoader(new URL[] {classes}) {
      @Override
      protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
        synchronized (getClassLoadingLock(name)) {
          boolean own = name.startsWith("org.flambeau.backend.cuda.") && findLoadedClass(name) == null;
          return own ? findClass(name) : super.loadClass(name, resolve);
        }
      }
    }) {
      var backend = (Backend) anew.loadClass(CudaBackend.class.getName()).getConstructor().newInstance();

      String missing = "[CUDA] the installed library has no cudnnGetVersion: it is older than CUDA 12, update it";
      assertEquals(missing, backend.reason(0));
      assertTrue(backend.report().lines().anyMatch(line -> line.startsWith("cuDNN version: unknown; ") && line.contains(missing)),
          backend.report());
    } finally {
      System.setProperty("flambeau.cuda.path", installed);
    }
  }

  @Test
  void tensorsGoThereAndBack() {
    Tensor x = Tensor.of(1f, 2f, 3f, 4f, 5f).to(Device.cuda(0));

    assertEquals(Device.cuda(0), x.device());
    assertArrayEquals(new float[] {1, 2, 3, 4, 5}, x.toFloatArray());
    assertEquals("tensor([1., 2., 3., 4., 5.], device='cuda:0')", x.toString());
  }

  /// Of more bytes than fit the buffers on their way.
  @Test
  void threadsBringTheirsThereAndBackAtTheSameTime() {
    List<CompletableFuture<Boolean>> threads = IntStream.range(0, 4).mapToObj(thread -> CompletableFuture.supplyAsync(() -> {
      Tensor x = Tensor.arange(3_000_000).to(DType.FLOAT32).add(thread);
      return IntStream.range(0, 3).allMatch(_ -> x.to(Device.cuda(0)).cpu().equal(x));
    })).toList();

    assertEquals(List.of(true, true, true, true), threads.stream().map(CompletableFuture::join).toList());
  }

  /// Whoever waits for another at a lock may go on as another thread of the system, for which another device was current.
  @Test
  void virtualThreadsComputeOnBothDevicesAtTheSameTime() {
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<Boolean>> all = IntStream.range(0, 16).mapToObj(thread -> threads.submit(() -> {
        Device device = Device.cuda(thread % 2);
        Tensor x = Tensor.arange(8 * 64 * 64).remainder(7).add(thread).to(DType.FLOAT32).reshape(8, 1, 64, 64);
        return IntStream.range(0, 8).allMatch(i -> {
          Tensor weight = Tensor.full(1 + thread / 4.0, 1, 1, 1, 1 + i % 4);
          Tensor there = Functional.conv2d(x.to(device), weight.to(device), null).matmul(Tensor.eye(64 - i % 4).to(device));
          return there.cpu().equal(Functional.conv2d(x, weight, null));
        });
      })).toList();

      for (Future<Boolean> each : all) {
        assertTrue(assertDoesNotThrow(() -> each.get()));
      }
    }
  }

  @Test
  void elementWiseOperationsOfEveryLayoutAreComputedThere() {
    Tensor x = Tensor.arange(12).to(DType.FLOAT32).reshape(3, 4);
    Tensor there = x.to(Device.cuda(0));

    assertArrayEquals(x.add(x).toFloatArray(), there.add(there).toFloatArray());
    assertArrayEquals(x.t().mul(2).add(1).toFloatArray(), there.t().mul(2).add(1).toFloatArray());
    assertArrayEquals(x.add(x.select(0, 1)).sigmoid().toFloatArray(), there.add(there.select(0, 1)).sigmoid().toFloatArray(), 1e-6f);
    assertArrayEquals(x.gt(5).toBooleanArray(), there.gt(5).toBooleanArray());
    assertArrayEquals(x.sum(0).toFloatArray(), there.sum(0).toFloatArray());
    assertArrayEquals(x.sum(1).toFloatArray(), there.sum(1).toFloatArray());
    assertEquals(66f, there.sum().item());
  }

  @Test
  void gradientsAreComputedThere() {
    Tensor x = Tensor.of(1f, 2f, 3f).to(Device.cuda(0)).requiresGrad_(true);

    x.mul(x).sum().backward();

    assertArrayEquals(new float[] {2, 4, 6}, Objects.requireNonNull(x.grad()).toFloatArray());
  }
}
