package org.flambeau.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.flambeau.CudaGraph;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.Random;
import org.flambeau.Tensor;
import org.flambeau.backend.cuda.binding.SimulatedDriver;
import org.flambeau.nn.GradientClipping;
import org.flambeau.nn.optim.GradScaler;
import org.flambeau.nn.optim.Sgd;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Many tensors as one vector on the simulated GPU.
class MultiTensorTest {
  private static final double[] ORDERS = {2, 1, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY, 3, 0};
  private static Device cuda;

  @BeforeAll
  static void install() throws Exception {
    SimulatedDriver.install();
    SimulatedDriver.order(SimulatedDriver.Order.RANDOM);
    cuda = Device.cuda(0);
    Random.manualSeed(11);
  }

  @AfterAll
  static void restore() {
    SimulatedDriver.order(SimulatedDriver.Order.FORWARD);
  }

  /// Of several chunks, a few elements and none; some of them not aligned.
  private static List<Tensor> tensors(DType dtype, int... sizes) {
    return IntStream.range(0, sizes.length)
        .mapToObj(t -> Tensor.randn(sizes[t] + t % 3).to(dtype).to(cuda).narrow(0, t % 3, sizes[t])).toList();
  }

  private static Tensor norm(List<Tensor> xs, double order) {
    return clip(xs, Double.POSITIVE_INFINITY, order);
  }

  /// As gradients.
  private static Tensor clip(List<Tensor> xs, double maxNorm, double order) {
    List<Tensor> parameters = xs.stream().map(x -> {
      Tensor parameter = x.clone().requiresGrad_(true);
      parameter.setGrad(x);
      return parameter;
    }).toList();
    return GradientClipping.clipGradNorm_(parameters, maxNorm, order, false);
  }

  private static double[] values(List<Tensor> xs) {
    return xs.stream().flatMapToDouble(x -> Arrays.stream(x.to(Device.CPU).to(DType.FLOAT64).toDoubleArray())).toArray();
  }

  private static double tolerance(DType dtype) {
    return switch (dtype) {
      case FLOAT64 -> 1e-14;
      case FLOAT32 -> 1e-6;
      case FLOAT16 -> 1e-3;
      default -> 1e-2;
    };
  }

  @ParameterizedTest
  @EnumSource(names = {"FLOAT16", "BFLOAT16", "FLOAT32", "FLOAT64"})
  void theNormIsThatOfAllElementsAsOneVector(DType dtype) {
    List<Tensor> xs = tensors(dtype, 1, 7, 8192, 8193, 20001, 0, 64);
    Tensor all = Tensor.of(values(xs));
    for (double order : ORDERS) {
      Tensor norm = norm(xs, order);
      double expected = order == 0 ? 6 : all.norm(order).toDouble(); // a norm of norms counts tensors
      assertEquals(dtype, norm.dtype());
      assertEquals(expected, norm.to(DType.FLOAT64).toDouble(), expected * tolerance(dtype), "order " + order);
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"FLOAT16", "BFLOAT16", "FLOAT32", "FLOAT64"})
  void allAreMultipliedByANumberOnTheDevice(DType dtype) {
    List<Tensor> xs = tensors(dtype, 1, 7, 8192, 8193, 20001, 0, 64);
    double[] before = values(xs);
    double norm = clip(xs, 2, 2).toDouble();
    assertArrayEquals(Arrays.stream(before).map(x -> 2 / (norm + 1e-6) * x).toArray(), values(xs), 4 * tolerance(dtype));
  }

  @Test
  void theNormIsOnTheDeviceOfTheFirst() {
    assertEquals(Device.CPU, norm(List.of(Tensor.ones(3), Tensor.ones(4).to(cuda)), 2).device());
    assertEquals(cuda, norm(List.of(Tensor.ones(4).to(cuda), Tensor.ones(3)), 2).device());
  }

  @Test
  void moreTensorsThanOneLaunchTakesAreAllCounted() {
    List<Tensor> xs = tensors(DType.FLOAT32, IntStream.range(0, 500).map(i -> i % 9).toArray());
    assertEquals(Tensor.of(values(xs)).norm().toDouble(), norm(xs, 2).toDouble(), 1e-5);
  }

  @Test
  void whatIsNotFiniteAnywhereShowsInTheNorm() {
    for (double order : new double[] {1, 2, Double.POSITIVE_INFINITY}) {
      for (float bad : new float[] {Float.NaN, Float.NEGATIVE_INFINITY}) {
        List<Tensor> xs = tensors(DType.FLOAT32, 3, 9000, 17);
        xs.get(1).narrow(0, 8500, 1).fill_(bad);
        double norm = norm(xs, order).toDouble();
        assertTrue(Float.isNaN(bad) ? Double.isNaN(norm) : norm == Double.POSITIVE_INFINITY, bad + " by order " + order + ": " + norm);
      }
    }
  }

  @Test
  void thoseWithGapsAndOfOtherDtypesAndDevicesCountAsMuch() {
    Tensor gaps = Tensor.randn(4, 6).to(cuda).slice(1, 0, 6, 2);
    List<Tensor> xs = List.of(gaps, Tensor.randn(5), Tensor.randn(3, 2).to(DType.FLOAT64).to(cuda),
        Tensor.randn(2, 4, 4, 3).to(cuda).permute(0, 3, 1, 2));
    double[] before = values(xs);
    Tensor norm = clip(xs, 2, 2);
    assertEquals(Tensor.of(before).norm().toDouble(), norm.toDouble(), 1e-5);
    assertEquals(DType.FLOAT64, norm.dtype());
    assertArrayEquals(Arrays.stream(before).map(x -> 2 / norm.toDouble() * x).toArray(), values(xs), 1e-6);
  }

  private static List<Tensor> parameters() {
    return Stream.of(Tensor.randn(40, 30), Tensor.randn(30), Tensor.randn(5)).map(value -> {
      Tensor parameter = value.to(cuda).requiresGrad_(true);
      parameter.setGrad(Tensor.full(2.0, value.sizes()).to(cuda));
      return parameter;
    }).toList();
  }

  private static double[] gradients(List<Tensor> parameters) {
    return values(parameters.stream().map(parameter -> Objects.requireNonNull(parameter.grad())).toList());
  }

  /// So it never waits: a wait would break the capture.
  @Test
  void clippingCanBeCapturedInAGraph() {
    List<Tensor> parameters = parameters();
    GradientClipping.clipGradNorm_(parameters, 1000);
    double[] before = gradients(parameters);
    try (CudaGraph graph = CudaGraph.capture(() -> GradientClipping.clipGradNorm_(parameters, 0.5))) {
      graph.replay();
    }
    double norm = Math.sqrt(Arrays.stream(before).map(x -> x * x).sum());
    assertArrayEquals(Arrays.stream(before).map(x -> x * 0.5 / (norm + 1e-6)).toArray(), gradients(parameters), 1e-6);
  }

  @Test
  void theScalerDividesAllAndNotesWhatIsNotFinite() {
    List<Tensor> parameters = parameters();
    GradScaler scaler = new GradScaler(GradScaler.options().initScale(4));
    Sgd sgd = new Sgd(parameters, Sgd.options().lr(1));
    double[] before = values(parameters);
    Tensor _ = scaler.scale(Tensor.scalar(1f));
    assertTrue(scaler.step(sgd));
    scaler.update();
    assertArrayEquals(Arrays.stream(before).map(x -> x - 0.5).toArray(), values(parameters), 1e-6);

    Objects.requireNonNull(parameters.get(2).grad()).narrow(0, 3, 1).fill_(Float.NaN);
    double[] kept = values(parameters);
    assertFalse(scaler.step(sgd));
    scaler.update();
    assertArrayEquals(kept, values(parameters));
    assertEquals(2, scaler.getScale());
  }
}
