package org.flambeau.interop.jcuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import jcuda.Pointer;
import jcuda.driver.CUfunction;
import jcuda.driver.CUmodule;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.Tensor;
import org.flambeau.autograd.DifferentiableFunction;
import org.flambeau.backend.cuda.binding.Nvrtc;
import org.flambeau.backend.cuda.binding.SimulatedDriver;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/// JCuda on Flambeau's memory and stream, on the simulated driver.
class JCudaInteropTest {
  /// A kernel of somebody else's: y = x² or, with a gradient, y = 2 x g.
  private static final String SOURCE = """
      extern "C" __global__ void square(float *y, const float *x, const float *g, int n) {
        int i = blockIdx.x * blockDim.x + threadIdx.x;
        if (i < n) y[i] = g ? 2 * x[i] * g[i] : x[i] * x[i];
      }
      """;
  private static final int BLOCK = 64;

  private static Device gpu;
  private static CUfunction square;

  @BeforeAll
  static void load() throws Exception {
    SimulatedDriver.install();
    gpu = Device.cuda(0);
    CUstream _ = JCudaInterop.stream(gpu); // the driver is open, the context current
    JCudaDriver.setExceptionsEnabled(true);
    CUmodule module = new CUmodule();
    try (var program = new Nvrtc.Program(SOURCE, "square.cu", Map.of())) {
      program.compile(List.of("--gpu-architecture=sm_90"));
      JCudaDriver.cuModuleLoadData(module, program.cubin());
    }
    square = new CUfunction();
    JCudaDriver.cuModuleGetFunction(square, module, "square");
  }

  /// The example: a JCuda-launched kernel that autograd differentiates.
  private static final class Square extends DifferentiableFunction {
    @Override
    protected List<Tensor> forward(Context context, List<Tensor> inputs) {
      Tensor x = inputs.getFirst().contiguous();
      context.save(x);
      return List.of(launch(x, new Pointer()));
    }

    @Override
    protected List<@Nullable Tensor> backward(Context context, List<Tensor> grads) {
      Tensor gradient = grads.getFirst().contiguous();
      return List.of(launch(context.saved(0), JCudaInterop.pointer(gradient)));
    }

    private static Tensor launch(Tensor x, Pointer gradient) {
      Tensor y = Tensor.zerosLike(x);
      int n = (int) x.numel();
      Pointer parameters = Pointer.to(Pointer.to(JCudaInterop.pointer(y)), Pointer.to(JCudaInterop.pointer(x)), Pointer.to(gradient),
          Pointer.to(new int[] {n}));
      JCudaDriver.cuLaunchKernel(square, (n + BLOCK - 1) / BLOCK, 1, 1, BLOCK, 1, 1, 0, JCudaInterop.stream(x.device()), parameters, null);
      return y;
    }
  }

  @Test
  void a_kernel_launched_by_jcuda_sees_what_was_issued_before_and_is_seen_by_what_comes_after() {
    Tensor x = Tensor.of(1f, 2f, 3f).to(gpu);

    Tensor y = new Square().apply(x.add(1)).add(1);

    assertArrayEquals(new float[] {5, 10, 17}, y.toFloatArray());
  }

  @Test
  void a_kernel_launched_by_jcuda_is_differentiated() {
    Tensor x = Tensor.of(1f, 2f, 3f).to(gpu).requiresGrad_(true);

    new Square().apply(x).mul(10).sum().backward();

    assertArrayEquals(new float[] {20, 40, 60}, Objects.requireNonNull(x.grad()).toFloatArray());
  }

  @Test
  void a_view_begins_where_its_first_element_lies() {
    Tensor x = Tensor.arange(8).to(DType.FLOAT32).to(gpu);

    assertArrayEquals(new float[] {16, 25, 36, 49}, new Square().apply(x.narrow(0, 4, 4)).toFloatArray());
  }

  @Test
  void tensors_that_have_no_one_pointer_are_refused() {
    Tensor transposed = Tensor.ones(2, 3).to(gpu).t();

    var onCpu = assertThrows(IllegalArgumentException.class, () -> JCudaInterop.pointer(Tensor.ones(2)));
    var strided = assertThrows(IllegalArgumentException.class, () -> JCudaInterop.pointer(transposed));

    assertEquals("[jcuda] expected a tensor on a GPU, got one on cpu: call to(Device.cuda(0))", onCpu.getMessage());
    assertEquals("[jcuda] expected a contiguous tensor, got sizes [3, 2] with strides [1, 3]: call contiguous()", strided.getMessage());
  }
}
