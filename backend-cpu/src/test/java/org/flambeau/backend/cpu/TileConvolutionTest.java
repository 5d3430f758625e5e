package org.flambeau.backend.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.flambeau.DType;
import org.flambeau.backend.cpu.NaiveLinearAlgebra.Sum;
import org.flambeau.backend.cpu.NaiveLinearAlgebra.Wanted;
import org.flambeau.backend.cpu.Operand.Layout;
import org.flambeau.backend.cpu.amx.TileConvolution;
import org.flambeau.backend.cpu.amx.TileUnit;
import org.flambeau.spi.Activation;
import org.flambeau.spi.ConvSpec;
import org.flambeau.spi.Epilogue;
import org.flambeau.spi.Strided;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Convolutions by tiles, and the gradients of their images, are the sums of products that they stand for.
final class TileConvolutionTest {
  private final CountingAllocator allocator = new CountingAllocator();
  private final Random random = new Random(11);

  private record Case(long n, long c, long h, long w, long o, long kernelH, long kernelW, ConvSpec spec) {
    long[] x() {
      return new long[] {n, c, h, w};
    }

    long[] weight() {
      return new long[] {o, c, kernelH, kernelW};
    }

    long[] out() {
      return new long[] {n, o, ConvSpec.outputSize(h, kernelH, spec.strideH(), spec.padH(), spec.dilationH()),
        ConvSpec.outputSize(w, kernelW, spec.strideW(), spec.padW(), spec.dilationW())};
    }
  }

  private static ConvSpec spec(int stride, int padding, int dilation) {
    return new ConvSpec(stride, stride, padding, padding, dilation, dilation, 1);
  }

  /// The kernels of ResNets and odd ones beside them: strides that skip pixels and phases that no element of the kernel reaches, padding wider than the
  /// kernel, dilations with and without a common factor with the stride, more places than are multiplied at a time, several bands, images of one pixel.
  private static Stream<Case> cases() {
    return Stream.of(new Case(2, 32, 9, 10, 64, 3, 3, spec(1, 1, 1)), new Case(1, 64, 17, 18, 32, 3, 3, spec(1, 1, 1)),
        new Case(3, 32, 13, 6, 64, 3, 3, spec(2, 1, 1)), new Case(3, 64, 8, 7, 32, 1, 1, spec(2, 0, 1)),
        new Case(1, 32, 12, 13, 64, 7, 7, spec(2, 3, 1)), new Case(1, 32, 9, 11, 64, 3, 3, spec(1, 2, 2)),
        new Case(1, 32, 17, 12, 64, 7, 5, spec(3, 3, 1)), new Case(2, 32, 5, 6, 64, 3, 3, spec(1, 4, 1)),
        new Case(1, 32, 10, 12, 64, 4, 4, spec(2, 1, 3)), new Case(2, 32, 4, 4, 64, 2, 2, spec(3, 1, 1)),
        new Case(1, 32, 11, 12, 32, 3, 3, spec(2, 2, 2)), new Case(1, 32, 6, 7, 64, 3, 2, new ConvSpec(2, 1, 0, 1, 1, 2, 1)),
        new Case(1, 64, 1, 1, 32, 1, 1, spec(1, 0, 1)), new Case(2, 32, 1, 9, 64, 1, 4, new ConvSpec(1, 3, 0, 2, 1, 1, 1)),
        new Case(1, 32, 9, 10, 32, 9, 8, spec(1, 2, 1)), new Case(2, 32, 8, 8, 64, 6, 6, spec(3, 3, 1)),
        new Case(1, 32, 2, 2, 32, 2, 2, spec(3, 2, 1)), new Case(1, 256, 30, 20, 32, 1, 2, new ConvSpec(1, 1, 0, 0, 1, 1, 1)),
        new Case(1, 128, 33, 5, 96, 3, 3, spec(1, 1, 1)));
  }

  @AfterEach
  void workspacesWereGivenBack() {
    assertEquals(0, allocator.live.get());
  }

  private Strided random(boolean channelsLast, long... s) {
    long[] strides = {s[1] * s[2] * s[3], 1, s[3] * s[1], s[1]};
    return random(DType.BFLOAT16, channelsLast ? new Layout("channels last", s, strides, 0) : Layout.contiguous(s));
  }

  private Strided random(DType dtype, Layout layout) {
    Strided x = Operand.natively(dtype, layout);
    for (long i = 0; i < x.numel(); i++) {
      Operand.set(x, i, random.nextGaussian());
    }
    return x;
  }

  private void run(TileUnit unit, Strided result, Strided source, Strided weight, Epilogue epilogue, ConvSpec spec, boolean backward) {
    TileConvolution convolution = new TileConvolution(unit, allocator, result, source, weight, spec, backward);
    try (Workspace workspace = new Workspace(allocator)) {
      long kernel = workspace.take(convolution.kernelBytes());
      convolution.writeKernelTo(kernel);
      convolution.run(kernel, epilogue);
    }
  }

  private void convolves(TileUnit unit, Case c, boolean plainLayouts) {
    Strided x = random(!plainLayouts, c.x());
    Strided out = random(true, c.out());
    Strided weight = random(!plainLayouts, c.weight());
    Sum[] sums = NaiveLinearAlgebra.convolution(Wanted.OUT, out, x, weight, c.spec());

    run(unit, out, x, weight, Epilogue.NONE, c.spec(), false);

    NaiveLinearAlgebra.assertClose(out, i -> sums[(int) i], c.toString());
  }

  private void givesGradients(TileUnit unit, Case c, boolean plainLayouts) {
    Strided x = random(true, c.x());
    Strided grad = random(!plainLayouts, c.out());
    Strided weight = random(!plainLayouts, c.weight());
    Sum[] sums = NaiveLinearAlgebra.convolution(Wanted.X, grad, x, weight, c.spec());

    run(unit, x, grad, weight, Epilogue.NONE, c.spec(), true);

    NaiveLinearAlgebra.assertClose(x, i -> sums[(int) i], c.toString());
  }

  @ParameterizedTest
  @MethodSource("cases")
  void convolvesByLoops(Case c) {
    convolves(PlainTiles.unit(), c, false);
    convolves(PlainTiles.unit(), c, true);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void convolvesByTheProcessor(Case c) {
    convolves(PlainTiles.processors(), c, false);
    convolves(PlainTiles.processors(), c, true);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void givesGradientsByLoops(Case c) {
    givesGradients(PlainTiles.unit(), c, false);
    givesGradients(PlainTiles.unit(), c, true);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void givesGradientsByTheProcessor(Case c) {
    givesGradients(PlainTiles.processors(), c, false);
    givesGradients(PlainTiles.processors(), c, true);
  }

  /// y = max(scale·sum + bias + residual, 0), rounded once.
  @Test
  void writesResultsWithAllThatComesBehind() {
    Case c = new Case(2, 32, 9, 10, 64, 3, 3, spec(2, 1, 1));
    Strided x = random(true, c.x());
    Strided weight = random(false, c.weight());
    Strided scale = random(DType.FLOAT32, Layout.contiguous(64));
    Strided bias = random(DType.FLOAT32, Layout.contiguous(64));
    for (boolean channelsLast : new boolean[] {true, false}) {
      Strided residual = random(channelsLast, c.out());
      Strided out = random(true, c.out());
      Sum[] sums = NaiveLinearAlgebra.convolution(Wanted.OUT, out, x, weight, c.spec());
      double[] values = new double[sums.length];
      Arrays.setAll(values, i -> {
        int channel = (int) (i / (out.size(2) * out.size(3)) % 64);
        return Operand.get(scale, channel) * sums[i].value + Operand.get(bias, channel) + Operand.get(residual, i);
      });

      run(PlainTiles.unit(), out, x, weight, new Epilogue(scale, bias, residual, Activation.RELU), c.spec(), false);

      for (int i = 0; i < values.length; i++) {
        assertEquals(Math.max(values[i], 0), Operand.get(out, i), 1e-2 * (1 + Math.abs(values[i])), "element " + i);
      }
    }
  }

  @Test
  void takesImagesThatLieApart() {
    Case c = new Case(2, 32, 6, 5, 64, 3, 3, spec(1, 1, 1));
    Strided wide = random(true, 4, 96, 8, 7);
    Strided x = wide.with(wide.offset() + 64 + wide.stride(2), c.x(), new long[] {2 * wide.stride(0), 1, wide.stride(2), wide.stride(3)});
    Strided room = random(true, 2, 128, 6, 5);
    Strided out = room.with(room.offset() + 32, c.out(), room.strides());
    Strided weight = random(false, c.weight());
    Sum[] sums = NaiveLinearAlgebra.convolution(Wanted.OUT, out, x, weight, c.spec());
    double before = Operand.get(room, 0);

    run(PlainTiles.unit(), out, x, weight, Epilogue.NONE, c.spec(), false);

    NaiveLinearAlgebra.assertClose(out, i -> sums[(int) i], "part of an image");
    assertEquals(before, Operand.get(room, 0), "beside the result");
  }

  @Test
  void leavesToOthersWhatItHasNoBlocksFor() {
    Strided image = random(true, 64, 64, 2, 2);
    Strided weight = random(false, 64, 64, 3, 3);
    ConvSpec same = spec(1, 1, 1);
    assertTrue(TileConvolution.serves(image, image, weight, same));
    assertTrue(TileConvolution.serves(image, random(false, 64, 64, 2, 2), weight, same), "what is read may lie otherwise");
    assertFalse(TileConvolution.serves(random(false, 64, 64, 2, 2), image, weight, same), "rows of results");
    assertFalse(TileConvolution.serves(image, image, random(false, 64, 48, 3, 3), same), "part of a block that is read");
    assertFalse(TileConvolution.serves(image, image, random(false, 48, 64, 3, 3), same), "part of a block of results");
    assertFalse(TileConvolution.serves(image, image, weight, new ConvSpec(1, 1, 1, 1, 1, 1, 2)), "groups");
    assertFalse(TileConvolution.serves(image, image, random(false, 64, 64, 1, 1), spec(1, 0, 1)), "one pixel");
    assertFalse(TileConvolution.serves(image, image, weight, spec(1, 2, 2)), "pixels between");
    assertFalse(TileConvolution.serves(image, image, weight, spec(1, 3, 1)), "wide padding");
    assertFalse(TileConvolution.serves(image, image, weight, spec(4, 1, 1)), "pixels skipped");
    assertFalse(TileConvolution.serves(image, image, random(false, 64, 64, 9, 9), spec(1, 4, 1)), "a large kernel");
    Strided wide = random(true, 64, 64, 1, 2000);
    assertFalse(TileConvolution.serves(wide, wide, weight, same), "lines that no cache holds");
    Strided floats = Operand.natively(DType.FLOAT32, Layout.contiguous(1, 64, 1, 1));
    assertFalse(TileConvolution.serves(floats, floats, weight, same), "float32");
  }
}
