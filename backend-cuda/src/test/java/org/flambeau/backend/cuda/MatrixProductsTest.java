package org.flambeau.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.flambeau.BackendException;
import org.flambeau.DType;
import org.flambeau.MatmulPrecision;
import org.flambeau.backend.cuda.binding.CublasLt;
import org.flambeau.backend.cuda.binding.Driver;
import org.flambeau.backend.cuda.binding.SimulatedDriver;
import org.flambeau.spi.Activation;
import org.flambeau.spi.FusedOp;
import org.flambeau.spi.SpecialFunctions;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Matrix products on the simulated GPU beside plain loops. Factors are small whole numbers, whose sums are exact in every dtype's
/// arithmetic, so that results must be equal after the one rounding.
class MatrixProductsTest extends KernelTest {
  private static final Random RANDOM = new Random(7);

  /// How a batch of matrices lies in memory.
  private enum Layout {
    ROWS, COLUMNS, PADDED_ROWS, PADDED_COLUMNS, SAME_MATRIX, SCATTERED, SAME_ROW, UNALIGNED;

    Strided in(DType dtype, long batch, long rows, long columns) {
      long[] sizes = {batch, rows, columns};
      return switch (this) {
        case ROWS -> arrays.empty(dtype, sizes);
        case COLUMNS -> arrays.strided(dtype, 0, sizes, new long[] {rows * columns, 1, rows});
        case PADDED_ROWS -> arrays.strided(dtype, 8, sizes, new long[] {rows * (columns + 3) + 5, columns + 3, 1});
        case PADDED_COLUMNS -> arrays.strided(dtype, 0, sizes, new long[] {(rows + 1) * columns, 1, rows + 1});
        case SAME_MATRIX -> arrays.strided(dtype, 0, sizes, new long[] {0, columns, 1});
        case SCATTERED -> arrays.strided(dtype, 0, sizes, new long[] {rows * columns * 2, columns * 2, 2});
        case SAME_ROW -> arrays.strided(dtype, 0, sizes, new long[] {columns, 0, 1});
        case UNALIGNED -> arrays.strided(dtype, 1, sizes, new long[] {rows * columns, columns, 1});
      };
    }
  }

  /// An array and its elements in row-major order, which differ only where their places do.
  private record Filled(Strided array, double[] values) {
    static Filled of(Strided array, int least, int most) {
      long[] strides = array.strides();
      long[] sizes = array.sizes();
      double[] places = RANDOM.ints(Strided.end(0, sizes, strides), least, most + 1).asDoubleStream().toArray();
      double[] values = new double[(int) array.numel()];
      for (int i = 0; i < values.length; i++) {
        long rest = i;
        long place = 0;
        for (int d = sizes.length - 1; d >= 0; d--) {
          place += rest % sizes[d] * strides[d];
          rest /= sizes[d];
        }
        values[i] = places[(int) place];
      }
      Strided all = array.with(array.offset(), new long[] {places.length}, new long[] {1});
      arrays.write(all, places);
      return new Filled(array, values);
    }
  }

  private static double[] product(long batch, long m, long k, long n, double[] a, double[] b) {
    double[] out = new double[(int) (batch * m * n)];
    for (int i = 0; i < batch * m; i++) {
      for (int j = 0; j < n; j++) {
        double sum = 0;
        for (int p = 0; p < k; p++) {
          sum += a[i * (int) k + p] * b[(i / (int) m * (int) k + p) * (int) n + j];
        }
        out[i * (int) n + j] = sum;
      }
    }
    return out;
  }

  private static double[] stored(DType dtype, double[] values) {
    return Arrays.stream(values).map(value -> DeviceArrays.stored(dtype, value)).toArray();
  }

  /// Products that nothing has been planned for.
  private static MatrixProducts fresh() {
    var library = new KernelLibrary(gpu);
    var cudnn = new CudnnProducts(gpu, new CudnnContext.Pool(gpu), new CudnnPlans(gpu));
    return new MatrixProducts(gpu, library, new Elementwise(gpu, library), cudnn);
  }

  private static Strided matmul(Strided a, Strided b) {
    Strided out = arrays.empty(a.dtype(), a.size(0), a.size(1), b.size(2));
    gpu.kernels().matmul(out, a, b);
    return out;
  }

  private static void check(DType dtype, Layout layoutA, Layout layoutB, long batch, long m, long k, long n) {
    int least = dtype == DType.UINT8 ? 0 : -4;
    Filled a = Filled.of(layoutA.in(dtype, batch, m, k), least, 4);
    Filled b = Filled.of(layoutB.in(dtype, batch, k, n), least, 4);

    double[] out = arrays.read(matmul(a.array, b.array));

    assertArrayEquals(stored(dtype, product(batch, m, k, n, a.values, b.values)), out,
        () -> dtype + " (" + batch + ", " + m + ", " + k + ") " + layoutA + " x (" + k + ", " + n + ") " + layoutB);
  }

  private static Stream<DType> dtypes() {
    return Arrays.stream(DType.values()).filter(dtype -> dtype != DType.BOOL);
  }

  @ParameterizedTest
  @MethodSource("dtypes")
  void productsOfEveryDtypeEqualPlainLoopsWhateverTheLayouts(DType dtype) {
    for (Layout a : Layout.values()) {
      for (Layout b : Layout.values()) {
        check(dtype, a, b, 3, 5, 7, 9);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("dtypes")
  void productsOfEverySizeEqualPlainLoops(DType dtype) {
    for (long[] sizes : new long[][] {{1, 1, 1, 1}, {1, 1, 40, 1}, {1, 70, 1, 3}, {1, 1, 33, 65}, {1, 65, 33, 1}, {2, 66, 130, 67},
      {1, 128, 300, 64}, {1100, 1, 2, 1}}) {
      check(dtype, Layout.ROWS, Layout.COLUMNS, sizes[0], sizes[1], sizes[2], sizes[3]);
    }
  }

  @Test
  void moreMatricesThanOneCallTakesAreMultiplied() {
    check(DType.FLOAT32, Layout.ROWS, Layout.ROWS, Gemm.MAX_BATCH + 5, 1, 2, 1);
  }

  @ParameterizedTest
  @EnumSource(value = DType.class, names = {"FLOAT32", "BFLOAT16", "INT32"})
  void aProductOfNoTermsIsZeroAndOneWithoutElementsIsNothing(DType dtype) {
    assertArrayEquals(new double[6], arrays.read(matmul(arrays.empty(dtype, 1, 2, 0), arrays.empty(dtype, 1, 0, 3))));
    assertEquals(0, arrays.read(matmul(arrays.empty(dtype, 1, 0, 4), arrays.empty(dtype, 1, 4, 3))).length);
    assertEquals(0, arrays.read(matmul(arrays.empty(dtype, 0, 2, 4), arrays.empty(dtype, 0, 4, 3))).length);
  }

  private static final double[] ROUGH = {1 + 0x1p-9, 1 + 0x1p-11 + 0x1p-20, 1 + 0x1p-12};

  @Test
  void factorsAreRoundedToTensorFloatOnlyWhereThePrecisionAllowsIt() {
    Strided column = arrays.of(DType.FLOAT32, new long[] {1, 3, 1}, ROUGH);
    Strided one = arrays.of(DType.FLOAT32, new long[] {1, 1, 1}, 1);
    try {
      for (MatmulPrecision precision : List.of(MatmulPrecision.HIGH, MatmulPrecision.MEDIUM)) {
        MatmulPrecision.setCurrent(precision);
        assertArrayEquals(new double[] {1 + 0x1p-9, 1 + 0x1p-10, 1}, arrays.read(matmul(column, one)));
      }
    } finally {
      MatmulPrecision.setCurrent(MatmulPrecision.HIGHEST);
    }
    assertArrayEquals(ROUGH, arrays.read(matmul(column, one)));
  }

  private static double activated(Activation activation, double x) {
    return switch (activation) {
      case NONE -> x;
      case RELU -> Math.max(x, 0);
      case GELU -> SpecialFunctions.gelu(x);
    };
  }

  /// A vector of every second place.
  private static Strided spread(Strided vector) {
    Strided to = arrays.strided(vector.dtype(), 0, vector.sizes(), new long[] {2});
    return arrays.write(to, arrays.read(vector));
  }

  @ParameterizedTest
  @EnumSource(value = DType.class, names = {"FLOAT16", "BFLOAT16", "FLOAT32", "FLOAT64"})
  void linearAddsTheBiasAndAppliesTheActivation(DType dtype) {
    Filled x = Filled.of(arrays.empty(dtype, 6, 10), -3, 3);
    Filled weight = Filled.of(arrays.empty(dtype, 4, 10), -3, 3);
    Filled bias = Filled.of(arrays.empty(dtype, 4), -9, 9);
    Filled turned = Filled.of(arrays.strided(dtype, 0, new long[] {4, 10}, new long[] {1, 4}), -3, 3);
    for (Filled matrix : List.of(weight, turned)) {
      for (Activation activation : Activation.values()) {
        for (Strided row : Arrays.asList(bias.array, spread(bias.array), null)) {
          Strided out = arrays.empty(dtype, 6, 4);
          gpu.kernels().linear(out, x.array, matrix.array, row, activation);

          double[] sums = product(1, 6, 10, 4, x.values, transposed(matrix.values, 4, 10));
          for (int i = 0; i < sums.length; i++) {
            sums[i] = DeviceArrays.stored(dtype, activated(activation, sums[i] + (row == null ? 0 : bias.values[i % 4])));
          }
          assertArrayEquals(sums, arrays.read(out), dtype == DType.FLOAT64 ? 1e-13 : dtype == DType.FLOAT32 ? 1e-5 : 1e-2,
              () -> dtype + " " + activation + ", bias " + row);
        }
      }
    }
  }

  private static double[] transposed(double[] matrix, int rows, int columns) {
    double[] turned = new double[matrix.length];
    for (int i = 0; i < matrix.length; i++) {
      turned[i % columns * rows + i / columns] = matrix[i];
    }
    return turned;
  }

  @ParameterizedTest
  @EnumSource(value = DType.class, names = {"FLOAT16", "BFLOAT16", "FLOAT32", "FLOAT64"})
  void theGradientsOfWeightAndBiasEqualPlainLoopsWhateverTheLayouts(DType dtype) {
    for (Layout layoutGrad : Layout.values()) {
      for (Layout layoutX : Layout.values()) {
        Filled grad = Filled.of(matrix(layoutGrad.in(dtype, 1, 6, 4)), -3, 3);
        Filled x = Filled.of(matrix(layoutX.in(dtype, 1, 6, 10)), -3, 3);
        Strided gradWeight = arrays.empty(dtype, 4, 10);
        Strided gradBias = arrays.empty(dtype, 4);
        gpu.kernels().linearBackwardWeight(gradWeight, gradBias, grad.array, x.array);

        assertArrayEquals(stored(dtype, product(1, 4, 6, 10, transposed(grad.values, 6, 4), x.values)), arrays.read(gradWeight));
        double[] ones = {1, 1, 1, 1, 1, 1};
        assertArrayEquals(stored(dtype, product(1, 1, 6, 4, ones, grad.values)), arrays.read(gradBias),
            () -> dtype + " " + layoutGrad + " " + layoutX);
      }
    }
  }

  /// Of sums that half precision would round, also of factors that are less aligned than the result.
  @ParameterizedTest
  @EnumSource(value = DType.class, names = {"FLOAT16", "BFLOAT16"})
  void gradientsOfHalfPrecisionMayBeFloat32(DType dtype) {
    for (Layout layout : List.of(Layout.ROWS, Layout.COLUMNS, Layout.UNALIGNED)) {
      Filled grad = Filled.of(matrix(layout.in(dtype, 1, 6, 4)), -3, 3);
      Filled x = Filled.of(matrix(layout.in(dtype, 1, 6, 10)), -3, 3);
      arrays.write(x.array, Arrays.stream(x.values).map(value -> value * 0x1p-12).toArray());
      arrays.write(grad.array, Arrays.stream(grad.values).map(value -> value + 0x1p-3).toArray());
      double[] values = arrays.read(x.array);
      double[] slopes = arrays.read(grad.array);
      Strided gradWeight = arrays.empty(DType.FLOAT32, 4, 10);
      Strided gradBias = arrays.empty(DType.FLOAT32, 4);
      gpu.kernels().linearBackwardWeight(gradWeight, gradBias, grad.array, x.array);

      assertArrayEquals(product(1, 4, 6, 10, transposed(slopes, 6, 4), values), arrays.read(gradWeight), dtype + " " + layout);
      assertArrayEquals(product(1, 1, 6, 4, new double[] {1, 1, 1, 1, 1, 1}, slopes), arrays.read(gradBias), dtype + " " + layout);
    }
  }

  /// The only one of a batch.
  private static Strided matrix(Strided batch) {
    return batch.with(batch.offset(), new long[] {batch.size(1), batch.size(2)}, new long[] {batch.stride(1), batch.stride(2)});
  }

  @Test
  void theGradientOfTheBiasComesWithThatOfTheWeight() {
    var products = fresh();
    for (DType dtype : List.of(DType.FLOAT32, DType.BFLOAT16, DType.FLOAT16)) {
      assertTrue(products.linearBackwardWeight(arrays.empty(dtype, 8, 16), arrays.empty(dtype, 8), arrays.empty(dtype, 3, 8),
          arrays.empty(dtype, 3, 16)));
    }
    assertEquals(3, products.planned());
  }

  @ParameterizedTest
  @EnumSource(value = DType.class, names = {"FLOAT16", "BFLOAT16", "FLOAT32"})
  void gradientsOfNoRowsAreZero(DType dtype) {
    Strided gradWeight = arrays.of(DType.FLOAT32, new long[] {2, 3}, 1, 1, 1, 1, 1, 1);
    Strided gradBias = arrays.of(DType.FLOAT32, new long[] {2}, 1, 1);
    gpu.kernels().linearBackwardWeight(gradWeight, gradBias, arrays.empty(dtype, 0, 2), arrays.empty(dtype, 0, 3));
    assertArrayEquals(new double[6], arrays.read(gradWeight));
    assertArrayEquals(new double[2], arrays.read(gradBias));
  }

  @Test
  void linearOfNoTermsIsTheActivatedBias() {
    Strided out = arrays.empty(DType.FLOAT32, 2, 3);
    gpu.kernels().linear(out, arrays.empty(DType.FLOAT32, 2, 0), arrays.empty(DType.FLOAT32, 3, 0),
        arrays.of(DType.FLOAT32, new long[] {3}, -1, 0, 2), Activation.RELU);

    assertArrayEquals(new double[] {0, 0, 2, 0, 0, 2}, arrays.read(out));
  }

  /// cuBLASLt's makes 0 of it.
  @Test
  void reluLeavesNaN() {
    Strided out = arrays.empty(DType.FLOAT32, 1, 3);
    gpu.kernels().linear(out, arrays.of(DType.FLOAT32, new long[] {1, 1}, 1),
        arrays.of(DType.FLOAT32, new long[] {3, 1}, -1, Double.NaN, 2),
        arrays.of(DType.FLOAT32, new long[] {3}, 0, 0, 0), Activation.RELU);

    assertArrayEquals(new double[] {0, Double.NaN, 2}, arrays.read(out));
  }

  @Test
  void linearIsOfferedForFloatingDtypesAlone() {
    dtypes().forEach(dtype -> assertEquals(dtype.isFloating(), gpu.kernels().supports(FusedOp.LINEAR, arrays.empty(dtype, 1, 1))));
  }

  @Test
  void aProductIsPlannedOnceForAllAddressesThatAreAlignedAlike() {
    var products = fresh();
    Strided b = Layout.ROWS.in(DType.FLOAT32, 1, 4, 8);
    for (int i = 0; i < 3; i++) {
      products.matmul(arrays.empty(DType.FLOAT32, 1, 4, 8), Layout.ROWS.in(DType.FLOAT32, 1, 4, 4), b);
    }
    assertEquals(1, products.planned());

    products.matmul(arrays.empty(DType.FLOAT32, 1, 4, 8), Layout.UNALIGNED.in(DType.FLOAT32, 1, 4, 4), b);
    assertEquals(2, products.planned());
    products.matmul(arrays.empty(DType.FLOAT32, 1, 4, 8), Layout.COLUMNS.in(DType.FLOAT32, 1, 4, 4), b);
    assertEquals(3, products.planned());
  }

  /// cuBLASLt reads off the bias how it is aligned, when it is asked for algorithms.
  @Test
  void aProductIsPlannedAnewForABiasThatIsAlignedOtherwise() {
    var products = fresh();
    Strided x = arrays.of(DType.FLOAT32, new long[] {1, 1}, 3);
    Strided weight = arrays.of(DType.FLOAT32, new long[] {2, 1}, 1, 2);
    Strided out = arrays.empty(DType.FLOAT32, 1, 2);
    for (int offset : new int[] {0, 0, 1, 1}) {
      Strided bias = arrays.write(arrays.strided(DType.FLOAT32, offset, new long[] {2}, new long[] {1}), 5, 7);

      var work = SimulatedDriver.work(() -> products.linear(out, x, weight, bias, Activation.NONE));

      assertEquals(0, work.kernels(), "cuBLASLt adds the bias");
      assertArrayEquals(new double[] {8, 13}, arrays.read(out));
      assertEquals(1 + offset, products.planned());
    }
  }

  /// It is part of what plans are found by: of what is of no use there is none.
  @ParameterizedTest
  @CsvSource({"0x7f00, 256", "0x7f80, 16", "0x7f10, 16", "0x7f08, 8", "0x7f02, 2"})
  void addressesAreAlignedAsAllocatedOrAsAnAccessIs(String address, int alignment) {
    assertEquals(alignment, Gemm.alignment(Long.decode(address) | 0x10000));
  }

  @Test
  void ofSeveralProposalsTheFastestIsKept() {
    Strided a = arrays.of(DType.FLOAT32, new long[] {1, 330, 330}, new double[330 * 330]);
    SimulatedDriver.proposals(3);
    try {
      Strided out = matmul(a, a);
      assertEquals(2, SimulatedDriver.proposal());
      assertArrayEquals(new double[330 * 330], arrays.read(out));

      matmul(a.with(0, new long[] {1, 30, 30}, a.strides()), a.with(0, new long[] {1, 30, 30}, a.strides()));
      assertEquals(0, SimulatedDriver.proposal(), "a small product is not worth a trial");
    } finally {
      SimulatedDriver.proposals(1);
    }
  }

  @Test
  void aProposalThatIsNotDoneAfterAllGivesWayToTheNextAndAllOfThemToAnOwnKernel() {
    Strided a = arrays.of(DType.FLOAT32, new long[] {1, 2, 2}, 1, 2, 3, 4);
    double[] square = {7, 10, 15, 22};
    SimulatedDriver.proposals(3);
    try {
      SimulatedDriver.refuseProposals(0);
      assertArrayEquals(square, arrays.read(matmul(a, a)));
      assertEquals(1, SimulatedDriver.proposal());
      SimulatedDriver.refuseProposals(0, 1);
      assertArrayEquals(square, arrays.read(matmul(a, a)));
      assertEquals(2, SimulatedDriver.proposal());
      SimulatedDriver.refuseProposals(0, 1, 2);
      assertArrayEquals(square, arrays.read(matmul(a, a)));
      SimulatedDriver.refuseProposals();
      var work = SimulatedDriver.work(() -> assertArrayEquals(square, arrays.read(matmul(a, a))));
      assertEquals(1, work.kernels(), "what failed is not asked again");
    } finally {
      SimulatedDriver.refuseProposals();
      SimulatedDriver.proposals(1);
    }
  }

  @Test
  void aProposalThatFailsWhenItIsTriedCountsAsSlow() {
    Strided a = arrays.of(DType.FLOAT32, new long[] {1, 335, 335}, new double[335 * 335]);
    SimulatedDriver.proposals(3);
    SimulatedDriver.refuseProposals(2);
    try {
      assertArrayEquals(new double[335 * 335], arrays.read(matmul(a, a)));
      assertEquals(1, SimulatedDriver.proposal());
    } finally {
      SimulatedDriver.refuseProposals();
      SimulatedDriver.proposals(1);
    }
  }

  /// Of three proposals the last needs none, but is refused later. What is worth a trial gets it as soon as there is memory.
  @ParameterizedTest
  @CsvSource({"256, 0", "335, 1"})
  void aProposalWhoseWorkspaceCannotBeHadGivesWayWhileThatIsSoAndNothingIsLeaked(int n, int afterwards) {
    DeviceArrays numbers = onFreshGpu();
    Gpu fresh = numbers.gpu;
    double[] ones = new double[n * n];
    Arrays.fill(ones, 1);
    Strided a = numbers.of(DType.FLOAT32, new long[] {1, n, n}, ones);
    Strided out = numbers.empty(DType.FLOAT32, 1, n, n);
    SimulatedDriver.proposals(3);
    SimulatedDriver.memory(Driver.memGetInfo().total() - Driver.memGetInfo().free());
    try {
      fresh.kernels().matmul(out, a, a);
      assertEquals(n, numbers.read(out)[n + 1]);
      assertEquals(2, SimulatedDriver.proposal());
      assertEquals(0, Driver.memGetInfo().free());
      assertEquals(0, fresh.allocator().reservedBytes());
      SimulatedDriver.memory(1L << 30);
      SimulatedDriver.refuseProposals(2);
      fresh.kernels().matmul(out, a, a);
      assertEquals(afterwards, SimulatedDriver.proposal());
    } finally {
      SimulatedDriver.memory(1L << 30);
      SimulatedDriver.refuseProposals();
      SimulatedDriver.proposals(1);
    }
  }

  @Test
  void aCapturedProductIsTriedByNobodyAndReplayedOnWhatTheOperandsHoldThen() {
    int n = 340;
    Strided a = arrays.of(DType.FLOAT32, new long[] {1, n, n}, new double[n * n]);
    Strided out = arrays.empty(DType.FLOAT32, 1, n, n);
    double[] ones = new double[n * n];
    Arrays.fill(ones, 1);
    SimulatedDriver.proposals(3);
    try (Capture graph = Capture.of(gpu, () -> gpu.kernels().matmul(out, a, a))) {
      assertEquals(0, SimulatedDriver.proposal());

      arrays.write(a, ones);
      graph.replay();

      assertEquals(n, arrays.read(out)[7]);
      gpu.kernels().matmul(out, a, a);
      assertEquals(2, SimulatedDriver.proposal());
    } finally {
      SimulatedDriver.proposals(1);
    }
  }

  @Test
  void manyThreadsAtOnceGetEachItsOwnBias() throws Exception {
    int threads = 8;
    Strided x = arrays.of(DType.FLOAT32, new long[] {2, 2}, 1, 2, 3, 4);
    List<Future<double[]>> results = new ArrayList<>();
    try (var pool = Executors.newFixedThreadPool(threads)) {
      for (int i = 0; i < threads; i++) {
        double bias = i;
        results.add(pool.submit(() -> {
          Strided out = arrays.empty(DType.FLOAT32, 2, 2);
          Strided row = arrays.of(DType.FLOAT32, new long[] {2}, bias, -bias);
          for (int round = 0; round < 20; round++) {
            gpu.kernels().linear(out, x, x, row, Activation.NONE);
          }
          return arrays.read(out);
        }));
      }
      for (int i = 0; i < threads; i++) {
        assertArrayEquals(new double[] {5 + i, 11 - i, 11 + i, 25 - i}, results.get(i).get());
      }
    }
  }

  @Test
  void memoryThatIsNotTheDevicesIsToldByTheStandIn() {
    Strided x = arrays.empty(DType.FLOAT32, 1, 4, 4);
    Strided nowhere = Strided.contiguous(new Storage(gpu.device(), 1 << 20, 64), DType.FLOAT32, new long[] {1, 4, 4});
    try {
      matmul(x, nowhere);
      assertThrows(BackendException.class, gpu::synchronize);
      assertTrue(SimulatedDriver.fault().startsWith("cublasLtMatmul of (4, 4) x (4, 4): A, 64 bytes, is not memory"),
          SimulatedDriver.fault());
    } finally {
      SimulatedDriver.reset();
    }
  }

  @Test
  void theModelsProductsAreAllCublasLts() {
    long handle = CublasLt.create();
    for (Gemm gemm : ModelProducts.all()) {
      assertNotNull(GemmPlan.of(handle, gemm, 4096, GemmPlans.WORKSPACE), gemm::toString);
    }
  }
}
