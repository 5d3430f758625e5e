package org.flambeau.backend.cuda.binding;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.flambeau.BackendException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The real libraries, where they are installed or FLAMBEAU_CUDA_PATH names them. None of these tests needs a GPU or a driver.
class InstalledLibrariesTest {
  private static final String SCALE = """
      template <typename T> __global__ void scale(T* x, T factor, int n) {
        int i = blockIdx.x * blockDim.x + threadIdx.x;
        if (i < n) x[i] *= factor;
      }
      """;

  private static void require(Library library) {
    String problem = Libraries.shared().problem(library);
    assumeTrue(problem == null, problem);
  }

  @ParameterizedTest
  @ValueSource(ints = {75, 80, 90, 100, 120})
  void nvrtcCompilesATemplateForEveryArchitecture(int architecture) {
    require(Library.NVRTC);
    assumeTrue(Arrays.stream(Nvrtc.architectures()).anyMatch(known -> known == architecture),
        () -> "NVRTC " + Nvrtc.version() + " does not know sm_" + architecture);
    try (var program = new Nvrtc.Program(SCALE, "scale.cu", Map.of())) {
      program.addNameExpression("scale<float>");
      program.addNameExpression("scale<double>");
      program.compile(List.of("--gpu-architecture=sm_" + architecture, "--std=c++17", "--ptxas-options=-v"));

      byte[] cubin = program.cubin();

      assertArrayEquals(new byte[] {0x7f, 'E', 'L', 'F'}, Arrays.copyOf(cubin, 4));
      for (String kernel : List.of("scale<float>", "scale<double>")) {
        assertTrue(new String(cubin, ISO_8859_1).contains(program.loweredName(kernel)), kernel);
      }
    }
  }

  @Test
  void nvrtcGivesPtxForAVirtualArchitecture() {
    require(Library.NVRTC);
    try (var program = new Nvrtc.Program(SCALE, "scale.cu", Map.of())) {
      program.addNameExpression("scale<float>");
      program.compile(List.of("--gpu-architecture=compute_80"));

      assertTrue(new String(program.ptx(), ISO_8859_1).contains(".entry " + program.loweredName("scale<float>")));
    }
  }

  @Test
  void anErrorInAKernelIsShownWithItsLine() {
    require(Library.NVRTC);
    try (var program = new Nvrtc.Program("__global__ void broken(float* x) {\n  x[0] = y;\n}\n", "broken.cu", Map.of())) {
      String message = message(assertThrows(BackendException.class, () -> program.compile(List.of("--gpu-architecture=compute_80"))));

      assertTrue(message.startsWith("[nvrtcCompileProgram] broken.cu does not compile with --gpu-architecture=compute_80:\n"), message);
      assertTrue(message.contains("broken.cu(2): error: identifier \"y\" is undefined"), message);
    }
  }

  @Test
  void anOptionThatNvrtcDoesNotKnowIsRefusedByItsOwnText() {
    require(Library.NVRTC);
    try (var program = new Nvrtc.Program(SCALE, "scale.cu", Map.of())) {
      assertEquals("[nvrtcCompileProgram scale.cu] NVRTC_ERROR_INVALID_OPTION (5)",
          assertThrows(BackendException.class, () -> program.compile(List.of("--no-such-option"))).getMessage());
    }
  }

  @Test
  void cublasLtTellsItsVersionAndExplainsItsStatus() {
    require(Library.CUBLAS_LT);

    assertEquals(Libraries.shared().cudaMajor(), CublasLt.cudaVersion() / 1000);
    assertTrue(CublasLt.version().startsWith(Libraries.shared().cudaMajor() + "."), CublasLt.version());
    CublasLt.check("cublasLtMatmul", 0);
    String message = message(assertThrows(BackendException.class, () -> CublasLt.check("cublasLtMatmul", 7)));
    assertTrue(message.startsWith("[cublasLtMatmul] CUBLAS_STATUS_INVALID_VALUE (7): "), message);
  }

  @Test
  void cudnnTellsItsVersionAndExplainsItsStatus() {
    require(Library.CUDNN);

    assertTrue(Cudnn.version().startsWith("9."), Cudnn.version());
    assertTrue(Library.CUDA_MAJORS.contains(Cudnn.cudaVersion() / 1000), () -> "made for CUDA " + Cudnn.cudaVersion());
    Cudnn.check("cudnnCreate", 0);
    String message = message(assertThrows(BackendException.class, () -> Cudnn.check("cudnnBackendFinalize", 2000)));
    assertTrue(message.startsWith("[cudnnBackendFinalize] CUDNN_STATUS_BAD_PARAM (2000)"), message);
  }

  private static String message(BackendException e) {
    return String.valueOf(e.getMessage());
  }
}
