package org.flambeau.backend.cuda;

import org.flambeau.backend.cuda.binding.SimulatedDriver;
import org.flambeau.testkit.ChainTest;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/// Chains on the simulated GPU are what their links are one by one: few of them, since each is compiled, and its links too.
class SimulatedChainTest extends ChainTest {
  private static final String DEVICES = "flambeau.testkit.devices";
  private static final String CHAINS = "flambeau.testkit.chains";

  @BeforeAll
  static void install() throws Exception {
    SimulatedDriver.install();
    System.setProperty(DEVICES, "cuda:0");
    System.setProperty(CHAINS, "24");
  }

  @AfterAll
  static void leave() {
    System.clearProperty(DEVICES);
    System.clearProperty(CHAINS);
  }
}
