package org.flambeau.backend.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.LongFunction;
import java.util.stream.Stream;
import org.flambeau.DType;
import org.flambeau.backend.cpu.NaiveLinearAlgebra.Sum;
import org.flambeau.backend.cpu.Operand.Layout;
import org.flambeau.spi.Activation;
import org.flambeau.spi.Strided;
import org.flambeau.spi.UnaryOp;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

final class MatrixProductTest {
  private final CountingAllocator allocator = new CountingAllocator();
  private final Random random = new Random(7);

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

  private Strided random(DType dtype, long... sizes) {
    return random(dtype, Layout.contiguous(sizes));
  }

  private static void assertProduct(Strided out, Strided a, Strided b, String what) {
    NaiveLinearAlgebra.assertClose(out, NaiveLinearAlgebra.product(a, b), what);
  }

  @ParameterizedTest
  @MethodSource("providersAndDTypes")
  void multipliesMatricesOfEverySize(Providers provider, DType dtype) {
    long[][] shapes = {
      {1, 1, 1, 1}, {1, 3, 5, 7}, {2, 17, 33, 31}, {1, 4, 48, 129}, {1, 5, 49, 128}, {3, 1, 40, 70}, {3, 70, 1, 50}, {1, 64, 64, 64},
      {1, 1, 1000, 512}, {1, 130, 97, 300}, {1, 300, 500, 20}, {5, 40, 50, 60}, {0, 3, 4, 5}, {2, 0, 4, 5}, {2, 3, 0, 5}, {2, 3, 4, 0}
    };
    LinearAlgebra algebra = provider.with(allocator);
    for (long[] shape : shapes) {
      Strided a = random(dtype, shape[0], shape[1], shape[3]);
      Strided b = random(dtype, shape[0], shape[3], shape[2]);
      Strided out = random(dtype, shape[0], shape[1], shape[2]);
      algebra.matmul(out, a, b);
      assertProduct(out, a, b, provider + " " + dtype);
    }
  }

  /// Layouts of a batch of r × c matrices, most of which have to be copied for no kernel, and some for every one.
  private static List<Layout> layouts(long batch, long r, long c) {
    long[] sizes = {batch, r, c};
    List<Layout> layouts = new ArrayList<>();
    layouts.add(Layout.contiguous(sizes));
    layouts.add(new Layout("transposed", sizes, new long[] {r * c, 1, r}, 0));
    layouts.add(new Layout("the same throughout", sizes, new long[] {0, c, 1}, 3));
    layouts.add(new Layout("transposed and the same throughout", sizes, new long[] {0, 1, r}, 0));
    layouts.add(new Layout("rows apart", sizes, new long[] {r * (c + 3), c + 3, 1}, 1));
    layouts.add(new Layout("heads of rows", sizes, new long[] {c, batch * c, 1}, 0));
    layouts.add(new Layout("every second column", sizes, new long[] {2 * r * c, 2 * c, 2}, 1));
    layouts.add(new Layout("one row for all", sizes, new long[] {c, 0, 1}, 0));
    layouts.add(new Layout("one element for all", sizes, new long[] {0, 0, 0}, 0));
    layouts.add(new Layout("windows", sizes, new long[] {r + c, 1, 1}, 0));
    return layouts;
  }

  @ParameterizedTest
  @MethodSource("providersAndDTypes")
  void takesFactorsOfEveryLayout(Providers provider, DType dtype) {
    LinearAlgebra algebra = provider.with(allocator);
    for (long batch : new long[] {1, 4}) {
      for (long n : new long[] {1, 34}) {
        Map<Layout, Strided> rights = new LinkedHashMap<>();
        layouts(batch, 65, n).forEach(right -> rights.put(right, random(dtype, right)));
        Strided out = random(dtype, new Layout("batches apart", new long[] {batch, 37, n}, new long[] {37 * n + 5, n, 1}, 2));
        for (Layout left : layouts(batch, 37, 65)) {
          Strided a = random(dtype, left);
          rights.forEach((right, b) -> {
            algebra.matmul(out, a, b);
            b.storage().bumpVersion(); // so that nothing is kept for another time
            assertProduct(out, a, b, provider + " " + dtype + ", " + left.name() + " by " + right.name());
          });
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void wrapsIntegers(Providers provider) {
    LinearAlgebra algebra = provider.with(allocator);
    for (DType dtype : List.of(DType.UINT8, DType.INT8, DType.INT16, DType.INT32, DType.INT64, DType.BOOL)) {
      Strided a = Operand.natively(dtype, Layout.contiguous(2, 50, 30));
      Strided b = Operand.natively(dtype, new Layout("transposed", new long[] {2, 30, 40}, new long[] {1200, 1, 30}, 0));
      Strided out = Operand.natively(dtype, Layout.contiguous(2, 50, 40));
      for (Strided x : List.of(a, b)) {
        for (long i = 0; i < x.numel(); i++) {
          Operand.setLong(x, i, dtype == DType.BOOL ? random.nextInt(10) / 9 : random.nextLong());
        }
      }
      algebra.matmul(out, a, b);
      for (long i = 0; i < out.numel(); i++) {
        long sum = 0;
        for (long k = 0; k < 30; k++) {
          sum += Operand.getLong(a, i / 40 * 30 + k) * Operand.getLong(b, i / 2000 * 1200 + k * 40 + i % 40);
        }
        long shift = 64 - 8L * dtype.size();
        long wrapped = dtype == DType.BOOL ? Math.min(sum, 1) : dtype == DType.UINT8 ? sum & 0xff : sum << shift >> shift;
        assertEquals(wrapped, Operand.getLong(out, i), dtype.label());
      }
    }
  }

  @ParameterizedTest
  @MethodSource("providersAndDTypes")
  void addsTheBiasAndAppliesTheActivation(Providers provider, DType dtype) {
    LinearAlgebra algebra = provider.with(allocator);
    for (long[] shape : new long[][] {{3, 5, 4}, {64, 96, 80}, {1, 1000, 512}, {40, 1, 900}, {70, 50, 0}}) {
      Strided x = random(dtype, shape[0], shape[2]);
      Strided gapped = random(dtype, new Layout("every second", new long[] {shape[1]}, new long[] {2}, 1));
      Strided expanded = random(dtype, new Layout("expanded", new long[] {shape[1]}, new long[] {0}, 0));
      Strided weight = random(dtype, shape[1], shape[2]);
      Strided out = random(dtype, shape[0], shape[1]);
      for (Activation activation : Activation.values()) {
        for (Strided bias : new @Nullable Strided[] {null, random(dtype, shape[1]), gapped, expanded}) {
          algebra.linear(out, x, weight, bias, activation);
          weight.storage().bumpVersion();
          assertLinear(out, x, weight, bias, activation);
        }
      }
    }
  }

  private static void assertLinear(Strided out, Strided x, Strided weight, @Nullable Strided bias, Activation activation) {
    Strided a = x.with(0, new long[] {1, x.size(0), x.size(1)}, new long[] {0, x.stride(0), x.stride(1)});
    Strided b = weight.with(0, new long[] {1, weight.size(1), weight.size(0)}, new long[] {0, weight.stride(1), weight.stride(0)});
    long n = out.size(1);
    LongFunction<Sum> products = NaiveLinearAlgebra.product(a, b);
    double[] sums = new double[Math.toIntExact(out.numel())];
    NaiveLinearAlgebra.assertClose(out, i -> {
      Sum sum = products.apply(i);
      if (bias != null) {
        sum.add(Operand.get(bias, i % n));
      }
      sums[(int) i] = sum.value;
      sum.value = switch (activation) {
        case NONE -> sum.value;
        case RELU -> UnaryOp.RELU.real().applyAsDouble(sum.value);
        case GELU -> UnaryOp.GELU.real().applyAsDouble(sum.value);
      };
      return sum;
    }, "linear, " + activation, 1, i -> activation == Activation.GELU ? sums[(int) i] : 0);
  }
}
