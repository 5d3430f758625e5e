package org.flambeau.testkit.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.Generator;
import org.flambeau.Random;
import org.flambeau.Tensor;
import org.flambeau.nn.Init;
import org.flambeau.nn.Init.FanMode;
import org.flambeau.nn.Init.Nonlinearity;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

final class InitTest {
  private static Arguments on(String name, double tolerance, UnaryOperator<Tensor> init) {
    return Arguments.of(name, tolerance, init);
  }

  static Stream<Arguments> ways() {
    return Stream.of(
        on("uniform", 0, t -> Init.uniform_(t, -1, 3)),
        on("normal", 1e-6, t -> Init.normal_(t, 2, 0.5)),
        on("trunc_normal", 1e-6, Init::truncNormal_),
        on("trunc_normal double", 1e-14, t -> Init.truncNormal_(t, 0.5, 2, -1, 1.5)),
        on("trunc_normal bfloat16", 0, t -> Init.truncNormal_(t, 0, 1, -1, 1)),
        on("trunc_normal tail", 0, t -> Init.truncNormal_(t, 0, 1, 1.5, 4)),
        on("trunc_normal narrow", 0, t -> Init.truncNormal_(t, 0, 2, -0.1, 0.2)),
        on("eye", 0, Init::eye_),
        on("dirac", 0, Init::dirac_),
        on("dirac groups", 0, t -> Init.dirac_(t, 2)),
        on("dirac volume", 0, Init::dirac_),
        on("xavier_uniform", 0, Init::xavierUniform_),
        on("xavier_uniform gain", 0, t -> Init.xavierUniform_(t, Init.calculateGain(Nonlinearity.TANH))),
        on("xavier_normal", 1e-6, t -> Init.xavierNormal_(t, 1.5)),
        on("kaiming_uniform", 0, Init::kaimingUniform_),
        on("kaiming_uniform linear", 0, t -> Init.kaimingUniform_(t, Math.sqrt(5), FanMode.FAN_IN, Nonlinearity.LEAKY_RELU)),
        on("kaiming_normal", 1e-6, t -> Init.kaimingNormal_(t, 0, FanMode.FAN_OUT, Nonlinearity.RELU)),
        on("kaiming_normal slope", 1e-6, t -> Init.kaimingNormal_(t, 0.2, FanMode.FAN_IN, Nonlinearity.LEAKY_RELU)),
        on("kaiming_normal selu", 1e-6, t -> Init.kaimingNormal_(t, 0, FanMode.FAN_IN, Nonlinearity.SELU)),
        on("orthogonal tall", 1e-5, t -> Init.orthogonal_(t, 2)),
        on("orthogonal wide", 1e-5, Init::orthogonal_),
        on("orthogonal square", 1e-13, Init::orthogonal_),
        on("sparse", 1e-8, t -> Init.sparse_(t, 0.3)));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("ways")
  void the_same_seed_gives_what_pytorch_gives(String name, double tolerance, UnaryOperator<Tensor> init) {
    Tensor expected = NnGoldens.get("init/" + name);
    Tensor parameter = Tensor.emptyLike(expected).requiresGrad_(true);
    Random.manualSeed(11);
    assertSame(parameter, init.apply(parameter));
    assertTrue(parameter.isLeaf());
    assertNull(parameter.gradFn());
    NnGoldens.assertClose(expected, parameter.detach(), tolerance, name);
  }

  @Test
  void a_generator_of_ones_own_leaves_the_default_one_alone() {
    Random.manualSeed(3);
    Tensor expected = Init.kaimingNormal_(Tensor.empty(4, 5));
    Tensor next = Tensor.rand(2);
    Random.manualSeed(3);
    Generator own = Generator.create(Device.CPU).manualSeed(3);
    Tensor actual = Init.kaimingNormal_(Tensor.empty(4, 5), 0, FanMode.FAN_IN, Nonlinearity.LEAKY_RELU, own);
    assertTrue(expected.equal(actual));
    assertNotEquals(next.toString(), Tensor.rand(2).toString());
  }

  @Test
  void constants_fill() {
    assertEquals("tensor([2.5000, 2.5000])", Init.constant_(Tensor.empty(2), 2.5).toString());
    assertEquals("tensor([1., 1.])", Init.ones_(Tensor.empty(2)).toString());
    assertEquals("tensor([0., 0.])", Init.zeros_(Tensor.empty(2)).toString());
  }

  @Test
  void columns_of_an_orthogonal_matrix_are_orthonormal() {
    Tensor q = Init.orthogonal_(Tensor.empty(DType.FLOAT64, 40, 25));
    assertTrue(q.t().matmul(q).allclose(Tensor.eye(25).to(q.dtype()), 0, 1e-13, false));
  }

  @Test
  void views_are_overwritten_where_they_lie() {
    Tensor whole = Tensor.zeros(4, 6);
    Init.dirac_(Init.ones_(whole.slice(1, 0, 4, 2)).unsqueeze(-1));
    assertEquals(2, whole.sum().toDouble());
    Init.orthogonal_(whole.t());
    assertTrue(whole.matmul(whole.t()).allclose(Tensor.eye(4), 0, 1e-5, false));
  }

  @Test
  void empty_tensors_stay_as_they_are() {
    assertArrayEquals(new long[] {0, 3}, Init.kaimingUniform_(Tensor.empty(0, 3)).sizes());
    assertArrayEquals(new long[] {0, 3}, Init.kaimingNormal_(Tensor.empty(0, 3)).sizes());
    assertArrayEquals(new long[] {0, 3}, Init.orthogonal_(Tensor.empty(0, 3)).sizes());
  }

  @Test
  void gains_are_pytorchs() {
    assertEquals(1, Init.calculateGain(Nonlinearity.SIGMOID));
    assertEquals(Math.sqrt(2 / (1 + 0.01 * 0.01)), Init.calculateGain(Nonlinearity.LEAKY_RELU));
    assertEquals(Math.sqrt(2 / 1.04), Init.calculateGain(Nonlinearity.LEAKY_RELU, 0.2), 1e-15);
  }

  @Test
  void shapes_that_make_no_sense_are_refused() {
    refused("[init] Fan in and fan out can not be computed for tensor with fewer than 2 dimensions",
        () -> Init.xavierNormal_(Tensor.ones(3)));
    refused("[eye_] Only tensors with 2 dimensions are supported, but got 3", () -> Init.eye_(Tensor.ones(1, 2, 3)));
    refused("[sparse_] Only tensors with 2 dimensions are supported, but got 1", () -> Init.sparse_(Tensor.ones(3), 0.5));
    refused("[dirac_] Only tensors with 3, 4, or 5 dimensions are supported, but got 2", () -> Init.dirac_(Tensor.ones(3, 3)));
    refused("[dirac_] dim 0 must be divisible by groups, but got 5 and 2", () -> Init.dirac_(Tensor.ones(5, 3, 3), 2));
    refused("[orthogonal_] Only tensors with 2 or more dimensions are supported, but got 1", () -> Init.orthogonal_(Tensor.ones(3)));
  }

  private static void refused(String message, Executable wrong) {
    assertEquals(message, assertThrows(IllegalArgumentException.class, wrong).getMessage());
  }
}
