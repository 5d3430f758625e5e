package org.flambeau.backend.cuda;

import org.flambeau.Device;
import org.flambeau.backend.cuda.binding.SimulatedDriver;
import org.flambeau.testkit.BatchNormAddReluTest;
import org.junit.jupiter.api.BeforeAll;

/// On the simulated GPU too.
class SimulatedBatchNormAddReluTest extends BatchNormAddReluTest {
  @BeforeAll
  static void install() throws Exception {
    SimulatedDriver.install();
  }

  @Override
  protected Device device() {
    return Device.cuda(0);
  }
}
