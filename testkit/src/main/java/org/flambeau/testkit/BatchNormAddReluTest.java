package org.flambeau.testkit;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.Supplier;
import org.flambeau.AutogradException;
import org.flambeau.BackwardOption;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.MemoryFormat;
import org.flambeau.MemoryScope;
import org.flambeau.MemoryStats;
import org.flambeau.Random;
import org.flambeau.Tensor;
import org.flambeau.autograd.Node;
import org.flambeau.internal.ops.BatchNorm;
import org.flambeau.nn.BatchNorm2d;
import org.flambeau.nn.Conv2d;
import org.flambeau.nn.ConvNorm;
import org.flambeau.nn.ConvOptions;
import org.flambeau.nn.Functional;
import org.flambeau.nn.Identity;
import org.flambeau.nn.Module;
import org.flambeau.nn.ReLU;
import org.flambeau.nn.Sequential;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// A batch norm, the sum with a residual and ReLU as one operation are what they are one after the other, whoever needs a gradient.
public class BatchNormAddReluTest {
  private static final String NODE = "NativeBatchNormAddReluBackward0";
  private static final int X = 0;
  private static final int RESIDUAL = 3;

  /// Where it computes.
  protected Device device() {
    return Device.CPU;
  }

  @BeforeEach
  void seed() {
    Random.manualSeed(4);
  }

  // ---- the operation ----

  /// Large images by planes and with channels last, small ones, rows, and sizes that no vector divides.
  private List<Tensor> inputs(DType dtype) {
    return List.of(images(dtype, false, 3, 5, 13, 11), images(dtype, true, 3, 5, 13, 11), images(dtype, true, 4, 64, 9, 8),
        images(dtype, false, 5, 16, 4, 4), images(dtype, true, 3, 5, 13, 11).narrow(2, 1, 9), randn(dtype, 40, 24));
  }

  private Tensor images(DType dtype, boolean channelsLast, long... sizes) {
    Tensor x = randn(dtype, sizes);
    return channelsLast ? x.contiguous(MemoryFormat.CHANNELS_LAST) : x;
  }

  private Tensor randn(DType dtype, long... sizes) {
    return Tensor.randn(sizes).to(dtype).to(device());
  }

  /// x, weight, bias and residual, of which those that require grad are in `needed`.
  private @Nullable Tensor[] operands(Tensor x, boolean affine, boolean residual, int needed) {
    return operands(x, affine ? x.dtype() : null, residual, needed);
  }

  /// @param parameters the dtype of weight and bias, or null where there are none
  private @Nullable Tensor[] operands(Tensor x, @Nullable DType parameters, boolean residual, int needed) {
    long channels = x.size(1);
    @Nullable Tensor[] operands = {x, parameters == null ? null : randn(parameters, channels),
      parameters == null ? null : randn(parameters, channels), residual ? Tensor.randnLike(x) : null};
    for (int i = 0; i < operands.length; i++) {
      Tensor operand = operands[i];
      operands[i] = operand == null ? null : operand.detach().requiresGrad_((needed >> i & 1) != 0);
    }
    return operands;
  }

  private static Tensor norm(@Nullable Tensor[] x, boolean training) {
    Tensor in = given(x[X]);
    Tensor mean = mean(x);
    return Functional.batchNorm(in, mean, Tensor.onesLike(mean), x[1], x[2], training, 0.1, 1e-5);
  }

  private static Tensor together(@Nullable Tensor[] x, boolean training) {
    Tensor in = given(x[X]);
    Tensor mean = mean(x);
    return BatchNorm.batchNormAddRelu(in, mean, Tensor.onesLike(mean), null, x[1], x[2], x[RESIDUAL], training, 0.1, 1e-5);
  }

  /// Running statistics have the dtype of weight and bias.
  private static Tensor mean(@Nullable Tensor[] x) {
    return Tensor.zeros(given(x[X]).device(), given(x[1] == null ? x[X] : x[1]).dtype(), given(x[X]).size(1));
  }

  private static Tensor apart(@Nullable Tensor[] x, boolean training) {
    Tensor y = norm(x, training);
    return (x[RESIDUAL] == null ? y : y.add(x[RESIDUAL])).relu();
  }

  private static Tensor given(@Nullable Tensor tensor) {
    return Objects.requireNonNull(tensor);
  }

  private static List<@Nullable Tensor> gradients(@Nullable Tensor[] operands) {
    List<@Nullable Tensor> gradients = new ArrayList<>();
    for (Tensor operand : operands) {
      gradients.add(operand == null ? null : operand.grad());
      if (operand != null) {
        operand.setGrad(null);
      }
    }
    return gradients;
  }

  private static void assertSame(@Nullable Tensor expected, @Nullable Tensor actual, String what) {
    if (expected == null || actual == null) {
      assertNull(expected, what);
      assertNull(actual, what);
    } else {
      assertEquals(expected.dtype(), actual.dtype(), what);
      assertArrayEquals(expected.toDoubleArray(), actual.toDoubleArray(), what);
    }
  }

  /// The gradients are those of the norm for what ReLU lets through, to the bit, and its own is the residual's.
  private static void assertGradients(@Nullable Tensor[] operands, boolean training, String what) {
    Tensor y = together(operands, training);
    Tensor g = Tensor.randnLike(y.detach());
    y.backward(g);
    List<@Nullable Tensor> actual = gradients(operands);
    Tensor through = g.clone().maskedFill_(y.detach().le(0), 0); // in the layout of g, which the order of sums follows
    Tensor normal = norm(operands, training);
    if (normal.requiresGrad()) {
      normal.backward(through);
    }
    List<@Nullable Tensor> expected = gradients(operands);
    Tensor residual = operands[RESIDUAL];
    expected.set(RESIDUAL, residual != null && residual.requiresGrad() ? through : null);
    for (int i = 0; i < operands.length; i++) {
      assertSame(expected.get(i), actual.get(i), what + ", gradient of operand " + i);
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"FLOAT32", "FLOAT64", "BFLOAT16", "FLOAT16"})
  void whoeverNeedsAGradientGetsIt(DType dtype) {
    for (Tensor x : inputs(dtype)) {
      for (boolean training : new boolean[] {true, false}) {
        for (boolean affine : new boolean[] {true, false}) {
          for (boolean residual : new boolean[] {true, false}) {
            for (int needed = 1; needed < 16; needed++) {
              @Nullable Tensor[] operands = operands(x, affine, residual, needed);
              if (Arrays.stream(operands).anyMatch(operand -> operand != null && operand.requiresGrad())) {
                assertGradients(operands, training, Arrays.toString(x.sizes()) + " training " + training + " needed " + needed);
              }
            }
          }
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"FLOAT32", "FLOAT64", "BFLOAT16", "FLOAT16"})
  void theResultHasTheirBits(DType dtype) {
    for (Tensor x : inputs(dtype)) {
      for (boolean training : new boolean[] {true, false}) {
        for (boolean residual : new boolean[] {true, false}) {
          @Nullable Tensor[] operands = operands(x, true, residual, 0);
          assertSame(apart(operands, training), together(operands, training), Arrays.toString(x.sizes()));
        }
      }
    }
  }

  @Test
  void whatIsNotANumberStaysSoAndLetsGradientsThrough() {
    for (DType dtype : List.of(DType.FLOAT32, DType.BFLOAT16, DType.FLOAT16)) {
      for (boolean channelsLast : new boolean[] {true, false}) {
        @Nullable Tensor[] operands = operands(images(dtype, channelsLast, 3, 5, 13, 11), true, true, 0);
        Tensor residual = given(operands[RESIDUAL]);
        residual.select(0, 0).select(1, 2).fill_(Double.NaN);
        residual.select(0, 1).select(1, 3).fill_(Double.POSITIVE_INFINITY);
        residual.select(0, 2).select(1, 4).fill_(Double.NEGATIVE_INFINITY);
        Tensor y = together(operands, true);
        assertEquals(5 * 11, y.isnan().sum().toDouble());
        assertEquals(5 * 11, y.isinf().sum().toDouble());
        assertSame(apart(operands, true), y, "with NaN and infinities");
        for (Tensor operand : operands) {
          given(operand).requiresGrad_(true);
        }
        assertGradients(operands, true, "with NaN and infinities");
      }
    }
  }

  @Test
  void itIsOneNodeAndOneKernelEachWay() {
    for (boolean training : new boolean[] {true, false}) {
      @Nullable Tensor[] operands = operands(images(DType.FLOAT32, true, 3, 5, 13, 11), true, true, 15);
      try (Lens lens = Lens.open()) {
        Tensor y = together(operands, training);
        assertEquals(NODE, given(y.gradFn()).name());
        y.backward(y.detach());
        assertTrue(lens.seen().contains("batchNormBackward"));
        assertTrue(lens.seen().stream().noneMatch(kernel -> kernel.contains("RELU") || kernel.equals("binary ADD")),
            lens.seen().toString());
      }
    }
  }

  private static Node given(@Nullable Node node) {
    return Objects.requireNonNull(node);
  }

  /// The gradients of a loss that is made of gradients; bias and residual have no part in them but by ReLU's mask.
  private static List<@Nullable Tensor> secondGradients(@Nullable Tensor[] operands, Tensor y, Tensor g) {
    List<Tensor> leaves = Arrays.stream(operands).map(BatchNormAddReluTest::given).toList();
    @Nullable Tensor[] cotangents = {g};
    @Nullable Tensor[] first = Runs.gradients(List.of(y), leaves, cotangents, BackwardOption.CREATE_GRAPH);
    Tensor loss = Tensor.zeros(y.device(), y.dtype());
    for (Tensor gradient : first) {
      Tensor each = given(gradient);
      loss = loss.add(each.square().mul(each.detach().cos()).sum());
    }
    return Arrays.asList(Runs.gradients(List.of(loss), leaves, new @Nullable Tensor[] {Tensor.onesLike(loss)}));
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void gradientsOfGradientsAreTheirs(boolean training) {
    @Nullable Tensor[] operands = operands(images(DType.FLOAT32, true, 3, 5, 7, 6), true, true, 15);
    Tensor g = Tensor.randnLike(given(operands[X]).detach());
    List<@Nullable Tensor> expected = secondGradients(operands, apart(operands, training), g);
    List<@Nullable Tensor> actual = secondGradients(operands, together(operands, training), g);
    for (int i = 0; i < expected.size(); i++) {
      Tensor theirs = expected.get(i);
      if (theirs == null) {
        assertNull(actual.get(i), "operand " + i);
      } else {
        double scale = Math.max(1, theirs.abs().amax().toDouble());
        assertArrayEquals(theirs.toDoubleArray(), given(actual.get(i)).toDoubleArray(), 1e-4 * scale, "operand " + i);
      }
    }
    assertNotNull(actual.get(1), "the weight's");
  }

  /// The gradient of a mean is the same in each plane, which has no order.
  @Test
  void gradientsLieAsTheImages() {
    @Nullable Tensor[] operands = operands(images(DType.FLOAT32, true, 3, 5, 13, 11), true, true, 15);
    boolean[] seen = new boolean[2];
    @Nullable Tensor[] inner = operands.clone();
    for (int i : new int[] {X, RESIDUAL}) {
      Tensor image = given(operands[i]).mul(1);
      inner[i] = image;
      var _ = image.registerHook(g -> {
        seen[i / RESIDUAL] = given(g).isContiguous(MemoryFormat.CHANNELS_LAST);
        return null;
      });
    }
    together(inner, true).mean(new int[] {2, 3}).sum().backward();
    assertArrayEquals(new boolean[] {true, true}, seen);
  }

  // ---- the modules ----

  /// A residual block.
  private static final class Block extends Module {
    final Conv2d conv = child("conv", new Conv2d(4, 4, 3, ConvOptions.of().padding(1), false));
    final BatchNorm2d norm = child("norm", new BatchNorm2d(4));
    final ReLU relu = child("relu", new ReLU());

    @Override
    protected Tensor forward(Tensor x) {
      return ConvNorm.call(conv, norm, () -> x, relu, x);
    }

    /// What it computes, from its parts.
    Tensor expected(Tensor x) {
      return norm.call(conv.call(x)).add(x).relu();
    }
  }

  private Block block() {
    Random.manualSeed(5);
    Block block = new Block();
    block.to(device());
    return block;
  }

  private static boolean isOne(Tensor y) {
    return given(y.gradFn()).name().equals(NODE);
  }

  @Test
  void aBlockLearnsAsItsPartsDo() {
    Block one = block();
    Block parts = block();
    for (int step = 0; step < 3; step++) {
      Tensor x = randn(DType.FLOAT32, 2, 4, 6, 5);
      Tensor y = one.call(x);
      assertTrue(isOne(y));
      Tensor expected = parts.expected(x);
      assertSame(expected.detach(), y.detach(), "step " + step);
      y.square().mean().backward();
      expected.square().mean().backward();
    }
    for (int i = 0; i < one.parameters().size(); i++) {
      assertArrayEquals(given(parts.parameters().get(i).grad()).toDoubleArray(), given(one.parameters().get(i).grad()).toDoubleArray(),
          1e-6);
    }
    assertEquals(parts.stateDict().keySet(), one.stateDict().keySet());
    parts.stateDict().forEach((name, tensor) -> assertSame(tensor, one.stateDict().get(name), name));
  }

  @Test
  void hooksSeeWhatIsBetween() {
    Block block = block();
    Tensor x = randn(DType.FLOAT32, 2, 4, 6, 5);
    double[] expected = block.call(x).detach().toDoubleArray();
    for (Module module : List.of(block.norm, block.relu)) {
      List<Tensor> seen = new ArrayList<>();
      try (var _ = module.registerForwardHook((_, _, output) -> {
        seen.add(output.detach().clone());
        return null;
      })) {
        Tensor y = block.call(x);
        assertTrue(!isOne(y));
        assertArrayEquals(expected, y.detach().toDoubleArray());
      }
      Tensor between = module == block.norm ? block.norm.call(block.conv.call(x)) : block.expected(x);
      assertSame(between.detach(), seen.getFirst(), "what the hook saw");
    }
    int[] gradients = new int[1];
    try (var _ = block.norm.registerFullBackwardHook((_, _, _) -> {
      gradients[0]++;
      return null;
    })) {
      block.call(x).sum().backward();
    }
    assertEquals(1, gradients[0]);
    assertTrue(isOne(block.call(x)));
  }

  @Test
  void whatTookTheirPlaceIsCalled() {
    Tensor x = randn(DType.FLOAT32, 2, 4, 6, 5);
    Block block = block();
    block.replace("norm", new Identity());
    assertSame(block.conv.call(x).add(x).relu().detach(), block.call(x).detach(), "without a norm");
    Block other = block();
    other.replace("relu", new Identity());
    assertSame(other.norm.call(other.conv.call(x)).add(x).detach(), other.call(x).detach(), "without ReLU");
  }

  @Test
  void aSequenceOfThemIsOneOperationToo() {
    Block block = block();
    var sequence = new Sequential(block.conv, block.norm, block.relu);
    Tensor x = randn(DType.FLOAT32, 2, 4, 6, 5);
    Tensor y = sequence.call(x);
    assertTrue(isOne(y));
    assertSame(block.norm.call(block.conv.call(x)).relu().detach(), y.detach(), "in a sequence");
  }

  /// Of the norm, one that asks for no gradients or is evaluated.
  @Test
  void aNormThatIsFrozenIsOneWithThemToo() {
    Block block = block();
    Tensor x = randn(DType.FLOAT32, 2, 4, 6, 5);
    block.norm.eval();
    block.norm.parameters().forEach(parameter -> parameter.requiresGrad_(false));
    Tensor y = block.call(x);
    assertTrue(isOne(y));
    y.sum().backward();
    Tensor actual = given(block.conv.weight().grad()).clone();
    block.conv.weight().setGrad(null);
    block.expected(x).sum().backward();
    assertArrayEquals(given(block.conv.weight().grad()).toDoubleArray(), actual.toDoubleArray(), 1e-5);
    assertTrue(block.norm.parameters().stream().allMatch(parameter -> parameter.grad() == null));
  }

  /// As the sum in place does, the norm's sizes and dtype stay.
  @Test
  void aResidualOfAnotherKindIsAddedAsEver() {
    Block block = block();
    Tensor x = randn(DType.FLOAT32, 2, 4, 6, 5);
    for (Tensor residual : List.of(x.to(DType.BFLOAT16), x.narrow(0, 0, 1), x.narrow(3, 0, 1))) {
      Tensor y = ConvNorm.call(block.conv, block.norm, () -> residual, block.relu, x);
      assertSame(block.norm.call(block.conv.call(x)).add_(residual).relu().detach(), y.detach(), Arrays.toString(residual.sizes()));
    }
  }

  /// The most that its tensors take.
  private long peak(Supplier<Tensor> computation) {
    try (var _ = MemoryScope.open()) {
      MemoryStats.resetPeak(device());
      long before = MemoryStats.of(device()).current();
      assertNotNull(computation.get().gradFn());
      return MemoryStats.of(device()).peak() - before;
    }
  }

  /// As in a region of autocast.
  @ParameterizedTest
  @EnumSource(names = {"BFLOAT16", "FLOAT16"})
  void parametersMayBeWiderThanImages(DType dtype) {
    for (Tensor x : inputs(dtype)) {
      for (boolean training : new boolean[] {true, false}) {
        @Nullable Tensor[] operands = operands(x, DType.FLOAT32, true, 15);
        assertSame(apart(operands, training).detach(), together(operands, training).detach(), Arrays.toString(x.sizes()));
        assertGradients(operands, training, Arrays.toString(x.sizes()) + " training " + training);
      }
    }
  }

  @Test
  void theResidualMayBeTheImages() {
    @Nullable Tensor[] operands = operands(images(DType.FLOAT32, true, 3, 5, 13, 11), true, false, 7);
    operands[RESIDUAL] = operands[X];
    Tensor g = Tensor.randnLike(given(operands[X]));
    apart(operands, true).backward(g);
    Tensor expected = given(given(operands[X]).grad());
    given(operands[X]).setGrad(null);

    together(operands, true).backward(g);

    assertArrayEquals(expected.toDoubleArray(), given(given(operands[X]).grad()).toDoubleArray(), 1e-5);
  }

  @Test
  void aResultThatWasChangedIsNotTakenForReluS() {
    @Nullable Tensor[] operands = operands(images(DType.FLOAT32, false, 3, 5, 13, 11), true, true, 15);
    Tensor y = together(operands, true);
    Tensor loss = y.sum();
    y.add_(1);

    var refused = assertThrows(AutogradException.class, loss::backward);

    assertTrue(String.valueOf(refused.getMessage()).contains("modified by an inplace operation"), refused.getMessage());
  }

  @Test
  void nothingButTheImagesAndTheResultIsEverThere() {
    Block block = block();
    Tensor x = randn(DType.FLOAT32, 8, 4, 64, 64);
    long bytes = x.numel() * Float.BYTES;
    peak(() -> block.call(x));
    long peak = peak(() -> block.call(x));
    assertTrue(peak < 2.5 * bytes, peak + " bytes, images of " + bytes);
  }
}
