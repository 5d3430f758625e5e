package org.flambeau.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.flambeau.BackendException;
import org.flambeau.backend.cuda.binding.CublasLt;
import org.flambeau.backend.cuda.binding.Driver;
import org.flambeau.backend.cuda.binding.Libraries;
import org.flambeau.backend.cuda.binding.Library;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// The real cuBLASLt, where it is installed or FLAMBEAU_CUDA_PATH names it.
class InstalledCublasTest {
  @BeforeEach
  void requireCublas() {
    String problem = Libraries.shared().problem(Library.CUBLAS_LT);
    assumeTrue(problem == null, problem);
  }

  @Test
  void theModelsProductsAreDescribedAsTheLibraryWantsThem() {
    for (Gemm gemm : ModelProducts.all()) {
      assertDoesNotThrow(() -> {
        GemmPlan.Descriptors.of(gemm).close();
        CublasLt.preferenceDestroy(GemmPlan.Descriptors.preference(gemm, GemmPlans.WORKSPACE));
      }, gemm::toString);
    }
  }

  @Test
  void anAttributeOfTheWrongSizeIsRefused() {
    long product = CublasLt.matmulDescCreate(CublasLt.COMPUTE_32F, CublasLt.R_32F);

    var refusal = assertThrows(BackendException.class, () -> CublasLt.matmulDescSet(product, CublasLt.DESC_EPILOGUE, 1L));

    String message = String.valueOf(refusal.getMessage());
    assertTrue(message.startsWith("[cublasLtMatmulDescSetAttribute 7] CUBLAS_STATUS_INVALID_VALUE (7): "), message);
    CublasLt.matmulDescDestroy(product);
  }

  /// Which algorithms there are cuBLASLt tells on a GPU only: its handle asks the driver, and checks that it is NVIDIA's.
  @Test
  void theModelsProductsAllHaveAnAlgorithm() {
    String problem = Libraries.shared().problem(Library.DRIVER);
    assumeTrue(problem == null, problem);
    Driver.init();
    assumeTrue(Driver.deviceCount() > 0, "there is no GPU");
    Driver.ctxSetCurrent(Driver.primaryCtxRetain(Driver.device(0)));
    long handle = CublasLt.create();
    for (Gemm gemm : ModelProducts.all()) {
      assertNotNull(GemmPlan.of(handle, gemm, 4096, GemmPlans.WORKSPACE), gemm::toString);
    }
  }
}
