package org.flambeau.backend.cuda;

import org.flambeau.backend.cuda.binding.SimulatedDriver;
import org.flambeau.testkit.nn.SgdTest;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/// Stochastic gradient descent goes on the simulated GPU where PyTorch's goes.
class SimulatedSgdTest extends SgdTest {
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
