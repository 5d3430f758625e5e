package org.flambeau.backend.cuda;

import org.flambeau.backend.cuda.binding.SimulatedDriver;
import org.flambeau.testkit.TensorFloatTest;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/// The simulated GPU, whose products round as tensor cores do, is as near as those.
class SimulatedTensorFloatTest extends TensorFloatTest {
  private static final String DEVICES = "flambeau.testkit.devices";

  @BeforeAll
  static void install() throws Exception {
    SimulatedDriver.install();
    System.setProperty(DEVICES, "cuda:0");
  }

  @AfterAll
  static void leave() {
    System.clearProperty(DEVICES);
  }
}
