package org.flambeau.testkit.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.flambeau.Autocast;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.GradMode;
import org.flambeau.MemoryScope;
import org.flambeau.MemoryStats;
import org.flambeau.Random;
import org.flambeau.Tensor;
import org.flambeau.nn.Functional;
import org.flambeau.nn.Identity;
import org.flambeau.nn.LayerNorm;
import org.flambeau.nn.Module;
import org.flambeau.nn.NormalizedSum;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// A sum and its layer norm are what the two operations give, whoever needs a gradient and whichever result passes one.
public class AddLayerNormTest {
  private static final long[] SHAPE = {20};

  /// Both ways to the two results.
  private interface Norm {
    NormalizedSum of(Tensor[] x);
  }

  /// Where it computes.
  protected Device device() {
    return Device.CPU;
  }

  @BeforeEach
  void seed() {
    Random.manualSeed(2);
  }

  private static NormalizedSum together(Tensor[] x) {
    return Functional.addLayerNorm(x[0], x[1], SHAPE, x[2], x[3], 1e-5);
  }

  private static NormalizedSum apart(Tensor[] x) {
    Tensor sum = x[0].add(x[1]);
    return new NormalizedSum(sum, Functional.layerNorm(sum, SHAPE, x[2], x[3], 1e-5));
  }

  private Tensor randn(long... sizes) {
    return Tensor.randn(sizes).to(device());
  }

  private Tensor[] operands() {
    return new Tensor[] {randn(3, 7, 20), randn(3, 7, 20), randn(20), randn(20)};
  }

  private static @Nullable Tensor[] gradients(Norm norm, Function<NormalizedSum, Tensor> loss, Tensor[] operands, int needed) {
    Tensor[] leaves = new Tensor[operands.length];
    for (int i = 0; i < leaves.length; i++) {
      leaves[i] = operands[i].clone().requiresGrad_((needed >> i & 1) != 0);
    }
    loss.apply(norm.of(leaves)).backward();
    @Nullable Tensor[] gradients = new Tensor[leaves.length];
    for (int i = 0; i < leaves.length; i++) {
      gradients[i] = leaves[i].grad();
    }
    return gradients;
  }

  private static void assertAlike(@Nullable Tensor[] expected, @Nullable Tensor[] actual, float tolerance, String what) {
    for (int i = 0; i < expected.length; i++) {
      if (expected[i] == null) {
        assertNull(actual[i], what);
      } else {
        assertNotNull(actual[i], what);
        assertEquals(expected[i].dtype(), actual[i].dtype(), what);
        assertArrayEquals(expected[i].to(DType.FLOAT32).toFloatArray(), actual[i].to(DType.FLOAT32).toFloatArray(), tolerance, what);
      }
    }
  }

  private static void assertAlike(Tensor[] operands, float tolerance) {
    NormalizedSum expected = apart(operands);
    NormalizedSum actual = together(operands);
    assertAlike(new Tensor[] {expected.sum(), expected.normalized()}, new Tensor[] {actual.sum(), actual.normalized()}, tolerance,
        "result");
    Tensor slopes = Tensor.arange(3 * 7 * 20).reshape(3, 7, 20).to(DType.FLOAT32).cos().to(operands[0].device());
    Tensor others = slopes.sin();
    List<Function<NormalizedSum, Tensor>> losses = List.of(both -> both.sum().mul(slopes).sum(),
        both -> both.normalized().mul(slopes).sum(),
        both -> both.sum().mul(slopes).add(both.normalized().mul(others)).sum());
    for (int needed = 1; needed < 16; needed++) {
      for (int i = 0; i < losses.size(); i++) {
        if ((needed & 3) != 0 || i > 0) { // a sum alone has nothing to say to the parameters
          assertAlike(gradients(AddLayerNormTest::apart, losses.get(i), operands, needed),
              gradients(AddLayerNormTest::together, losses.get(i), operands, needed), tolerance, "operands " + needed + ", loss " + i);
        }
      }
    }
  }

  @Test
  void any_operand_gets_its_gradient_from_any_result() {
    assertAlike(operands(), 2e-5f);
  }

  @Test
  void operands_of_several_dtypes_meet_in_the_wider() {
    Tensor[] x = operands();
    x[0] = x[0].to(DType.BFLOAT16);
    assertAlike(x, 2e-2f);
  }

  @Test
  void operands_may_lie_in_any_order() {
    Tensor[] x = operands();
    x[1] = randn(20, 7, 3).permute(2, 1, 0);
    assertAlike(x, 2e-5f);
  }

  /// As a vision transformer's are, whose sums are float32, and others.
  @Test
  void under_autocast_operands_of_any_dtypes_give_what_the_two_operations_do() {
    for (DType dtype : List.of(DType.FLOAT32, DType.BFLOAT16)) {
      for (DType other : List.of(DType.FLOAT32, DType.BFLOAT16)) {
        Tensor[] x = operands();
        x[0] = x[0].to(dtype);
        x[1] = x[1].to(other);
        Block block = block();
        try (var _ = Autocast.open(DType.BFLOAT16)) {
          assertAlike(x, dtype == other && dtype == DType.FLOAT32 ? 2e-5f : 3e-2f);
          Tensor sum = x[0].add(x[1]);
          Tensor expected = sum.add(block.norm.call(sum));
          Tensor y = block.call(x[0], x[1]);
          assertEquals(expected.dtype(), y.dtype());
          assertArrayEquals(expected.to(DType.FLOAT32).toFloatArray(), y.to(DType.FLOAT32).toFloatArray(), 2e-5f);
        }
      }
    }
  }

  /// A block of a residual network.
  private static final class Block extends Module {
    final LayerNorm norm = child("norm", new LayerNorm(20));

    @Override
    protected Tensor forward(Tensor... x) {
      NormalizedSum both = norm.callOnSum(x[0], x[1]);
      return both.sum().add(both.normalized());
    }
  }

  private Block block() {
    Block block = new Block();
    block.to(device());
    return block;
  }

  @Test
  void what_a_supplier_gave_is_freed_when_the_sum_is_there() {
    Tensor x = Tensor.randn(1 << 14, 20).to(device());
    LayerNorm norm = new LayerNorm(20);
    norm.to(device());
    long bytes = x.numel() * Float.BYTES;
    try (var _ = MemoryScope.open(); var _ = GradMode.noGrad()) {
      NormalizedSum expected = norm.callOnSum(x.mul(2), x);
      long before = MemoryStats.of(device()).current();
      NormalizedSum both = norm.callOnSum(() -> x.mul(2), x);
      long held = MemoryStats.of(device()).current() - before;
      assertTrue(held < 3 * bytes, "more than the sum and what the norm made of it: " + held);
      assertTrue(both.sum().equal(expected.sum()) && both.normalized().equal(expected.normalized()));
    }
  }

  @Test
  void hooks_of_the_norm_see_the_sum_and_change_what_becomes_of_it() {
    Tensor[] x = operands();
    Block block = block();
    float[] before = block.call(x[0], x[1]).toFloatArray();
    List<Tensor> seen = new ArrayList<>();
    var registration = block.norm.registerForwardHook((module, inputs, output) -> {
      assertSame(block.norm, module);
      seen.add(inputs[0]);
      return output.zerosLike();
    });
    Tensor sum = x[0].add(x[1]);
    assertArrayEquals(sum.toFloatArray(), block.call(x[0], x[1]).toFloatArray());
    assertArrayEquals(sum.toFloatArray(), seen.getFirst().toFloatArray());
    registration.close();
    assertArrayEquals(before, block.call(x[0], x[1]).toFloatArray());
  }

  @Test
  void what_replaces_the_norm_is_called_in_its_place() {
    Tensor[] x = operands();
    Block block = block();
    block.replace("norm", new Identity());
    assertArrayEquals(x[0].add(x[1]).mul(2).toFloatArray(), block.call(x[0], x[1]).toFloatArray(), 1e-6f);
  }
}
