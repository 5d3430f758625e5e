package org.flambeau.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BiFunction;
import java.util.function.Function;
import org.flambeau.CudaGraph;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.Generator;
import org.flambeau.GradMode;
import org.flambeau.MemoryScope;
import org.flambeau.Random;
import org.flambeau.Tensor;
import org.flambeau.backend.cuda.binding.SimulatedDriver;
import org.flambeau.models.VisionTransformer;
import org.flambeau.nn.CrossEntropyLoss;
import org.flambeau.nn.Module;
import org.flambeau.nn.optim.Adadelta;
import org.flambeau.nn.optim.Adagrad;
import org.flambeau.nn.optim.Adam;
import org.flambeau.nn.optim.AdamW;
import org.flambeau.nn.optim.CosineAnnealingLr;
import org.flambeau.nn.optim.GradScaler;
import org.flambeau.nn.optim.LrScheduler;
import org.flambeau.nn.optim.Optimizer;
import org.flambeau.nn.optim.RmsProp;
import org.flambeau.nn.optim.Sgd;
import org.flambeau.nn.optim.StepLr;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/// Whole training steps in a graph, on the simulated GPU: a replay does what the step would have done in its place.
class CapturedTrainingTest {
  private static final int WARM_UP = 2;
  private static final int STEPS = 5;

  private static Device cuda;

  @BeforeAll
  static void install() throws Exception {
    SimulatedDriver.install();
    cuda = Device.cuda(0);
  }

  // ---- the same as one operation after the other ----

  /// A vision transformer with dropout learns images it is given batch by batch.
  private static final class Training {
    final Module model;
    final Optimizer<?> optimizer;
    final LrScheduler scheduler;
    final List<Float> losses = new ArrayList<>();
    private final Tensor batches = Tensor.randn(Generator.create(Device.CPU).manualSeed(1), DType.FLOAT32, WARM_UP + STEPS, 2, 3, 16, 16);
    private final Tensor images = Tensor.zeros(2, 3, 16, 16).to(cuda);
    private final Tensor labels = Tensor.of(1L, 3L).to(cuda);
    private final Tensor loss = Tensor.zeros().to(cuda);
    private final CrossEntropyLoss criterion = new CrossEntropyLoss();
    private int done;

    Training(Function<List<Tensor>, Optimizer<?>> optimizer, Function<Optimizer<?>, LrScheduler> scheduler) {
      Random.manualSeed(7);
      model = new VisionTransformer(VisionTransformer.Options.B_16.imageSize(16).patchSize(8).layers(1).heads(2).hidden(16).mlp(32)
          .dropout(0.2).attentionDropout(0.1).numClasses(5)).to(cuda);
      this.optimizer = optimizer.apply(model.parameters());
      this.scheduler = scheduler.apply(this.optimizer);
    }

    void step() {
      optimizer.zeroGrad();
      Tensor now = criterion.call(model.call(images), labels);
      now.backward();
      optimizer.step();
      try (var _ = GradMode.noGrad()) {
        loss.copy_(now);
      }
    }

    void run(int steps, Runnable step) {
      for (int i = 0; i < steps; i++) {
        images.copy_(batches.get(done++));
        step.run();
        scheduler.step();
        losses.add(loss.item().floatValue());
      }
    }

    void runEagerly(int steps) {
      run(steps, () -> {
        try (var _ = MemoryScope.open()) {
          step();
        }
      });
    }
  }

  private static void assertSameTraining(Function<List<Tensor>, Optimizer<?>> eagerOptimizer,
      Function<List<Tensor>, Optimizer<?>> capturable, Function<Optimizer<?>, LrScheduler> scheduler) {
    var eager = new Training(eagerOptimizer, scheduler);
    eager.runEagerly(WARM_UP + STEPS);
    byte[] drawn = Generator.defaultOf(cuda).getState();
    var captured = new Training(capturable, scheduler);
    captured.runEagerly(WARM_UP);

    try (CudaGraph graph = CudaGraph.capture(captured::step)) {
      captured.run(STEPS, graph::replay);
    }

    assertEquals(eager.losses, captured.losses);
    assertArrayEquals(drawn, Generator.defaultOf(cuda).getState());
    assertEquals(eager.optimizer.parameterGroups().getFirst().lr(), captured.optimizer.parameterGroups().getFirst().lr());
    eager.model.namedParameters().forEach((name, parameter) -> {
      Tensor ours = Objects.requireNonNull(captured.model.namedParameters().get(name));
      assertTrue(parameter.detach().equal(ours.detach()), name);
      Map<String, Tensor> states = captured.optimizer.state(ours);
      eager.optimizer.state(parameter).forEach((state, value) -> assertTrue(
          value.to(cuda).equal(Objects.requireNonNull(states.get(state)).to(cuda)), name + " " + state));
    });
  }

  @Test
  void adamWWithDropoutAndAScheduleLearnsAsOneStepAfterTheOtherToTheBit() {
    var options = AdamW.options().lr(0.01).betas(0.8, 0.9);
    assertSameTraining(p -> new AdamW(p, options), p -> new AdamW(p, options.capturable(true)), o -> new CosineAnnealingLr(o, 10));
  }

  @Test
  void descentWithMomentumAndAScheduleLearnsAsOneStepAfterTheOtherToTheBit() {
    var options = Sgd.options().lr(0.05).momentum(0.9).dampening(0.5);
    assertSameTraining(p -> new Sgd(p, options), p -> new Sgd(p, options.capturable(true)), o -> new StepLr(o, 2, 0.5));
  }

  @Test
  void rmsPropAndAdagradOfStepsOnTheDeviceLearnAsOneStepAfterTheOtherToTheBit() {
    var centered = RmsProp.options().lr(0.01).momentum(0.9).centered(true).weightDecay(0.1).capturable(true);
    assertSameTraining(p -> new RmsProp(p, centered), p -> new RmsProp(p, centered), o -> new StepLr(o, 2, 0.5));
    var decaying = Adagrad.options().lr(0.05).lrDecay(0.3).capturable(true);
    assertSameTraining(p -> new Adagrad(p, decaying), p -> new Adagrad(p, decaying), o -> new StepLr(o, 2, 0.5));
  }

  @Test
  void whereTheLearningRateLiesMakesNoDifferenceButRounding() {
    List<BiFunction<List<Tensor>, Boolean, Optimizer<?>>> optimizers = List.of(
        (p, capturable) -> new Adadelta(p, Adadelta.options().lr(3).capturable(capturable)),
        (p, capturable) -> new RmsProp(p, RmsProp.options().lr(0.1).capturable(capturable)),
        (p, capturable) -> new RmsProp(p, RmsProp.options().lr(0.1).momentum(0.5).maximize(true).capturable(capturable)),
        (p, capturable) -> new Adagrad(p, Adagrad.options().lr(0.1).lrDecay(0.5).capturable(capturable)));
    for (var make : optimizers) {
      List<float[]> ends = new ArrayList<>();
      for (boolean capturable : new boolean[] {false, true}) {
        Tensor p = parameter(2);
        Optimizer<?> optimizer = make.apply(List.of(p), capturable);
        for (int i = 0; i < 3; i++) {
          step(optimizer, p);
        }
        assertEquals(3, steps(optimizer, p));
        ends.add(p.detach().toFloatArray());
      }
      assertArrayEquals(ends.get(0), ends.get(1), 1e-6f);
    }
  }

  @Test
  void parametersWithGapsFollowTheScheduleToo() {
    List<Tensor> ends = new ArrayList<>();
    for (boolean captured : new boolean[] {false, true}) {
      Tensor p = Tensor.zeros(4, 2).to(cuda).select(1, 0).requiresGrad_(true);
      var adam = new AdamW(List.of(p), AdamW.options().lr(0.1).capturable(captured));
      Runnable step = () -> {
        adam.zeroGrad();
        p.sub(3).square().sum().backward();
        adam.step();
      };
      step.run();
      try (CudaGraph graph = captured ? CudaGraph.capture(step) : null) {
        for (int i = 0; i < 3; i++) {
          adam.parameterGroups().getFirst().setLr(0.2 * (i + 1));
          (graph == null ? step : (Runnable) graph::replay).run();
        }
      }
      ends.add(p.detach().to(Device.CPU));
    }
    assertArrayEquals(ends.get(0).toFloatArray(), ends.get(1).toFloatArray(), 1e-6f);
  }

  // ---- counts of steps ----

  private static Tensor parameter(float start) {
    return Tensor.full(start, 3).to(cuda).requiresGrad_(true);
  }

  private static void step(Optimizer<?> optimizer, Tensor... moved) {
    optimizer.zeroGrad();
    for (Tensor parameter : moved) {
      parameter.square().sum().backward();
    }
    optimizer.step();
  }

  private static Tensor count(Optimizer<?> optimizer, Tensor parameter) {
    return Objects.requireNonNull(optimizer.state(parameter).get("step"));
  }

  private static Object savedCount(Map<?, ?> saved, long number) {
    return saved.get(number) instanceof Map<?, ?> state ? Objects.requireNonNull(state.get("step")) : fail("no state " + number);
  }

  private static float steps(Optimizer<?> optimizer, Tensor parameter) {
    return count(optimizer, parameter).item().floatValue();
  }

  @Test
  void parametersShareACountUntilOneOfThemRests() {
    Tensor a = parameter(1);
    Tensor b = parameter(2);
    Tensor c = parameter(3);
    var adam = new Adam(List.of(a, b, c), Adam.options().capturable(true));

    step(adam, a, b, c);
    step(adam, a, b, c);
    assertSame(count(adam, a), count(adam, c));
    step(adam, a, b);

    assertSame(count(adam, a), count(adam, b));
    assertNotSame(count(adam, a), count(adam, c));
    assertEquals(3, steps(adam, a));
    assertEquals(2, steps(adam, c));
  }

  @Test
  void countsMoveToTheDeviceAndBackWithTheState() {
    Tensor a = parameter(1);
    Tensor b = parameter(2);
    var host = new Adam(List.of(a, b));
    step(host, a, b);
    step(host, a, b);
    var adam = new Adam(List.of(a, b), Adam.options().capturable(true));
    adam.loadStateDict(host.stateDict());
    assertTrue(adam.parameterGroups().getFirst().options().capturable());

    step(adam, a, b);
    assertSame(count(adam, a), count(adam, b));
    assertEquals("tensor(3., device='cuda:0')", count(adam, a).toString());
    try (CudaGraph graph = CudaGraph.capture(() -> step(adam, a, b))) {
      graph.replay();
    }
    Map<?, ?> saved = adam.stateDict().get("state") instanceof Map<?, ?> states ? states : Map.of();
    assertNotSame(savedCount(saved, 0), savedCount(saved, 1), "PyTorch would count twice");
    host.loadStateDict(adam.stateDict());
    step(host, a, b);

    assertEquals("tensor(5.)", count(host, a).toString());
    assertEquals("tensor(5.)", count(host, b).toString());
  }

  // ---- what is refused ----

  private static void refused(String beginning, Executable work) {
    String message = String.valueOf(assertThrows(IllegalStateException.class, work).getMessage());
    assertTrue(message.startsWith(beginning), message);
  }

  @Test
  void numbersThatAReplayWouldRepeatAreRefusedInsteadOfRecorded() {
    Tensor p = parameter(1);
    List<Tensor> parameters = List.of(p);
    for (Optimizer<?> optimizer : List.of(new Adam(parameters), new Sgd(parameters), new RmsProp(parameters))) {
      step(optimizer, p);
      refused("[" + optimizer.getClass().getSimpleName() + "] cannot be captured in a graph: the learning rate and the count of steps",
          () -> CudaGraph.capture(() -> step(optimizer, p)));
    }
    var adam = new Adam(parameters, Adam.options().capturable(true));
    refused("[Adam] cannot be captured in a graph: each replay would make the state \"step\"",
        () -> CudaGraph.capture(() -> step(adam, p)));
    var momentum = new Sgd(parameters, Sgd.options().momentum(0.9).capturable(true));
    refused("[Sgd] cannot be captured in a graph: each replay would make the state \"momentum_buffer\"",
        () -> CudaGraph.capture(() -> step(momentum, p)));
    var plain = new Sgd(parameters, Sgd.options().capturable(true));
    refused("[step] cannot be captured in a graph: the learning rate", () -> CudaGraph.capture(() -> step(plain, p)));
    step(adam, p);
    refused("[set_options] cannot be captured in a graph", () -> CudaGraph.capture(() -> adam.parameterGroups().getFirst().setLr(1)));
    refused("[GradScaler] cannot be captured in a graph", () -> CudaGraph.capture(() -> new GradScaler().scale(p)));
    try (CudaGraph graph = CudaGraph.capture(() -> step(adam, p))) {
      graph.replay();
    }
    assertEquals(2, steps(adam, p));
  }
}
