package org.flambeau.testkit;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.ref.Reference;
import java.util.List;
import java.util.Objects;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.flambeau.Autocast;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.GradMode;
import org.flambeau.MemoryFormat;
import org.flambeau.MemoryScope;
import org.flambeau.MemoryStats;
import org.flambeau.Random;
import org.flambeau.Tensor;
import org.flambeau.internal.Backends;
import org.flambeau.internal.ops.Convolutions;
import org.flambeau.nn.BatchNorm2d;
import org.flambeau.nn.Conv2d;
import org.flambeau.nn.ConvNorm;
import org.flambeau.nn.ConvOptions;
import org.flambeau.nn.Identity;
import org.flambeau.nn.MaxPool2d;
import org.flambeau.nn.Module;
import org.flambeau.nn.PoolOptions;
import org.flambeau.nn.ReLU;
import org.flambeau.nn.Sequential;
import org.flambeau.nn.optim.Sgd;
import org.flambeau.testkit.memory.SoakProcess;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// A convolution and its norm called as one give what they give one after the other.
public class ConvNormTest {
  /// A residual block.
  private static final class Block extends Module {
    final Conv2d conv;
    final BatchNorm2d norm;
    final ReLU relu = child("relu", new ReLU(true));

    Block(int channels, boolean bias, boolean affine) {
      conv = child("conv", new Conv2d(channels, channels, 3, ConvOptions.of().padding(1), bias));
      norm = child("norm", new BatchNorm2d(channels, 1e-3, 0.1, affine, true));
    }

    @Override
    protected Tensor forward(Tensor x) {
      return ConvNorm.call(conv, norm, () -> x, relu, x);
    }

    /// What it computes, from its parts.
    Tensor expected(Tensor x) {
      return norm.call(conv.call(x)).add(x).relu();
    }
  }

  private Tensor x = Tensor.ones(1);
  private Block block = new Block(4, true, true);

  /// Where it computes.
  protected Device device() {
    return Device.CPU;
  }

  private Block block(boolean bias, boolean affine) {
    Block made = new Block(4, bias, affine);
    made.to(device());
    return made;
  }

  @BeforeEach
  void train() {
    Random.manualSeed(3);
    x = Tensor.randn(2, 4, 6, 5).to(device());
    block = block(true, true);
    for (int i = 0; i < 3; i++) {
      Tensor _ = block.call(x); // so that the statistics are somebody's
    }
    block.eval();
  }

  private static <T> T withoutRecording(Supplier<T> computation) {
    try (var _ = GradMode.noGrad()) {
      return computation.get();
    }
  }

  private static Tensor given(@Nullable Tensor tensor) {
    return Objects.requireNonNull(tensor);
  }

  private void assertRight(String when) {
    withoutRecording(() -> {
      assertArrayEquals(block.expected(x).toDoubleArray(), block.call(x).toDoubleArray(), 2e-6, when);
      return when;
    });
  }

  private boolean isFused() {
    try (Lens lens = Lens.open()) {
      Tensor _ = withoutRecording(() -> block.call(x));
      return lens.seen().contains("fusedConv2d") && !lens.seen().contains("batchNormEvaluate");
    }
  }

  @Test
  void inEvaluationTheyAreOneOperation() {
    assertTrue(isFused());
    for (boolean bias : new boolean[] {true, false}) {
      for (boolean affine : new boolean[] {true, false}) {
        block = block(bias, affine);
        Tensor _ = block.call(x);
        block.eval();
        assertRight("bias " + bias + ", affine " + affine);
        block.to(DType.FLOAT64);
        Tensor wide = x.to(DType.FLOAT64);
        assertArrayEquals(block.expected(wide).detach().toDoubleArray(), withoutRecording(() -> block.call(wide)).toDoubleArray(), 1e-12);
      }
    }
  }

  @Test
  void aSequenceOfThemIsOneOperationToo() {
    var sequence = new Sequential(block.conv, block.norm);
    Tensor expected = withoutRecording(() -> block.norm.call(block.conv.call(x)));
    try (Lens lens = Lens.open()) {
      assertArrayEquals(expected.toDoubleArray(), withoutRecording(() -> sequence.call(x)).toDoubleArray(), 2e-6);
      assertTrue(lens.seen().contains("fusedConv2d"));
    }
  }

  @Test
  void whoLooksAtReluAloneLeavesTheRestOneOperation() {
    var sequence = new Sequential(block.conv, block.norm, block.relu);
    Tensor expected = withoutRecording(() -> block.norm.call(block.conv.call(x)).relu());
    try (Lens lens = Lens.open(); var _ = block.relu.registerForwardHook((_, _, output) -> output.neg())) {
      assertArrayEquals(expected.neg().toDoubleArray(), withoutRecording(() -> sequence.call(x)).toDoubleArray(), 2e-6);
      assertTrue(lens.seen().contains("fusedConv2d"));
    }
  }

  /// Where a device has a cache for them, and the result is what it is of all at once.
  @Test
  void imagesArePooledSomeAtATime() {
    Conv2d conv = new Conv2d(3, 16, 3, ConvOptions.of().padding(1), false);
    BatchNorm2d norm = new BatchNorm2d(16);
    ReLU relu = new ReLU(true);
    MaxPool2d pool = new MaxPool2d(PoolOptions.kernel(3).stride(2).padding(1));
    Stream.of(conv, norm).forEach(module -> module.to(device()).eval());
    Tensor images = Tensor.randn(7, 3, 128, 128).to(device()).contiguous(MemoryFormat.CHANNELS_LAST);
    long each = Backends.kernels(device()).bytesInCache() >> 20; // an image's result is 1 MiB
    Tensor expected = withoutRecording(() -> pool.call(ConvNorm.call(conv, norm, relu, images)));
    try (Lens lens = Lens.open()) {
      Tensor y = withoutRecording(() -> ConvNorm.callAndPool(conv, norm, relu, pool, images));
      assertEquals(each < 7 ? Math.ceilDiv(7, each) : 1, lens.count("fusedConv2d"));
      assertTrue(y.isContiguous(MemoryFormat.CHANNELS_LAST));
      assertArrayEquals(expected.toDoubleArray(), y.toDoubleArray(), 2e-6);
    }
    Tensor recorded = ConvNorm.callAndPool(conv, norm, relu, pool, images);
    assertTrue(recorded.requiresGrad());
    assertArrayEquals(expected.toDoubleArray(), recorded.detach().toDoubleArray(), 2e-6);
    try (var _ = pool.registerForwardHook((_, _, output) -> output.neg())) {
      Tensor hooked = withoutRecording(() -> ConvNorm.callAndPool(conv, norm, relu, pool, images));
      assertArrayEquals(expected.neg().toDoubleArray(), hooked.toDoubleArray(), 2e-6);
    }
    try (var _ = GradMode.noGrad(); var _ = Autocast.open(DType.BFLOAT16)) {
      Tensor lower = images.to(DType.BFLOAT16);
      assertTrue(ConvNorm.callAndPool(conv, norm, relu, pool, lower).equal(ConvNorm.callAndPool(conv, norm, relu, pool, images)));
    }
    Tensor none = withoutRecording(() -> ConvNorm.callAndPool(conv, norm, relu, pool, images.narrow(0, 0, 0)));
    assertArrayEquals(new long[] {0, 16, 64, 64}, none.sizes());
  }

  @Test
  void whatIsNotANumberStaysSo() {
    Tensor broken = x.clone();
    broken.select(0, 0).select(0, 1).fill_(Double.NaN);
    Tensor expected = withoutRecording(() -> block.expected(broken));
    assertTrue(expected.isnan().any().toBoolean());
    assertArrayEquals(expected.isnan().toDoubleArray(), withoutRecording(() -> block.call(broken)).isnan().toDoubleArray());
  }

  @Test
  void aResidualOfAnotherDtypeDoesNotWidenTheResult() {
    Tensor wide = x.to(DType.FLOAT64);
    Tensor y = withoutRecording(() -> ConvNorm.call(block.conv, block.norm, () -> wide, block.relu, x));
    assertEquals(DType.FLOAT32, y.dtype());
    assertArrayEquals(withoutRecording(() -> block.expected(x)).toDoubleArray(), y.toDoubleArray(), 2e-6);
  }

  @Test
  void itIsComputedOnceAndAgainAfterEveryChange() {
    assertRight("at first");
    try (Lens lens = Lens.open()) {
      Tensor _ = withoutRecording(() -> block.call(x));
      assertTrue(!lens.seen().contains("unary RSQRT"), "computed again without a change");
    }
    List<Tensor> all = List.of(block.conv.weight(), given(block.conv.bias()), given(block.norm.weight()), given(block.norm.bias()),
        given(block.norm.runningMean()), given(block.norm.runningVar()));
    for (Tensor changed : all) {
      Tensor _ = withoutRecording(() -> changed.mul_(1.5));
      assertRight("after a change in place");
    }
    Random.manualSeed(9);
    block.loadStateDict(new Block(4, true, true).stateDict());
    assertRight("after loading");
    block.train();
    var sgd = new Sgd(block.parameters(), Sgd.options().lr(0.1));
    block.call(x).square().mean().backward();
    sgd.step();
    block.eval();
    assertRight("after a step of training");
    assertTrue(isFused());
  }

  /// The root of the mean square of what each element is off.
  private static double error(Tensor exact, Tensor y) {
    return y.to(DType.FLOAT64).sub(exact).square().mean().sqrt().toDouble();
  }

  /// Which rounds once where they round thrice: the convolution, the norm, the sum.
  @ParameterizedTest
  @EnumSource(names = {"BFLOAT16", "FLOAT16"})
  void underAutocastTheyAreOneOperationInItsPrecision(DType lower) {
    Tensor images = Tensor.randn(8, 4, 16, 16).to(device());
    block.to(DType.FLOAT64);
    Tensor exact = withoutRecording(() -> block.expected(images.to(DType.FLOAT64)));
    block.to(DType.FLOAT32);
    try (var _ = GradMode.noGrad(); var _ = Autocast.open(lower)) {
      Tensor in = images.to(lower);
      Tensor y = block.call(in);
      assertEquals(lower, y.dtype());
      assertTrue(error(exact, y) <= error(exact, block.expected(in)), error(exact, y) + " > " + error(exact, block.expected(in)));
      assertTrue(ConvNorm.call(block.conv, block.norm, images).equal(ConvNorm.call(block.conv, block.norm, in)), "images are cast");
      assertTrue(isFused());
    }
    assertRight("outside again");
  }

  @Test
  void theFoldedWeightIsCastOnceAndAgainAfterAChange() {
    try (var _ = GradMode.noGrad(); var _ = Autocast.open(DType.BFLOAT16)) {
      Tensor in = x.to(DType.BFLOAT16);
      Tensor before = block.call(in);
      try (Lens lens = Lens.open()) {
        assertTrue(before.equal(block.call(in)));
        assertEquals(0, lens.count("copy"), "casts without a change");
      }
      block.conv.weight().mul_(2);
      assertTrue(!before.equal(block.call(in)));
    }
  }

  @Test
  void hooksSeeWhatIsBetween() {
    int[] calls = new int[1];
    for (Module module : List.of(block.conv, block.norm, block.relu)) {
      var registration = module.registerForwardHook((_, _, _) -> {
        calls[0]++;
        return null;
      });
      assertEquals(module == block.relu, isFused(), "what is before ReLU may be one operation, which its hook sees the result of");
      registration.close();
    }
    assertEquals(3, calls[0]);
    assertTrue(isFused());
  }

  @Test
  void whatTookTheirPlaceIsCalled() {
    block.replace("norm", new Identity());
    Tensor expected = withoutRecording(() -> block.conv.call(x).add(x).relu());
    assertArrayEquals(expected.toDoubleArray(), withoutRecording(() -> block.call(x)).toDoubleArray(), 2e-6);
    BatchNorm2d other = block.replace("norm", new BatchNorm2d(4));
    other.to(device()).eval();
    assertTrue(isFused());
    Tensor normed = withoutRecording(() -> other.call(block.conv.call(x)).add(x).relu());
    assertArrayEquals(normed.toDoubleArray(), withoutRecording(() -> block.call(x)).toDoubleArray(), 2e-6);
  }

  @Test
  void whileRecordingNothingChanges() {
    block.call(x).sum().backward();
    assertNotNull(block.conv.weight().grad());
    assertNotNull(Objects.requireNonNull(block.norm.weight()).grad());
    double before = given(block.norm.runningMean()).sum().toDouble();
    block.train();
    Tensor _ = withoutRecording(() -> block.call(x));
    assertTrue(before != given(block.norm.runningMean()).sum().toDouble(), "in training, statistics move");
  }

  @Test
  void whatIsFrozenIsOneOperationWhileRecordingToo() {
    block.train();
    block.norm.eval();
    List<Tensor> parameters = block.parameters();
    parameters.forEach(parameter -> parameter.requiresGrad_(false));
    Tensor expected = block.expected(x);
    try (Lens lens = Lens.open()) {
      Tensor y = block.call(x);
      assertArrayEquals(expected.toDoubleArray(), y.toDoubleArray(), 2e-6);
      assertTrue(lens.seen().contains("fusedConv2d") && !y.requiresGrad());
    }
    for (Tensor learnt : parameters) {
      learnt.requiresGrad_(true);
      block.call(x).sum().backward();
      assertNotNull(learnt.grad(), "one parameter alone that is not frozen");
      learnt.requiresGrad_(false);
    }
    Tensor images = x.detach().requiresGrad_(true);
    block.call(images).sum().backward();
    assertNotNull(images.grad());
  }

  @Test
  void aResidualMayAskForItsGradient() {
    block.parameters().forEach(parameter -> parameter.requiresGrad_(false));
    Tensor residual = x.clone().requiresGrad_(true);
    Tensor y = ConvNorm.call(block.conv, block.norm, () -> residual, block.relu, x);
    assertArrayEquals(block.expected(x).toDoubleArray(), y.detach().toDoubleArray(), 2e-6);
    y.sum().backward();
    assertArrayEquals(y.gt(0).to(DType.FLOAT32).toDoubleArray(), given(residual.grad()).toDoubleArray());
  }

  @Test
  void itsMemoryGoesWithTheModule() throws InterruptedException {
    long before = SoakProcess.settled(-1);
    Block large = new Block(64, true, true);
    large.eval();
    long without = SoakProcess.settled(-1);
    try (var _ = MemoryScope.open(); var _ = GradMode.noGrad()) {
      Tensor _ = large.call(Tensor.ones(1, 64, 2, 2));
    }
    long bytes = large.conv.weight().numel() * Float.BYTES;
    long held = MemoryStats.of(Device.CPU).current() - without;
    assertTrue(Convolutions.areScaled(large.conv.weight()) ? held < bytes : held >= bytes, "only a folded weight takes memory: " + held);
    Reference.reachabilityFence(large);
    large = null;
    assertTrue(SoakProcess.settled(before) <= before, "and returned");
  }
}
