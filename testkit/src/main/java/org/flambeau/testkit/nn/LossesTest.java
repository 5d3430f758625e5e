package org.flambeau.testkit.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.flambeau.Reduction;
import org.flambeau.Tensor;
import org.flambeau.nn.BCELoss;
import org.flambeau.nn.BCEWithLogitsLoss;
import org.flambeau.nn.CosineEmbeddingLoss;
import org.flambeau.nn.CrossEntropyLoss;
import org.flambeau.nn.GaussianNLLLoss;
import org.flambeau.nn.HingeEmbeddingLoss;
import org.flambeau.nn.HuberLoss;
import org.flambeau.nn.KLDivLoss;
import org.flambeau.nn.L1Loss;
import org.flambeau.nn.Loss;
import org.flambeau.nn.MSELoss;
import org.flambeau.nn.MarginRankingLoss;
import org.flambeau.nn.Module;
import org.flambeau.nn.NLLLoss;
import org.flambeau.nn.PoissonNLLLoss;
import org.flambeau.nn.SmoothL1Loss;
import org.flambeau.nn.TripletMarginLoss;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Losses as modules measure and print as PyTorch's do.
final class LossesTest {
  private static final Map<String, String> TEXTS = NnGoldens.texts("modules");

  private static Map<String, Module> losses() {
    Tensor classWeight = Tensor.of(0.5f, 1, 2, 1.5f);
    Tensor elementWeight = Tensor.of(2, 0.5f, 1, 3);
    Map<String, Module> losses = new TreeMap<>();
    losses.put("CrossEntropyLoss", new CrossEntropyLoss());
    losses.put("CrossEntropyLoss options", new CrossEntropyLoss(classWeight, Reduction.SUM, 2, 0.1));
    losses.put("CrossEntropyLoss probabilities", new CrossEntropyLoss(null, Reduction.MEAN, -100, 0.2));
    losses.put("NLLLoss", new NLLLoss());
    losses.put("NLLLoss options", new NLLLoss(classWeight, Reduction.NONE, 2));
    losses.put("MSELoss", new MSELoss());
    losses.put("MSELoss sum", new MSELoss(Reduction.SUM));
    losses.put("L1Loss", new L1Loss());
    losses.put("L1Loss none", new L1Loss(Reduction.NONE));
    losses.put("SmoothL1Loss", new SmoothL1Loss());
    losses.put("SmoothL1Loss options", new SmoothL1Loss(Reduction.SUM, 0.5));
    losses.put("HuberLoss", new HuberLoss());
    losses.put("HuberLoss options", new HuberLoss(Reduction.SUM, 0.5));
    losses.put("BCELoss", new BCELoss());
    losses.put("BCELoss options", new BCELoss(elementWeight, Reduction.NONE));
    losses.put("BCEWithLogitsLoss", new BCEWithLogitsLoss());
    losses.put("BCEWithLogitsLoss options", new BCEWithLogitsLoss(elementWeight, Reduction.SUM, classWeight));
    losses.put("KLDivLoss", new KLDivLoss());
    losses.put("KLDivLoss options", new KLDivLoss(Reduction.BATCH_MEAN, true));
    losses.put("PoissonNLLLoss", new PoissonNLLLoss());
    losses.put("PoissonNLLLoss options", new PoissonNLLLoss(false, true, 1e-6, Reduction.SUM));
    losses.put("HingeEmbeddingLoss", new HingeEmbeddingLoss());
    losses.put("HingeEmbeddingLoss options", new HingeEmbeddingLoss(2, Reduction.SUM));
    losses.put("GaussianNLLLoss", new GaussianNLLLoss());
    losses.put("GaussianNLLLoss options", new GaussianNLLLoss(true, 0.5, Reduction.NONE));
    losses.put("MarginRankingLoss", new MarginRankingLoss());
    losses.put("MarginRankingLoss options", new MarginRankingLoss(0.5, Reduction.SUM));
    losses.put("CosineEmbeddingLoss", new CosineEmbeddingLoss());
    losses.put("CosineEmbeddingLoss options", new CosineEmbeddingLoss(0.3, Reduction.NONE));
    losses.put("TripletMarginLoss", new TripletMarginLoss());
    losses.put("TripletMarginLoss options", new TripletMarginLoss(2, 1, 1e-4, true, Reduction.SUM));
    return losses;
  }

  static Set<String> keys() {
    return losses().keySet();
  }

  @Test
  void every_golden_has_its_loss() {
    assertEquals(TEXTS.keySet().stream().filter(key -> NnGoldens.has(key + "/loss")).collect(Collectors.toCollection(TreeSet::new)),
        new TreeSet<>(keys()));
  }

  @ParameterizedTest
  @MethodSource("keys")
  void a_loss_is_pytorchs(String key) {
    Module loss = Objects.requireNonNull(losses().get(key));
    assertEquals(TEXTS.get(key), loss.toString());
    Tensor input = NnGoldens.get(key + "/input").requiresGrad_(true);
    Tensor target = NnGoldens.get(key + "/target");
    Tensor result = NnGoldens.has(key + "/third") ? loss.call(input, target, NnGoldens.get(key + "/third")) : loss.call(input, target);
    NnGoldens.assertClose(NnGoldens.get(key + "/loss"), result, 1e-5, key);
    result.sum().backward();
    NnGoldens.assertClose(NnGoldens.get(key + "/d"), Objects.requireNonNull(input.grad()), 1e-5, key + "'s gradient");
  }

  @Test
  void weights_are_buffers() {
    Tensor weight = Tensor.ones(4);
    assertEquals(Set.of("weight"), new CrossEntropyLoss(weight, Reduction.MEAN, -100, 0).namedBuffers().keySet());
    assertEquals(Set.of("weight", "pos_weight"), new BCEWithLogitsLoss(weight, Reduction.MEAN, weight.clone()).namedBuffers().keySet());
    assertTrue(new CrossEntropyLoss().namedBuffers().isEmpty());
    assertFalse(weight.requiresGrad());
  }

  @Test
  void a_loss_of_ones_own_needs_its_formula_only() {
    final class Hinge extends Loss {
      Hinge() {
        super(Reduction.MEAN);
      }

      @Override
      protected Tensor forward(Tensor input, Tensor target) {
        return input.mul(target).rsub(1).relu().mean();
      }
    }
    assertEquals(0.75, new Hinge().call(Tensor.of(0.5f, 2), Tensor.of(-1f, 1)).toDouble());
    assertEquals("Hinge()", new Hinge().toString());
  }

  @Test
  void some_losses_need_three_tensors() {
    assertEquals("[GaussianNLLLoss] expected an input, a target and a variance, got 2 tensors",
        assertThrows(IllegalArgumentException.class, () -> new GaussianNLLLoss().call(Tensor.ones(2), Tensor.ones(2))).getMessage());
    assertEquals("[TripletMarginLoss] expected margin to be greater than 0, got 0.0 instead",
        assertThrows(IllegalArgumentException.class, () -> new TripletMarginLoss(0, 2, 1e-6, false, Reduction.MEAN)).getMessage());
  }

  @Test
  void a_loss_needs_two_tensors() {
    assertEquals("[MSELoss] expected an input and a target, got 1 tensor",
        assertThrows(IllegalArgumentException.class, () -> new MSELoss().call(Tensor.ones(2))).getMessage());
    assertEquals("[NLLLoss] expected an input and a target, got 3 tensors",
        assertThrows(IllegalArgumentException.class, () -> new NLLLoss().call(Tensor.ones(2), Tensor.ones(2), Tensor.ones(2)))
            .getMessage());
  }
}
