package org.flambeau.interop.jcuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import jcuda.Pointer;
import jcuda.jcublas.JCublas2;
import jcuda.jcublas.cublasHandle;
import jcuda.jcublas.cublasOperation;
import jcuda.runtime.cudaStream_t;
import org.flambeau.Device;
import org.flambeau.Tensor;
import org.flambeau.autograd.DifferentiableFunction;
import org.flambeau.backend.cuda.binding.SimulatedDriver;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/// JCublas on Flambeau's memory and stream: JCublas itself, on a stand-in for cuBLAS 12 beside the simulated driver.
class JCublasTest {
  private static final Pointer ONE = Pointer.to(new float[] {1}), ZERO = Pointer.to(new float[] {0});

  private static final cublasHandle CUBLAS = new cublasHandle();
  private static Device gpu;

  @BeforeAll
  static void load() throws Exception {
    SimulatedDriver.install();
    gpu = Device.cuda(0);
    var _ = JCudaInterop.stream(gpu); // the driver is open, the context current
    SimulatedDriver.open("libcublas.so.12", Path.of("src/test/jcuda/libcublas.cpp"));
    JCublas2.setExceptionsEnabled(true);
    JCublas2.cublasCreate(CUBLAS);
  }

  @AfterAll
  static void close() {
    JCublas2.cublasDestroy(CUBLAS);
  }

  /// The example: a product of matrices by JCublas that autograd differentiates.
  private static final class Product extends DifferentiableFunction {
    @Override
    protected List<Tensor> forward(Context context, List<Tensor> inputs) {
      Tensor a = inputs.get(0).contiguous(), b = inputs.get(1).contiguous();
      context.save(a, b);
      return List.of(multiply(a, false, b, false));
    }

    @Override
    protected List<@Nullable Tensor> backward(Context context, List<Tensor> grads) {
      Tensor gradient = grads.getFirst().contiguous();
      return List.of(multiply(gradient, false, context.saved(1), true), multiply(context.saved(0), true, gradient, false));
    }

    /// c = a·b, of matrices or their transposes. cuBLAS reads by columns what lies by rows, and so sees the transposes: cᵀ = bᵀ·aᵀ.
    private static Tensor multiply(Tensor a, boolean transposeA, Tensor b, boolean transposeB) {
      int m = (int) a.size(transposeA ? 1 : 0), k = (int) a.size(transposeA ? 0 : 1), n = (int) b.size(transposeB ? 0 : 1);
      Tensor c = Tensor.empty(a.device(), a.dtype(), m, n);
      JCublas2.cublasSetStream(CUBLAS, new cudaStream_t(JCudaInterop.stream(a.device())));
      JCublas2.cublasSgemm(CUBLAS, operation(transposeB), operation(transposeA), n, m, k, ONE, JCudaInterop.pointer(b), (int) b.size(1),
          JCudaInterop.pointer(a), (int) a.size(1), ZERO, JCudaInterop.pointer(c), n);
      return c;
    }

    private static int operation(boolean transpose) {
      return transpose ? cublasOperation.CUBLAS_OP_T : cublasOperation.CUBLAS_OP_N;
    }
  }

  private static Tensor matrix(int rows, int columns) {
    return Tensor.randn(rows, columns).to(gpu).requiresGrad_(true);
  }

  @Test
  void a_product_by_jcublas_sees_what_was_issued_before_and_is_seen_by_what_comes_after() {
    Tensor a = matrix(3, 4), b = matrix(4, 2);

    Tensor c = new Product().apply(a.mul(2), b).add(1);

    assertArrayEquals(a.mul(2).matmul(b).add(1).toFloatArray(), c.toFloatArray(), 1e-5f);
  }

  @Test
  void a_product_by_jcublas_is_differentiated() {
    Tensor a = matrix(3, 4), b = matrix(4, 2), weights = matrix(3, 2).detach();

    new Product().apply(a, b).mul(weights).sum().backward();

    assertArrayEquals(weights.matmul(b.detach().t()).toFloatArray(), Objects.requireNonNull(a.grad()).toFloatArray(), 1e-5f);
    assertArrayEquals(a.detach().t().matmul(weights).toFloatArray(), Objects.requireNonNull(b.grad()).toFloatArray(), 1e-5f);
    assertEquals(gpu, Objects.requireNonNull(a.grad()).device());
  }
}
