package org.flambeau.testkit;

import static org.flambeau.testkit.CompiledModules.assertNear;
import static org.flambeau.testkit.CompiledModules.assertSame;
import static org.flambeau.testkit.CompiledModules.copy;
import static org.flambeau.testkit.CompiledModules.quietly;
import static org.flambeau.testkit.CompiledModules.trainedBlock;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.flambeau.ClosedTensorException;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.GradMode;
import org.flambeau.MemoryScope;
import org.flambeau.MemoryStats;
import org.flambeau.Random;
import org.flambeau.Tensor;
import org.flambeau.nn.Conv2d;
import org.flambeau.nn.Dropout;
import org.flambeau.nn.Linear;
import org.flambeau.nn.Module;
import org.flambeau.nn.Sequential;
import org.flambeau.testkit.CompiledModules.Block;
import org.flambeau.testkit.CompiledModules.Lambda;
import org.junit.jupiter.api.Test;

/// A compiled module gives what it gives uncompiled, whatever is done to it, to its operands and around it.
public class CompileTest {
  private final Tensor images = CompiledModules.images();

  @Test
  void seesChangedParametersModesAndModules() {
    Block block = trainedBlock();
    block.compile();
    quietly(block, images);
    quietly(block, images);
    try (var _ = GradMode.noGrad()) {
      Objects.requireNonNull(block.namedParameters().get("conv.bias")).add_(3);
    }
    assertNear(quietly(copy(block), images), quietly(block, images), 1e-5);
    assertNear(quietly(copy(block), images), quietly(block, images), 1e-5);
    block.replace("conv", new Conv2d(3, 3, 1));
    Tensor replaced = quietly(block, images);
    assertNear(replaced, quietly(block, images), 1e-5);
    block.to(DType.FLOAT64);
    assertEquals(DType.FLOAT64, quietly(block, images.to(DType.FLOAT64)).dtype());
    assertEquals(DType.FLOAT64, quietly(block, images.to(DType.FLOAT64)).dtype());
  }

  @Test
  void movesRunningStatisticsInTrainingModeAsEver() {
    Block block = trainedBlock();
    Block twin = copy(block);
    block.train();
    twin.train();
    block.compile();
    for (int i = 0; i < 3; i++) {
      assertSame(quietly(twin, images), quietly(block, images));
    }
    block.namedBuffers().forEach((name, buffer) -> assertSame(Objects.requireNonNull(twin.namedBuffers().get(name)), buffer));
    assertNear(quietly((Block) twin.eval(), images), quietly((Block) block.eval(), images), 1e-5);
  }

  @Test
  void drawsAnewEachTime() {
    Module module = new Sequential(new Dropout(0.5));
    Tensor x = Tensor.ones(1000);
    Random.manualSeed(1);
    Tensor first = quietly(module, x);
    Tensor second = quietly(module, x);
    Tensor third = quietly(module, x);
    module.compile();
    Random.manualSeed(1);
    assertSame(first, quietly(module, x));
    assertSame(second, quietly(module, x));
    assertSame(third, quietly(module, x));
  }

  @Test
  void runsEagerlyWhereTheHostLooksAtValues() {
    Module module = new Lambda(x -> x.sum().item().doubleValue() > 0 ? x.mul(2) : x.neg());
    module.compile();
    for (int i = 0; i < 2; i++) {
      assertSame(Tensor.of(2f, 4f), quietly(module, Tensor.of(1f, 2f)));
      assertSame(Tensor.of(1f, 2f), quietly(module, Tensor.of(-1f, -2f)));
    }
    Module sized = new Lambda(x -> x.nonzero().sum());
    sized.compile();
    assertSame(Tensor.scalar(1L), quietly(sized, Tensor.of(0f, 2f)));
    assertSame(Tensor.scalar(3L), quietly(sized, Tensor.of(0f, 2f, 1f)));
    assertSame(Tensor.scalar(0L), quietly(sized, Tensor.of(2f, 0f)));
  }

  @Test
  void runsEagerlyWhereHooksLookOn() {
    Block block = trainedBlock();
    block.compile();
    quietly(block, images);
    List<String> seen = new ArrayList<>();
    var registration = block.submodule("conv").registerForwardHook((_, _, output) -> {
      seen.add("conv");
      return null;
    });
    quietly(block, images);
    quietly(block, images);
    registration.close();
    quietly(block, images);
    assertEquals(List.of("conv", "conv"), seen);
  }

  @Test
  void compilesForEightKindsOfOperandsAndRunsOthersEagerly() {
    Block block = trainedBlock();
    Block twin = copy(block);
    block.compile();
    for (int n = 1; n <= 10; n++) {
      Tensor x = Tensor.randn(n, 3, 5, 5);
      quietly(block, x);
      try (Lens lens = Lens.open()) {
        assertNear(quietly(twin, x), quietly(block, x), 1e-5);
        assertEquals(n <= 8 ? 1 : 0, lens.count("fusedConv2d"), n + " images");
      }
    }
  }

  @Test
  void givesEachCallerMemoryOfItsOwn() {
    Module module = new Lambda(x -> x.mul(2).add(1).matmul(x));
    module.compile();
    Tensor a = Tensor.randn(64, 64);
    Tensor b = Tensor.randn(64, 64);
    quietly(module, a);
    Tensor first = quietly(module, a);
    Tensor second = quietly(module, b);
    assertSame(a.mul(2).add(1).matmul(a), first);
    assertSame(b.mul(2).add(1).matmul(b), second);
  }

  @Test
  void takesPartsOfTensorsAndReturnsViewsAndConstants() {
    Module view = new Lambda(x -> x.narrow(1, 1, 2).t());
    view.compile();
    Tensor whole = Tensor.randn(6, 40);
    quietly(view, whole.narrow(0, 0, 2));
    Tensor part = whole.narrow(0, 3, 2);
    Tensor seen = quietly(view, part);
    assertSame(part.narrow(1, 1, 2).t(), seen);
    whole.fill_(3);
    assertSame(Tensor.full(3, 2, 2), seen);

    Tensor fixed = Tensor.randn(5);
    Module constant = new Lambda(_ -> fixed.mul(2));
    constant.compile();
    quietly(constant, part);
    assertSame(fixed.mul(2), quietly(constant, part));
    Module sum = new Lambda(x -> x.mul(3).sub(1));
    sum.compile();
    quietly(sum, whole.narrow(0, 0, 2));
    Tensor other = Tensor.randn(4, 40);
    assertSame(other.narrow(0, 2, 2).mul(3).sub(1), quietly(sum, other.narrow(0, 2, 2)));
  }

  @Test
  void leavesTheOperandAsItWas() {
    Module module = new Lambda(x -> x.add_(1));
    module.compile();
    Tensor x = Tensor.zeros(3);
    quietly(module, x);
    quietly(module, x);
    assertSame(Tensor.of(2f, 2f, 2f), x);
  }

  @Test
  void recordsGradientsUncompiled() {
    Block block = trainedBlock();
    Block twin = copy(block);
    block.compile();
    quietly(block, images);
    block.call(images).sum().backward();
    twin.call(images).sum().backward();
    twin.namedParameters().forEach((name, parameter) -> {
      Tensor mine = Objects.requireNonNull(block.namedParameters().get(name)).grad();
      assertSame(Objects.requireNonNull(parameter.grad()), Objects.requireNonNull(mine, name));
    });
  }

  @Test
  void tellsAParameterFromTheOperandThatItIs() {
    Linear module = new Linear(3, 3, false);
    Tensor weight = module.weight().detach();
    module.compile();
    quietly(module, weight);
    Tensor x = Tensor.randn(3, 3);
    assertSame(x.matmul(weight.t()), quietly(module, x));
    assertSame(x.matmul(weight.t()), quietly(module, x));
  }

  @Test
  void standsInsideACompiledModule() {
    Block inner = trainedBlock();
    inner.compile();
    quietly(inner, images);
    Sequential outer = new Sequential(inner, new Lambda(x -> x.mul(2).add(1)));
    Tensor expected = quietly(copy(inner), images).mul(2).add(1);
    outer.compile();
    assertNear(expected, quietly(outer, images), 1e-5);
    assertNear(expected, quietly(outer, images), 1e-5);
  }

  @Test
  void servesManyThreads() throws Exception {
    Block block = trainedBlock();
    Block twin = copy(block);
    block.compile();
    try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
      List<Future<Boolean>> all = new ArrayList<>();
      for (int i = 0; i < 64; i++) {
        Tensor x = Tensor.randn(1 + i % 3, 3, 8, 8);
        Tensor expected = quietly(twin, x);
        Callable<Boolean> call = () -> quietly(block, x).sub(expected).abs().max().item().doubleValue() < 1e-5;
        all.add(threads.submit(call));
      }
      for (Future<Boolean> each : all) {
        assertTrue(each.get());
      }
    }
  }

  @Test
  void refusesWhatIsWrongByName() {
    Module module = new Lambda(x -> Tensor.randn(5, 2).indexSelect(0, x));
    module.compile();
    quietly(module, Tensor.of(1L, 2L));
    quietly(module, Tensor.of(1L, 2L));
    var refused = assertThrows(IndexOutOfBoundsException.class, () -> quietly(module, Tensor.of(1L, 7L)));
    assertTrue(Objects.requireNonNull(refused.getMessage()).startsWith("["), refused.getMessage());
    assertEquals(2, quietly(module, Tensor.of(0L, 4L)).size(0));
  }

  @Test
  void runsEagerlyWhereOtherThreadsCompute() throws Exception {
    try (ExecutorService other = Executors.newSingleThreadExecutor()) {
      Module module = new Lambda(x -> {
        try {
          return other.submit(() -> x.mul(3)).get().add(1);
        } catch (Exception e) {
          throw new IllegalStateException(e);
        }
      });
      module.compile();
      for (float value = 1; value < 4; value++) {
        assertSame(Tensor.of(3 * value + 1), quietly(module, Tensor.of(value)));
      }
    }
  }

  @Test
  void looksAtNumbersOfItsOperands() {
    Tensor sevens = Tensor.full(7, 3).to(DType.UINT8);
    Module module = new Lambda(x -> sevens.maximum(x));
    module.compile();
    for (long value : new long[] {-1, 3, 255, -1}) {
      assertSame(sevens.maximum(Tensor.scalar(value)), quietly(module, Tensor.scalar(value)));
    }
  }

  @Test
  void roundsWhatItComputedToHalfPrecisionInEachCall() {
    Module module = new Lambda(x -> x.sub(x.to(DType.FLOAT32).mean()));
    module.compile();
    for (double value : new double[] {1.7, 3.3, 0.6}) {
      Tensor x = Tensor.of(1f, (float) value, 2.2f).to(DType.BFLOAT16);
      assertSame(x.sub(x.to(DType.FLOAT32).mean()), quietly(module, x));
    }
  }

  @Test
  void comparesNumbersInTheirDtype() {
    Module module = new Lambda(x -> x.mul(1).add(0).gt(Tensor.scalar(0.1)).to(DType.FLOAT32));
    Tensor x = Tensor.scalar(0.1f);
    Tensor expected = quietly(module, x);
    module.compile();
    for (int i = 0; i < 3; i++) {
      assertSame(expected, quietly(module, x));
    }
  }

  @Test
  void losesNoGradientOfWhatItFinds() {
    Tensor weight = Tensor.randn(3).requiresGrad_(true);
    Module module = new Lambda(x -> x.mul(weight));
    module.compile();
    Tensor x = Tensor.randn(3);
    quietly(module, x);
    for (int i = 0; i < 3; i++) {
      assertTrue(module.call(x).requiresGrad());
    }
    Module enabling = new Lambda(y -> {
      try (var _ = GradMode.enableGrad()) {
        return y.mul(weight);
      }
    });
    enabling.compile();
    for (int i = 0; i < 3; i++) {
      assertTrue(quietly(enabling, x).requiresGrad());
    }
  }

  @Test
  void seesChangesInPlaceOfWhatForwardFinds() {
    Tensor found = Tensor.of(1f, 2f);
    Module module = new Lambda(x -> x.add(found.mul(2)));
    module.compile();
    for (int i = 0; i < 3; i++) {
      assertSame(found.mul(2).add(1), quietly(module, Tensor.ones(2)));
      assertSame(found.mul(2).add(1), quietly(module, Tensor.ones(2)));
      found.add_(1);
    }
  }

  @Test
  void refusesAnOperandThatHasBeenFreed() {
    Module module = new Lambda(x -> x.mul(2).add(1));
    module.compile();
    Tensor freed;
    try (var _ = MemoryScope.open()) {
      freed = Tensor.ones(2000);
      quietly(module, freed);
      quietly(module, freed);
    }
    assertThrows(ClosedTensorException.class, () -> quietly(module, freed));
  }

  @Test
  void tellsTwoPartsOfOneTensorApart() {
    Tensor table = Tensor.randn(6, 4);
    Module module = new Lambda(x -> x.add(table.narrow(0, 0, 1)));
    module.compile();
    quietly(module, table.narrow(0, 3, 1));
    for (int i = 0; i < 2; i++) {
      Tensor x = Tensor.randn(1, 4);
      assertSame(x.add(table.narrow(0, 0, 1)), quietly(module, x));
    }
  }

  @Test
  void returnsTheOperandItself() {
    Module module = new Lambda(x -> x);
    module.compile();
    Tensor x = Tensor.randn(3).requiresGrad_(true);
    for (int i = 0; i < 3; i++) {
      assertTrue(quietly(module, x) == x);
    }
  }

  @Test
  void takesTheWayThatAnExceptionTells() {
    Tensor table = Tensor.randn(4, 2);
    Module module = new Lambda(x -> {
      try {
        return table.indexSelect(0, x);
      } catch (IndexOutOfBoundsException e) {
        return Tensor.zeros(2, 2);
      }
    });
    module.compile();
    Tensor wrong = Tensor.of(1L, 9L);
    Tensor right = Tensor.of(1L, 2L);
    for (int i = 0; i < 3; i++) {
      assertSame(Tensor.zeros(2, 2), quietly(module, wrong));
      assertSame(table.indexSelect(0, right), quietly(module, right));
    }
  }

  @Test
  void checksIndicesOfWhatNobodyReads() {
    Tensor table = Tensor.randn(4, 2);
    Module module = new Lambda(x -> {
      Tensor _ = table.indexSelect(0, x);
      return x.add(1);
    });
    module.compile();
    quietly(module, Tensor.of(1L, 2L));
    quietly(module, Tensor.of(1L, 2L));
    assertThrows(IndexOutOfBoundsException.class, () -> quietly(module, Tensor.of(1L, 9L)));
  }

  @Test
  void leavesMemoryScopesTheirTensors() {
    Tensor[] kept = new Tensor[1];
    Module keeping = new Lambda(x -> {
      kept[0] = x.mul(2);
      return kept[0].sum();
    });
    keeping.compile();
    quietly(keeping, Tensor.ones(2000));
    assertEquals(2, kept[0].mean().item().doubleValue());

    Tensor[] captured = new Tensor[1];
    Module module = new Lambda(x -> x.add(captured[0]));
    module.compile();
    for (int i = 0; i < 3; i++) {
      try (var _ = MemoryScope.open()) {
        captured[0] = Tensor.full(i, 2000);
        assertSame(Tensor.full(i + 1, 2000), quietly(module, Tensor.ones(2000)));
        assertSame(Tensor.full(i + 2, 2000), quietly(module, Tensor.full(2, 2000)));
      }
      assertThrows(ClosedTensorException.class, () -> captured[0].sum());
    }
  }

  @Test
  void keepsNoMemoryOfWhatTheModuleWas() throws InterruptedException {
    Linear module = new Linear(1024, 1024, false);
    module.compile();
    long before = used();
    for (int i = 0; i < 4; i++) {
      quietly(module, Tensor.ones(1, 1024).to(module.weight().dtype()));
      module.to(i % 2 == 0 ? DType.FLOAT64 : DType.FLOAT32);
    }
    quietly(module, Tensor.ones(1, 1024));
    long more = used() - before;
    for (int i = 0; i < 100 && more >= 3 << 20; i++) {
      Thread.sleep(20); // until the collector has told
      more = used() - before;
    }
    assertTrue(more < 3 << 20, "as much as a weight: " + more);
  }

  private static long used() {
    System.gc();
    return MemoryStats.of(Device.CPU).current();
  }

  private static void step(Block block) {
    try (var _ = GradMode.noGrad()) {
      Objects.requireNonNull(block.namedParameters().get("conv.bias")).add_(1);
    }
  }

  private static int kernelsOf(Block block, Tensor x) {
    try (Lens lens = Lens.open()) {
      quietly(block, x);
      return lens.calls();
    }
  }

  @Test
  void stopsCompilingWhatChangesWithEachCall() {
    Tensor others = Tensor.randn(1, 3, 5, 5);
    for (List<Tensor> turns : List.of(List.of(images), List.of(images, others))) {
      Block block = trainedBlock();
      Block twin = copy(block);
      block.compile();
      int eagerly = kernelsOf(twin, images);
      for (int i = 0; i < 15; i++) {
        Tensor x = turns.get(i % turns.size());
        step(block);
        step(twin);
        assertNear(quietly(twin, x), quietly(block, x), 1e-5);
      }
      step(block);
      assertEquals(eagerly, kernelsOf(block, turns.getLast()), "still compiled with each call");
    }
  }

  @Test
  void compilesAgainWhatChangesNoLonger() {
    Block block = trainedBlock();
    block.compile();
    for (int i = 0; i < 15; i++) {
      quietly(block, images);
      step(block);
    }
    quietly(block, images);
    quietly(block, images);
    assertEquals(1, kernelsOf(block, images));
    step(block);
    quietly(block, images);
    assertEquals(1, kernelsOf(block, images), "it had been worth it");
  }

  @Test
  void givesTheResultThoughNoProgramCanBeMade() {
    Tensor weight = Tensor.randn(3);
    Module module = new Lambda(x -> x.add(weight.exp()));
    module.compile();
    Tensor expected = Tensor.ones(3).add(weight.exp());
    try (Lens lens = Lens.open().failing("unary EXP", 2)) { // first by the call, then as what depends on constants alone
      assertSame(expected, quietly(module, Tensor.ones(3)));
      assertEquals(2, lens.count("unary EXP"));
    }
    assertSame(expected, quietly(module, Tensor.ones(3)));
  }

  @Test
  void leavesNothingBehindWhenForwardThrows() {
    boolean[] fails = {true};
    Module module = new Lambda(x -> {
      Tensor y = x.mul(2);
      if (fails[0]) {
        throw new IllegalStateException("on purpose");
      }
      return y.add(1);
    });
    module.compile();
    assertThrows(IllegalStateException.class, () -> quietly(module, Tensor.ones(3)));
    fails[0] = false;
    for (int i = 0; i < 3; i++) {
      assertSame(Tensor.of(3f, 3f, 3f), quietly(module, Tensor.ones(3)));
    }
  }
}
