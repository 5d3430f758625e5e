package org.flambeau.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.flambeau.DType;
import org.flambeau.GradMode;
import org.flambeau.MemoryScope;
import org.flambeau.Tensor;
import org.flambeau.nn.Functional;
import org.flambeau.nn.Module;
import org.junit.jupiter.api.Test;

/// Modules drawn at random, of views, changes in place, products, reductions and element-wise operations, give compiled what they give uncompiled,
/// bit for bit, call after call.
public class CompiledRandomModulesTest {
  private static final int MODULES = Integer.getInteger("flambeau.testkit.modules", 250);

  /// A square matrix among a module's values, and whether the module made its memory, so that it may change it.
  private record Value(Tensor tensor, boolean own) {}

  /// A function of one square matrix that a seed stands for.
  private static final class Drawn extends Module {
    private final long seed;
    private final Tensor weight;

    Drawn(long seed, int size) {
      this.seed = seed;
      weight = buffer("weight", Tensor.randn(size, size).mul(0.3));
    }

    @Override
    protected Tensor forward(Tensor x) {
      Random random = new Random(seed);
      List<Value> values = new ArrayList<>(List.of(new Value(x, false), new Value(weight, false)));
      for (int steps = 3 + random.nextInt(14); steps > 0; steps--) {
        Value a = values.get(random.nextInt(values.size()));
        Tensor b = values.get(random.nextInt(values.size())).tensor;
        values.add(random.nextInt(4) == 0 && a.own ? changed(random, a, b) : made(random, a, b));
      }
      Tensor last = values.getLast().tensor;
      return random.nextInt(3) > 0 ? last : last.narrow(0, 0, 2).add(values.get(random.nextInt(values.size())).tensor.narrow(0, 1, 2));
    }

    private static Value changed(Random random, Value a, Tensor b) {
      int half = (int) a.tensor.size(0) / 2;
      Tensor _ = switch (random.nextInt(6)) {
        case 0 -> a.tensor.add_(b.clone());
        case 1 -> a.tensor.narrow(0, 1, half).mul_(0.5);
        case 2 -> a.tensor.relu_();
        case 3 -> a.tensor.narrow(1, 0, half).copy_(b.narrow(1, half, half).clone());
        case 4 -> a.tensor.clamp_(-2, 2);
        default -> a.tensor.indexAdd_(0, Tensor.of(1L, 0L, 1L), b.narrow(0, 0, 3).clone());
      };
      return a;
    }

    private static Value made(Random random, Value a, Tensor b) {
      Tensor x = a.tensor;
      int n = (int) x.size(0);
      int half = n / 2;
      return switch (random.nextInt(19)) {
        case 0 -> new Value(x.t(), a.own);
        case 1 -> own(x.add(b));
        case 2 -> own(x.mul(b));
        case 3 -> own(x.sigmoid().mul(x));
        case 4 -> own(x.tanh().matmul(b));
        case 5 -> own(b.matmul(x.mul(0.1).t()));
        case 6 -> own(x.sub(b.narrow(0, half, 1)));
        case 7 -> own(Tensor.cat(List.of(x.narrow(0, 0, half), b.narrow(0, half, n - half)), 0));
        case 8 -> own(x.sum(1).unsqueeze(1).expand(n, n).mul(0.1));
        case 9 -> own(Tensor.where(x.gt(b), x, b.neg()));
        case 10 -> own(x.to(DType.BFLOAT16).add(1).to(DType.FLOAT32));
        case 11 -> own(x.softmax(1));
        case 12 -> own(x.mul(b.mean()).gt(b.amax()).to(DType.FLOAT32));
        case 13 -> own(Functional.linear(x, b.mul(0.2), b.narrow(0, 0, 1).squeeze(0).exp().clamp(0, 1)).relu());
        case 14 -> own(x.narrow(0, 0, 1).expand(n, n).relu());
        case 15 -> own(x.indexSelect(1, Tensor.arange(n).flip(0)));
        case 16 -> own(Tensor.zeros(n, n).add_(x).sub_(b.clone()));
        case 17 -> own(x.clone());
        default -> own(x.cumsum(0).mul(0.1).clamp(-3, 3));
      };
    }

    private static Value own(Tensor tensor) {
      return new Value(tensor, true);
    }
  }

  @Test
  void giveWhatTheyGiveUncompiled() {
    for (int seed = 0; seed < MODULES; seed++) {
      int size = seed % 2 == 0 ? 6 : 48; // in Java arrays, and in native memory
      org.flambeau.Random.manualSeed(seed);
      Module module = new Drawn(seed, size);
      for (int call = 0; call < 5; call++) {
        Tensor left = null;
        Tensor x = Tensor.randn(size, size);
        Tensor before = x.clone();
        Tensor expected = of(module.compile(false), x, call);
        module.compile();
        for (int again = 0; again < 2 + call; again++) {
          Tensor y = of(module, again == 1 ? x : Tensor.randn(size, size), again);
          if (again == 1) {
            assertSame(expected, y, "seed " + seed + ", call " + call);
            left = y;
          } else if (left != null) {
            assertSame(expected, left, "an earlier result, seed " + seed);
          }
        }
        assertSame(before, x, "the operand, seed " + seed);
      }
    }
  }

  private static Tensor of(Module module, Tensor x, int turn) {
    try (var _ = GradMode.noGrad()) {
      if (turn % 2 == 0) {
        return module.call(x);
      }
      try (var scope = MemoryScope.open()) {
        return scope.keep(module.call(x));
      }
    }
  }

  private static void assertSame(Tensor expected, Tensor actual, String what) {
    assertEquals(expected.toString(), actual.toString(), what);
    assertTrue(expected.equal(actual) || expected.isnan().any().item().intValue() != 0, what);
  }
}
