package org.flambeau.testkit.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import org.flambeau.DType;
import org.flambeau.Reduction;
import org.flambeau.Tensor;
import org.flambeau.autograd.Autograd;
import org.flambeau.nn.AvgPool2d;
import org.flambeau.nn.CosineEmbeddingLoss;
import org.flambeau.nn.Functional;
import org.flambeau.nn.HingeEmbeddingLoss;
import org.flambeau.nn.Linear;
import org.flambeau.nn.MarginRankingLoss;
import org.flambeau.nn.MaxPool2d;
import org.flambeau.nn.Module;
import org.flambeau.nn.PoolOptions;
import org.flambeau.nn.ReLU;
import org.flambeau.nn.Sequential;
import org.flambeau.nn.TripletMarginLoss;
import org.junit.jupiter.api.Test;

/// What is called with fewer arguments means what PyTorch means by it.
final class ShortFormsTest {
  private final Tensor x = Tensor.of(new float[][] {{0.1f, 0.7f, 0.2f}, {0.5f, 0, 0.5f}});
  private final Tensor y = Tensor.of(new float[][] {{0, 1, 0}, {1, 0, 0.5f}});

  private static void same(Tensor expected, Tensor actual) {
    assertArrayEquals(expected.sizes(), actual.sizes());
    assertArrayEquals(expected.to(DType.FLOAT64).toDoubleArray(), actual.to(DType.FLOAT64).toDoubleArray());
  }

  @Test
  void one_dimension_needs_no_array() {
    Map<BiFunction<int[], Boolean, Tensor>, BiFunction<Integer, Boolean, Tensor>> forms = Map.of(x::sum, x::sum, x::mean, x::mean, x::prod,
        x::prod, x::any, x::any, x::all, x::all, x::amax, x::amax, x::amin, x::amin, x::logsumexp, x::logsumexp,
        (dims, keep) -> x.norm(1, dims,
            keep),
        (dim, keep) -> x.norm(1, dim, keep));
    forms.forEach((of, one) -> {
      for (int dim : new int[] {0, 1, -1}) {
        same(of.apply(new int[] {dim}, true), one.apply(dim, true));
        same(of.apply(new int[] {dim}, false), one.apply(dim, false));
      }
    });
  }

  @Test
  void tensors_are_joined_along_the_first_dimension() {
    same(Tensor.cat(List.of(x, y), 0), Tensor.cat(List.of(x, y)));
    same(Tensor.stack(List.of(x, y), 0), Tensor.stack(List.of(x, y)));
  }

  @Test
  void losses_take_what_they_are_mostly_given() {
    for (Reduction reduction : new Reduction[] {Reduction.NONE, Reduction.SUM}) {
      same(Functional.binaryCrossEntropy(x, y, null, reduction), Functional.binaryCrossEntropy(x, y, reduction));
      same(Functional.binaryCrossEntropyWithLogits(x, y, null, reduction, null), Functional.binaryCrossEntropyWithLogits(x, y, reduction));
      same(Functional.klDiv(x, y, reduction, false), Functional.klDiv(x, y, reduction));
      Tensor classes = Tensor.of(2L, 0L);
      same(Functional.nllLoss(x, classes, null, reduction, -100), Functional.nllLoss(x, classes, reduction));
    }
    Tensor sign = Tensor.of(1f, -1f);
    same(new TripletMarginLoss(2, 2, 1e-6, false, Reduction.MEAN).call(x, y, x), new TripletMarginLoss(2).call(x, y, x));
    same(new CosineEmbeddingLoss(0.3, Reduction.MEAN).call(x, y, sign), new CosineEmbeddingLoss(0.3).call(x, y, sign));
    same(new MarginRankingLoss(0.3, Reduction.MEAN).call(x, y, sign.unsqueeze(1)),
        new MarginRankingLoss(0.3).call(x, y, sign.unsqueeze(1)));
    same(new HingeEmbeddingLoss(0.3, Reduction.MEAN).call(x, sign.unsqueeze(1).expandAs(x).contiguous()),
        new HingeEmbeddingLoss(0.3).call(x, sign.unsqueeze(1).expandAs(x).contiguous()));
    same(Functional.normalize(x, 1, 0, 1e-12), Functional.normalize(x, 1, 0));
  }

  @Test
  void windows_take_their_stride() {
    assertEquals(new MaxPool2d(PoolOptions.kernel(3).stride(2)).toString(), new MaxPool2d(3, 2).toString());
    assertEquals(new AvgPool2d(PoolOptions.kernel(3).stride(2)).toString(), new AvgPool2d(3, 2).toString());
    Tensor images = Tensor.randn(1, 2, 7, 7);
    same(new MaxPool2d(PoolOptions.kernel(3).stride(2)).call(images), new MaxPool2d(3, 2).call(images));
    same(new AvgPool2d(PoolOptions.kernel(3).stride(2)).call(images), new AvgPool2d(3, 2).call(images));
  }

  @Test
  void a_sequence_takes_a_list_of_modules() {
    List<Module> layers = List.of(new Linear(3, 4), new ReLU(), new Linear(4, 2));
    assertEquals(new Sequential(layers.toArray(Module[]::new)).toString(), new Sequential(layers).toString());
  }

  @Test
  void one_output_has_one_gradient() {
    Tensor w = Tensor.of(1f, 2f, 3f).requiresGrad_(true);
    Tensor g = Tensor.of(1f, 10f, 100f);
    assertArrayEquals(new float[] {2, 40, 600}, Autograd.grad(w.pow(2), List.of(w), g).get(0).toFloatArray());
  }
}
