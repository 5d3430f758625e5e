package org.flambeau.testkit.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Stream;
import org.flambeau.DType;
import org.flambeau.MemoryScope;
import org.flambeau.Tensor;
import org.flambeau.nn.optim.Adadelta;
import org.flambeau.nn.optim.Adagrad;
import org.flambeau.nn.optim.Adam;
import org.flambeau.nn.optim.AdamW;
import org.flambeau.nn.optim.Optimizer;
import org.flambeau.nn.optim.ParameterGroup;
import org.flambeau.nn.optim.RmsProp;
import org.flambeau.nn.optim.Sgd;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Adam, AdamW, RMSprop, Adagrad and Adadelta go where PyTorch's go.
public class OptimizersTest {
  /// How an optimizer of one parameter is made.
  interface Way extends Function<List<Tensor>, Optimizer<?>> {}

  private static Map.Entry<String, Way> way(String name, Way way) {
    return Map.entry(name, way);
  }

  private static final List<Map.Entry<String, Way>> WAYS = List.of(
      way("adam", p -> new Adam(p, Adam.options().lr(0.1))),
      way("adam betas", p -> new Adam(p, Adam.options().lr(0.05).betas(0.4, 0.95).eps(1e-3))),
      way("adam decay", p -> new Adam(p, Adam.options().lr(0.05).weightDecay(0.1))),
      way("adam amsgrad", p -> new Adam(p, Adam.options().lr(0.3).betas(0.9, 0.5).amsgrad(true))),
      way("adam amsgrad", p -> new Adam(p, Adam.options().lr(0.3).betas(0.9, 0.5).amsgrad(true).capturable(true))),
      way("adam maximize", p -> new Adam(p, Adam.options().lr(0.01).weightDecay(0.1).amsgrad(true).maximize(true))),
      way("adamw", p -> new AdamW(p, AdamW.options().lr(0.1))),
      way("adamw decay", p -> new AdamW(p, AdamW.options().lr(0.05).weightDecay(0.3).amsgrad(true))),
      way("adamw decay", p -> new AdamW(p, AdamW.options().lr(0.05).weightDecay(0.3).amsgrad(true).capturable(true))),
      way("adamw maximize", p -> new AdamW(p, AdamW.options().lr(0.01).maximize(true))),
      way("rmsprop", p -> new RmsProp(p, RmsProp.options().lr(0.05))),
      way("rmsprop centered", p -> new RmsProp(p, RmsProp.options().lr(0.05).alpha(0.9).eps(1e-4).centered(true).weightDecay(0.1))),
      way("rmsprop momentum", p -> new RmsProp(p, RmsProp.options().lr(0.01).momentum(0.8).maximize(true))),
      way("rmsprop all", p -> new RmsProp(p, RmsProp.options().lr(0.01).momentum(0.8).centered(true))),
      way("adagrad", p -> new Adagrad(p, Adagrad.options().lr(0.1))),
      way("adagrad decay",
          p -> new Adagrad(p, Adagrad.options().lr(0.2).lrDecay(0.1).weightDecay(0.1).initialAccumulatorValue(0.5).eps(1e-3))),
      way("adagrad maximize", p -> new Adagrad(p, Adagrad.options().lr(0.05).maximize(true))),
      way("adadelta", p -> new Adadelta(p)),
      way("adadelta decay", p -> new Adadelta(p, Adadelta.options().lr(3).rho(0.7).eps(1e-3).weightDecay(0.1))),
      way("adadelta decay", p -> new Adadelta(p, Adadelta.options().lr(3).rho(0.7).eps(1e-3).weightDecay(0.1).capturable(true))),
      way("adadelta maximize", p -> new Adadelta(p, Adadelta.options().maximize(true))));

  static Stream<Arguments> waysAndDtypes() {
    return WAYS.stream()
        .flatMap(way -> Stream.of(DType.FLOAT32, DType.FLOAT64).map(dtype -> Arguments.of(way.getKey(), dtype, way.getValue())));
  }

  static Stream<Arguments> ways() {
    return WAYS.stream().map(way -> Arguments.of(way.getKey(), way.getValue()));
  }

  private static double tolerance(DType dtype) {
    return dtype == DType.FLOAT32 ? 1e-6 : 1e-12;
  }

  private static Tensor golden(String name, DType dtype) {
    return NnGoldens.get("optim/" + name + "/" + dtype.name().toLowerCase(Locale.ROOT));
  }

  private static Tensor start(DType dtype) {
    return NnGoldens.get("optim/start").to(dtype);
  }

  private static void takeStep(Optimizer<?> optimizer, Tensor p) {
    try (var _ = MemoryScope.open()) {
      optimizer.zeroGrad();
      Tensor target = NnGoldens.get("optim/target").to(p.dtype());
      p.sub(target).square().mul(NnGoldens.get("optim/weight").to(p.dtype())).sum().backward();
      optimizer.step();
    }
  }

  @ParameterizedTest(name = "{0} {1}")
  @MethodSource("waysAndDtypes")
  void ten_steps_go_where_pytorch_goes_and_leave_its_states(String name, DType dtype, Way way) {
    Tensor p = start(dtype).requiresGrad_(true);
    Tensor course = golden(name, dtype);
    Optimizer<?> optimizer = way.apply(List.of(p));
    for (int step = 0; step < 10; step++) {
      takeStep(optimizer, p);
      NnGoldens.assertClose(course.get(step), p.detach(), tolerance(dtype), name + " after step " + step);
    }
    String key = "optim/" + name + "/" + dtype.name().toLowerCase(Locale.ROOT) + "/";
    optimizer.state(p).forEach((state, value) -> NnGoldens.assertClose(NnGoldens.get(key + state), value, 10 * tolerance(dtype), state));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("ways")
  void parameters_with_gaps_go_there_too(String name, Way way) {
    Tensor p = Tensor.zeros(NnGoldens.device(), DType.FLOAT32, 37, 2).select(1, 0).copy_(start(DType.FLOAT32)).requiresGrad_(true);
    Optimizer<?> optimizer = way.apply(List.of(p));
    for (int step = 0; step < 10; step++) {
      takeStep(optimizer, p);
    }
    NnGoldens.assertClose(golden(name, DType.FLOAT32).get(9), p.detach(), 1e-6, name);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("ways")
  void a_loaded_state_continues_to_the_bit(String name, Way way) {
    Tensor p = start(DType.FLOAT32).requiresGrad_(true);
    Optimizer<?> whole = way.apply(List.of(p));
    for (int step = 0; step < 4; step++) {
      takeStep(whole, p);
    }
    Tensor q = p.detach().clone().requiresGrad_(true);
    Optimizer<?> resumed = way.apply(List.of(q));
    resumed.parameterGroups().getFirst().setLr(77);
    resumed.loadStateDict(whole.stateDict());
    assertEquals(whole.toString(), resumed.toString());
    for (int step = 0; step < 4; step++) {
      takeStep(whole, p);
      takeStep(resumed, q);
    }
    assertTrue(p.detach().equal(q.detach()), name);
  }

  @Test
  void states_have_pytorchs_structure() {
    Tensor a = Tensor.ones(2).requiresGrad_(true);
    Tensor b = Tensor.ones(3).requiresGrad_(true);
    Tensor c = Tensor.ones(1).requiresGrad_(true);
    var optimizer = new Adam(List.of(a, b), Adam.options().weightDecay(1));
    optimizer.addParameterGroup(List.of(c), Adam.options().lr(0.25).amsgrad(true));
    b.sum().add(c.sum()).backward();
    optimizer.step();
    assertEquals(
        """
            {state={1={step=tensor(1.), exp_avg=tensor([0.2000, 0.2000, 0.2000]), exp_avg_sq=tensor([0.0040, 0.0040, 0.0040])}, \
            2={step=tensor(1.), exp_avg=tensor([0.1000]), exp_avg_sq=tensor([0.0010]), max_exp_avg_sq=tensor([0.0010])}}, \
            param_groups=[{amsgrad=false, betas=[0.9, 0.999], decoupled_weight_decay=false, eps=1.0E-8, lr=0.001, maximize=false, \
            weight_decay=1.0, params=[0, 1]}, {amsgrad=true, betas=[0.9, 0.999], decoupled_weight_decay=false, eps=1.0E-8, lr=0.25, \
            maximize=false, weight_decay=0.0, params=[2]}]}""",
        optimizer.stateDict().toString());
  }

  @Test
  void adagrad_has_its_states_before_the_first_step() {
    Tensor p = Tensor.ones(2).requiresGrad_(true);
    var optimizer = new Adagrad(List.of(p), Adagrad.options().initialAccumulatorValue(0.5));
    Tensor q = Tensor.ones(1).requiresGrad_(true);
    optimizer.addParameterGroup(List.of(q), Adagrad.options());
    assertEquals("{0={step=tensor(0.), sum=tensor([0.5000, 0.5000])}, 1={step=tensor(0.), sum=tensor([0.])}}",
        String.valueOf(optimizer.stateDict().get("state")));
    p.sum().backward();
    optimizer.step();
    assertEquals("{step=tensor(1.), sum=tensor([1.5000, 1.5000])}", optimizer.state(p).toString());
  }

  /// In a kernel for many parameters as one by one, which those with gaps are.
  @ParameterizedTest(name = "{0}")
  @ValueSource(booleans = {false, true})
  void without_decay_an_infinite_parameter_leaves_its_gradient_alone(boolean gaps) {
    double inf = Double.POSITIVE_INFINITY;
    Map<Way, double[]> ways = Map.of(p -> new Sgd(p, Sgd.options().lr(0.5)), new double[] {inf, -inf, -inf},
        p -> new Sgd(p, Sgd.options().lr(0.5).maximize(true)), new double[] {inf, -inf, inf},
        p -> new Sgd(p, Sgd.options().lr(0.5).momentum(0.5)), new double[] {inf, -inf, -inf},
        p -> new Sgd(p, Sgd.options().lr(0.5).momentum(0.5).nesterov(true)), new double[] {inf, -inf, -inf},
        p -> new Adam(p, Adam.options().lr(0.5).maximize(true)), new double[] {inf, -inf, Double.NaN},
        p -> new Adam(p, Adam.options().lr(0.5).weightDecay(0.5)), new double[] {Double.NaN, Double.NaN, Double.NaN});
    ways.forEach((way, expected) -> {
      Tensor p = Tensor.zeros(NnGoldens.device(), DType.FLOAT32, 3, 2);
      p = (gaps ? p.select(1, 0) : p.flatten().narrow(0, 0, 3)).copy_(Tensor.of(inf, -inf, 1)).requiresGrad_(true);
      Optimizer<?> optimizer = way.apply(List.of(p));
      for (int step = 0; step < 2; step++) {
        p.setGrad(Tensor.of(1f, -2, Float.POSITIVE_INFINITY).to(NnGoldens.device()));
        optimizer.step();
      }
      assertArrayEquals(expected, p.detach().toDoubleArray(), optimizer.toString());
    });
  }

  /// No kernel takes parameters with gaps.
  @Test
  void an_update_of_half_precision_is_rounded_once() {
    Tensor p = Tensor.randn(1000, 2).to(DType.BFLOAT16).select(1, 0).detach().requiresGrad_(true);
    Tensor g = Tensor.randn(1000).to(DType.BFLOAT16);
    p.setGrad(g);
    double[] expected = p.detach().to(DType.FLOAT32).add(g.to(DType.FLOAT32), -0.3).to(DType.BFLOAT16).toDoubleArray();
    new Sgd(List.of(p), Sgd.options().lr(0.3)).step();
    assertArrayEquals(expected, p.detach().toDoubleArray());
  }

  @Test
  void a_beta1_of_0_leaves_the_gradient_alone_whatever_came_before() {
    Tensor p = Tensor.zeros(NnGoldens.device(), DType.FLOAT32, 100).requiresGrad_(true);
    var optimizer = new Adam(List.of(p), Adam.options().betas(0, 0.5));
    for (float gradient : new float[] {1e10f, 0.3f}) {
      p.setGrad(Tensor.fullLike(p, gradient));
      optimizer.step();
    }
    assertTrue(optimizer.state(p).get("exp_avg").equal(p.grad()));
  }

  @Test
  void what_does_not_fit_is_refused_and_changes_nothing() {
    Tensor a = Tensor.ones(2).requiresGrad_(true);
    var optimizer = new Adam(List.of(a), Adam.options());
    a.sum().backward();
    optimizer.step();
    String before = optimizer.stateDict().toString();
    var other = new Adam(List.of(Tensor.ones(2)));
    other.addParameterGroup(List.of(Tensor.ones(1)), Adam.options());
    refused("[Adam] loaded state dict has a different number of parameter groups: expected 1, got 2", optimizer, other.stateDict());
    refused("[Adam] loaded state dict contains a parameter group that doesn't match the size of optimizer's group: "
        + "group 0 has 1 parameters, but 2 were saved", optimizer, new Adam(List.of(Tensor.ones(2), Tensor.ones(1))).stateDict());
    Tensor larger = Tensor.ones(3).requiresGrad_(true);
    var another = new Adam(List.of(larger));
    larger.sum().backward();
    another.step();
    refused("[Adam] state \"exp_avg\" of parameter 0 has sizes [3], but the parameter has [2]", optimizer, another.stateDict());
    refused("[Adam] group 0 of the loaded state dict has no number \"betas\", but [dampening, lr, maximize, momentum, nesterov, "
        + "weight_decay, params]: was it saved by another optimizer?", optimizer, new Sgd(List.of(a)).stateDict());
    refused("[Adam] expected the state dict of an optimizer, with \"state\" and \"param_groups\", but got [fc.weight]", optimizer,
        Map.of("fc.weight", a));
    assertEquals(before, optimizer.stateDict().toString());
  }

  private static void refused(String message, Optimizer<?> optimizer, Map<String, ?> state) {
    assertEquals(message, assertThrows(IllegalArgumentException.class, () -> optimizer.loadStateDict(state)).getMessage());
  }

  @Test
  void loaded_options_take_the_place_of_others() {
    List<Tensor> p = List.of(Tensor.ones(2));
    var sgd = new Sgd(p, Sgd.options().lr(0.5).momentum(0.25).weightDecay(0.125).nesterov(true));
    var other = new Sgd(p, Sgd.options().maximize(true).dampening(0.75));
    other.loadStateDict(sgd.stateDict());
    assertEquals(sgd.parameterGroups().getFirst().options(), other.parameterGroups().getFirst().options());
    var adam = new Adam(p, Adam.options().lr(0.5).betas(0.25, 0.75).eps(0.125).weightDecay(0.375).amsgrad(true));
    var another = new Adam(p, Adam.options().maximize(true));
    another.loadStateDict(adam.stateDict());
    assertEquals(adam.parameterGroups().getFirst().options(), another.parameterGroups().getFirst().options());
    var rms = new RmsProp(p, RmsProp.options().lr(0.5).alpha(0.25).eps(0.125).weightDecay(0.375).momentum(0.75).centered(true));
    var third = new RmsProp(p, RmsProp.options().maximize(true));
    third.loadStateDict(rms.stateDict());
    assertEquals(rms.parameterGroups().getFirst().options(), third.parameterGroups().getFirst().options());
  }

  @Test
  void loaded_states_are_copies() {
    Tensor p = Tensor.ones(2).requiresGrad_(true);
    var optimizer = new Adam(List.of(p));
    p.sum().backward();
    optimizer.step();
    Tensor q = Tensor.ones(2).requiresGrad_(true);
    var second = new Adam(List.of(q));
    second.loadStateDict(optimizer.stateDict());
    optimizer.step();
    assertEquals("{step=tensor(1.), exp_avg=tensor([0.1000, 0.1000]), exp_avg_sq=tensor([0.0010, 0.0010])}", second.state(q).toString());
  }

  @Test
  void options_that_make_no_sense_are_refused_in_pytorchs_words() {
    refused("[Adam] Invalid learning rate: -1.0", Adam.options().lr(-1));
    refused("[Adam] Invalid epsilon value: -1.0", Adam.options().eps(-1));
    refused("[Adam] Invalid beta parameter at index 0: 1.0", Adam.options().betas(1, 0.5));
    refused("[Adam] Invalid beta parameter at index 1: -0.5", Adam.options().betas(0.5, -0.5));
    refused("[AdamW] Invalid weight_decay value: -1.0", AdamW.options().weightDecay(-1));
    List<Tensor> p = List.of(Tensor.ones(1));
    refused("[RmsProp] Invalid alpha value: -1.0", () -> new RmsProp(p, RmsProp.options().alpha(-1)));
    refused("[Adadelta] Invalid rho value: 2.0", () -> new Adadelta(p, Adadelta.options().rho(2)));
    refused("[Adagrad] Invalid lr_decay value: -1.0", () -> new Adagrad(p, Adagrad.options().lrDecay(-1)));
  }

  private static void refused(String message, Adam.Options options) {
    List<Tensor> parameters = List.of(Tensor.ones(1));
    refused(message, () -> new Adam(parameters, options));
  }

  private static void refused(String message, Executable wrong) {
    assertEquals(message, assertThrows(IllegalArgumentException.class, wrong).getMessage());
  }

  @Test
  void groups_in_the_constructor_are_those_added_one_by_one() {
    for (boolean decoupled : new boolean[] {false, true}) {
      Adam.Options options = Adam.options().lr(0.01).weightDecay(0.1);
      Tensor p = start(DType.FLOAT32).requiresGrad_(true);
      Tensor q = start(DType.FLOAT32).requiresGrad_(true);
      List<ParameterGroup<Adam.Options>> groups = List.of(new ParameterGroup<>(List.of(p), options),
          new ParameterGroup<>(List.of(q), options.lr(0.3)));
      Adam together = decoupled ? new AdamW(groups) : new Adam(groups);
      Tensor r = start(DType.FLOAT32).requiresGrad_(true);
      Tensor s = start(DType.FLOAT32).requiresGrad_(true);
      Adam apart = decoupled ? new AdamW(List.of(r), options) : new Adam(List.of(r), options);
      apart.addParameterGroup(List.of(s), options.decoupledWeightDecay(decoupled).lr(0.3));
      assertEquals(apart.toString(), together.toString());
      Map.of(p, together, r, apart).forEach((parameter, optimizer) -> takeStep(optimizer, parameter));
      takeStep(together, q);
      takeStep(apart, s);
      assertTrue(p.detach().equal(r.detach()) && q.detach().equal(s.detach()) && !p.detach().equal(q.detach()));
      together.parameterGroups().getFirst().setLr(7);
      assertEquals(0.01, groups.getFirst().lr(), "the group that was given stays as it was");
    }
  }

  @Test
  void groups_that_do_not_go_together_are_refused() {
    Tensor p = Tensor.ones(2).requiresGrad_(true);
    var group = new ParameterGroup<>(List.of(p), RmsProp.options());
    assertEquals("[RmsProp] some parameters appear in more than one parameter group",
        assertThrows(IllegalArgumentException.class, () -> new RmsProp(List.of(group, group))).getMessage());
    List<ParameterGroup<Adagrad.Options>> none = List.of();
    assertTrue(assertThrows(IllegalArgumentException.class, () -> new Adagrad(none)).getMessage().contains("empty parameter list"));
  }
}
