package org.flambeau.backend.cuda;

import org.flambeau.Device;
import org.flambeau.MatmulPrecision;
import org.flambeau.backend.cuda.binding.SimulatedDriver;
import org.flambeau.testkit.ConvNormTest;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/// On the simulated GPU too; TF32 would hide what differs.
class SimulatedConvNormTest extends ConvNormTest {
  @BeforeAll
  static void install() throws Exception {
    SimulatedDriver.install();
    MatmulPrecision.setForConvolutions(MatmulPrecision.HIGHEST);
  }

  @AfterAll
  static void restore() {
    MatmulPrecision.setForConvolutions(MatmulPrecision.HIGH);
  }

  @Override
  protected Device device() {
    return Device.cuda(0);
  }
}
