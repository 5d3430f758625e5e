package org.flambeau.backend.cuda;

import org.flambeau.backend.cuda.binding.Driver;
import org.flambeau.backend.cuda.binding.SimulatedDriver;
import org.flambeau.backend.cuda.binding.SimulatedDriver.Order;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/// The simulated GPU for tests that call its kernels themselves, with arrays on it.
abstract class KernelTest {
  static Gpu gpu;
  static DeviceArrays arrays;

  @BeforeAll
  static void installSimulatedGpu() throws Exception {
    SimulatedDriver.install();
    Driver.init();
    gpu = new Gpu(0);
    arrays = new DeviceArrays(gpu);
  }

  @AfterAll
  static void restoreOrder() {
    SimulatedDriver.order(Order.FORWARD);
  }
}
