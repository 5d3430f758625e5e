package org.flambeau.backend.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.flambeau.DType;
import org.flambeau.backend.cpu.NaiveLinearAlgebra.Sum;
import org.flambeau.backend.cpu.NaiveLinearAlgebra.Wanted;
import org.flambeau.backend.cpu.Operand.Layout;
import org.flambeau.spi.Activation;
import org.flambeau.spi.ConvSpec;
import org.flambeau.spi.Epilogue;
import org.flambeau.spi.Strided;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

final class ConvolutionTest {
  private final CountingAllocator allocator = new CountingAllocator();
  private final Random random = new Random(11);

  /// A convolution's sizes.
  private record Case(long n, long c, long h, long w, long o, long kh, long kw, ConvSpec spec) {
    Case(long n, long c, long h, long w, long o, long k, int stride, int pad, int dilation, int groups) {
      this(n, c, h, w, o, k, k, new ConvSpec(stride, stride, pad, pad, dilation, dilation, groups));
    }

    long[] x() {
      return new long[] {n, c, h, w};
    }

    long[] weight() {
      return new long[] {o, c / spec.groups(), kh, kw};
    }

    long[] out() {
      return new long[] {n, o, ConvSpec.outputSize(h, kh, spec.strideH(), spec.padH(), spec.dilationH()),
        ConvSpec.outputSize(w, kw, spec.strideW(), spec.padW(), spec.dilationW())};
    }
  }

  private static final List<Case> CASES = List.of(
      new Case(1, 1, 1, 1, 1, 1, 1, 0, 1, 1),
      new Case(2, 3, 9, 7, 5, 3, 1, 1, 1, 1),
      new Case(2, 32, 14, 14, 48, 3, 1, 1, 1, 1),
      new Case(1, 64, 8, 8, 16, 1, 1, 0, 1, 1),
      new Case(2, 32, 9, 9, 24, 1, 2, 0, 1, 1),
      new Case(1, 3, 31, 29, 16, 7, 2, 3, 1, 1),
      new Case(2, 16, 12, 12, 16, 3, 2, 1, 1, 4),
      new Case(2, 24, 10, 11, 24, 3, 1, 1, 1, 24),
      new Case(1, 8, 17, 15, 12, 3, 1, 2, 2, 2),
      new Case(1, 16, 20, 20, 16, 3, 3, 4, 2, 1),
      new Case(1, 4, 6, 6, 32, 3, 1, 5, 1, 1),
      new Case(3, 10, 5, 5, 7, 2, 5, 0, 1, 1),
      new Case(1, 12, 16, 10, 18, 5, 1, new ConvSpec(2, 1, 2, 0, 1, 3, 2)),
      new Case(1, 16, 11, 13, 16, 1, 9, new ConvSpec(1, 2, 0, 4, 1, 1, 1)),
      new Case(2, 96, 4, 3, 80, 3, 1, 1, 1, 1),
      new Case(1, 64, 5, 9, 120, 3, 4, new ConvSpec(2, 3, 0, 2, 1, 2, 1)),
      new Case(3, 256, 3, 3, 256, 1, 2, 0, 1, 1),
      // what kernels of oneDNN 3.11 compute wrongly, or beyond their operands
      new Case(2, 64, 10, 3, 64, 3, 3, new ConvSpec(1, 2, 0, 0, 1, 1, 1)),
      new Case(2, 32, 9, 14, 64, 1, 2, new ConvSpec(2, 1, 0, 4, 1, 4, 1)),
      new Case(1, 32, 1, 7, 96, 2, 3, new ConvSpec(1, 1, 2, 1, 4, 1, 1)),
      new Case(2, 48, 7, 1, 128, 3, 1, new ConvSpec(1, 2, 3, 3, 1, 3, 1)),
      new Case(0, 3, 9, 9, 4, 3, 1, 1, 1, 1));

  @AfterEach
  void workspacesWereGivenBack() {
    assertEquals(0, allocator.live.get());
  }

  private static Stream<Arguments> providersAndDTypes() {
    return Stream.of(Providers.values())
        .flatMap(
            provider -> Stream.of(DType.FLOAT32, DType.FLOAT64, DType.BFLOAT16, DType.FLOAT16).map(dtype -> Arguments.of(provider, dtype)));
  }

  private Strided random(DType dtype, Layout layout) {
    Strided x = Operand.natively(dtype, layout);
    for (long i = 0; i < x.numel(); i++) {
      Operand.set(x, i, random.nextGaussian());
    }
    return x;
  }

  /// A layout of four dimensions by name.
  private static Layout layout(String name, long... s) {
    return switch (name) {
      case "channels last" -> new Layout(name, s, new long[] {s[1] * s[2] * s[3], 1, s[3] * s[1], s[1]}, 0);
      case "part" -> new Layout(name, s, new long[] {(s[1] + 1) * (s[2] + 2) * (s[3] + 1), (s[2] + 2) * (s[3] + 1), s[3] + 1, 1}, 2);
      case "transposed" -> new Layout(name, s, new long[] {1, s[0], s[0] * s[1] * s[3], s[0] * s[1]}, 0);
      default -> Layout.contiguous(s);
    };
  }

  @ParameterizedTest
  @MethodSource("providersAndDTypes")
  void convolves(Providers provider, DType dtype) {
    LinearAlgebra algebra = provider.with(allocator);
    for (Case c : CASES) {
      for (String name : List.of("contiguous", "channels last", "part", "transposed")) {
        Strided x = random(dtype, layout(name, c.x()));
        Strided weight = random(dtype, layout(name.equals("part") ? "contiguous" : name, c.weight()));
        Strided bias = random(dtype, Layout.contiguous(c.o()));
        Strided out = random(dtype, layout(name, c.out()));
        Sum[] sums = NaiveLinearAlgebra.convolution(Wanted.OUT, out, x, weight, c.spec());

        algebra.conv2d(out, x, weight, null, c.spec());
        NaiveLinearAlgebra.assertClose(out, i -> sums[(int) i], provider + " " + name + " " + c);

        weight.storage().bumpVersion(); // so that nothing is kept for a third time
        algebra.conv2d(out, x, weight, bias, c.spec());
        for (int i = 0; i < sums.length; i++) {
          sums[i].add(Operand.get(bias, i / (out.size(2) * out.size(3)) % c.o()));
        }
        NaiveLinearAlgebra.assertClose(out, i -> sums[(int) i], provider + " with bias, " + name + " " + c);
      }
    }
  }

  /// oneDNN's own ReLU makes 0 of it.
  @ParameterizedTest
  @MethodSource("providersAndDTypes")
  void reluKeepsWhatIsNotANumber(Providers provider, DType dtype) {
    LinearAlgebra algebra = provider.with(allocator);
    Case c = new Case(2, 32, 14, 14, 48, 3, 1, 1, 1, 1);
    Strided x = random(dtype, Layout.contiguous(c.x()));
    Operand.set(x, 0, Double.NaN);
    Strided out = Operand.natively(dtype, Layout.contiguous(c.out()));
    algebra.fusedConv2d(out, x, random(dtype, Layout.contiguous(c.weight())),
        new Epilogue(null, null, null, Activation.RELU), c.spec());
    assertTrue(Double.isNaN(Operand.get(out, 0)), provider + " convolves");

    Strided rows = random(dtype, Layout.contiguous(64, 64));
    Operand.set(rows, 0, Double.NaN);
    Strided product = Operand.natively(dtype, Layout.contiguous(64, 64));
    algebra.linear(product, rows, random(dtype, Layout.contiguous(64, 64)), null, Activation.RELU);
    assertTrue(Double.isNaN(Operand.get(product, 0)), provider + " multiplies");
  }

  @ParameterizedTest
  @MethodSource("providersAndDTypes")
  void addsAResidualAndAppliesRelu(Providers provider, DType dtype) {
    LinearAlgebra algebra = provider.with(allocator);
    for (Case c : CASES) {
      for (String name : List.of("contiguous", "channels last", "part", "transposed")) {
        Strided x = random(dtype, layout(name, c.x()));
        Strided weight = random(dtype, Layout.contiguous(c.weight()));
        Strided bias = random(dtype, Layout.contiguous(c.o()));
        Strided residual = random(dtype, layout(name.equals("part") ? "channels last" : name, c.out()));
        Strided one = random(dtype, Layout.contiguous(1));
        Strided repeated = one.with(0, c.out(), new long[4]);
        Strided out = random(dtype, layout(name, c.out()));
        Sum[] products = NaiveLinearAlgebra.convolution(Wanted.OUT, out, x, weight, c.spec());

        for (Strided addend : Arrays.asList(residual, repeated, null)) {
          for (Activation activation : List.of(Activation.NONE, Activation.RELU)) {
            Sum[] sums = Arrays.stream(products).map(Sum::copy).toArray(Sum[]::new);
            for (int i = 0; i < sums.length; i++) {
              sums[i].add(Operand.get(bias, i / (out.size(2) * out.size(3)) % c.o()));
              if (addend != null) {
                sums[i].add(Operand.get(addend, i));
              }
            }
            weight.storage().bumpVersion(); // so that nothing is kept
            algebra.fusedConv2d(out, x, weight, new Epilogue(null, bias, addend, activation), c.spec());
            NaiveLinearAlgebra.assertClose(out, i -> activation == Activation.RELU ? sums[(int) i].positive() : sums[(int) i],
                provider + " " + activation + (addend == null ? "" : " of a sum") + ", " + name + " " + c, 1, i -> products[(int) i].value);
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("providersAndDTypes")
  void hasBothGradients(Providers provider, DType dtype) {
    LinearAlgebra algebra = provider.with(allocator);
    for (Case c : CASES) {
      for (String name : List.of("contiguous", "channels last", "transposed")) {
        Strided x = random(dtype, layout(name, c.x()));
        Strided weight = random(dtype, layout(name, c.weight()));
        Strided grad = random(dtype, layout(name, c.out()));

        Strided gradX = random(dtype, layout(name, c.x()));
        algebra.conv2dBackwardInput(gradX, grad, weight, c.spec());
        Sum[] sums = NaiveLinearAlgebra.convolution(Wanted.X, grad, gradX, weight, c.spec());
        NaiveLinearAlgebra.assertClose(gradX, i -> sums[(int) i], provider + " input " + name + " " + c);

        Strided gradWeight = random(dtype, layout(name, c.weight()));
        algebra.conv2dBackwardWeight(gradWeight, grad, x, c.spec());
        Sum[] weightSums = NaiveLinearAlgebra.convolution(Wanted.WEIGHT, grad, x, gradWeight, c.spec());
        NaiveLinearAlgebra.assertClose(gradWeight, i -> weightSums[(int) i], provider + " weight " + name + " " + c);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("providersAndDTypes")
  void readsAnExpandedGradient(Providers provider, DType dtype) {
    LinearAlgebra algebra = provider.with(allocator);
    Case c = new Case(2, 16, 9, 9, 16, 3, 1, 1, 1, 1);
    Strided grad = random(dtype, new Layout("one for all", c.out(), new long[4], 0));
    Strided weight = random(dtype, Layout.contiguous(c.weight()));
    Strided gradX = random(dtype, Layout.contiguous(c.x()));
    algebra.conv2dBackwardInput(gradX, grad, weight, c.spec());
    Sum[] sums = NaiveLinearAlgebra.convolution(Wanted.X, grad, gradX, weight, c.spec());
    NaiveLinearAlgebra.assertClose(gradX, i -> sums[(int) i], provider + " expanded");
  }
}
