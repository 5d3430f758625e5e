package org.flambeau.testkit;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.Generator;
import org.flambeau.Reduction;
import org.flambeau.Tensor;
import org.flambeau.autograd.Autograd;
import org.flambeau.nn.Functional;
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
  void a_number_is_rounded_to_the_half_precision_of_the_tensor_beside_it_unless_it_is_a_factor() {
    Tensor x = Tensor.full(DType.BFLOAT16, 3.7, 40); // 3.703125
    assertTrue(x.eq(3.7).all().toBoolean());
    assertTrue(x.ge(Tensor.scalar(3.7)).all().toBoolean());
    assertEquals(0, x.fmod(3.7).amax().toDouble());
    assertEquals(0, x.clone().sub_(Tensor.scalar(3.7f)).amax().toDouble());
    assertEquals(0, x.rsub(3.7).amax().toDouble());
    assertEquals(20.28125, Tensor.full(DType.FLOAT16, 3.7, 40).pow(2.3).amax().toDouble(), "by 2.3 itself it would be 20.265625");
    Tensor third = Tensor.full(DType.BFLOAT16, 3, 40);
    assertEquals(3.296875, third.mul(1.1).amax().toDouble(), "by 1.1015625, which is bfloat16's, it would be 3.3125");
    assertEquals(2.734375, third.div(1.1).amax().toDouble(), "by 1.1015625 it would be 2.71875");
    assertEquals(0.99609375, Tensor.scalar(1.1f).sub(Tensor.full(DType.BFLOAT16, 0.10546875, 40)).amax().toDouble(), 0);
    assertEquals(0, x.floorDivide(3.71).amax().toDouble(), "a divisor keeps its precision");
  }

  @Test
  void gradients_pass_by_what_was_not_chosen_even_where_they_are_infinite() {
    double inf = Double.POSITIVE_INFINITY;
    double nan = Double.NaN;
    Tensor y = Tensor.of(0., 2., 2., nan, 1.);
    assertArrayEquals(new double[] {inf, inf, 0, inf, inf}, gradientOf(x -> x.maximum(y), inf, 1, 2, 1, 1, nan));
    assertArrayEquals(new double[] {1, 0.5, 0, 1, 1}, gradientOf(x -> x.maximum(y), 1, 1, 2, 1, 1, nan));
    assertArrayEquals(new double[] {0, 0.5, 1, 1, 1}, gradientOf(x -> x.minimum(y), 1, 1, 2, 1, 1, nan));
    assertArrayEquals(new double[] {0, 2}, gradientOf(x -> x.pow(Tensor.of(0., 2.)), 1, inf, 1));
    assertArrayEquals(new double[] {0, 1}, gradientOf(x -> x.atan2(Tensor.of(0., 1.)), 1, 0, 0));
    assertArrayEquals(new double[] {nan, 4, nan}, gradientOf(Tensor::logit, 1, -1, 0.5, 2));
    assertArrayEquals(new double[] {0, inf, 0}, gradientOf(Tensor::max, inf, 1, 3, 2));
    assertArrayEquals(new double[] {0, 0.5, 0.5}, gradientOf(Tensor::min, 1, 1, nan, nan));
    assertArrayEquals(new double[] {0, 0, inf}, gradientOf(Tensor::median, inf, 1, 3, 2));
  }

  @Test
  void losses_with_a_bend_elsewhere_than_at_1_stay_finite() {
    Tensor x = Tensor.of(1f, 5f);
    assertEquals(6.5, Functional.huberLoss(x, x.zerosLike(), Reduction.MEAN, Double.POSITIVE_INFINITY).toDouble());
    assertEquals(6.5, Functional.huberLoss(x, x.zerosLike(), Reduction.MEAN, 1e20).toDouble());
    Tensor half = Tensor.of(100f).to(DType.FLOAT16);
    assertEquals(100, Functional.smoothL1Loss(half, half.zerosLike(), Reduction.MEAN, 1e-3).toDouble());
    assertEquals(700, Functional.softplus(Tensor.of(700f).to(DType.FLOAT16), 100, 20).get(0).toDouble());
  }

  @Test
  void large_logits_keep_the_logarithm_of_their_sum() {
    Tensor logits = Tensor.of(new float[][] {{1e8f, 1e8f}});
    double ln2 = 0.6931471824645996;
    assertArrayEquals(new double[] {-ln2, -ln2}, logits.logSoftmax(1).toDoubleArray());
    assertArrayEquals(new double[] {-ln2, -ln2}, logits.expand(16, 2).t().contiguous().logSoftmax(0).select(1, 0).toDoubleArray());
    for (double large : new double[] {1e8, -1e8, 1e30}) {
      Tensor equal = Tensor.full(large, 1, 2).requiresGrad_(true);
      Tensor loss = Functional.crossEntropy(equal, Tensor.of(0L));
      assertEquals(ln2, loss.toDouble());
      loss.backward();
      assertArrayEquals(new double[] {-0.5, 0.5}, Objects.requireNonNull(equal.grad()).toDoubleArray(), 1e-6);
    }
  }

  @Test
  void targets_beside_infinite_logits_have_infinite_gradients() {
    Tensor y = Tensor.of(0.5, 0.5).requiresGrad_(true);
    Tensor logits = Tensor.of(Double.NEGATIVE_INFINITY, Double.POSITIVE_INFINITY);
    Functional.binaryCrossEntropyWithLogits(logits, y, null, Reduction.NONE, Tensor.of(0.5)).backward(Tensor.of(1.0, 1));
    assertArrayEquals(new double[] {Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY}, Objects.requireNonNull(y.grad()).toDoubleArray());
  }

  private static double[] gradientOf(UnaryOperator<Tensor> function, double upstream, double... values) {
    Tensor x = Tensor.of(values).requiresGrad_(true);
    Tensor y = function.apply(x);
    return Autograd.grad(List.of(y), List.of(x), List.of(Tensor.fullLike(y, upstream))).getFirst().toDoubleArray();
  }

  @Test
  void numbers_that_a_dtype_cannot_hold_are_refused_where_they_would_be_stored() {
    Tensor bytes = Tensor.of(2, 3, 255).to(DType.UINT8);
    Tensor halves = Tensor.of(2f, 0.5f, 1f).to(DType.FLOAT16);
    Tensor all = Tensor.of(true);
    Map<Supplier<Object>, String> calls = new LinkedHashMap<>();
    calls.put(() -> bytes.pow(300), "[pow] value cannot be converted to type uint8 without overflow: 300");
    calls.put(() -> bytes.clone().pow_(300), "[pow] value cannot be converted to type uint8 without overflow: 300");
    calls.put(() -> halves.pow(1e10), "[pow] value cannot be converted to type float16 without overflow: 10000000000");
    calls.put(() -> halves.clamp(0, 1e10), "[clamp] value cannot be converted to type float16 without overflow: 10000000000");
    calls.put(() -> halves.maskedFill(all, 70000), "[masked_fill] value cannot be converted to type float16 without overflow: 70000");
    calls.put(() -> bytes.indexFill(0, Tensor.of(0L), -256), "[index_fill] value cannot be converted to type uint8 without overflow: -256");
    calls.put(() -> bytes.scatter(0, Tensor.of(0L), 300), "[scatter] value cannot be converted to type uint8 without overflow: 300");
    calls.put(() -> bytes.clone().fill_(300), "[fill_] value cannot be converted to type uint8 without overflow: 300");
    calls.put(() -> Tensor.full(1e39, 2), "[full] value cannot be converted to type float32 without overflow: 1.0E39");
    calls.forEach((call, message) -> assertEquals(message, assertThrows(IllegalArgumentException.class, call::get, message).getMessage()));
    assertArrayEquals(new long[] {255, 255, 255}, bytes.clone().fill_(-1).toLongArray());
    assertEquals(Float.POSITIVE_INFINITY, halves.clone().fill_(1e10).get(0).toFloat());
    assertEquals(Long.MAX_VALUE, Tensor.zeros(DType.INT64, 1).fill_(Long.MAX_VALUE).toLong());
    assertArrayEquals(new float[] {1, 1}, Tensor.of(1f, -1f).pow(1e39).toFloatArray());
    // an exponent that is a tensor wraps around: 300 is 44, -1 is 255
    assertArrayEquals(new long[] {0, 113, 1}, bytes.pow(Tensor.scalar(300L)).toLongArray());
    assertArrayEquals(new long[] {0, 1}, Tensor.of(2, 1).to(DType.UINT8).pow(Tensor.scalar(-1L)).toLongArray());
  }

  /// The numbers are PyTorch's for seed 1.
  @Test
  void random_whole_numbers_stay_in_what_their_dtype_holds() {
    Map<Supplier<Object>, String> calls = new LinkedHashMap<>();
    calls.put(() -> Tensor.zeros(DType.UINT8, 4).randomInt_(0, 300), "[random_int_] to - 1 is out of bounds for uint8: 299");
    calls.put(() -> Tensor.zeros(DType.UINT8, 4).randomInt_(-5, 5), "[random_int_] from is out of bounds for uint8: -5");
    calls.put(() -> Tensor.zeros(DType.BOOL, 4).randomInt_(0, 3), "[random_int_] to - 1 is out of bounds for bool: 2");
    calls.put(() -> Tensor.zeros(DType.FLOAT16, 4).randomInt_(-70000, 0), "[random_int_] from is out of bounds for float16: -70000");
    calls.forEach((call, message) -> assertEquals(message, assertThrows(IllegalArgumentException.class, call::get, message).getMessage()));
    assertArrayEquals(new long[] {37, 235, 140, 72}, integers(DType.UINT8, 256));
    assertArrayEquals(new long[] {12711055, 21463528, 6762564, 12326198}, integers(DType.FLOAT32, 1 << 25));
    assertArrayEquals(new long[] {1094455680, 1441552768, 676053632, 1701590912}, integers(DType.FLOAT32, 1L << 31));
    assertArrayEquals(new long[] {43808, 25264, 21712, 53760}, integers(DType.FLOAT16, 65504));
    assertArrayEquals(new long[] {221, 173, 280, 98}, integers(DType.BFLOAT16, 300));
    assertArrayEquals(new long[] {8512, 51200, 20352, 48896}, integers(DType.BFLOAT16, 65536));
  }

  private static long[] integers(DType dtype, long high) {
    return Tensor.zeros(dtype, 4).randomInt_(0, high, Generator.create(Device.CPU).manualSeed(1)).toLongArray();
  }

  @Test
  void a_division_by_zero_in_place_changes_nothing() {
    Tensor x = Tensor.arange(100);
    for (UnaryOperator<Tensor> division : List.<UnaryOperator<Tensor>>of(y -> x.remainder_(y), y -> x.fmod_(y), y -> x.floorDivide_(y),
        y -> x.truncDivide_(y))) {
      assertThrows(ArithmeticException.class, () -> division.apply(Tensor.arange(100).flip(0)));
      assertTrue(x.equal(Tensor.arange(100)));
    }
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

  /// Of many elements they may be computed in one pass.
  @Test
  void blends_have_the_same_bits_for_many_elements_as_for_few() {
    long few = 20_000;
    for (DType dtype : List.of(DType.FLOAT32, DType.FLOAT64, DType.BFLOAT16, DType.FLOAT16)) {
      Tensor x = Tensor.randn(2, few).to(dtype);
      Tensor a = Tensor.randn(2, few).to(dtype);
      Tensor b = Tensor.rand(2, few).add(0.5).to(dtype);
      for (UnaryOperator<Tensor[]> blends : List.<UnaryOperator<Tensor[]>>of(
          t -> new Tensor[] {t[0].lerp(t[1], 0.3), t[0].lerp(t[1], 0.8), t[0].addcmul(t[1], t[2], 0.7), t[0].addcdiv(t[1], t[2], 1)},
          t -> new Tensor[] {t[0].clone().lerp_(t[1], 0.3), t[0].clone().lerp_(t[1], 0.8), t[0].clone().addcmul_(t[1], t[2], -2),
            t[0].clone().addcdiv_(t[0], t[2], 0.7)})) {
        Tensor[] whole = blends.apply(new Tensor[] {x, a, b});
        for (int row = 0; row < 2; row++) {
          Tensor[] part = blends.apply(new Tensor[] {x.select(0, row), a.select(0, row), b.select(0, row)});
          for (int i = 0; i < part.length; i++) {
            assertTrue(whole[i].select(0, row).equal(part[i]), dtype.label() + ", blend " + i);
          }
        }
      }
    }
  }

  @Test
  void nodes_are_named_after_the_operation_that_was_called() {
    Tensor x = Tensor.ones(2, 3).requiresGrad_(true);
    assertEquals("PowBackward0", nodeName(x.mul(1).pow_(2)));
    assertEquals("StackBackward0", nodeName(Tensor.stack(List.of(x, x), 0)));
    assertEquals("FlipBackward0", nodeName(x.flip(0, 1)));
    assertEquals("FlipBackward0", nodeName(x.flip()));
    assertEquals("FillBackward2", nodeName(x.mul(1).fill_(2)));
    assertEquals("CopyBackwards", nodeName(x.mul(1).copy_(x)));
    assertEquals("SqueezeBackward0", nodeName(x.unsqueeze(0).squeeze()));
    assertEquals("SqueezeBackward1", nodeName(x.unsqueeze(0).squeeze(0)));
    assertEquals("SqueezeBackward2", nodeName(x.unsqueeze(0).squeeze(0, 1)));
    assertEquals("SqueezeBackward4", nodeName(x.select(0, 0).matmul(x.t())));
    assertEquals("UnsafeViewBackward0", nodeName(x.unsqueeze(0).matmul(x.t())));
    assertEquals("UnsafeViewBackward0", nodeName(x.t().reshape(6)));
    assertEquals("MulBackward0", nodeName(x.t().reshape(6).mul_(2)));
    assertEquals("SplitWithSizesBackward0", nodeName(x.split(new long[] {1, 1}, 0).getFirst()));
    assertEquals("SubBackward0", nodeName(x.sub(x, 2)));
    assertEquals("RsubBackward1", nodeName(x.rsub(2)));
    assertEquals("PowBackward2", nodeName(Tensor.number(2).pow(x)));
    assertEquals("RemainderBackward0", nodeName(x.remainder(2)));
    assertEquals("RemainderBackward1", nodeName(x.remainder(x)));
    assertEquals("AddcmulBackward0", nodeName(x.mul(1).addcmul_(x, x, 2)));
    assertEquals("LerpBackward0", nodeName(x.mul(1).lerp_(x, 0.7)));
    assertEquals("UniformBackward0", nodeName(x.mul(1).uniform_(0, 1)));
    assertEquals("RepeatBackward0", nodeName(x.repeat(2, 1)));
    assertEquals("RollBackward0", nodeName(x.roll(1, 1)));
    assertEquals("Log1PBackward0", nodeName(x.log1p()));
  }

  private static String nodeName(Tensor tensor) {
    return Objects.requireNonNull(tensor.gradFn()).name();
  }

  private static float[] gradient(Tensor leaf) {
    return Objects.requireNonNull(leaf.grad()).toFloatArray();
  }
}
