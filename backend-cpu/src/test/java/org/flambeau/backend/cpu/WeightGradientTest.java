package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.FLOAT;
import static org.flambeau.spi.NativeMemory.LONG;
import static org.flambeau.spi.NativeMemory.SHORT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Objects;
import java.util.Random;
import java.util.stream.Stream;
import org.flambeau.DType;
import org.flambeau.backend.cpu.NaiveLinearAlgebra.Sum;
import org.flambeau.backend.cpu.NaiveLinearAlgebra.Wanted;
import org.flambeau.backend.cpu.Operand.Layout;
import org.flambeau.backend.cpu.amx.BlockProduct;
import org.flambeau.backend.cpu.amx.TileUnit;
import org.flambeau.backend.cpu.amx.WeightGradient;
import org.flambeau.spi.ConvSpec;
import org.flambeau.spi.HalfPrecision;
import org.flambeau.spi.Strided;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Gradients of weights by tiles are the sums of products that they stand for, and the processor's tiles do what loops do.
final class WeightGradientTest {
  private static final int SIDE = BlockProduct.SIDE;

  private final CountingAllocator allocator = new CountingAllocator();
  private final Random random = new Random(7);

  private record Case(long n, long c, long h, long w, long o, long kernelH, long kernelW, ConvSpec spec) {
    long[] x() {
      return new long[] {n, c, h, w};
    }

    long[] weight() {
      return new long[] {o, c, kernelH, kernelW};
    }

    long[] out() {
      return new long[] {n, o, (h + 2L * spec.padH() - spec.dilationH() * (kernelH - 1) - 1) / spec.strideH() + 1,
        (w + 2L * spec.padW() - spec.dilationW() * (kernelW - 1) - 1) / spec.strideW() + 1};
    }
  }

  private static ConvSpec spec(int stride, int padding, int dilation) {
    return new ConvSpec(stride, stride, padding, padding, dilation, dilation, 1);
  }

  /// The kernels of ResNets and odd ones beside them: strides that skip pixels, results that do not use all of an image, of which the next line then is no padding, padding wider than the
  /// kernel, more places than are multiplied at a time, fewer than a step.
  private static Stream<Case> cases() {
    return Stream.of(new Case(2, 32, 9, 10, 64, 3, 3, spec(1, 1, 1)), new Case(1, 64, 17, 18, 32, 3, 3, spec(1, 1, 1)),
        new Case(3, 32, 13, 6, 64, 3, 3, spec(2, 1, 1)), new Case(3, 64, 8, 7, 32, 1, 1, spec(2, 0, 1)),
        new Case(1, 32, 12, 13, 64, 7, 7, spec(2, 3, 1)), new Case(1, 32, 9, 11, 64, 3, 3, spec(1, 2, 2)),
        new Case(1, 32, 17, 12, 64, 7, 5, spec(3, 3, 1)), new Case(2, 32, 5, 6, 64, 3, 3, spec(1, 4, 1)),
        new Case(1, 32, 10, 12, 64, 4, 4, spec(2, 1, 3)), new Case(2, 32, 4, 4, 64, 2, 2, spec(3, 1, 1)),
        new Case(1, 32, 6, 7, 64, 3, 2, new ConvSpec(2, 1, 0, 1, 1, 2, 1)), new Case(1, 64, 1, 1, 32, 1, 1, spec(1, 0, 1)),
        new Case(2, 32, 1, 9, 64, 1, 4, new ConvSpec(1, 3, 0, 2, 1, 1, 1)), new Case(1, 32, 9, 10, 32, 9, 8, spec(1, 2, 1)),
        new Case(2, 32, 8, 8, 64, 6, 6, spec(3, 3, 1)));
  }

  @AfterEach
  void workspacesWereGivenBack() {
    assertEquals(0, allocator.live.get());
  }

  private Strided random(boolean channelsLast, long... s) {
    long[] strides = {s[1] * s[2] * s[3], 1, s[3] * s[1], s[1]};
    Strided x = Operand.natively(DType.BFLOAT16, channelsLast ? new Layout("channels last", s, strides, 0) : Layout.contiguous(s));
    for (long i = 0; i < x.numel(); i++) {
      Operand.set(x, i, random.nextGaussian());
    }
    return x;
  }

  private void computes(TileUnit unit, Case c, boolean weightChannelsLast) {
    Strided x = random(true, c.x());
    Strided grad = random(true, c.out());
    Strided gradWeight = random(weightChannelsLast, c.weight());
    Sum[] sums = NaiveLinearAlgebra.convolution(Wanted.WEIGHT, grad, x, gradWeight, c.spec());

    WeightGradient.compute(unit, allocator, gradWeight, grad, x, c.spec());

    NaiveLinearAlgebra.assertClose(gradWeight, i -> sums[(int) i], c.toString());
  }

  @ParameterizedTest
  @MethodSource("cases")
  void addsUpByLoops(Case c) {
    computes(PlainTiles.unit(), c, false);
    computes(PlainTiles.unit(), c, true);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void addsUpByTheProcessor(Case c) {
    computes(PlainTiles.processors(), c, false);
    computes(PlainTiles.processors(), c, true);
  }

  @Test
  void takesImagesThatLieApart() {
    Case c = new Case(2, 32, 6, 5, 64, 3, 3, spec(1, 1, 1));
    Strided wide = random(true, 4, 96, 8, 7);
    Strided x = wide.with(wide.offset() + 64 + wide.stride(2), c.x(), new long[] {2 * wide.stride(0), 1, wide.stride(2), wide.stride(3)});
    Strided pixel = random(true, 1, 64, 1, 1);
    Strided grad = pixel.with(0, c.out(), new long[] {0, 1, 0, 0});
    Strided gradWeight = random(false, c.weight());
    Sum[] sums = NaiveLinearAlgebra.convolution(Wanted.WEIGHT, grad, x, gradWeight, c.spec());

    WeightGradient.compute(PlainTiles.unit(), allocator, gradWeight, grad, x, c.spec());

    NaiveLinearAlgebra.assertClose(gradWeight, i -> sums[(int) i], "part of an image");
  }

  @Test
  void leavesToOthersWhatItHasNoBlocksFor() {
    Strided image = random(true, 1, 512, 2, 2);
    assertTrue(WeightGradient.serves(image, image, spec(1, 0, 1)));
    assertFalse(WeightGradient.serves(image, random(false, 1, 512, 2, 2), spec(1, 0, 1)), "rows of pixels");
    assertFalse(WeightGradient.serves(random(false, 1, 512, 2, 2), image, spec(1, 0, 1)), "rows of results");
    assertFalse(WeightGradient.serves(image, random(true, 1, 500, 2, 2), spec(1, 0, 1)), "part of a block");
    assertFalse(WeightGradient.serves(image, image, new ConvSpec(1, 1, 0, 0, 1, 1, 2)), "groups");
    Strided floats = Operand.natively(DType.FLOAT32, Layout.contiguous(1, 512, 1, 1));
    assertFalse(WeightGradient.serves(floats, floats, spec(1, 0, 1)), "float32");
  }

  // ---- the processor's tiles beside loops ----

  private long numbers(Arena arena, long bytes) {
    MemorySegment memory = arena.allocate(bytes, 64);
    for (long i = 0; i < bytes; i += 2) {
      ALL.set(SHORT, memory.address() + i, HalfPrecision.bfloat16((float) random.nextGaussian()));
    }
    return memory.address();
  }

  @Test
  void aBlockIsTheSumOfProducts() {
    TileUnit unit = PlainTiles.processors();
    try (Arena arena = Arena.ofConfined()) {
      int steps = 3;
      int count = 2;
      int parts = 2;
      long row = 2L * SIDE * steps + 6;
      long a = arena.allocate(8L * count * parts).address();
      long rows = numbers(arena, row * SIDE + 64);
      for (int i = 0; i < count * parts; i++) {
        ALL.set(LONG, a + 8L * i, rows + 2 * i);
      }
      long b = numbers(arena, 2L * SIDE * SIDE * steps * parts);
      long expected = arena.allocate(count * BlockProduct.BYTES, 64).address();
      long sums = arena.allocate(count * BlockProduct.BYTES, 64).address();
      for (int adding = 0; adding < 2; adding++) {
        new PlainTiles().run(expected, a, b, steps, adding, row, count, parts);
        unit.products().run(sums, a, b, steps, adding, row, count, parts);
        for (long at = 0; at < count * BlockProduct.BYTES; at += 4) {
          assertEquals(ALL.get(FLOAT, expected + at), ALL.get(FLOAT, sums + at), 1e-4, "adding " + adding + ", byte " + at);
        }
      }
    }
  }

  @Test
  void vectorsLayOutAsLoopsDo() {
    Vectorization present = Vectorization.PRESENT;
    PairLayouts found = present == null ? null : present.pairLayouts();
    assumeTrue(found != null, "there are vectors of 512 bits");
    PairLayouts vectors = Objects.requireNonNull(found);
    PairLayouts loops = new PlainTiles();
    try (Arena arena = Arena.ofConfined()) {
      long[] rows = new long[SIDE];
      long numbers = numbers(arena, 8L * SIDE * SIDE);
      Arrays.setAll(rows, i -> numbers + 8L * SIDE * i);
      ALL.set(FLOAT, rows[3] + 8, Float.NaN);
      ALL.set(FLOAT, rows[4] + 8, Float.POSITIVE_INFINITY);
      ALL.set(FLOAT, rows[5] + 8, Float.intBitsToFloat(0x3f808000)); // between two bfloat16
      long scratch = arena.allocate(2L * SIDE * SIDE, 64).address();
      for (int what = 0; what < 6; what++) {
        MemorySegment expected = arena.allocate(2L * 40 * SIDE, 64);
        MemorySegment written = arena.allocate(2L * 40 * SIDE, 64);
        lay(loops, what, rows, expected.address(), scratch);
        lay(vectors, what, rows, written.address(), scratch);
        assertEquals(-1, expected.mismatch(written), "layout " + what);
      }
    }
  }

  private static void lay(PairLayouts layouts, int what, long[] rows, long to, long scratch) {
    switch (what) {
      case 0 -> layouts.pairs(rows, 6, to);
      case 1 -> layouts.transpose(rows, 6, to, 80, scratch);
      case 2 -> layouts.transposeRounded(rows, 4, to, 80, scratch);
      case 3 -> layouts.columnPairs(rows[0], 8L * SIDE, to);
      case 4 -> layouts.finish(rows[3], 3, to, 80, rows[8], 0, 0, Integer.MIN_VALUE);
      default -> layouts.finish(rows[3], 3, to, 80, rows[8], rows[10], 96, 0);
    }
  }
}
