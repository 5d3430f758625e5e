package org.flambeau.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.flambeau.BackendException;
import org.junit.jupiter.api.Test;

class KernelCompilerTest extends KernelTest {
  @Test
  void aGpuThatIsOlderThanWhatNvrtcKnowsIsToldSo() {
    var refusal = assertThrows(BackendException.class, () -> new KernelCompiler(70));

    assertEquals(
        "[cuda] NVRTC 13.0 compiles for sm_75 and newer, but this GPU is sm_70: install NVRTC, cuBLASLt and cuDNN of an older CUDA",
        refusal.getMessage());
  }
}
