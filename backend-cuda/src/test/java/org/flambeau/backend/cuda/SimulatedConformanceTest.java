package org.flambeau.backend.cuda;

import org.flambeau.backend.cuda.binding.SimulatedDriver;
import org.flambeau.testkit.ConformanceTest;
import org.junit.jupiter.api.BeforeAll;

/// The simulated GPU is held to every entry of the op table.
class SimulatedConformanceTest extends ConformanceTest {
  @BeforeAll
  static void install() throws Exception {
    System.setProperty("flambeau.testkit.devices", "cuda:0");
    System.setProperty("flambeau.testkit.differences", "false");
    System.setProperty("flambeau.cuda.directAllocation", "true");
    System.setProperty("flambeau.cuda.launchBlocking", "true");
    SimulatedDriver.install();
  }
}
