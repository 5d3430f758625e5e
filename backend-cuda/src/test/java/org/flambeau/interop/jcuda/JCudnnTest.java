package org.flambeau.interop.jcuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Objects;
import jcuda.JCudaVersion;
import jcuda.Pointer;
import jcuda.jcudnn.JCudnn;
import jcuda.jcudnn.cudnnDataType;
import jcuda.jcudnn.cudnnHandle;
import jcuda.jcudnn.cudnnSoftmaxAlgorithm;
import jcuda.jcudnn.cudnnSoftmaxMode;
import jcuda.jcudnn.cudnnTensorDescriptor;
import jcuda.jcudnn.cudnnTensorFormat;
import jcuda.runtime.cudaStream_t;
import org.flambeau.Device;
import org.flambeau.Tensor;
import org.flambeau.autograd.DifferentiableFunction;
import org.flambeau.backend.cuda.binding.SimulatedDriver;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/// JCudnn on Flambeau's memory and stream: JCudnn itself, on a stand-in for cuDNN 8 beside the simulated driver.
class JCudnnTest {
  private static final Pointer ONE = Pointer.to(new float[] {1}), ZERO = Pointer.to(new float[] {0});

  private static final cudnnHandle CUDNN = new cudnnHandle();
  private static Device gpu;

  @BeforeAll
  static void load() throws Exception {
    SimulatedDriver.install();
    gpu = Device.cuda(0);
    var _ = JCudaInterop.stream(gpu); // the driver is open, the context current
    SimulatedDriver.open("libcudnn.so.8", Path.of("src/test/jcuda/libcudnn.cpp"));
    provideNatives();
    JCudnn.setExceptionsEnabled(true);
    JCudnn.cudnnCreate(CUDNN);
  }

  /// JCudnn asks for its native library by JCuda's version, not by that of its own last release.
  private static void provideNatives() throws IOException {
    Path classes = Path.of("target/test-classes");
    Files.createDirectories(classes.resolve("lib"));
    try (InputStream natives = JCudnn.class.getResourceAsStream("/" + natives("11.7.0"))) {
      Files.copy(Objects.requireNonNull(natives), classes.resolve(natives(JCudaVersion.get())), StandardCopyOption.REPLACE_EXISTING);
    }
  }

  private static String natives(String version) {
    return "lib/libJCudnn-" + version + "-linux-x86_64.so";
  }

  @AfterAll
  static void close() {
    JCudnn.cudnnDestroy(CUDNN);
  }

  /// The example: a softmax over rows by JCudnn, both ways.
  private static final class Softmax extends DifferentiableFunction {
    private static final int ALGORITHM = cudnnSoftmaxAlgorithm.CUDNN_SOFTMAX_ACCURATE, MODE = cudnnSoftmaxMode.CUDNN_SOFTMAX_MODE_CHANNEL;

    @Override
    protected List<Tensor> forward(Context context, List<Tensor> inputs) {
      Tensor x = inputs.getFirst().contiguous(), y = Tensor.emptyLike(x);
      cudnnTensorDescriptor rows = describe(x);
      JCudnn.cudnnSoftmaxForward(CUDNN, ALGORITHM, MODE, ONE, rows, JCudaInterop.pointer(x), ZERO, rows, JCudaInterop.pointer(y));
      JCudnn.cudnnDestroyTensorDescriptor(rows);
      context.save(y);
      return List.of(y);
    }

    @Override
    protected List<@Nullable Tensor> backward(Context context, List<Tensor> grads) {
      Tensor y = context.saved(0), dy = grads.getFirst().contiguous(), dx = Tensor.emptyLike(y);
      cudnnTensorDescriptor rows = describe(y);
      JCudnn.cudnnSoftmaxBackward(CUDNN, ALGORITHM, MODE, ONE, rows, JCudaInterop.pointer(y), rows, JCudaInterop.pointer(dy), ZERO, rows,
          JCudaInterop.pointer(dx));
      JCudnn.cudnnDestroyTensorDescriptor(rows);
      return List.of(dx);
    }

    /// The rows as images of one place whose channels are the columns; what follows is issued to the tensor's stream.
    private static cudnnTensorDescriptor describe(Tensor x) {
      JCudnn.cudnnSetStream(CUDNN, new cudaStream_t(JCudaInterop.stream(x.device())));
      var rows = new cudnnTensorDescriptor();
      JCudnn.cudnnCreateTensorDescriptor(rows);
      JCudnn.cudnnSetTensor4dDescriptor(rows, cudnnTensorFormat.CUDNN_TENSOR_NCHW, cudnnDataType.CUDNN_DATA_FLOAT, (int) x.size(0),
          (int) x.size(1), 1, 1);
      return rows;
    }
  }

  @Test
  void a_softmax_by_jcudnn_sees_what_was_issued_before_and_is_seen_by_what_comes_after() {
    Tensor x = Tensor.randn(3, 5).to(gpu);

    Tensor y = new Softmax().apply(x.mul(2)).add(1);

    assertArrayEquals(x.mul(2).softmax(1).add(1).toFloatArray(), y.toFloatArray(), 1e-6f);
  }

  @Test
  void a_softmax_by_jcudnn_is_differentiated() {
    Tensor x = Tensor.randn(3, 5).to(gpu).requiresGrad_(true), same = x.detach().clone().requiresGrad_(true);
    Tensor weights = Tensor.randn(3, 5).to(gpu);

    new Softmax().apply(x).mul(weights).sum().backward();

    same.softmax(1).mul(weights).sum().backward();
    assertArrayEquals(Objects.requireNonNull(same.grad()).toFloatArray(), Objects.requireNonNull(x.grad()).toFloatArray(), 1e-6f);
  }
}
