package org.flambeau.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Supplier;
import org.flambeau.BackendException;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.DeviceOutOfMemoryException;
import org.flambeau.MatmulPrecision;
import org.flambeau.MemoryScope;
import org.flambeau.MemoryStats;
import org.flambeau.Random;
import org.flambeau.Tensor;
import org.flambeau.backend.cuda.binding.SimulatedDriver;
import org.flambeau.models.ResNet;
import org.flambeau.models.VisionTransformer;
import org.flambeau.nn.ConvOptions;
import org.flambeau.nn.CrossEntropyLoss;
import org.flambeau.nn.Functional;
import org.flambeau.nn.Module;
import org.flambeau.nn.MultiheadAttention;
import org.flambeau.nn.optim.Sgd;
import org.flambeau.spi.Allocator;
import org.flambeau.spi.Reclaimable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/// Whole programs on the simulated GPU.
class SimulatedTrainingTest {
  private static Device cuda;

  @BeforeAll
  static void install() throws Exception {
    SimulatedDriver.install();
    cuda = Device.cuda(0);
  }

  private static double[] losses(Supplier<Module> make, Device device, int images, int steps) {
    Random.manualSeed(3);
    Module model = make.get().to(device);
    Tensor x = Tensor.randn(images, 3, 32, 32).to(device);
    Tensor target = Tensor.arange(images).remainder(5).to(device);
    var loss = new CrossEntropyLoss();
    var optimizer = new Sgd(model.parameters(), Sgd.options().lr(0.01).momentum(0.9));
    double[] losses = new double[steps];
    for (int i = 0; i < steps; i++) {
      try (var _ = MemoryScope.open()) {
        optimizer.zeroGrad();
        Tensor now = loss.call(model.call(x), target);
        now.backward();
        optimizer.step();
        losses[i] = now.item().doubleValue();
      }
    }
    return losses;
  }

  /// Its last layers normalise as many values as there are images, which makes much of little: two would not do, nor would TF32.
  @Test
  void aResNet18LearnsAsOnTheCpu() {
    Supplier<Module> make = () -> ResNet.resnet18(10);
    MatmulPrecision.setForConvolutions(MatmulPrecision.HIGHEST);
    try {
      assertArrayEquals(losses(make, Device.CPU, 8, 2), losses(make, cuda, 8, 2), 1e-3);
    } finally {
      MatmulPrecision.setForConvolutions(MatmulPrecision.HIGH);
    }
  }

  @Test
  void aVisionTransformerLearnsAsOnTheCpu() {
    Supplier<Module> make = () -> new VisionTransformer(
        VisionTransformer.Options.B_16.imageSize(32).patchSize(8).layers(2).heads(2).hidden(32).mlp(64).numClasses(5));

    assertArrayEquals(losses(make, Device.CPU, 2, 4), losses(make, cuda, 2, 4), 1e-4);
  }

  private static Tensor projectionGradient(Device device, DType dtype) {
    Random.manualSeed(3);
    Tensor x = Tensor.randn(2, 40, 64).to(dtype).to(device);
    var attention = new MultiheadAttention(64, 2, 0, true, true).to(dtype).to(device);
    Tensor y = attention.call(x);
    y.backward(y.detach());
    return Objects.requireNonNull(Objects.requireNonNull(attention.namedParameters().get("in_proj_weight")).grad());
  }

  /// Nor are they copied together.
  @Test
  void gradientsOfQueriesKeysAndValuesAreWrittenWhereTheirProjectionTakesThem() {
    double[] expected = projectionGradient(Device.CPU, DType.FLOAT32).toDoubleArray();
    assertArrayEquals(expected, projectionGradient(cuda, DType.FLOAT32).toDoubleArray(), 1e-4);
    assertEquals(4, SimulatedDriver.work(() -> projectionGradient(cuda, DType.FLOAT32)).kernels(), "attention's own");
    assertArrayEquals(expected, projectionGradient(cuda, DType.BFLOAT16).toDoubleArray(), 0.3);
  }

  @Test
  void eightThreadsComputeAtOnceEachItsOwnGraph() throws Exception {
    List<Callable<float[]>> work = new ArrayList<>();
    for (int t = 0; t < 8; t++) {
      float start = t;
      work.add(() -> {
        Tensor x = Tensor.full(start, 100).to(cuda).requiresGrad_(true);
        for (int i = 0; i < 20; i++) {
          x.mul(x).sum().backward();
        }
        return Objects.requireNonNull(x.grad()).toFloatArray();
      });
    }
    try (var threads = Executors.newFixedThreadPool(8)) {
      List<Future<float[]>> results = threads.invokeAll(work);
      for (int t = 0; t < 8; t++) {
        for (float gradient : results.get(t).get()) {
          assertEquals(40f * t, gradient);
        }
      }
    }
  }

  @Test
  void withoutMemoryOneOperationFailsAndTheProgramGoesOn() {
    Tensor x = Tensor.ones(1000).to(cuda);

    String refusal = String
        .valueOf(assertThrows(DeviceOutOfMemoryException.class, () -> x.expand(1 << 20, 1000).contiguous()).getMessage());

    assertTrue(refusal.startsWith("Out of memory on cuda:0: tried to allocate 3.91 GiB"), refusal);
    assertTrue(refusal.contains("the GPU has a total capacity of 1.00 GiB, of which "), refusal);
    assertEquals(1000f, x.sum().item());
    assertTrue(MemoryStats.of(cuda).current() < 1 << 30);
  }

  /// Whatever comes next, a kernel, a product, a convolution or a copy, is not to blame, and says so.
  @Test
  void afterAFaultEverythingSaysThatItMayHaveBeenAnEarlierOperation() {
    Tensor x = Tensor.ones(4, 4).to(cuda);
    Tensor image = Tensor.ones(1, 1, 4, 4).to(cuda);
    Tensor product = x.matmul(x);
    Tensor convolved = Functional.conv2d(image, image, null, ConvOptions.of());
    assertEquals(16f, product.select(0, 0).sum().item().floatValue() * convolved.sum().item().floatValue() / 16);
    try {
      assertEquals(0, SimulatedDriver.call("simulatedBreak", CudaBackend.stream(cuda)));
      assertThrows(BackendException.class, x::toFloatArray);
      for (Executable next : List.<Executable>of(() -> x.add(1), () -> x.matmul(x), () -> Tensor.ones(4, 4).to(cuda), x::toFloatArray,
          () -> Functional.conv2d(image, image, null, ConvOptions.of()))) {
        String message = String.valueOf(assertThrows(BackendException.class, next).getMessage());
        assertTrue(message.contains("CUDA_ERROR_ILLEGAL_ADDRESS") && message.contains("may be that of an earlier operation"), message);
      }
    } finally {
      SimulatedDriver.reset();
    }
  }

  private static void forget(long elements) {
    assertEquals(0f, Tensor.zeros(cuda, DType.FLOAT32, elements).narrow(0, 0, 1).item());
  }

  /// As a tensor has.
  @Test
  void aWorkspaceHasTheMemoryOfTensorsThatNobodyCanReachAnyMore() throws Allocator.OutOfMemory {
    long bytes = 40 << 20;
    Allocator allocator = new CudaBackend().allocator(0);
    forget(bytes);
    try (var _ = SimulatedDriver.shortage(0)) {
      allocator.free(Reclaimable.allocate(allocator, bytes), bytes);
    }
  }

  @Test
  void anIndexOutOfRangeIsReportedWhenSomebodyWaitsAndTheDeviceGoesOn() {
    Tensor x = Tensor.of(1f, 2f, 3f).to(cuda);
    Tensor wrong = x.indexSelect(0, Tensor.of(0L, 7L).to(cuda));

    String complaint = String.valueOf(assertThrows(IndexOutOfBoundsException.class, wrong::toFloatArray).getMessage());

    assertTrue(complaint.startsWith("[index_select] index 7 is out of bounds for dimension 0 with size 3"), complaint);
    assertArrayEquals(new float[] {1, 3}, x.indexSelect(0, Tensor.of(0L, 2L).to(cuda)).toFloatArray());
  }
}
