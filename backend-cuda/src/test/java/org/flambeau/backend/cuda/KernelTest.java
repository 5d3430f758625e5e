package org.flambeau.backend.cuda;

import java.util.ArrayList;
import java.util.List;
import org.flambeau.backend.cuda.binding.Driver;
import org.flambeau.backend.cuda.binding.SimulatedDriver;
import org.flambeau.backend.cuda.binding.SimulatedDriver.Order;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;

/// The simulated GPU for tests that call its kernels themselves, with arrays on it, which live as long as the test.
abstract class KernelTest {
  static Gpu gpu;
  static DeviceArrays arrays;
  private final List<DeviceArrays> fresh = new ArrayList<>();

  @BeforeAll
  static void installSimulatedGpu() throws Exception {
    SimulatedDriver.install();
    Driver.init();
    gpu = new Gpu(0);
    arrays = new DeviceArrays(gpu);
  }

  /// Arrays on a GPU that has done nothing yet.
  final DeviceArrays onFreshGpu() {
    fresh.add(new DeviceArrays(new Gpu(0)));
    return fresh.getLast();
  }

  @AfterEach
  final void freeArrays() {
    arrays.free();
    for (DeviceArrays others : fresh) {
      others.free();
      others.gpu.allocator().emptyCache();
    }
  }

  @AfterAll
  static void restoreOrder() {
    SimulatedDriver.order(Order.FORWARD);
  }
}
