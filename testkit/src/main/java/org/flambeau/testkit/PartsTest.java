package org.flambeau.testkit;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.flambeau.Random;
import org.flambeau.Tensor;
import org.flambeau.nn.Functional;
import org.flambeau.nn.Functional.PaddingMode;
import org.junit.jupiter.api.Test;

/// What several kernels write part by part is what they write of each image alone, which is too small for parts.
final class PartsTest {
  private static final int IMAGES = 37;

  @Test
  void large_results_are_those_of_each_image() {
    Random.manualSeed(3);
    Tensor x = Tensor.randn(IMAGES, 5, 61, 67);
    Tensor y = Tensor.randn(IMAGES, 5, 61, 67);
    List<UnaryOperator<Tensor>> pads = new ArrayList<>();
    for (PaddingMode mode : List.of(PaddingMode.REFLECT, PaddingMode.REPLICATE, PaddingMode.CIRCULAR)) {
      pads.add(t -> Functional.pad(t, mode, 3, 2, 1, 4));
    }
    pads.add(t -> Functional.pad(t, 1, -2, 3, 1));
    pads.add(t -> Functional.pad(t, 0, 0, 0, 0, 2, 1));
    for (UnaryOperator<Tensor> pad : pads) {
      assertImages(pad.apply(x), i -> pad.apply(image(x, i)));
    }
    for (int dim = 1; dim < 5; dim++) {
      int at = dim;
      assertImages(Tensor.stack(List.of(x, y, x), at), i -> Tensor.stack(List.of(image(x, i), image(y, i), image(x, i)), at));
    }
    for (int dim = 1; dim < 4; dim++) {
      int at = dim;
      Tensor few = y.narrow(at, 1, 3);
      assertImages(Tensor.cat(List.of(few, x), at), i -> Tensor.cat(List.of(image(few, i), image(x, i)), at));
    }
    Tensor transposed = x.transpose(0, 1);
    assertTrue(Tensor.stack(List.of(transposed, transposed), 4).equal(Tensor.stack(List.of(x, x), 4).transpose(0, 1)));
  }

  private interface Alone {
    Tensor of(int image);
  }

  private static Tensor image(Tensor x, int i) {
    return x.narrow(0, i, 1);
  }

  private static void assertImages(Tensor all, Alone alone) {
    for (int i = 0; i < IMAGES; i++) {
      int image = i;
      assertTrue(image(all, i).equal(alone.of(i)), () -> "image " + image);
    }
  }
}
