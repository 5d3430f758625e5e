package org.flambeau.backend.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.flambeau.DType;
import org.flambeau.MatmulPrecision;
import org.flambeau.backend.cpu.NaiveLinearAlgebra.Sum;
import org.flambeau.backend.cpu.NaiveLinearAlgebra.Wanted;
import org.flambeau.backend.cpu.Operand.Layout;
import org.flambeau.spi.Activation;
import org.flambeau.spi.ConvSpec;
import org.flambeau.spi.Epilogue;
import org.flambeau.spi.Strided;
import org.flambeau.spi.UnaryOp;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Convolutions by transformed patches are the sums of products that they stand for.
final class WinogradTest {
  private final CountingAllocator allocator = new CountingAllocator();
  private final Random random = new Random(5);

  /// Images and a kernel of 3×3.
  private record Case(long n, long c, long h, long w, long o, int padH, int padW) {
    long[] x() {
      return new long[] {n, c, h, w};
    }

    long[] weight() {
      return new long[] {o, c, 3, 3};
    }

    long[] out() {
      return new long[] {n, o, h + 2L * padH - 2, w + 2L * padW - 2};
    }

    ConvSpec spec() {
      return new ConvSpec(1, 1, padH, padW, 1, 1, 1);
    }
  }

  /// Whole tiles and parts of them, images smaller than a patch, fewer channels than a strip and more, few tiles and groups of them.
  private static Stream<Arguments> casesAndLayouts() {
    return Stream.of(new Case(1, 16, 8, 8, 16, 1, 1), new Case(2, 32, 13, 7, 48, 1, 1), new Case(1, 16, 10, 11, 32, 0, 2),
        new Case(2, 16, 3, 3, 16, 2, 0), new Case(1, 144, 5, 6, 80, 1, 1), new Case(3, 16, 24, 21, 32, 1, 1))
        .flatMap(c -> Stream.of(Arguments.of(c, false), Arguments.of(c, true)));
  }

  @AfterEach
  void workspacesWereGivenBack() {
    assertEquals(0, allocator.live.get());
  }

  private Strided random(boolean channelsLast, long... s) {
    long[] strides = {s[1] * s[2] * s[3], 1, s[3] * s[1], s[1]};
    Strided x = Operand.natively(DType.FLOAT32, channelsLast ? new Layout("channels last", s, strides, 0) : Layout.contiguous(s));
    for (long i = 0; i < x.numel(); i++) {
      Operand.set(x, i, random.nextGaussian());
    }
    return x;
  }

  private void convolve(Case c, Strided out, Strided x, TransformedKernel kernel, Epilogue epilogue) {
    try (Workspace workspace = new Workspace(allocator)) {
      long address = workspace.take(kernel.bytes());
      kernel.writeTo(address);
      new Winograd(allocator, out, c.padH(), c.padW()).convolve(out, x, kernel, address, epilogue);
    }
  }

  @ParameterizedTest
  @MethodSource("casesAndLayouts")
  void convolves(Case c, boolean channelsLast) {
    Strided x = random(channelsLast, c.x());
    Strided weight = random(channelsLast, c.weight());
    Strided bias = random(false, 1, 1, 1, c.o()).with(0, new long[] {c.o()}, new long[] {1});
    Strided out = random(channelsLast, c.out());
    Sum[] sums = NaiveLinearAlgebra.convolution(Wanted.OUT, out, x, weight, c.spec());
    TransformedKernel kernel = new TransformedKernel(weight, false);

    convolve(c, out, x, kernel, Epilogue.NONE);
    NaiveLinearAlgebra.assertClose(out, i -> sums[(int) i], c.toString());

    Strided scale = random(false, 1, 1, 1, c.o()).with(0, new long[] {c.o()}, new long[] {1});
    for (Strided row : new Strided[] {bias, null}) {
      Strided scaled = random(channelsLast, c.out());
      convolve(c, scaled, x, kernel, new Epilogue(scale, row, null, Activation.NONE));
      for (long i = 0; i < out.numel(); i++) {
        long channel = i / (out.size(2) * out.size(3)) % c.o();
        double expected = Operand.get(out, i) * Operand.get(scale, channel) + (row == null ? 0 : Operand.get(row, channel));
        assertEquals(expected, Operand.get(scaled, i), 1e-6 * (1 + Math.abs(expected)), "with a scale, element " + i + " of " + c);
      }
    }

    convolve(c, out, x, kernel, Epilogue.ofBias(bias));
    for (int i = 0; i < sums.length; i++) {
      sums[i].add(Operand.get(bias, i / (out.size(2) * out.size(3)) % c.o()));
    }
    NaiveLinearAlgebra.assertClose(out, i -> sums[(int) i], "with bias, " + c);

    Strided expected = random(channelsLast, c.out());
    for (boolean alike : new boolean[] {true, false}) {
      Strided residual = random(alike == channelsLast, c.out());
      Elementwise.sum(expected, out, residual);
      Elementwise.unary(UnaryOp.RELU, expected, expected);
      Strided finished = random(channelsLast, c.out());
      convolve(c, finished, x, kernel, new Epilogue(null, bias, residual, Activation.RELU));
      for (long i = 0; i < out.numel(); i++) {
        assertEquals(Operand.get(expected, i), Operand.get(finished, i), "with a residual and ReLU, element " + i + " of " + c);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("casesAndLayouts")
  void hasBothGradients(Case c, boolean channelsLast) {
    Strided x = random(channelsLast, c.x());
    Strided weight = random(channelsLast, c.weight());
    Strided grad = random(channelsLast, c.out());

    Strided gradX = random(channelsLast, c.x());
    convolve(c, gradX, grad, new TransformedKernel(weight, true), Epilogue.NONE);
    Sum[] sums = NaiveLinearAlgebra.convolution(Wanted.X, grad, gradX, weight, c.spec());
    NaiveLinearAlgebra.assertClose(gradX, i -> sums[(int) i], "input, " + c);

    Strided gradWeight = random(channelsLast, c.weight());
    new Winograd(allocator, grad, c.padH(), c.padW()).kernelGradient(gradWeight, grad, x);
    Sum[] weightSums = NaiveLinearAlgebra.convolution(Wanted.WEIGHT, grad, x, gradWeight, c.spec());
    NaiveLinearAlgebra.assertClose(gradWeight, i -> weightSums[(int) i], "weight, " + c, 3);
  }

  @Test
  void servesWhatIsLargeEnoughUnlessThePrecisionIsTheHighest() {
    Case large = new Case(4, 64, 16, 15, 64, 1, 1);
    Strided x = random(false, large.x());
    Strided weight = random(false, large.weight());
    Strided out = random(false, large.out());
    assertTrue(Winograd.serves(x, weight, out, large.spec(), false));
    assertTrue(Winograd.serves(x, weight, out, large.spec(), true));
    assertFalse(Winograd.serves(x, weight, out, new ConvSpec(1, 1, 1, 1, 1, 1, 2), false), "groups");
    Case single = new Case(1, 64, 4, 4, 64, 1, 1);
    assertFalse(Winograd.serves(random(false, single.x()), weight, random(false, single.out()), single.spec(), false), "one patch");
    MatmulPrecision.setForConvolutions(MatmulPrecision.HIGHEST);
    try {
      assertFalse(Winograd.serves(x, weight, out, large.spec(), false));
    } finally {
      MatmulPrecision.setForConvolutions(MatmulPrecision.HIGH);
    }
  }

  @Test
  void aTransformedKernelIsKeptWhileItsWeightStays() {
    Case c = new Case(4, 64, 16, 15, 64, 1, 1);
    LinearAlgebra algebra = Providers.ONEDNN.with(allocator);
    Strided x = random(false, c.x());
    Strided weight = random(false, c.weight());
    Strided bias = Operand.natively(DType.FLOAT32, Layout.contiguous(c.o()));
    Strided residual = random(true, c.out());
    for (double scale : List.of(1.0, -0.5)) {
      for (int i = 0; i < weight.numel(); i++) {
        Operand.set(weight, i, scale * Operand.get(weight, i));
      }
      for (int i = 0; i < c.o(); i++) {
        Operand.set(bias, i, scale * i);
      }
      weight.storage().bumpVersion();
      Strided first = random(false, c.out());
      Sum[] sums = NaiveLinearAlgebra.convolution(Wanted.OUT, first, x, weight, c.spec());
      for (int i = 0; i < sums.length; i++) {
        sums[i].add(Operand.get(bias, i / (first.size(2) * first.size(3)) % c.o()));
        sums[i].add(Operand.get(residual, i));
      }
      for (int call = 0; call < 3; call++) {
        Strided out = random(false, c.out());
        algebra.fusedConv2d(out, x, weight, new Epilogue(null, bias, residual, Activation.RELU), c.spec());
        NaiveLinearAlgebra.assertClose(out, i -> sums[(int) i].positive(), "call " + call + " with the weight times " + scale);
        assertEquals(call > 0, allocator.live.get() >= 4 * weight.numel() * Float.BYTES - 1024, "kept from the second call on");
      }
    }
    weight.storage().bumpVersion();
    algebra.conv2d(random(false, c.out()), x, weight, null, c.spec());
    assertEquals(0, allocator.live.get(), "it goes with the weight's content");
  }
}
