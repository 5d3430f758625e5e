package org.flambeau.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import org.flambeau.DType;
import org.flambeau.spi.BinaryOp;
import org.flambeau.spi.Chain;
import org.flambeau.spi.Chain.Link;
import org.flambeau.spi.Pointwise;
import org.flambeau.spi.Strided;
import org.flambeau.spi.UnaryOp;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// What is generated for a chain, and what becomes of operands of any size and layout.
class ChainsTest extends KernelTest {
  /// max(a·b, a), where all is float32.
  private static final Chain LARGER = new Chain(2, List.of(new Link(new Pointwise.Binary(BinaryOp.MUL), DType.FLOAT32, List.of(0, 1)),
      new Link(new Pointwise.Binary(BinaryOp.MAXIMUM), DType.FLOAT32, List.of(2, 0))));

  private static double larger(double a, double b) {
    return Math.max(a * b, a);
  }

  private static double[] numbers(int n, double step) {
    return IntStream.range(0, n).mapToDouble(i -> (i % 19 - 9) * step).toArray();
  }

  @Test
  void theSourceIsAFunctorWhoseLinksAreTheFunctorsOfTheirOperations() {
    Chain chain = new Chain(3, List.of(new Link(new Pointwise.Binary(BinaryOp.MUL), DType.BFLOAT16, List.of(0, 1)),
        new Link(new Pointwise.Copy(), DType.FLOAT32, List.of(3)),
        new Link(new Pointwise.Clamp(-0.5, Double.POSITIVE_INFINITY), DType.FLOAT32, List.of(4)),
        new Link(new Pointwise.Binary(BinaryOp.GT), DType.BOOL, List.of(5, 2)),
        new Link(new Pointwise.Unary(UnaryOp.BITWISE_NOT), DType.BOOL, List.of(6))));
    Strided x = arrays.empty(DType.BFLOAT16, 4);

    ChainSource source = ChainSource.of(chain, x, x, Elementwise.number(3));

    assertEquals("""
        struct CHAIN_MUL_COPY_CLAMP_GT_BITWISE_NOT {
          static __device__ __forceinline__ auto of(float v0, float v1, Number v2) {
            auto v3 = rounded<bfloat16>(MUL::of<float>(v0, v1));
            auto v4 = rounded<float32>(COPY::of<float>(v3));
            auto v5 = rounded<float32>(CLAMP::of<float>(v4, -0x1.0p-1, __longlong_as_double(0x7ff0000000000000ull)));
            auto v6 = rounded<boolean>(GT::of<float>(v5, v2));
            return LOGICAL_NOT::of<int64>(v6);
          }
        };
        """, source.text());
    assertEquals("dense<CHAIN_MUL_COPY_CLAMP_GT_BITWISE_NOT, boolean, InMemory<bfloat16>, InMemory<bfloat16>, OnHost>",
        source.instance(Elementwise.Layout.DENSE));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 3, 4, 1023, 100_000})
  void anyNumberOfElementsIsComputedFromAnyAddressOn(int n) {
    double[] a = numbers(n, 0.5);
    double[] b = numbers(n, 0.25);
    double[] expected = IntStream.range(0, n).mapToDouble(i -> larger(a[i], b[i])).toArray();
    for (long offset : new long[] {0, 1}) {
      Strided out = arrays.strided(DType.FLOAT32, offset, new long[] {n}, new long[] {1});

      gpu.kernels().chain(LARGER, out, arrays.of(DType.FLOAT32, new long[] {n}, a), arrays.of(DType.FLOAT32, new long[] {n}, b));

      assertArrayEquals(expected, arrays.read(out));
    }
  }

  @Test
  void operandsOfMoreDimensionsThanALaunchTakesAreDivided() {
    long[] sizes = {2, 1, 2, 2, 2, 2, 2, 2, 2, 3, 4};
    long[] strides = {7168, 1, 3584, 1792, 896, 448, 224, 112, 56, 2, 7};
    int n = (int) Strided.numel(sizes);
    double[] a = numbers(n, 0.5);
    Strided x = arrays.write(arrays.strided(DType.FLOAT32, 0, sizes, strides), a);
    Strided row = arrays.of(DType.FLOAT32, new long[] {4}, 1, 2, 3, 4);
    long[] broadcast = new long[sizes.length];
    broadcast[sizes.length - 1] = 1;
    Strided out = arrays.empty(DType.FLOAT32, sizes);

    gpu.kernels().chain(LARGER, out, x, row.with(0, sizes, broadcast));

    assertArrayEquals(IntStream.range(0, n).mapToDouble(i -> larger(a[i], 1 + i % 4)).toArray(), arrays.read(out));
  }

  @Test
  void thereMayBeEightOperandsOfSeveralDtypesAndNoMore() {
    List<Strided> operands = IntStream.rangeClosed(1, 8)
        .mapToObj(k -> k % 4 == 0 ? Elementwise.number(k) : arrays.of(DType.INT32, new long[] {3}, k, 10 * k, 100 * k)).toList();
    List<Link> links = IntStream.range(0, 7).mapToObj(
        i -> new Link(new Pointwise.Binary(BinaryOp.ADD), DType.INT32, List.of(i == 0 ? 0 : 7 + i, i + 1))).toList();
    Strided out = arrays.empty(DType.INT32, 3);

    gpu.kernels().chain(new Chain(8, links), out, operands.toArray(Strided[]::new));
    assertArrayEquals(new double[] {36, 252, 2412}, arrays.read(out));

    Strided[] nine = Collections.nCopies(9, operands.getFirst()).toArray(Strided[]::new);
    var refusal = assertThrows(IllegalArgumentException.class, () -> gpu.kernels().chain(new Chain(9, links), out, nine));
    assertEquals("[chain] expected at most 8 operands, got 9", refusal.getMessage());
  }

  @Test
  void parametersOfWholeNumbersAreWhole() {
    Strided x = arrays.of(DType.INT64, new long[] {4}, -7, -1, 1, 7);
    Strided out = arrays.empty(DType.INT64, 4);
    Chain chain = new Chain(1, List.of(new Link(new Pointwise.AddScaled(-3), DType.INT64, List.of(0, 0)),
        new Link(new Pointwise.Clamp(Double.NEGATIVE_INFINITY, 5.75), DType.INT64, List.of(1))));

    gpu.kernels().chain(chain, out, x);

    assertArrayEquals(new double[] {5, 2, -2, -14}, arrays.read(out));
  }

  /// Two chains of the same operations, which share the name of their functor.
  @Test
  void whatIsReadAndWithWhichParametersTellsChainsApart() {
    Strided x = arrays.of(DType.FLOAT32, new long[] {2}, 3, 5);
    Strided y = arrays.of(DType.FLOAT32, new long[] {2}, 10, 20);
    Strided out = arrays.empty(DType.FLOAT32, 2);
    double[][] results = new double[4][];
    for (int i = 0; i < results.length; i++) {
      List<Integer> reads = i < 2 ? List.of(0, 1) : List.of(1, 0);
      gpu.kernels().chain(new Chain(2, List.of(new Link(new Pointwise.Binary(BinaryOp.SUB), DType.FLOAT32, reads),
          new Link(new Pointwise.Clamp(-9, i % 2 == 0 ? 0 : 8), DType.FLOAT32, List.of(2)))), out, x, y);
      results[i] = arrays.read(out);
    }

    assertEquals("[[-7.0, -9.0], [-7.0, -9.0], [0.0, 0.0], [7.0, 8.0]]", Arrays.deepToString(results));
  }

  @Test
  void aGraphHoldsAChain() {
    Strided x = arrays.of(DType.FLOAT32, new long[] {3}, 1, 2, 3);
    Strided y = arrays.of(DType.FLOAT32, new long[] {3}, 2, 0, 5);
    Strided out = arrays.of(DType.FLOAT32, new long[] {3}, 0, 0, 0);
    try (var graph = Capture.of(gpu, () -> gpu.kernels().chain(LARGER, out, x, y))) {
      assertArrayEquals(new double[] {0, 0, 0}, arrays.read(out));
      graph.replay();
      assertArrayEquals(new double[] {2, 2, 15}, arrays.read(out));
      arrays.write(x, -1, 4, 2);
      graph.replay();
      assertArrayEquals(new double[] {-1, 4, 10}, arrays.read(out));
    }
  }
}
