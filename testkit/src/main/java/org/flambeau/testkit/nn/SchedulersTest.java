package org.flambeau.testkit.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Stream;
import org.flambeau.Tensor;
import org.flambeau.nn.optim.Adam;
import org.flambeau.nn.optim.ChainedScheduler;
import org.flambeau.nn.optim.ConstantLr;
import org.flambeau.nn.optim.CosineAnnealingLr;
import org.flambeau.nn.optim.CosineAnnealingWarmRestarts;
import org.flambeau.nn.optim.ExponentialLr;
import org.flambeau.nn.optim.LambdaLr;
import org.flambeau.nn.optim.LinearLr;
import org.flambeau.nn.optim.LrScheduler;
import org.flambeau.nn.optim.MomentumOptions;
import org.flambeau.nn.optim.MultiStepLr;
import org.flambeau.nn.optim.OneCycleLr;
import org.flambeau.nn.optim.Optimizer;
import org.flambeau.nn.optim.PolynomialLr;
import org.flambeau.nn.optim.ReduceLrOnPlateau;
import org.flambeau.nn.optim.ReduceLrOnPlateau.Mode;
import org.flambeau.nn.optim.ReduceLrOnPlateau.ThresholdMode;
import org.flambeau.nn.optim.SequentialLr;
import org.flambeau.nn.optim.Sgd;
import org.flambeau.nn.optim.StepLr;
import org.flambeau.nn.optim.SwaLr;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Learning rates are PyTorch's to the last digit.
final class SchedulersTest {
  private interface Way extends Function<Optimizer<?>, LrScheduler> {}

  private static Arguments way(String name, Way way) {
    return Arguments.of(name, way);
  }

  // spotless:off
  static Stream<Arguments> ways() {
    return Stream.of(
        way("step", o -> new StepLr(o, 7, 0.3)),
        way("multi-step", o -> new MultiStepLr(o, List.of(5, 9, 9, 30), 0.3)),
        way("constant", o -> new ConstantLr(o, 0.3, 12)),
        way("linear", o -> new LinearLr(o, 0.1, 0.9, 17)),
        way("linear warm-up", o -> new LinearLr(o, 5)),
        way("exponential", o -> new ExponentialLr(o, 0.93)),
        way("cosine", o -> new CosineAnnealingLr(o, 90)),
        way("cosine waves", o -> new CosineAnnealingLr(o, 13, 0.01)),
        way("warm restarts", o -> new CosineAnnealingWarmRestarts(o, 9)),
        way("longer restarts", o -> new CosineAnnealingWarmRestarts(o, 5, 2, 0.003)),
        way("polynomial", o -> new PolynomialLr(o, 30)),
        way("polynomial curve", o -> new PolynomialLr(o, 30, 0.9)),
        way("lambda", o -> new LambdaLr(o, List.of(e -> Math.pow(0.95, e), e -> 1.0 / (1 + e)))),
        way("one cycle", o -> new OneCycleLr(o, OneCycleLr.options(0.9, 99))),
        way("one cycle linear", o -> new OneCycleLr(o, OneCycleLr.options(0.9, 60).maxLr(List.of(0.9, 0.2)).pctStart(0.25)
            .annealing(OneCycleLr.Annealing.LINEAR).momentum(0.7, 0.9).divFactors(10, 100).threePhase(true))),
        way("one cycle without momentum", o -> new OneCycleLr(o, OneCycleLr.options(0.9, 40).cycleMomentum(false))),
        way("sequential", o -> new SequentialLr(List.of(new LinearLr(o, 0.1, 1, 5), new CosineAnnealingLr(o, 60)), List.of(5))),
        way("sequential three", o -> new SequentialLr(
            List.of(new ConstantLr(o, 0.5, 100), new ExponentialLr(o, 0.9), new CosineAnnealingWarmRestarts(o, 7)), List.of(8, 20))),
        way("sequential steps", o -> new SequentialLr(
            List.of(new StepLr(o, 3), new MultiStepLr(o, List.of(2, 4), 0.5), new LinearLr(o, 0.2, 0.8, 6)), List.of(5, 11))),
        way("chained", o -> new ChainedScheduler(List.of(new LinearLr(o, 0.2, 1, 8), new ExponentialLr(o, 0.97), new StepLr(o, 11)))),
        way("averaging", o -> new SwaLr(o, 0.05)),
        way("averaging linear", o -> new SwaLr(o, List.of(0.5, 0.01), 7, OneCycleLr.Annealing.LINEAR)),
        way("averaging at once", o -> new SwaLr(o, List.of(0.05, 0.05), 0, OneCycleLr.Annealing.COS)),
        way("sequential averaging", o -> new SequentialLr(
            List.of(new ExponentialLr(o, 0.9), new SwaLr(o, List.of(0.05, 0.05), 4, OneCycleLr.Annealing.COS)), List.of(5))),
        way("sequential polynomial", o -> new SequentialLr(List.of(new ExponentialLr(o, 0.9), new PolynomialLr(o, 10, 2)), List.of(5))));
  }
  // spotless:on

  /// Nothing, but for cosines: about one in a thousand is rounded to the other side by PyTorch's C library.
  private static double tolerance(String name) {
    return List.of("cosine", "cosine waves", "warm restarts", "longer restarts", "one cycle", "one cycle without momentum", "sequential",
        "sequential three", "averaging", "sequential averaging").contains(name) ? 1e-15 : 0;
  }

  private static Tensor parameter() {
    return Tensor.zeros(1).requiresGrad_(true);
  }

  private static Optimizer<?> sgd() {
    var optimizer = new Sgd(List.of(parameter()), Sgd.options().lr(0.3).momentum(0.5));
    optimizer.addParameterGroup(List.of(parameter()), Sgd.options().lr(0.07).momentum(0.5));
    return optimizer;
  }

  private static Optimizer<?> adam() {
    var optimizer = new Adam(List.of(parameter()), Adam.options().lr(0.3));
    optimizer.addParameterGroup(List.of(parameter()), Adam.options().lr(0.07));
    return optimizer;
  }

  private static Optimizer<?> optimizerOf(String name) {
    return name.equals("one cycle linear") ? adam() : sgd();
  }

  /// The learning rate of each group, and where the golden has it the momentum.
  private static double[] row(Optimizer<?> optimizer, int length) {
    List<Double> row = new ArrayList<>();
    optimizer.parameterGroups().forEach(group -> row.add(group.lr()));
    if (length > row.size()) {
      optimizer.parameterGroups().forEach(group -> row.add(((MomentumOptions<?>) group.options()).momentum()));
    }
    return row.stream().mapToDouble(Double::doubleValue).toArray();
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("ways")
  void learning_rates_are_pytorchs_to_the_last_digit(String name, Way way) {
    Tensor golden = NnGoldens.get("schedule/" + name);
    Optimizer<?> optimizer = optimizerOf(name);
    LrScheduler scheduler = way.apply(optimizer);
    for (int epoch = 0; epoch < golden.size(0); epoch++) {
      double[] row = row(optimizer, (int) golden.size(1));
      assertArrayEquals(golden.get(epoch).toDoubleArray(), row, tolerance(name), "epoch " + epoch);
      assertEquals(List.of(row[0], row[1]), scheduler.getLastLr());
      optimizer.step();
      scheduler.step();
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("ways")
  void a_loaded_schedule_continues_to_the_bit(String name, Way way) {
    Tensor golden = NnGoldens.get("schedule/" + name);
    Optimizer<?> optimizer = optimizerOf(name);
    LrScheduler scheduler = way.apply(optimizer);
    for (int epoch = 0; epoch < golden.size(0); epoch++) {
      Optimizer<?> resumedOptimizer = optimizerOf(name);
      LrScheduler resumed = way.apply(resumedOptimizer);
      resumed.loadStateDict(scheduler.stateDict());
      resumedOptimizer.loadStateDict(optimizer.stateDict());
      assertEquals(scheduler.stateDict().toString(), resumed.stateDict().toString());
      assertEquals(scheduler.getLastLr(), resumed.getLastLr());
      optimizer = resumedOptimizer;
      scheduler = resumed;
      assertArrayEquals(golden.get(epoch).toDoubleArray(), row(optimizer, (int) golden.size(1)), tolerance(name),
          "epoch " + epoch);
      optimizer.step();
      scheduler.step();
    }
  }

  static Stream<Arguments> restarts() {
    return Stream.of(Arguments.of("restarts by batches", 3, 1, 0, 10, 7, 26),
        Arguments.of("longer restarts by batches", 1, 2, 0.003, 16, 4, 40.5));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("restarts")
  void restarts_go_to_fractions_of_epochs(String name, long t0, long tMult, double etaMin, int epochs, int batches, double start) {
    Optimizer<?> optimizer = sgd();
    var schedule = new CosineAnnealingWarmRestarts(optimizer, t0, tMult, etaMin);
    double[][] golden = NnGoldens.get("schedule/" + name).unbind(0).stream().map(Tensor::toDoubleArray).toArray(double[][]::new);
    int row = 0;
    for (; row < epochs * batches; row++) {
      schedule.step(row / (double) batches);
      assertArrayEquals(golden[row], row(optimizer, 2), 1e-15, "step " + row);
    }
    schedule.step(start);
    for (; row < golden.length; row++) {
      var resumed = new CosineAnnealingWarmRestarts(sgd(), t0, tMult, etaMin);
      resumed.loadStateDict(schedule.stateDict());
      assertArrayEquals(golden[row], schedule.getLastLr().stream().mapToDouble(Double::doubleValue).toArray(), 1e-15, "step " + row);
      schedule = resumed;
      schedule.step();
    }
  }

  @Test
  void pytorch_finds_places_for_functions() {
    Optimizer<?> o = sgd();
    assertEquals("{base_lrs=[0.3, 0.07], last_epoch=0, _step_count=1, _last_lr=[0.3, 0.07], lr_lambdas=[null, null]}",
        new LambdaLr(o, epoch -> 1).stateDict().toString());
  }

  @Test
  void a_loaded_schedule_goes_on_from_the_learning_rates_it_was_saved_with() {
    Optimizer<?> optimizer = sgd();
    var schedule = new CosineAnnealingWarmRestarts(optimizer, 4);
    var faster = new Sgd(List.of(parameter()), Sgd.options().lr(77));
    faster.addParameterGroup(List.of(parameter()), Sgd.options().lr(78));
    var resumed = new CosineAnnealingWarmRestarts(faster, 4);
    resumed.loadStateDict(schedule.stateDict());
    optimizer.step();
    faster.step();
    schedule.step();
    resumed.step();
    assertEquals(schedule.getLastLr(), resumed.getLastLr());
  }

  /// By rounding, here as in PyTorch.
  @Test
  void a_learning_rate_may_end_just_below_0() {
    double end = -4.996003610813205e-18;
    var optimizer = new Sgd(List.of(parameter()), Sgd.options().lr(0.1));
    var schedule = new LinearLr(optimizer, 0.9, 0, 4);
    for (int i = 0; i < 4; i++) {
      optimizer.step();
      schedule.step();
    }
    assertEquals(List.of(end), schedule.getLastLr());
    var resumed = new Sgd(List.of(parameter()));
    resumed.loadStateDict(optimizer.stateDict());
    var group = resumed.parameterGroups().getFirst();
    group.setOptions(group.options().momentum(0.5));
    assertEquals(end, group.lr());
  }

  static Stream<Arguments> plateaus() {
    return Stream.of(
        Arguments.of("plateau", ReduceLrOnPlateau.options().patience(3).factor(0.6).cooldown(2)),
        Arguments.of("plateau max",
            ReduceLrOnPlateau.options().mode(Mode.MAX).factor(0.5).patience(1).threshold(0.05, ThresholdMode.ABS).minLr(0.01)),
        Arguments.of("plateau max relative",
            ReduceLrOnPlateau.options().mode(Mode.MAX).factor(0.5).patience(2).threshold(0.05, ThresholdMode.REL).minLr(0.001)));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("plateaus")
  void plateaus_reduce_learning_rates_where_pytorch_reduces_them(String name, ReduceLrOnPlateau.Options options) {
    Tensor golden = NnGoldens.get("schedule/" + name);
    double[] metrics = NnGoldens.get("schedule/metrics").toDoubleArray();
    Optimizer<?> optimizer = sgd();
    var scheduler = new ReduceLrOnPlateau(optimizer, options);
    for (int epoch = 0; epoch < metrics.length; epoch++) {
      assertArrayEquals(golden.get(epoch).toDoubleArray(), row(optimizer, 2), "epoch " + epoch);
      var resumed = new ReduceLrOnPlateau(optimizer, options);
      resumed.loadStateDict(scheduler.stateDict());
      scheduler = resumed;
      scheduler.step(metrics[epoch]);
    }
  }

  @Test
  void states_have_pytorchs_names() {
    Optimizer<?> o = sgd();
    var sequence = new SequentialLr(List.of(new StepLr(o, 2), new CosineAnnealingWarmRestarts(o, 4)), List.of(1));
    o.step();
    sequence.step();
    assertEquals("{last_epoch=1, _last_lr=[0.3, 0.07], _schedulers=["
        + "{base_lrs=[0.3, 0.07], last_epoch=0, _step_count=1, _last_lr=[0.3, 0.07]}, "
        + "{base_lrs=[0.3, 0.07], last_epoch=0, _step_count=1, _last_lr=[0.3, 0.07], T_cur=0, T_i=4}]}", sequence.stateDict().toString());
  }

  /// As PyTorch saves those of an optimizer that was made with `lr=torch.tensor(0.5)`.
  @Test
  void learning_rates_may_have_been_saved_as_tensors() {
    var optimizer = new Sgd(List.of(parameter()), Sgd.options());
    var schedule = new CosineAnnealingWarmRestarts(optimizer, 4);
    Tensor half = Tensor.scalar(0.5);
    schedule.loadStateDict(Map.of("base_lrs", List.of(half), "last_epoch", 1L, "_step_count", 2L, "_last_lr", List.of(half), "T_cur", 1L,
        "T_i", 4L));
    optimizer.loadStateDict(Map.of("state", Map.of(), "param_groups", List.of(Map.of("lr", half, "initial_lr", half, "momentum", 0L,
        "dampening", 0L, "weight_decay", 0L, "params", List.of(0L)))));
    assertEquals(List.of(0.5), schedule.getLastLr());
    optimizer.step();
    schedule.step();
    assertEquals(0.25, optimizer.parameterGroups().getFirst().lr(), 1e-15);
    assertTrue(optimizer.stateDict().get("param_groups").toString().contains("initial_lr=0.5"));
  }

  @Test
  void groups_are_saved_with_their_initial_learning_rate() {
    Optimizer<?> optimizer = sgd();
    var _ = new LinearLr(optimizer, 0.5, 1, 4);
    assertEquals("[{dampening=0.0, lr=0.15, maximize=false, momentum=0.5, nesterov=false, weight_decay=0.0, initial_lr=0.3, params=[0]}, "
        + "{dampening=0.0, lr=0.035, maximize=false, momentum=0.5, nesterov=false, weight_decay=0.0, initial_lr=0.07, params=[1]}]",
        String.valueOf(optimizer.stateDict().get("param_groups")));
  }

  @Test
  void what_makes_no_sense_is_refused_in_pytorchs_words() {
    Optimizer<?> o = sgd();
    refused("[ConstantLr] Constant multiplicative factor expected to be between 0 and 1, but got 2.0", () -> new ConstantLr(o, 2, 3));
    refused("[LinearLr] Starting multiplicative factor expected to be greater than 0 and less or equal to 1, but got 0.0",
        () -> new LinearLr(o, 0, 1, 3));
    refused("[LinearLr] Ending multiplicative factor expected to be between 0 and 1, but got 2.0", () -> new LinearLr(o, 1, 2, 3));
    refused("[CosineAnnealingWarmRestarts] Expected positive integer T_0, but got 0", () -> new CosineAnnealingWarmRestarts(o, 0));
    refused("[CosineAnnealingWarmRestarts] Expected integer T_mult >= 1, but got 0", () -> new CosineAnnealingWarmRestarts(o, 1, 0, 0));
    refused("[CosineAnnealingWarmRestarts] Expected non-negative epoch, but got -0.5",
        () -> new CosineAnnealingWarmRestarts(o, 1).step(-0.5));
    refused("[PolynomialLr] expected a positive number of epochs, but got 0", () -> new PolynomialLr(o, 0));
    refused("[LambdaLr] Expected 2 lr_lambdas, but got 1", () -> new LambdaLr(o, List.of(e -> e)));
    refused("[OneCycleLr] Expected positive integer total_steps, but got 0", () -> OneCycleLr.options(1, 0));
    refused("[OneCycleLr] Expected float between 0 and 1 pct_start, but got 2.0", () -> OneCycleLr.options(1, 9).pctStart(2));
    refused("[OneCycleLr] max_lr must have 2 values, got 3",
        () -> new OneCycleLr(o, OneCycleLr.options(1, 9).maxLr(List.of(1.0, 2.0, 3.0))));
    refused("[SwaLr] swa_lr must have the same length as optimizer.param_groups. swa_lr has 1 values, param_groups has 2.",
        () -> new SwaLr(o, List.of(0.1), 3, OneCycleLr.Annealing.COS));
    refused("[SwaLr] anneal_epochs must be equal or greater than 0, got -1",
        () -> new SwaLr(o, List.of(0.1, 0.1), -1, OneCycleLr.Annealing.COS));
    refused("[ReduceLrOnPlateau] Factor should be < 1.0, but got 1.0", () -> ReduceLrOnPlateau.options().factor(1));
    refused("[SequentialLr] expects at least one scheduler, but got no scheduler", () -> new SequentialLr(List.of(), List.of()));
    refused(
        "[SequentialLr] Sequential Schedulers expects number of schedulers provided to be one more than the number of milestone points, "
            + "but got number of schedulers 1 and the number of milestones to be equal to 1",
        () -> new SequentialLr(List.of(new StepLr(o, 1)), List.of(3)));
    refused("[ChainedScheduler] expects all schedulers to belong to the same optimizer, but got scheduler StepLr at index 1 of another one",
        () -> new ChainedScheduler(List.of(new StepLr(o, 1), new StepLr(sgd(), 1))));
    refused("[StepLr] expected a list \"base_lrs\" in the loaded state dict, but it has [best]",
        () -> new StepLr(o, 1).loadStateDict(Map.of("best", 1.0)));
  }

  @Test
  void a_plateau_knows_the_learning_rates_as_of_its_last_step() {
    Optimizer<?> optimizer = sgd();
    var schedule = new ReduceLrOnPlateau(optimizer, ReduceLrOnPlateau.options().patience(0));
    optimizer.parameterGroups().getFirst().setLr(0.9);
    assertEquals(List.of(0.3, 0.07), schedule.getLastLr());
    schedule.step(1);
    assertEquals(List.of(0.9, 0.07), schedule.getLastLr());
    var resumed = new ReduceLrOnPlateau(sgd(), ReduceLrOnPlateau.options());
    resumed.loadStateDict(schedule.stateDict());
    assertEquals(List.of(0.9, 0.07), resumed.getLastLr());
  }

  @Test
  void a_group_that_came_after_the_schedule_is_refused_where_the_schedule_needs_its_beginning() {
    var optimizer = new Sgd(List.of(parameter()), Sgd.options().lr(0.3));
    var multiplied = new StepLr(optimizer, 1);
    var annealed = new CosineAnnealingWarmRestarts(optimizer, 9);
    optimizer.addParameterGroup(List.of(parameter()), Sgd.options().lr(0.5));
    optimizer.step();
    multiplied.step();
    assertEquals(List.of(0.03, 0.05), multiplied.getLastLr());
    assertEquals(
        "[CosineAnnealingWarmRestarts] is a schedule of 1 parameter groups, but the optimizer has 2: make schedules after all groups",
        assertThrows(IllegalStateException.class, annealed::step).getMessage());
  }

  @Test
  void one_cycle_ends() {
    Optimizer<?> o = sgd();
    var scheduler = new OneCycleLr(o, OneCycleLr.options(1, 4));
    o.step();
    for (int i = 0; i < 4; i++) {
      scheduler.step();
    }
    assertEquals("[OneCycleLr] Tried to step 5 times. The specified number of total steps is 4",
        assertThrows(IllegalStateException.class, scheduler::step).getMessage());
  }

  private static void refused(String message, Executable wrong) {
    assertEquals(message, assertThrows(IllegalArgumentException.class, wrong).getMessage());
  }

  /// Numbers are PyTorch's.
  @Test
  void the_step_after_one_cycles_last_goes_on_beyond_the_end() {
    assertBeyond(OneCycleLr.options(0.1, 5), 0.0188258346050237, 0.9311744900929366);
    assertBeyond(OneCycleLr.options(0.1, 5).annealing(OneCycleLr.Annealing.LINEAR), -0.02857091428571429, 0.9785714285714285);
    assertBeyond(OneCycleLr.options(0.1, 5).threePhase(true), 0.0010003, 0.95);
  }

  private static void assertBeyond(OneCycleLr.Options options, double lr, double momentum) {
    Sgd optimizer = new Sgd(List.of(parameter()), Sgd.options().lr(1).momentum(0.9));
    OneCycleLr schedule = new OneCycleLr(optimizer, options);
    for (int step = 0; step < 5; step++) {
      schedule.step();
    }
    assertEquals(lr, optimizer.parameterGroups().getFirst().lr(), 1e-15);
    assertEquals(momentum, optimizer.parameterGroups().getFirst().options().momentum(), 1e-15);
    assertThrows(IllegalStateException.class, schedule::step);
  }
}
