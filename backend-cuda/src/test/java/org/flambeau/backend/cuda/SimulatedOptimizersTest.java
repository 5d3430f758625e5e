package org.flambeau.backend.cuda;

import org.flambeau.backend.cuda.binding.SimulatedDriver;
import org.flambeau.testkit.nn.OptimizersTest;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/// Optimizers go on the simulated GPU where PyTorch's go.
class SimulatedOptimizersTest extends OptimizersTest {
  private static final String DEVICE = "flambeau.testkit.nn.device";

  @BeforeAll
  static void install() throws Exception {
    SimulatedDriver.install();
    System.setProperty(DEVICE, "cuda:0");
  }

  @AfterAll
  static void leave() {
    System.clearProperty(DEVICE);
  }
}
