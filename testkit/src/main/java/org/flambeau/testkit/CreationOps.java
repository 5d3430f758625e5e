package org.flambeau.testkit;

import static org.flambeau.Device.Type.CPU;
import static org.flambeau.testkit.OpInfo.Check.CLOSED;
import static org.flambeau.testkit.OpInfo.Check.STRIDED;
import static org.flambeau.testkit.OpInfo.op;
import static org.flambeau.testkit.OpInfo.several;

import java.util.List;
import org.flambeau.CudaGraph;
import org.flambeau.DType;
import org.flambeau.Random;
import org.flambeau.Tensor;
import org.flambeau.nn.Functional;

/// Tensors from nothing: filled, counted and random. The random ones are those of PyTorch's CPU generator for the same seed, draw after draw.
final class CreationOps {
  private CreationOps() {}

  // spotless:off
  static final List<OpInfo> ALL = List.of(
      op("zeros", (_, a) -> Tensor.zeros(dtype(a), a.longs("sizes"))).refuses(() -> Tensor.zeros(-1), "-1"),
      op("ones", (_, a) -> Tensor.ones(dtype(a), a.longs("sizes"))).refuses(() -> Tensor.ones(2, -1), "-1"),
      op("full", (_, a) -> Tensor.full(dtype(a), a.number("value"), a.longs("sizes"))).refuses(() -> Tensor.full(1.0, -1), "-1"),
      op("zeros_like", (x, _) -> Tensor.zerosLike(x.get(0))).records("fill").except(CLOSED, "look at sizes only").refusesNothing("takes any tensor"),
      op("ones_like", (x, _) -> Tensor.onesLike(x.get(0))).records("fill").except(CLOSED, "look at sizes only").refusesNothing("takes any tensor"),
      op("full_like", (x, a) -> Tensor.fullLike(x.get(0), a.number("value"))).records("fill").except(CLOSED, "look at sizes only").refusesNothing("takes any tensor"),
      op("arange", (_, a) -> Tensor.arange(dtype(a), a.number("start"), a.number("end"), a.number("step")))
          .refuses(() -> Tensor.arange(0, 5, 0), "[arange]", "step must be nonzero").refuses(() -> Tensor.arange(5, 0, 1), "[arange]", "upper bound"),
      op("linspace", (_, a) -> Tensor.linspace(dtype(a), a.number("start"), a.number("end"), a.integer("steps")))
          .refuses(() -> Tensor.linspace(0, 1, -1), "[linspace]", "number of steps must be non-negative"),
      op("eye", (_, a) -> Tensor.eye(a.integer("rows"), a.integer("columns"))).refuses(() -> Tensor.eye(-1), "-1"),

      drawn("rand", a -> Tensor.rand(dtype(a), a.longs("sizes"))).refuses(() -> Tensor.rand(-1), "-1"),
      drawn("randn", a -> Tensor.randn(dtype(a), a.longs("sizes"))).tolerance(4).refuses(() -> Tensor.randn(DType.INT64, 2), "[randn]", "int64"),
      drawn("randint", a -> Tensor.randint(a.integer("low"), a.integer("high"), a.longs("sizes"))).refuses(() -> Tensor.randint(3, 3, 2), "[randint]", "3"),
      drawn("randperm", a -> Tensor.randperm(a.integer("n"))).refuses(() -> Tensor.randperm(-1), "[randperm]", "-1"),
      drawn("uniform_", a -> empty(a).uniform_(a.number("low"), a.number("high"))).records("uniform").refuses(() -> Tensor.ones(2).uniform_(2, 1), "[uniform_]", "2", "1")
          .refuses(() -> Tensor.of(1).uniform_(0, 1), "[uniform_]", "int32"),
      drawn("normal_", a -> empty(a).normal_(a.number("mean"), a.number("std"))).tolerance(4).records("normal").refuses(() -> Tensor.ones(2).normal_(0, -1), "[normal_]", "-1"),
      drawn("exponential_", a -> empty(a).exponential_(a.number("rate"))).tolerance(4).records("exponential").refuses(() -> Tensor.ones(2).exponential_(-1), "[exponential_]", "-1"),
      drawn("random_int_", a -> empty(a).randomInt_(a.integer("low"), a.integer("high"))).records("random_int").refuses(() -> Tensor.ones(2).randomInt_(3, 3), "3"),
      drawn("bernoulli_", a -> empty(a).bernoulli_(a.number("p"))).records("bernoulli.number").refuses(() -> Tensor.ones(2).bernoulli_(1.5), "[bernoulli_]", "1.5"),
      op("bernoulli", (x, a) -> seeded(a, () -> Tensor.bernoulli(x.get(0)))).drawnBy(CPU).rough("tensor", "is random")
          .refuses(() -> Tensor.bernoulli(Tensor.of(1)), "[bernoulli]", "int32"),
      op("multinomial", (x, a) -> seeded(a, () -> x.get(0).multinomial(a.integer("draws"), a.flag("replacement")))).drawnBy(CPU).except(STRIDED, "draws in the order of the memory")
          .records("argmax", "sort", "scatter")
          .refuses(() -> Tensor.of(1).multinomial(1), "[multinomial]", "floating-point", "int32")
          .refuses(() -> Tensor.ones(2, 2, 2).multinomial(1), "[multinomial]", "1 or 2 dim", "(2, 2, 2)")
          .refuses(() -> Tensor.ones(2).multinomial(0), "[multinomial]", "n_sample <= 0", "0")
          .refuses(() -> Tensor.ones(2, 0).multinomial(1, true), "[multinomial]", "at least 1", "(2, 0)")
          .refuses(() -> Tensor.ones(2).multinomial(3), "[multinomial]", "without replacement: 3 of 2")
          .refuses(() -> Tensor.of(1f, -1).multinomial(2, true), "[multinomial]", "element < 0")
          .refuses(() -> Tensor.zeros(2).multinomial(1), "[multinomial]", "sum of probabilities <= 0"),
      several("random_like", (x, a) -> {
        seed(a);
        return List.of(Tensor.randLike(x.get(0)), Tensor.randnLike(x.get(0)));
      }).methods("randLike", "randnLike").drawnBy(CPU).except(CLOSED, "look at sizes only").except(STRIDED, "draws in the order of the memory").tolerance(4)
          .refuses(() -> Tensor.randLike(Tensor.of(1)), "[rand_like]", "int32").refuses(() -> Tensor.randnLike(Tensor.of(1)), "[randn_like]", "int32"),
      op("dropout_seeded", (x, a) -> seeded(a, () -> Functional.dropout(x.get(0), a.number("p"), true))).methods("dropout").records("dropout").drawnBy(CPU).except(STRIDED, "draws in the order of the memory")
          .refuses(() -> Functional.dropout(Tensor.ones(2), -0.5, true), "[dropout]", "-0.5"),
      op("stochastic_depth_seeded", (x, a) -> seeded(a, () -> Functional.stochasticDepth(x.get(0), a.number("p"), true))).methods("stochasticDepth").records("mul").drawnBy(CPU)
          .refuses(() -> Functional.stochasticDepth(Tensor.ones(2), 1.5, true), "[stochastic_depth]", "between 0 and 1", "1.5")
          .refuses(() -> Functional.stochasticDepth(Tensor.scalar(1f), 0.5, true), "[stochastic_depth]", "(n, …)"),
      op("feature_dropout_seeded", (x, a) -> seeded(a, () -> Functional.featureDropout(x.get(0), a.number("p"), true))).methods("featureDropout").records("mul").drawnBy(CPU)
          .refuses(() -> Functional.featureDropout(Tensor.ones(2), -0.5, true), "[feature_dropout]", "-0.5"));
  // spotless:on

  private interface Draw {
    Tensor of(Attributes a);
  }

  /// Two draws after one seed.
  private static OpInfo drawn(String name, Draw draw) {
    return several(name, (_, a) -> {
      seed(a);
      Tensor first = draw.of(a);
      return List.of(first, draw.of(a));
    });
  }

  private static Tensor seeded(Attributes a, java.util.function.Supplier<Tensor> draw) {
    seed(a);
    return draw.get();
  }

  /// Graphs draw from where the generator is at each replay.
  private static void seed(Attributes a) {
    if (!CudaGraph.isCapturing()) {
      Random.manualSeed(a.integer("seed"));
    }
  }

  private static DType dtype(Attributes a) {
    return Sample.dtype(a.text("dtype"));
  }

  private static Tensor empty(Attributes a) {
    return Tensor.empty(dtype(a), a.longs("sizes"));
  }
}
