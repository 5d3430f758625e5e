package org.flambeau.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.function.UnaryOperator;
import org.flambeau.GradMode;
import org.flambeau.Random;
import org.flambeau.Tensor;
import org.flambeau.nn.BatchNorm2d;
import org.flambeau.nn.Conv2d;
import org.flambeau.nn.ConvOptions;
import org.flambeau.nn.Functional;
import org.flambeau.nn.Module;

/// Modules to compile, and what their results are held against.
final class CompiledModules {
  private CompiledModules() {}

  /// A module that is one function.
  static final class Lambda extends Module {
    private final UnaryOperator<Tensor> function;

    Lambda(UnaryOperator<Tensor> function) {
      this.function = function;
    }

    @Override
    protected Tensor forward(Tensor x) {
      return function.apply(x);
    }
  }

  /// A convolution, a norm and ReLU that are called one by one, with a residual.
  static final class Block extends Module {
    private final Conv2d conv = child("conv", new Conv2d(3, 3, 3, ConvOptions.of().padding(1)));
    final BatchNorm2d norm = child("norm", new BatchNorm2d(3));

    @Override
    protected Tensor forward(Tensor x) {
      return Functional.relu(norm.call(conv.call(x)).add(x));
    }
  }

  /// What a [Block] takes, the same in each test; random numbers follow that are so too.
  static Tensor images() {
    Random.manualSeed(7);
    return Tensor.randn(2, 3, 9, 7);
  }

  static Block trainedBlock() {
    Block block = new Block();
    for (int i = 0; i < 3; i++) {
      block.call(Tensor.randn(4, 3, 6, 6).mul(2).add(1));
    }
    block.eval();
    return block;
  }

  static Tensor quietly(Module module, Tensor x) {
    try (var _ = GradMode.noGrad()) {
      return module.call(x);
    }
  }

  static void assertSame(Tensor expected, Tensor actual) {
    assertEquals(expected.toString(), actual.toString());
    assertTrue(expected.equal(actual), "not the same bits");
  }

  static void assertNear(Tensor expected, Tensor actual, double tolerance) {
    assertEquals(expected.dtype(), actual.dtype());
    assertEquals(List.of(expected.sizes().length, expected.numel()), List.of(actual.sizes().length, actual.numel()));
    assertEquals(0, expected.sub(actual).abs().max().item().doubleValue(), tolerance);
  }

  static Block copy(Block block) {
    Block copy = new Block();
    copy.loadStateDict(block.stateDict());
    copy.eval();
    return copy;
  }
}
