package org.flambeau.testkit.memory;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;
import java.util.function.Supplier;
import org.flambeau.Autocast;
import org.flambeau.DType;
import org.flambeau.GradMode;
import org.flambeau.Tensor;
import org.flambeau.nn.BatchNorm2d;
import org.flambeau.nn.Conv2d;
import org.flambeau.nn.ConvNorm;
import org.flambeau.nn.Functional;
import org.flambeau.nn.Linear;
import org.flambeau.nn.Module;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// What is written to a tensor's memory past the library changes all results that depend on it.
public class ExposedMemoryTest {
  @BeforeEach
  void seed() {
    org.flambeau.Random.manualSeed(5);
  }

  /// Writes to the memory of `weight` after its results were asked for often enough to be kept: before its memory is handed out, and after.
  private static void assertSeen(Tensor weight, Supplier<Tensor> computation) {
    for (boolean early : new boolean[] {false, true, true}) {
      MemorySegment memory = early ? weight.toSegment() : MemorySegment.NULL;
      for (int i = 0; i < 3; i++) {
        Tensor _ = computation.get();
      }
      MemorySegment written = early ? memory : weight.toSegment();
      float[] values = written.toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
      for (int i = 0; i < values.length; i++) {
        values[i] = -2 * values[i];
      }
      MemorySegment.copy(values, 0, written, ValueLayout.JAVA_FLOAT_UNALIGNED, 0, values.length);
      float[] seen = computation.get().toFloatArray();
      weight.add_(0); // the library knows of this
      assertArrayEquals(computation.get().toFloatArray(), seen, 2e-4f, early ? "written to a segment that was there" : "just handed out");
    }
  }

  private static void assertSeen(Module module, Tensor weight, Tensor x) {
    try (var _ = GradMode.noGrad()) {
      assertSeen(weight, () -> module.call(x));
    }
  }

  @Test
  void byProductsAndConvolutions() {
    Linear linear = new Linear(64, 64);
    assertSeen(linear, linear.weight(), Tensor.randn(32, 64));
    for (int kernel : new int[] {1, 3}) {
      Conv2d conv = new Conv2d(32, 32, kernel);
      assertSeen(conv, conv.weight(), Tensor.randn(2, 32, 12, 12));
    }
  }

  @Test
  void byTensorsOverMemory() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(64 * 64 * Float.BYTES, 64);
      Tensor weight = Tensor.overSegment(memory, DType.FLOAT32, 64, 64);
      Tensor x = Tensor.ones(32, 64);
      for (int value = 1; value < 4; value++) {
        for (int i = 0; i < memory.byteSize(); i += Float.BYTES) {
          memory.set(ValueLayout.JAVA_FLOAT_UNALIGNED, i, value);
        }
        for (int i = 0; i < 3; i++) {
          assertEquals(64 * value, Functional.linear(x, weight).mean().toDouble(), 1e-6);
        }
      }
    }
  }

  /// relu(norm(conv(x))) as an operation or one by one.
  private static final class Block extends Module {
    private final Conv2d conv = child("conv", new Conv2d(8, 8, 3));
    private final BatchNorm2d norm = child("norm", new BatchNorm2d(8));
    private final boolean one;

    Block(boolean one) {
      this.one = one;
      eval();
    }

    @Override
    protected Tensor forward(Tensor x) {
      return one ? ConvNorm.call(conv, norm, x) : norm.call(conv.call(x));
    }
  }

  @Test
  void byNormsThatAreFoldedIntoConvolutions() {
    Tensor x = Tensor.randn(2, 8, 9, 9);
    for (boolean one : new boolean[] {false, true}) {
      for (boolean compiled : new boolean[] {false, true}) {
        Block block = new Block(one);
        block.compile(compiled);
        assertSeen(block, Objects.requireNonNull(block.norm.weight()), x);
        assertSeen(block, block.conv.weight(), x);
      }
    }
  }

  @Test
  void byCastsOfAnAutocastRegion() {
    Linear linear = new Linear(64, 64);
    for (boolean compiled : new boolean[] {false, true}) {
      linear.compile(compiled);
      try (var _ = Autocast.open(DType.BFLOAT16)) {
        assertSeen(linear, linear.weight(), Tensor.randn(32, 64));
      }
    }
  }

  @Test
  void byCompiledModules() {
    Tensor shift = Tensor.randn(3);
    Module module = new Module() {
      @Override
      protected Tensor forward(Tensor x) {
        return x.add(shift.mul(2).exp()).mul(shift);
      }
    };
    assertSeen(module.compile(), shift, Tensor.randn(4, 3));
    Module deciding = new Module() {
      @Override
      protected Tensor forward(Tensor x) {
        return shift.select(0, 0).item().floatValue() > 0 ? x.mul(2) : x.neg();
      }
    };
    assertSeen(deciding.compile(), shift, Tensor.randn(4, 3));
  }
}
