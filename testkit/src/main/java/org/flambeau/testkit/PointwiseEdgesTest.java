package org.flambeau.testkit;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.Objects;
import org.flambeau.DType;
import org.flambeau.Tensor;
import org.junit.jupiter.api.Test;

/// What PyTorch does at the edges of element-wise operations: signed zeros, numbers that a narrow dtype cannot hold, the names of nodes.
public class PointwiseEdgesTest {
  @Test
  void odd_functions_keep_the_sign_of_zero() {
    Tensor zeros = Tensor.full(-0.0, 40);
    for (Tensor y : List.of(zeros.sin(), zeros.tanh(), zeros.tan(), zeros.asin(), zeros.atan(), zeros.sinh(), zeros.asinh(), zeros.atanh(),
        zeros.erf(), zeros.expm1(), zeros.log1p())) {
      assertEquals(Float.NEGATIVE_INFINITY, y.reciprocal().amax().toFloat());
    }
    assertEquals(Float.POSITIVE_INFINITY, Tensor.zeros(40).sin().reciprocal().amin().toFloat());
  }

  @Test
  void a_number_beside_a_narrow_dtype_wraps_around_in_it() {
    Tensor bytes = Tensor.of(0, 1, 44, 255).to(DType.UINT8);
    assertArrayEquals(new boolean[] {false, false, false, true}, bytes.eq(-1).toBooleanArray());
    assertArrayEquals(new boolean[] {true, true, false, false}, bytes.lt(300).toBooleanArray());
    assertArrayEquals(new boolean[] {true, true, false, false}, bytes.lt(Tensor.scalar(300L)).toBooleanArray());
    assertArrayEquals(new long[] {0, 1, 44, 0}, bytes.remainder(-1).toLongArray());
    assertArrayEquals(new long[] {0, 0, 0, 1}, bytes.clone().floorDivide_(-1).toLongArray());
    assertArrayEquals(new boolean[] {true, false}, Tensor.of(-56, 100).to(DType.INT8).le(200).toBooleanArray());
    assertArrayEquals(new boolean[] {false, true}, Tensor.of(1L, 1L << 40).eq(1L << 40).toBooleanArray());
  }

  @Test
  void whole_numbers_have_no_negative_whole_powers_in_place_either() {
    var refused = assertThrows(IllegalArgumentException.class, () -> Tensor.of(2L).pow_(-1));
    assertEquals("[pow] Integers to negative integer powers are not allowed, got the exponent -1", refused.getMessage());
  }

  @Test
  void powers_in_place_give_the_bits_and_the_gradient_of_those_that_are_not() {
    for (double exponent : new double[] {-1, -0.5, 0, 0.5, 1, 2, 3, 2.5}) {
      Tensor x = Tensor.of(0.3f, 1.7f, 2.9f).requiresGrad_(true);
      Tensor y = Tensor.of(0.3f, 1.7f, 2.9f).requiresGrad_(true);
      Tensor apart = x.mul(1).pow(exponent);
      Tensor inPlace = y.mul(1).pow_(exponent);
      assertArrayEquals(apart.toFloatArray(), inPlace.toFloatArray(), exponent == 3 ? 1e-5f : 0);
      apart.sum().backward();
      inPlace.sum().backward();
      assertArrayEquals(gradient(x), gradient(y));
    }
  }

  @Test
  void nodes_are_named_after_the_operation_that_was_called() {
    Tensor x = Tensor.ones(2, 3).requiresGrad_(true);
    assertEquals("PowBackward0", nodeName(x.mul(1).pow_(2)));
    assertEquals("StackBackward0", nodeName(Tensor.stack(List.of(x, x), 0)));
    assertEquals("FlipBackward0", nodeName(x.flip(0, 1)));
    assertEquals("FlipBackward0", nodeName(x.flip()));
  }

  private static String nodeName(Tensor tensor) {
    return Objects.requireNonNull(tensor.gradFn()).name();
  }

  private static float[] gradient(Tensor leaf) {
    return Objects.requireNonNull(leaf.grad()).toFloatArray();
  }
}
