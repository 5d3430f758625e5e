package org.flambeau.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Objects;
import org.flambeau.Autocast;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.GradMode;
import org.flambeau.MatmulPrecision;
import org.flambeau.MemoryFormat;
import org.flambeau.Random;
import org.flambeau.Tensor;
import org.flambeau.backend.cuda.binding.SimulatedDriver;
import org.flambeau.backend.cuda.binding.SimulatedDriver.Work;
import org.flambeau.models.ResNet;
import org.flambeau.models.VisionTransformer;
import org.flambeau.nn.BatchNorm2d;
import org.flambeau.nn.Conv2d;
import org.flambeau.nn.ConvNorm;
import org.flambeau.nn.ConvOptions;
import org.flambeau.nn.Functional;
import org.flambeau.nn.LayerNorm;
import org.flambeau.nn.Linear;
import org.flambeau.nn.Module;
import org.flambeau.nn.NormalizedSum;
import org.flambeau.nn.ReLU;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/// How many kernels and library calls modules take on the simulated GPU: what is to be one operation is one.
class FusionTest {
  private static Device cuda;

  @BeforeAll
  static void install() throws Exception {
    SimulatedDriver.install();
    MatmulPrecision.setForConvolutions(MatmulPrecision.HIGHEST);
    cuda = Device.cuda(0);
    Random.manualSeed(4);
  }

  @AfterAll
  static void restore() {
    MatmulPrecision.setForConvolutions(MatmulPrecision.HIGH);
  }

  /// What it issues when all that is computed once has been.
  private static Work steady(Runnable computation) {
    computation.run();
    return SimulatedDriver.work(computation);
  }

  @Test
  void aConvolutionWithItsNormResidualAndReluIsOneCall() {
    Conv2d conv = new Conv2d(8, 8, 3, ConvOptions.of().padding(1), false);
    BatchNorm2d norm = new BatchNorm2d(8);
    ReLU relu = new ReLU(true);
    conv.to(cuda).eval();
    norm.to(cuda).eval();
    Tensor x = Tensor.randn(2, 8, 5, 5).to(cuda);
    try (var _ = GradMode.noGrad()) {
      assertEquals(new Work(0, 1), steady(() -> ConvNorm.call(conv, norm, () -> x, relu, x)));
      assertEquals(new Work(3, 1), steady(() -> norm.call(conv.call(x)).add(x).relu()));
      for (DType lower : new DType[] {DType.BFLOAT16, DType.FLOAT16}) {
        Tensor half = x.to(lower);
        try (var _ = Autocast.open(lower)) {
          assertEquals(new Work(0, 1), steady(() -> ConvNorm.call(conv, norm, () -> half, relu, half)));
        }
      }
    }
  }

  @Test
  void aNormByRunningStatisticsIsOneKernelThatAlsoLeavesWhatTheGradientNeeds() {
    BatchNorm2d norm = new BatchNorm2d(8);
    norm.to(cuda);
    Tensor x = Tensor.randn(2, 8, 5, 5).to(cuda);
    norm.call(x.mul(3).add(1));
    norm.eval();
    for (Tensor images : List.of(x, x.to(MemoryFormat.CHANNELS_LAST), x.to(DType.BFLOAT16))) {
      Tensor leaf = images.detach().requiresGrad_(true);
      Objects.requireNonNull(norm.weight()).requiresGrad_(false);
      assertEquals(new Work(1, 0), steady(() -> norm.call(leaf)));
      Objects.requireNonNull(norm.weight()).requiresGrad_(true); // which learns from the mean, so that this is kept as it was
      assertEquals(new Work(2, 0), steady(() -> norm.call(leaf)));
      norm.call(leaf).sum().backward();
      Tensor slope = Objects.requireNonNull(norm.runningVar()).add(1e-5).rsqrt(); // its weights are 1
      Tensor expected = slope.reshape(1, 8, 1, 1).expand(2, 8, 5, 5);
      double tolerance = images.dtype() == DType.BFLOAT16 ? 4e-3 : 1e-6;
      assertArrayEquals(expected.toDoubleArray(), Objects.requireNonNull(leaf.grad()).toDoubleArray(), tolerance);
    }
  }

  @Test
  void aSumAndItsLayerNormAreOneKernel() {
    LayerNorm norm = new LayerNorm(64);
    norm.to(cuda);
    Tensor x = Tensor.randn(4, 64).to(cuda).requiresGrad_(true);
    Tensor residual = Tensor.randn(4, 64).to(cuda);
    assertEquals(new Work(1, 0), steady(() -> norm.callOnSum(x, residual)));
    assertEquals(new Work(2, 0), steady(() -> norm.call(x.add(residual))));
    Tensor lower = x.detach().to(DType.BFLOAT16);
    try (var _ = Autocast.open(DType.BFLOAT16)) {
      assertEquals(new Work(2, 0), steady(() -> norm.callOnSum(lower, residual)), "with a cast");
      NormalizedSum both = norm.callOnSum(lower, residual);
      Tensor sum = lower.add(residual);
      assertArrayEquals(sum.toFloatArray(), both.sum().detach().toFloatArray());
      assertArrayEquals(norm.call(sum).detach().toFloatArray(), both.normalized().detach().toFloatArray(), 1e-6f);
    }
  }

  /// Forward the three casts that PyTorch makes too; backward the products alone, which leave gradients as the parameters want them.
  @Test
  void gradientsOfALinearLayerUnderAutocastAreNotCast() {
    Linear layer = new Linear(16, 8);
    layer.to(cuda);
    Tensor x = Tensor.randn(2, 3, 16).to(cuda).requiresGrad_(true);
    Tensor slopes = Tensor.randn(2, 3, 8).to(cuda).to(DType.BFLOAT16);
    for (DType lower : new DType[] {DType.BFLOAT16, DType.FLOAT16}) {
      Tensor slope = slopes.to(lower);
      assertEquals(new Work(3, 3), steady(() -> {
        layer.zeroGrad();
        x.setGrad(null);
        Tensor y;
        try (var _ = Autocast.open(lower)) {
          y = layer.call(x);
        }
        y.backward(slope);
      }));
      Tensor grad = Objects.requireNonNull(layer.weight().grad());
      assertEquals(DType.FLOAT32, grad.dtype());
      Tensor expected = slope.to(DType.FLOAT32).reshape(6, 8).t().matmul(x.detach().to(lower).to(DType.FLOAT32).reshape(6, 16));
      assertArrayEquals(expected.toFloatArray(), grad.toFloatArray(), 1e-5f);
    }
  }

  /// Autocast normalises in float32 what came in half precision, and so does the backward pass.
  @Test
  void aNormalisationOfHalfPrecisionUnderAutocastHasItsGradient() {
    Tensor wide = Tensor.randn(64, 33).to(cuda).to(DType.BFLOAT16).to(DType.FLOAT32).requiresGrad_(true);
    Tensor x = wide.detach().to(DType.BFLOAT16).requiresGrad_(true);
    Tensor slope = Tensor.randn(64, 33).to(cuda);
    LayerNorm norm = new LayerNorm(33);
    norm.to(cuda);
    norm.call(wide).backward(slope);
    try (var _ = Autocast.open(DType.BFLOAT16)) {
      norm.call(x).backward(slope);
    }
    assertArrayEquals(Objects.requireNonNull(wide.grad()).to(DType.BFLOAT16).to(DType.FLOAT32).toFloatArray(),
        Objects.requireNonNull(x.grad()).to(DType.FLOAT32).toFloatArray());
  }

  @Test
  void aCrossEntropyIsTwoKernelsAndItsGradientIsOne() {
    Tensor x = Tensor.randn(8, 10).to(cuda).requiresGrad_(true);
    Tensor target = Tensor.arange(8).to(cuda);
    Tensor slope = Tensor.ones().to(cuda);
    assertEquals(new Work(2, 0), steady(() -> Functional.crossEntropy(x, target)));
    assertEquals(new Work(3, 0), steady(() -> {
      x.setGrad(null);
      Functional.crossEntropy(x, target).backward(slope);
    }));
    assertEquals(new Work(1, 0), steady(() -> Functional.nllLoss(x, target)));
    assertEquals(new Work(2, 0), steady(() -> {
      x.setGrad(null);
      Functional.nllLoss(x, target).backward(slope);
    }));
  }

  private static float[] logits(Module model, Tensor x) {
    return model.call(x).to(DType.FLOAT32).toFloatArray();
  }

  /// 20 convolutions with their norms and a linear layer; two poolings, and in bfloat16 images that become channels-last, and a cast.
  @Test
  void aResNet18IsAsManyCallsAsItHasLayersWithWeights() {
    Module model = ResNet.resnet18(10);
    model.train();
    for (int i = 0; i < 3; i++) {
      Tensor _ = model.call(Tensor.randn(8, 3, 32, 32)); // so that the statistics are somebody's
    }
    model.eval();
    Tensor x = Tensor.randn(2, 3, 32, 32);
    try (var _ = GradMode.noGrad()) {
      float[] exact = logits(model, x);
      float[] lower;
      try (var _ = Autocast.open(DType.BFLOAT16)) {
        lower = logits(model, x);
      }
      model.to(cuda);
      Tensor images = x.to(cuda);
      assertEquals(new Work(2, 21), steady(() -> model.call(images)));
      assertArrayEquals(exact, logits(model, images), 1e-4f);
      try (var _ = Autocast.open(DType.BFLOAT16)) {
        assertEquals(new Work(4, 21), steady(() -> model.call(images)));
        assertArrayEquals(lower, logits(model, images), 1e-2f);
      }
    }
  }

  /// What a vision transformer issues for each of its blocks.
  private static Work block(DType dtype) {
    Work[] works = new Work[2];
    for (int i = 0; i < 2; i++) {
      Module model = new VisionTransformer(
          VisionTransformer.Options.B_16.imageSize(32).patchSize(8).layers(i + 1).heads(2).hidden(32).mlp(64).numClasses(5));
      model.to(cuda).to(dtype).eval();
      Tensor x = Tensor.randn(2, 3, 32, 32).to(cuda).to(dtype);
      works[i] = steady(() -> model.call(x));
    }
    return new Work(works[1].kernels() - works[0].kernels(), works[1].calls() - works[0].calls());
  }

  /// Four products; two norms, the first sum with its norm, attention by a kernel or by cuDNN, GELU, the second sum. Under autocast the norms
  /// compute in float32: what they are given and what they give is cast.
  @Test
  void aTransformersBlockIsNineOperations() {
    try (var _ = GradMode.noGrad()) {
      assertEquals(new Work(5, 4), block(DType.FLOAT32));
      assertEquals(new Work(4, 5), block(DType.BFLOAT16));
      try (var _ = Autocast.open(DType.BFLOAT16)) {
        assertEquals(new Work(8, 5), block(DType.FLOAT32));
      }
    }
  }
}
