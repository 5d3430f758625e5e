package org.flambeau.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.FutureTask;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.flambeau.Autocast;
import org.flambeau.CudaGraph;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.Generator;
import org.flambeau.GradMode;
import org.flambeau.Index;
import org.flambeau.MemoryScope;
import org.flambeau.MemoryStats;
import org.flambeau.Random;
import org.flambeau.Reduction;
import org.flambeau.Tensor;
import org.flambeau.autograd.Autograd;
import org.flambeau.backend.cuda.binding.SimulatedDriver;
import org.flambeau.nn.AdaptiveAvgPool2d;
import org.flambeau.nn.AdaptiveMaxPool2d;
import org.flambeau.nn.BatchNorm2d;
import org.flambeau.nn.CircularPad2d;
import org.flambeau.nn.ConstantPad2d;
import org.flambeau.nn.Conv2d;
import org.flambeau.nn.ConvNorm;
import org.flambeau.nn.ConvOptions;
import org.flambeau.nn.Functional;
import org.flambeau.nn.Functional.InterpolationMode;
import org.flambeau.nn.Linear;
import org.flambeau.nn.Module;
import org.flambeau.nn.ReLU;
import org.flambeau.nn.ReflectionPad2d;
import org.flambeau.nn.ReplicationPad2d;
import org.flambeau.nn.Sequential;
import org.flambeau.nn.Upsample;
import org.flambeau.nn.optim.Sgd;
import org.flambeau.spi.Allocator;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Work recorded once and replayed, on the simulated GPU.
class CudaGraphTest {
  /// How far results of convolutions may be apart whose weights differ by rounding.
  private static final double TF32 = 1e-2;
  private static Device cuda;

  @BeforeAll
  static void install() throws Exception {
    SimulatedDriver.install();
    cuda = Device.cuda(0);
  }

  @Test
  void aReplayComputesAnewFromWhatItsInputsHoldThen() {
    Tensor input = Tensor.of(1f, 2f, 3f).to(cuda);
    Tensor[] output = new Tensor[1];

    try (CudaGraph graph = CudaGraph.capture(() -> output[0] = input.mul(input).add(1))) {
      graph.replay();
      assertArrayEquals(new float[] {2, 5, 10}, output[0].toFloatArray());
      input.copy_(Tensor.of(4f, 5f, 6f));
      graph.replay();
      assertArrayEquals(new float[] {17, 26, 37}, output[0].toFloatArray());
    }
  }

  @Test
  void nothingIsDoneWhileItIsRecorded() {
    Tensor counter = Tensor.of(0f).to(cuda);

    try (CudaGraph graph = CudaGraph.capture(() -> counter.add_(1))) {
      assertEquals(0f, counter.item());
      graph.replay();
      graph.replay();
      assertEquals(2f, counter.item());
    }
  }

  /// So that what was derived from its content is derived anew, and what was saved of it is known to be gone.
  @Test
  void eachReplayCountsAsAChangeOfWhatItChanges() {
    Tensor counter = Tensor.of(0f).to(cuda);
    Tensor read = Tensor.of(1f).to(cuda);

    try (CudaGraph graph = CudaGraph.capture(() -> counter.add_(read))) {
      int before = counter.version();
      int untouched = read.version();
      graph.replay();
      graph.replay();
      assertEquals(before + 2, counter.version());
      assertEquals(untouched, read.version());
    }
  }

  /// Of a convolution and its norm, which evaluation folds into one and keeps.
  @Test
  void evaluationSeesWhatReplaysHaveLearnt() {
    Conv2d conv = new Conv2d(2, 2, 1, ConvOptions.of());
    BatchNorm2d norm = new BatchNorm2d(2);
    conv.to(cuda).eval();
    norm.to(cuda).eval();
    Tensor x = Tensor.randn(1, 2, 3, 3).to(cuda);
    try (var _ = GradMode.noGrad()) {
      Tensor[] captured = {ConvNorm.call(conv, norm, x)};
      try (CudaGraph step = CudaGraph.capture(() -> conv.weight().mul_(2));
          CudaGraph evaluation = CudaGraph.capture(() -> captured[0] = ConvNorm.call(conv, norm, x))) {
        for (int i = 0; i < 2; i++) {
          step.replay();
          evaluation.replay();
          double[] expected = norm.call(conv.call(x)).toDoubleArray();
          assertArrayEquals(expected, ConvNorm.call(conv, norm, x).toDoubleArray(), TF32);
          assertArrayEquals(expected, captured[0].toDoubleArray(), TF32);
        }
      }
    }
  }

  /// The kernel for both would go beyond the end of what does not fit.
  @Test
  void aSumBeforeALayerNormIsCheckedUnderAutocastToo() {
    Tensor x = Tensor.ones(2, 3, 4).to(cuda);
    try (var _ = Autocast.open(DType.BFLOAT16)) {
      assertThrows(IllegalArgumentException.class,
          () -> Functional.addLayerNorm(x, x, new long[] {5}, Tensor.ones(5).to(cuda), null, 1e-5));
      assertThrows(IllegalArgumentException.class,
          () -> Functional.addLayerNorm(x, x, new long[] {4}, Tensor.ones(3).to(cuda), null, 1e-5));
    }
  }

  @Test
  void activationCheckpointingIsRefusedByItsName() {
    Module layer = new Linear(2, 2).to(cuda).activationCheckpointing(true);
    Tensor x = Tensor.ones(1, 2).to(cuda);
    var refusal = assertThrows(IllegalStateException.class, () -> CudaGraph.capture(() -> layer.call(x)));
    assertTrue(String.valueOf(refusal.getMessage()).startsWith("[activation_checkpointing] cannot be captured in a graph: "),
        refusal.getMessage());
  }

  @Test
  void nobodyElseIsGivenTheMemoryOfAGraph() {
    Tensor input = Tensor.ones(1000).to(cuda);
    Tensor[] output = new Tensor[1];

    try (CudaGraph graph = CudaGraph.capture(() -> output[0] = input.add(1).mul(2).add(3))) {
      List<Tensor> others = new ArrayList<>();
      for (int i = 0; i < 20; i++) {
        others.add(Tensor.full(5.0, 1000).to(cuda));
      }
      graph.replay();
      assertEquals(7000f, output[0].sum().item());
      for (Tensor other : others) {
        assertEquals(5000f, other.sum().item());
      }
    }
  }

  /// Does something on another thread, and waits for it.
  private static void elsewhere(Runnable work) {
    CompletableFuture.runAsync(work).join();
  }

  @Test
  void aGraphIsClosedAndTheGpuWaitedForWhileAnotherThreadCaptures() {
    Tensor counter = Tensor.of(0f).to(cuda);
    CudaGraph other = CudaGraph.capture(() -> {
      try (var _ = MemoryScope.open()) {
        counter.fill_(10).add_(counter.clone().uniform_(0, 1).mul(0));
      }
    });
    other.replay();

    try (CudaGraph graph = CudaGraph.capture(() -> {
      elsewhere(() -> new CudaBackend().synchronize(0));
      elsewhere(other::close);
      elsewhere(() -> MemoryStats.emptyCache(cuda));
      counter.add_(1);
    })) {
      graph.replay();
      assertEquals(11f, counter.item());
    }
  }

  @Test
  void whatAnotherThreadGivesBackMeanwhileIsSetAsideUntilTheGraphIsClosed() throws Allocator.OutOfMemory {
    Allocator allocator = new CudaBackend().allocator(0);
    Tensor counter = Tensor.of(0f).to(cuda);
    long bytes = 40 << 20;
    long before = allocator.allocate(bytes);
    CudaGraph graph = CudaGraph.capture(() -> {
      elsewhere(() -> allocator.free(before, bytes));
      counter.add_(1);
    });

    long meanwhile = allocator.allocate(bytes);
    assertNotEquals(before, meanwhile);
    graph.close();
    assertEquals(before, allocator.allocate(bytes));
    allocator.free(before, bytes);
    allocator.free(meanwhile, bytes);
  }

  @Test
  void whatNeedsTheHostIsRefusedByNameAndTheDeviceGoesOn() {
    Tensor x = Tensor.of(1f, 2f).to(cuda);

    var item = assertThrows(IllegalStateException.class, () -> CudaGraph.capture(() -> x.sum().item()));
    assertTrue(String.valueOf(item.getMessage()).startsWith("[item] cannot be captured in a graph"), item.getMessage());
    var copy = assertThrows(IllegalStateException.class, () -> CudaGraph.capture(() -> Tensor.of(1f, 2f).to(cuda)));
    assertTrue(String.valueOf(copy.getMessage()).startsWith("[to] cannot be captured in a graph"), copy.getMessage());
    var seeded = assertThrows(IllegalStateException.class, () -> CudaGraph.capture(() -> Random.manualSeed(1)));
    assertTrue(String.valueOf(seeded.getMessage()).startsWith("[manual_seed] cannot be captured in a graph"), seeded.getMessage());

    assertEquals(3f, x.sum().item());
    try (CudaGraph graph = CudaGraph.capture(() -> x.add_(1))) {
      graph.replay();
    }
    assertEquals(5f, x.sum().item());
  }

  @Test
  void whatAnotherGpuComputesIsRefusedInsteadOfLeftOut() {
    Device other = Device.cuda(1);
    Tensor x = Tensor.ones(3).to(other);
    for (Runnable work : List.<Runnable>of(() -> x.add_(1), () -> CudaGraph.capture(other, () -> x.add_(1)).close())) {
      String refusal = String.valueOf(assertThrows(IllegalStateException.class, () -> CudaGraph.capture(cuda, work)).getMessage());
      assertTrue(refusal.matches("\\[(add_|an operation)] cannot be captured in a graph: it uses another GPU than cuda:0, .*"), refusal);
    }
    try (CudaGraph graph = CudaGraph.capture(other, () -> x.add_(1))) {
      graph.replay();
      assertArrayEquals(new float[] {2, 2, 2}, x.toFloatArray());
    }
  }

  /// Of the one GiB that there is.
  @Test
  void aGraphIsGivenTheMemoryThatIsKeptForOthers() {
    try (var _ = MemoryScope.open()) {
      var _ = Tensor.empty(cuda, DType.UINT8, 600L << 20);
    }
    try (CudaGraph _ = CudaGraph.capture(() -> {
      var _ = Tensor.empty(cuda, DType.UINT8, 590L << 20);
    })) {
      assertTrue(MemoryStats.of(cuda).reserved() < 800L << 20);
    }
  }

  /// cuDNN and cuBLASLt wait for the GPU when they are first used, which no capture survives.
  @Test
  void theFirstConvolutionAndProductOfAGpuMayBeCaptured() {
    Device other = Device.cuda(1);
    Tensor x = Tensor.ones(1, 2, 3, 3).to(other);
    Tensor weight = Tensor.full(0.5, 4, 2, 1, 1).to(other);
    Tensor[] output = new Tensor[2];
    for (int i = 0; i < 2; i++) {
      try (CudaGraph graph = CudaGraph.capture(other, () -> {
        output[0] = Functional.conv2d(x, weight, null, ConvOptions.of());
        output[1] = output[0].flatten(2, 3).matmul(Tensor.ones(other, DType.FLOAT32, 9, 1));
      })) {
        graph.replay();
        assertArrayEquals(new float[] {9, 9, 9, 9}, output[1].toFloatArray());
      }
    }
  }

  /// For a context of cuDNN of its own, which waits for the GPU when it is made: that would break what is recorded.
  @Test
  void theFirstConvolutionOfAnotherThreadWaitsForTheEndOfACapture() throws Exception {
    Device other = Device.cuda(1);
    Tensor x = Tensor.ones(1, 2, 3, 3).to(other);
    Tensor weight = Tensor.full(0.5, 4, 2, 3, 3).to(other);
    Tensor counter = Tensor.of(0f).to(other);
    var convolution = new FutureTask<>(() -> Functional.conv2d(x, weight, null, ConvOptions.of()));
    Thread thread = new Thread(convolution);

    try (CudaGraph graph = CudaGraph.capture(other, () -> {
      thread.start();
      while (!convolution.isDone() && thread.getState() != Thread.State.WAITING) {
        Thread.onSpinWait();
      }
      assertFalse(convolution.isDone(), "it did not wait");
      counter.add_(1);
    })) {
      graph.replay();
      assertEquals(1f, counter.item());
      assertArrayEquals(new float[] {9, 9, 9, 9}, convolution.get().flatten().toFloatArray());
    }
  }

  private static Stream<Module> modulesThatPick() {
    return Stream.of(new ReflectionPad2d(1, 2, 2, 1), new ReplicationPad2d(1, 2, 0, 3), new CircularPad2d(2, 1, 1, 2),
        new ConstantPad2d(1, -1, 2, 0, 0.5), new Upsample(0.7, InterpolationMode.NEAREST), new Upsample(2, InterpolationMode.NEAREST),
        new Upsample(1.7, InterpolationMode.BILINEAR), new AdaptiveAvgPool2d(3, 4), new AdaptiveMaxPool2d(3, 4));
  }

  /// Of these each place of the result knows by itself where it comes from: nothing is copied from the host.
  @ParameterizedTest
  @MethodSource
  void modulesThatPick(Module module) {
    Tensor x = Tensor.randn(2, 3, 5, 6).to(cuda).requiresGrad_(true);
    Tensor other = Tensor.randn(2, 3, 5, 6).to(cuda);
    Tensor weight = module.call(x).detach().mul(3);
    Supplier<List<Tensor>> step = () -> {
      Tensor y = module.call(x);
      return List.of(y.detach(), Autograd.grad(y.mul(weight).sum(), List.of(x)).getFirst());
    };
    List<Tensor> recorded = new ArrayList<>();

    try (CudaGraph graph = CudaGraph.capture(() -> recorded.addAll(step.get()))) {
      x.detach().copy_(other);
      List<Tensor> expected = step.get();
      graph.replay();
      for (int i = 0; i < 2; i++) {
        assertArrayEquals(expected.get(i).toFloatArray(), recorded.get(i).toFloatArray());
      }
    }
  }

  private static Map<String, UnaryOperator<Tensor>> waiting() {
    Map<String, UnaryOperator<Tensor>> calls = new LinkedHashMap<>();
    calls.put("item", x -> Tensor.scalar(x.sum().item().doubleValue()));
    calls.put("toString", x -> Tensor.zeros(x.toString().length()));
    calls.put("equal", x -> x.equal(x) ? x : x.neg());
    calls.put("oneHot", x -> x.to(DType.INT64).oneHot(-1));
    calls.put("index", x -> x.index(Index.of(x.argmax())));
    calls.put("indexPut_", x -> x.indexPut_(List.of(Index.of(x.gt(1))), x.narrow(0, 0, 1).clone()));
    calls.put("unique", x -> x.unique().values());
    calls.put("gaussianNllLoss", x -> Functional.gaussianNllLoss(x, x, x, false, 1e-6, Reduction.MEAN));
    return calls;
  }

  /// By that of what the program called, not of what that consists of.
  @TestFactory
  Stream<DynamicTest> whatWaitsInsideIsRefusedByItsOwnName() {
    return waiting().entrySet().stream().map(call -> DynamicTest.dynamicTest(call.getKey(), () -> {
      Tensor x = Tensor.of(1f, 2f).to(cuda);
      List<Tensor> results = new ArrayList<>();
      var refusal = assertThrows(IllegalStateException.class, () -> CudaGraph.capture(() -> results.add(call.getValue().apply(x))));
      assertTrue(String.valueOf(refusal.getMessage()).startsWith("[" + call.getKey() + "] cannot be captured in a graph: it brings values"),
          refusal.getMessage());
    }));
  }

  @Test
  void aNumberIsWrittenThroughAMaskWithoutWaiting() {
    Tensor x = Tensor.of(1f, 2f, 3f).to(cuda);
    Tensor limit = Tensor.of(2f).to(cuda);
    try (CudaGraph graph = CudaGraph.capture(() -> x.indexPut_(List.of(Index.of(x.gt(limit))), 0))) {
      graph.replay();
      assertArrayEquals(new float[] {1, 2, 0}, x.toFloatArray());
      limit.fill_(1);
      graph.replay();
      assertArrayEquals(new float[] {1, 0, 0}, x.toFloatArray());
    }
  }

  /// What is drawn after other work, whose memory is free again by then.
  private static List<Tensor> draws(Tensor x, Generator generator, Generator other) {
    try (var _ = MemoryScope.open()) {
      x.add(1);
    }
    return List.of(Tensor.rand(generator, DType.FLOAT32, 1000), Tensor.bernoulli(x), Tensor.randn(other, DType.FLOAT64, 7),
        Tensor.randperm(generator, 30), Functional.dropout(x, 0.5, true));
  }

  @Test
  void eachReplayDrawsWhatTheWorkWouldHaveDrawnInItsPlace() {
    Tensor x = Tensor.full(0.25, 5000).to(cuda);
    Generator generator = Generator.defaultOf(cuda).manualSeed(3);
    Generator other = Generator.create(cuda).manualSeed(4);
    List<List<float[]>> expected = new ArrayList<>();
    List<byte[]> states = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      expected.add(draws(x, generator, other).stream().map(y -> y.to(DType.FLOAT32).toFloatArray()).toList());
      Tensor.rand(generator, DType.FLOAT32, 10);
      states.add(generator.getState());
    }
    byte[] otherState = other.getState();
    generator.manualSeed(3);
    other.manualSeed(4);
    List<Tensor> drawn = new ArrayList<>();

    try (CudaGraph graph = CudaGraph.capture(() -> drawn.addAll(draws(x, generator, other)))) {
      for (int i = 0; i < 3; i++) {
        graph.replay();
        for (int k = 0; k < drawn.size(); k++) {
          assertArrayEquals(expected.get(i).get(k), drawn.get(k).to(DType.FLOAT32).toFloatArray(), "replay " + i + ", draw " + k);
        }
        Tensor.rand(generator, DType.FLOAT32, 10);
        assertArrayEquals(states.get(i), generator.getState());
      }
      assertArrayEquals(otherState, other.getState());
      generator.manualSeed(3);
      graph.replay();
      assertArrayEquals(expected.get(0).get(0), drawn.get(0).toFloatArray());
    }
  }

  @Test
  void aGraphCastsParametersItselfThoughTheRegionHasCastThemBefore() {
    Linear layer = (Linear) new Linear(3, 2).to(cuda);
    Tensor x = Tensor.of(1f, 2f, 3f).to(cuda);
    Tensor[] output = new Tensor[1];
    CudaGraph graph;
    try (var _ = Autocast.open(DType.BFLOAT16)) {
      layer.call(x);
      graph = CudaGraph.capture(() -> output[0] = layer.call(x));
    }
    try (graph; var _ = GradMode.noGrad(); var _ = Autocast.open(DType.BFLOAT16)) {
      layer.parameters().forEach(parameter -> parameter.mul_(3));
      graph.replay();
      assertEquals(layer.call(x).toString(), output[0].detach().toString());
    }
  }

  private static Module model() {
    Random.manualSeed(7);
    return new Sequential(new Linear(6, 8), new ReLU(), new Linear(8, 1));
  }

  private static void step(Module model, Sgd optimizer, Tensor x, Tensor y, Tensor loss) {
    Tensor error = model.call(x).sub(y);
    Tensor now = error.mul(error).mean();
    optimizer.zeroGrad();
    now.backward();
    optimizer.step();
    try (var _ = GradMode.noGrad()) {
      loss.copy_(now);
    }
  }

  @Test
  void aWholeTrainingStepIsRecordedAndLearnsAsOneStepAfterTheOther() {
    Tensor x = Tensor.arange(30).to(DType.FLOAT32).div(30).reshape(5, 6);
    Tensor y = x.sum(new int[] {1}, true);
    Module eager = model();
    var eagerOptimizer = new Sgd(eager.parameters(), Sgd.options().lr(0.05).momentum(0.9));
    Tensor eagerLoss = Tensor.zeros();
    Module recorded = model().to(cuda);
    var optimizer = new Sgd(recorded.parameters(), Sgd.options().lr(0.05).momentum(0.9).capturable(true));
    Tensor there = x.to(cuda);
    Tensor wanted = y.to(cuda);
    Tensor loss = Tensor.zeros().to(cuda);
    step(eager, eagerOptimizer, x, y, eagerLoss);
    step(recorded, optimizer, there, wanted, loss);

    try (CudaGraph graph = CudaGraph.capture(() -> step(recorded, optimizer, there, wanted, loss))) {
      for (int i = 0; i < 5; i++) {
        step(eager, eagerOptimizer, x, y, eagerLoss);
        graph.replay();
        assertEquals((float) eagerLoss.item(), (float) loss.item(), 1e-5f, "step " + i);
      }
    }
  }
}
