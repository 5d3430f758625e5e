package org.flambeau.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.flambeau.backend.cuda.binding.SimulatedDriver;
import org.junit.jupiter.api.Test;

class SimulatedDeviceTest {
  @Test
  void aDeviceIsDescribedAndNotOfferedWhileThereAreNoKernelsForIt() throws Exception {
    SimulatedDriver.install();
    var backend = new CudaBackend();

    assertTrue(backend.report().lines().anyMatch("cuda:0: simulated GPU, sm_90, 132 multiprocessors, 1.0 GiB"::equals), backend.report());
    assertTrue(backend.report().lines().anyMatch("the driver serves: CUDA 13.0"::equals), backend.report());
    assertEquals(0, backend.deviceCount());
    assertFalse(backend.reason(0).startsWith("NVIDIA's driver"), backend.reason(0));
  }
}
