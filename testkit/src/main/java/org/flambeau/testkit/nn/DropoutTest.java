package org.flambeau.testkit.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.flambeau.Random;
import org.flambeau.Tensor;
import org.flambeau.nn.Functional;
import org.junit.jupiter.api.Test;

final class DropoutTest {
  @Test
  void drops_what_pytorch_drops() {
    Random.manualSeed(3);
    NnGoldens.assertClose(NnGoldens.get("dropout/y"), Functional.dropout(Tensor.ones(40), 0.3, true), 0, "elements");
    NnGoldens.assertClose(NnGoldens.get("dropout/feature"), Functional.featureDropout(Tensor.ones(2, 5, 2, 2), 0.5, true), 0, "channels");
  }

  @Test
  void leaves_its_input_alone_when_not_training_or_nothing_is_to_drop() {
    Tensor x = Tensor.ones(3);
    assertSame(x, Functional.dropout(x, 0.5, false));
    assertSame(x, Functional.dropout(x, 0, true));
  }

  @Test
  void drops_all_with_probability_one() {
    assertEquals("tensor([0., 0.])", Functional.dropout(Tensor.ones(2), 1, true).toString());
  }

  @Test
  void refuses_what_is_no_probability() {
    var e = assertThrows(IllegalArgumentException.class, () -> Functional.dropout(Tensor.ones(2), 1.5, true));
    assertEquals("[dropout] dropout probability has to be between 0 and 1, but got 1.5", e.getMessage());
  }
}
