package org.flambeau.testkit;

import static org.flambeau.testkit.CompiledModules.assertNear;
import static org.flambeau.testkit.CompiledModules.assertSame;
import static org.flambeau.testkit.CompiledModules.quietly;
import static org.flambeau.testkit.CompiledModules.trainedBlock;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.flambeau.Autocast;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.GradMode;
import org.flambeau.MemoryFormat;
import org.flambeau.MemoryScope;
import org.flambeau.MemoryStats;
import org.flambeau.Tensor;
import org.flambeau.nn.BatchNorm2d;
import org.flambeau.nn.Conv2d;
import org.flambeau.nn.ConvOptions;
import org.flambeau.nn.Functional;
import org.flambeau.nn.GELU;
import org.flambeau.nn.Linear;
import org.flambeau.nn.Module;
import org.flambeau.nn.ReLU;
import org.flambeau.nn.Sequential;
import org.flambeau.spi.Chain;
import org.flambeau.testkit.CompiledModules.Block;
import org.flambeau.testkit.CompiledModules.Lambda;
import org.flambeau.testkit.memory.SoakProcess;
import org.junit.jupiter.api.Test;

/// What becomes of a module's kernels when it is compiled: fewer of them, in less memory, with the same results call after call.
public class CompilePassesTest {
  private final Tensor images = CompiledModules.images();

  @Test
  void foldsTheNormIntoTheConvolutionThatAddsAndRectifies() {
    Block block = trainedBlock();
    Tensor expected = quietly(block, images);
    block.compile();
    assertNear(expected, quietly(block, images), 0);
    Tensor repeated;
    try (Lens lens = Lens.open()) {
      repeated = quietly(block, images);
      assertEquals("[fusedConv2d]", lens.seen().toString());
      assertEquals(1, lens.count("fusedConv2d"));
    }
    assertNear(expected, repeated, 1e-5);
    Tensor others = Tensor.randn(2, 3, 9, 7);
    assertNear(quietly((Block) block.compile(false), others), quietly((Block) block.compile(), others), 1e-5);
  }

  @Test
  void joinsElementwiseOperationsThatFollowEachOther() {
    Tensor bias = Tensor.randn(70);
    Module module = new Lambda(x -> {
      Tensor y = x.add(bias);
      return y.mul(y.sigmoid()).sub(0.5).clamp(-1, 1).to(DType.BFLOAT16);
    });
    Tensor x = Tensor.randn(33, 70);
    Tensor expected = quietly(module, x);
    module.compile();
    quietly(module, x);
    Tensor repeated;
    try (Lens lens = Lens.open()) {
      repeated = quietly(module, x);
      assertEquals("[chain]", lens.seen().toString());
      assertEquals(1, lens.count("chain"));
    }
    assertSame(expected, repeated);
  }

  @Test
  void computesWhatDependsOnParametersAloneOnce() {
    Module module = new Linear(4, 3);
    Tensor weight = module.parameters().getFirst();
    Module scaled = new Sequential(new Lambda(x -> x.matmul(weight.mul(2).exp().t().contiguous())));
    Tensor x = Tensor.randn(5, 4);
    Tensor expected = quietly(scaled, x);
    scaled.compile();
    quietly(scaled, x);
    Tensor repeated;
    try (Lens lens = Lens.open()) {
      repeated = quietly(scaled, x);
      assertEquals("[matmul]", lens.seen().toString());
    }
    assertSame(expected, repeated);
    try (var _ = GradMode.noGrad()) {
      weight.add_(1);
    }
    assertSame(quietly(scaled.compile(false), x), quietly(scaled.compile(), x));
  }

  @Test
  void changesInPlaceWhatItMade() {
    Module module = new Lambda(x -> {
      Tensor y = Tensor.zeros(4, 6);
      y.narrow(1, 1, 3).copy_(x);
      y.narrow(1, 0, 2).add_(y.narrow(1, 2, 2)).mul_(2);
      y.indexAdd_(0, Tensor.of(1L, 1L), x.narrow(0, 0, 2).repeat(1, 2));
      return Tensor.cat(List.of(y.relu_().neg(), x, y), 1);
    });
    Tensor expected = quietly(module, Tensor.arange(12).view(4, 3).to(DType.FLOAT32));
    module.compile();
    quietly(module, Tensor.randn(4, 3));
    assertSame(expected, quietly(module, Tensor.arange(12).view(4, 3).to(DType.FLOAT32)));
  }

  @Test
  void computesAnewWhatItPacked() {
    Tensor weight = Tensor.randn(128, 128);
    Module module = new Lambda(x -> {
      Tensor y = x.mul(2);
      Tensor product = weight.matmul(y);
      y.narrow(0, 0, 100).mul_(3);
      return product.add(weight.matmul(y));
    });
    module.compile();
    for (int i = 0; i < 5; i++) {
      Tensor x = Tensor.randn(128, 128);
      Tensor y = x.mul(2);
      Tensor product = weight.matmul(y);
      y.narrow(0, 0, 100).mul_(3);
      assertNear(product.add(weight.matmul(y)), quietly(module, x), 1e-3);
    }
  }

  @Test
  void foldsWhatChangesInPlaceAsItChanges() {
    Tensor weight = Tensor.randn(128, 128);
    Module module = new Lambda(x -> {
      Tensor c = weight.mul(2);
      Tensor sum = weight.matmul(c).add(weight.mul(3).matmul(c));
      c.narrow(0, 0, 100).mul_(3);
      return x.add(sum).add(weight.mul(4).matmul(c));
    });
    Tensor x = Tensor.randn(128, 128);
    Tensor expected = quietly(module, x);
    module.compile();
    for (int i = 0; i < 3; i++) {
      assertNear(expected, quietly(module, x), 1e-3);
    }
  }

  @Test
  void rectifiesPartsOfProductsAsParts() {
    Tensor weight = Tensor.randn(40, 40);
    Tensor bias = Tensor.randn(40);
    for (UnaryOperator<Tensor> part : List.<UnaryOperator<Tensor>>of(y -> y.narrow(0, 0, 1).expand(40, 40).relu(),
        y -> y.t().relu(), y -> y.view(1600).relu(), y -> y.view(4, 10, 40).relu().add(1), y -> y.add(y))) {
      assertRepeats(x -> part.apply(Functional.linear(x, weight, bias)), Tensor.randn(40, 40));
    }
  }

  @Test
  void keepsTemporariesApartThatAreNeededTogether() {
    Tensor weight = Tensor.randn(64, 64).mul(0.1);
    for (UnaryOperator<Tensor> function : List.<UnaryOperator<Tensor>>of(
        x -> { // whose sum must not take its place
          Tensor y = x.matmul(weight);
          return y.add(y.t()).matmul(weight);
        },
        x -> { // which changes rows that it reads
          Tensor y = x.matmul(weight);
          y.narrow(0, 1, 63).add_(y.narrow(0, 0, 63).mul(2));
          return y.matmul(weight);
        },
        x -> { // of which the smallest is needed as long as the largest, and as the middle one after that
          Tensor small = x.narrow(0, 0, 24).matmul(weight);
          Tensor sums = x.matmul(weight).sum(0);
          Tensor middle = x.narrow(0, 0, 32).matmul(weight);
          return middle.narrow(0, 0, 24).mul(small).add(sums);
        },
        x -> x.repeat(64, 8).sin().sum(0).matmul(x.repeat(8, 1))) // of which the last and smallest is needed when the largest is not any more
    ) {
      assertRepeats(function, Tensor.randn(64, 64));
    }
  }

  @Test
  void keepsCastParametersForLaterRegions() {
    Module module = new Sequential(new Linear(64, 64), new Linear(64, 64));
    Tensor x = Tensor.randn(3, 64);
    try (var _ = Autocast.open(DType.BFLOAT16)) {
      quietly(module, x); // which leaves casts to the region
      quietly(module.compile(), x);
    }
    for (int i = 0; i < 2; i++) {
      try (var _ = Autocast.open(DType.BFLOAT16); Lens lens = Lens.open()) {
        quietly(module, x);
        assertEquals(1, lens.count("copy"), "casts of the operand");
      }
    }
  }

  @Test
  void castsParametersOfAnAutocastRegionOnce() {
    Module module = new Sequential(new Linear(16, 16), new Linear(16, 4));
    module.compile();
    Tensor x = Tensor.randn(3, 16);
    Tensor exact = quietly(module, x);
    for (int i = 0; i < 3; i++) {
      try (var _ = Autocast.open(DType.BFLOAT16)) {
        Tensor y = quietly(module, x);
        assertEquals(DType.BFLOAT16, y.dtype());
        assertSame(quietly(module.compile(false), x), y);
        module.compile();
        quietly(module, x);
        Tensor repeated;
        try (Lens lens = Lens.open()) {
          repeated = quietly(module, x);
          assertEquals(1, lens.count("copy"), "casts of the operand");
        }
        assertSame(y, repeated);
      }
    }
    assertSame(exact, quietly(module, x));
  }

  @Test
  void sharesTheFoldedWeightOfAConvolutionAmongItsPrograms() throws InterruptedException {
    Conv2d conv = new Conv2d(256, 256, 3, ConvOptions.of().padding(1));
    Sequential module = new Sequential(conv, new BatchNorm2d(256));
    module.eval();
    module.compile();
    long before = SoakProcess.settled(-1);
    for (int size = 4; size < 8; size++) {
      Tensor x = Tensor.ones(1, 256, size, size);
      assertSame(quietly(module, x), quietly(module, x));
    }
    long weight = conv.weight().numel() * Float.BYTES;
    long more = SoakProcess.settled(before + weight) - before;
    assertTrue(more < 2 * weight, "a weight takes " + weight + " bytes, four programs " + more);
    Tensor x = Tensor.ones(1, 256, 4, 4);
    assertSame(quietly(module, x), quietly(module.compile(false), x));
  }

  /// Where each layer's result is as large as the next one's.
  @Test
  void holdsTwoActivationsOfASequenceAtATime() {
    List<Module> layers = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      layers.add(new Linear(256, 256));
    }
    Module chain = new Sequential(layers.toArray(Module[]::new));
    chain.compile();
    Tensor x = Tensor.randn(1024, 256);
    quietly(chain, x);
    quietly(chain, x);
    long activation = 1024 * 256 * 4;
    try (var _ = MemoryScope.open()) {
      MemoryStats before = MemoryStats.of(Device.CPU);
      MemoryStats.resetPeak(Device.CPU);
      quietly(chain, x);
      long peak = MemoryStats.of(Device.CPU).peak() - before.current();
      assertTrue(peak <= activation + 8192, "its temporaries lie in memory that is kept, and beyond it a run takes " + peak + " bytes");
    }
  }

  @Test
  void givesConstantsThatTheCallerMayChange() {
    Tensor fixed = Tensor.randn(5);
    for (UnaryOperator<Tensor> function : List.<UnaryOperator<Tensor>>of(_ -> fixed.mul(2), _ -> Tensor.of(1f, 2f))) {
      Module module = new Lambda(function);
      Tensor expected = quietly(module, Tensor.ones(1));
      module.compile();
      for (int i = 0; i < 4; i++) {
        Tensor y = quietly(module, Tensor.ones(1));
        assertSame(expected, y);
        y.add_(100);
      }
    }
  }

  /// Asserts that `function` gives compiled the bits that it gives uncompiled, call after call.
  private static void assertRepeats(UnaryOperator<Tensor> function, Tensor x) {
    Module module = new Lambda(function);
    Tensor expected = quietly(module, x);
    module.compile();
    for (int i = 0; i < 3; i++) {
      assertSame(expected, quietly(module, x));
    }
  }

  /// Asserts that `function` gives compiled what it gives uncompiled, call after call, with one operand and another.
  private static void assertCompiles(UnaryOperator<Tensor> function, Tensor x, Tensor other) {
    Module module = new Lambda(function);
    module.compile();
    for (Tensor each : List.of(x, other, x, other)) {
      assertNear(quietly(new Lambda(function), each), quietly(module, each), 1e-4);
    }
  }

  private static void assertCompiles(UnaryOperator<Tensor> function) {
    assertCompiles(function, Tensor.randn(64, 64), Tensor.randn(64, 64));
  }

  @Test
  void keepsNothingThatChangesLater() {
    Tensor weight = Tensor.randn(64, 64);
    assertCompiles(x -> { // what is made of the weight alone is changed by what is not
      Tensor c = weight.mul(2);
      c.narrow(0, 0, 8).add_(x.narrow(0, 0, 8));
      return c.add(1);
    });
    assertCompiles(x -> { // what is made of the weight alone is read before it changes
      Tensor c = weight.mul(2);
      Tensor before = x.add(c);
      c.narrow(0, 0, 8).mul_(3);
      return before.matmul(c);
    });
  }

  /// It would take longer to read than to fill.
  @Test
  void fillsLargeTensorsAnew() {
    for (int rows : new int[] {4, 1024}) {
      Module module = new Lambda(x -> x.matmul(Tensor.full(2, rows, 64).t()));
      module.compile();
      Tensor x = Tensor.randn(3, 64);
      quietly(module, x);
      try (Lens lens = Lens.open()) {
        quietly(module, x);
        assertEquals(rows == 4 ? 0 : 1, lens.count("fill"), rows + " rows");
      }
    }
  }

  @Test
  void letsALinearMapRectifyOnlyWhatNobodyElseSees() {
    Tensor weight = Tensor.randn(64, 64);
    Tensor bias = Tensor.randn(64);
    Tensor table = Tensor.randn(4, 64);
    assertCompiles(x -> { // the map itself is the result
      Tensor y = Functional.linear(x, weight, bias);
      Tensor _ = table.indexSelect(0, y.relu().sum().mul(0).to(DType.INT64).view(1));
      return y;
    });
    assertCompiles(x -> { // something else writes a part of it first
      Tensor y = Functional.linear(x, weight, bias);
      y.narrow(0, 0, 8).copy_(x.narrow(0, 0, 8));
      return y.relu();
    });
    assertCompiles(x -> { // its operand changes in between
      Tensor operand = x.mul(2);
      Tensor y = Functional.linear(operand, weight, bias);
      operand.narrow(0, 0, 8).add_(1);
      return y.relu().matmul(operand);
    });
    Module gelu = new Sequential(new Linear(64, 64), new GELU(), new ReLU()).eval();
    assertCompiles(gelu::call);
  }

  @Test
  void letsAConvolutionAddOnlyWhatItMayRead() {
    Conv2d conv = new Conv2d(3, 3, 3, ConvOptions.of().padding(1));
    Tensor other = Tensor.randn(2, 3, 9, 7);
    List<UnaryOperator<Tensor>> functions = List.of(
        x -> { // the sum takes the residual's place
          Tensor sum = x.mul(2);
          return sum.add_(conv.call(x)).mul(2);
        },
        x -> conv.call(x).add(conv.call(x).mul(3)),
        x -> { // twice the same
          Tensor y = conv.call(x);
          return y.add(y);
        },
        x -> conv.call(x).add(x.select(0, 0)), // broadcast
        x -> conv.call(x).add(2), // a number
        x -> conv.call(x).add(x.to(DType.FLOAT64)), // of another dtype
        x -> x.add(conv.call(x.contiguous(MemoryFormat.CHANNELS_LAST))), // whose order the sum has
        x -> conv.call(x).add(x).add(x.mul(2)), // of which there may be one
        x -> conv.call(x).sub(x),
        x -> conv.call(x).relu().add(x)); // which comes after ReLU
    for (UnaryOperator<Tensor> function : functions) {
      assertCompiles(function, images, other);
    }
  }

  @Test
  void foldsANormIntoAConvolutionAlone() {
    Conv2d conv = new Conv2d(3, 3, 3, ConvOptions.of().padding(1));
    BatchNorm2d norm = trainedBlock().norm;
    Tensor other = Tensor.randn(2, 3, 9, 7);
    assertCompiles(x -> norm.call(conv.call(x).add(x)), images, other);
    assertCompiles(x -> norm.call(conv.call(x).relu()), images, other);
    assertCompiles(x -> {
      Tensor y = conv.call(x);
      return norm.call(y).add(y);
    }, images, other);
    BatchNorm2d ofOneChannel = new BatchNorm2d(1);
    ofOneChannel.eval();
    assertCompiles(x -> ofOneChannel.call(conv.call(x).view(6, 1, 9, 7)), images, other);
  }

  @Test
  void joinsNoMoreThanKernelsTake() {
    List<Tensor> addends = Stream.generate(() -> Tensor.randn(64)).limit(2 * Chain.MOST_OPERANDS).toList();
    UnaryOperator<Tensor> many = x -> {
      Tensor y = x;
      for (Tensor each : addends) {
        y = y.add(each);
      }
      return y;
    };
    UnaryOperator<Tensor> one = x -> {
      Tensor y = x;
      for (int i = 0; i < 2 * Chain.MOST_LINKS; i++) {
        y = y.sin().neg();
      }
      return y;
    };
    for (UnaryOperator<Tensor> function : List.of(many, one)) {
      assertCompiles(function);
      Module module = new Lambda(function);
      module.compile();
      Tensor x = Tensor.randn(64, 64);
      quietly(module, x);
      try (Lens lens = Lens.open()) {
        quietly(module, x);
        assertTrue(lens.count("chain") > 1, lens.seen()::toString);
      }
    }
  }

  @Test
  void leavesOutOfChainsWhatIsNeededByItself() {
    Tensor table = Tensor.randn(4, 64);
    assertCompiles(x -> { // the result, which something else reads
      Tensor y = x.mul(2).add(1);
      Tensor _ = table.indexSelect(0, y.mul(0).sin().to(DType.INT64).view(-1));
      return y;
    });
    Module copying = new Lambda(x -> x.mul(2).t().contiguous().add(1)); // a copy has a faster kernel
    copying.compile();
    Tensor x = Tensor.randn(64, 64);
    quietly(copying, x);
    try (Lens lens = Lens.open()) {
      quietly(copying, x);
      assertEquals(1, lens.count("copy"), lens.seen()::toString);
    }
  }
}
