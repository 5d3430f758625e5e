package org.flambeau.backend.cuda;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.flambeau.BackendException;
import org.flambeau.backend.cuda.binding.Driver;
import org.flambeau.backend.cuda.binding.DriverExtras;
import org.flambeau.backend.cuda.binding.SimulatedDriver;
import org.flambeau.backend.cuda.binding.SimulatedDriver.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// What a kernel can do on the simulated GPU.
class SimulatedKernelTest extends SimulatedGpu {
  @Test
  void instancesOfATemplateAddVectors() throws Exception {
    long kernel = kernel("""
        namespace flambeau {
          struct Plus { template <class T> static __device__ T apply(T x, T y) { return x + y; } };
          template <class Op, class T> __global__ void binary(T* out, const T* x, const T* y, int n) {
            int i = blockIdx.x * blockDim.x + threadIdx.x;
            if (i < n) out[i] = Op::apply(x[i], y[i]);
          }
        }
        """, "flambeau::binary<flambeau::Plus, float>");
    long x = upload(1, 2, 3, 4, 5), y = upload(10, 20, 30, 40, 50), out = upload(new float[5]);

    launch(kernel, 2, 4, 0, out, x, y, 5);

    assertArrayEquals(new float[] {11, 22, 33, 44, 55}, download(out, 5));
  }

  private static final String SUM = """
      template <class T> __global__ void sum(T* out, const T* x, long long n) {
        __shared__ T partial[32];
        T sum = 0;
        for (int i = threadIdx.x; i < n; i += blockDim.x) sum += x[i];
      #pragma unroll
        for (int delta = 16; delta > 0; delta >>= 1) sum += __shfl_down_sync(0xffffffff, sum, delta);
        if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = sum;
        BARRIER
        if (threadIdx.x >= 32) return;
        sum = threadIdx.x < blockDim.x / 32 ? partial[threadIdx.x] : 0;
        for (int bit = 16; bit > 0; bit >>= 1) sum += __shfl_xor_sync(0xffffffff, sum, bit);
        if (threadIdx.x == 0) *out = sum;
      }
      """;

  private float sum(long kernel, long n) throws Exception {
    float[] numbers = new float[(int) n];
    for (int i = 0; i < n; i++) {
      numbers[i] = i % 10;
    }
    long x = upload(numbers), out = upload(0);
    launch(kernel, 1, 256, 0, out, x, n);
    return download(out, 1)[0];
  }

  @ParameterizedTest
  @EnumSource
  void aBlockAddsUpByShufflesAndABarrierInAnyOrder(Order order) throws Exception {
    long kernel = kernel(SUM.replace("BARRIER", "__syncthreads();"), "sum<float>");
    SimulatedDriver.order(order);

    assertEquals(4500, sum(kernel, 1000));
  }

  @Test
  void aMissingBarrierIsFoundInSomeOrder() throws Exception {
    long kernel = kernel(SUM.replace("BARRIER", ""), "sum<float>");
    List<Float> sums = new ArrayList<>();
    for (Order order : Order.values()) {
      SimulatedDriver.order(order);
      sums.add(sum(kernel, 1000));
    }

    assertTrue(sums.stream().anyMatch(sum -> sum.isNaN()), sums.toString());
  }

  @Test
  void dynamicSharedMemoryIsAsLargeAsTheLaunchSays() throws Exception {
    long kernel = kernel("""
        extern __shared__ __align__(16) unsigned char dynamicShared[];
        extern "C" __global__ void reverse(float* x) {
          float* tile = reinterpret_cast<float*>(dynamicShared);
          tile[threadIdx.x] = x[threadIdx.x];
          __syncthreads();
          x[threadIdx.x] = tile[blockDim.x - 1 - threadIdx.x];
        }
        """, "reverse");
    long x = upload(1, 2, 3, 4);

    launch(kernel, 1, 4, 16, x);
    assertArrayEquals(new float[] {4, 3, 2, 1}, download(x, 4));

    launch(kernel, 1, 4, 0, x);
    assertFaults("CUDA_ERROR_ILLEGAL_ADDRESS (700)", "kernel reverse, block (0, 0, 0), thread (0, 0, 0): writes 0x");
  }

  @Test
  void moreSharedMemoryThanIsAllowedIsRefusedUntilItIsAskedFor() throws Exception {
    long kernel = kernel("extern \"C\" __global__ void nothing() {}", "nothing");
    int maxDynamicShared = 8;

    assertThrows(BackendException.class, () -> launch(kernel, 1, 1, 49_153));
    assertThrows(BackendException.class, () -> Driver.funcSetAttribute(kernel, maxDynamicShared, 232_449));
    Driver.funcSetAttribute(kernel, maxDynamicShared, 232_448);
    launch(kernel, 1, 1, 232_448);

    assertEquals(232_448, DriverExtras.funcGetAttribute(maxDynamicShared, kernel));
    Driver.streamSynchronize(stream);
  }

  @ParameterizedTest
  @ValueSource(strings = {"1, 1025", "0, 1", "1, 0"})
  void aLaunchOfTooManyThreadsOrNoneIsRefused(String sizes) throws Exception {
    long kernel = kernel("extern \"C\" __global__ void nothing() {}", "nothing");
    int[] size = Arrays.stream(sizes.split(", ")).mapToInt(Integer::parseInt).toArray();

    var refusal = assertThrows(BackendException.class, () -> launch(kernel, size[0], size[1], 0));

    assertEquals("[cuLaunchKernel] CUDA_ERROR_INVALID_VALUE (1): invalid argument, in kernel test", refusal.getMessage());
  }

  @Test
  void sharedMemoryOfTheKernelsOwnCountsToo() throws Exception {
    long kernel = kernel("extern \"C\" __global__ void f() { __shared__ float own[1024]; }", "f");

    assertThrows(BackendException.class, () -> launch(kernel, 1, 1, 45_057));
    launch(kernel, 1, 1, 45_056);
    assertThrows(BackendException.class, () -> Driver.funcSetAttribute(kernel, Driver.MAX_DYNAMIC_SHARED_SIZE_BYTES, 228_353));
    Driver.streamSynchronize(stream);
    assertThrows(BackendException.class, () -> kernel("extern \"C\" __global__ void f() { __shared__ float own[12289]; }", "f"));
  }

  /// A thread may take 255 registers, and all threads of a block have 65,536.
  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
    "__global__ void f() {}                                                                      | f      | 256",
    "constexpr int MOST = 128; __global__ void __launch_bounds__(MOST, 2) f() {}                 | f      | 128",
    "extern \"C\" __global__ __launch_bounds__(1024) void f() {}                                 | f      | 1024",
    "template <class T> __global__ void __launch_bounds__(64, sizeof(T)) f() {} __global__ void g() {} | f<int> | 64",
    "template <class T> __global__ void __launch_bounds__(64, sizeof(T)) f() {} __global__ void g() {} | g      | 256"})
  void aBlockHasNoMoreThreadsThanItsKernelIsCompiledFor(String source, String name, int most) throws Exception {
    long kernel = kernel(source, name);

    launch(kernel, 1, most, 0);
    var refusal = assertThrows(BackendException.class, () -> launch(kernel, 1, most + 1, 0));

    assertTrue(String.valueOf(refusal.getMessage()).startsWith(most == 1024
        ? "[cuLaunchKernel] CUDA_ERROR_INVALID_VALUE (1)"
        : "[cuLaunchKernel] CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES (701)"), refusal.getMessage());
    assertEquals(most, DriverExtras.funcGetAttribute(0, kernel));
    Driver.streamSynchronize(stream);
  }

  @Test
  void sharedMemoryHoldsNoNumbersAtFirst() throws Exception {
    long kernel = kernel("""
        extern "C" __global__ void read(float* out) {
          __shared__ float unwritten[2];
          out[threadIdx.x] = unwritten[threadIdx.x];
        }
        """, "read");
    long out = upload(0, 0);

    launch(kernel, 1, 2, 0, out);

    assertArrayEquals(new float[] {Float.NaN, Float.NaN}, download(out, 2));
  }

  @Test
  void halfPrecisionIsRoundedToNearestEven() throws Exception {
    long kernel = kernel("""
        __global__ void toHalf(float* x) { x[threadIdx.x] = simulatedHalfToFloat(simulatedFloatToHalf(x[threadIdx.x])); }
        """, "toHalf");
    float smallest = 0x1p-24f;
    long x = upload(2049, 2051, 65_520, smallest * 1.5f, smallest / 2, Float.NaN, -0f);

    launch(kernel, 1, 7, 0, x);

    assertArrayEquals(new float[] {2048, 2052, Float.POSITIVE_INFINITY, 2 * smallest, 0, Float.NaN, -0f}, download(x, 7));
  }

  /// In which lane what lies is as the PTX ISA says of mma.m16n8k8: lane 4g + t has of the left factor (g, t), (g + 8, t), (g, t + 4) and (g + 8, t + 4), of the
  /// right one (t, g) and (t + 4, g), of the sums (g, 2t), (g, 2t + 1), (g + 8, 2t) and (g + 8, 2t + 1).
  @ParameterizedTest
  @EnumSource
  void tensorCoresAddTheProductOfAWarpsFactors(Order order) throws Exception {
    long kernel = kernel("""
        extern "C" __global__ void product(float* sums, const unsigned* left, const unsigned* right) {
          int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
          unsigned a[4] = {left[g * 8 + t], left[(g + 8) * 8 + t], left[g * 8 + t + 4], left[(g + 8) * 8 + t + 4]};
          unsigned b[2] = {right[t * 8 + g], right[(t + 4) * 8 + g]};
          float c[4] = {sums[g * 8 + 2 * t], sums[g * 8 + 2 * t + 1], sums[(g + 8) * 8 + 2 * t], sums[(g + 8) * 8 + 2 * t + 1]};
          simulatedMma(c, a, b);
          for (int i = 0; i < 4; i++) sums[(g + i / 2 * 8) * 8 + 2 * t + i % 2] = c[i];
        }
        """, "product");
    float[] left = new float[16 * 8], right = new float[8 * 8], sums = new float[16 * 8], expected = new float[16 * 8];
    Arrays.setAll(new Object[left.length], i -> left[i] = i * 7 % 13 - 6 + 0x1p-9f); // what lies below TF32's mantissa is not read
    Arrays.setAll(new Object[right.length], i -> right[i] = i * 5 % 11 - 5);
    Arrays.setAll(new Object[sums.length], i -> sums[i] = i);
    for (int row = 0; row < 16; row++) {
      for (int column = 0; column < 8; column++) {
        float sum = sums[row * 8 + column];
        for (int term = 0; term < 8; term++) {
          float factor = Float.intBitsToFloat(Float.floatToRawIntBits(left[row * 8 + term]) & -1 << 13);
          sum += factor * right[term * 8 + column];
        }
        expected[row * 8 + column] = sum;
      }
    }
    SimulatedDriver.order(order);
    long to = upload(sums);

    launch(kernel, 1, 32, 0, to, upload(left), upload(right));

    assertArrayEquals(expected, download(to, expected.length), 1e-4f);
  }

  @Test
  void aProductOfTensorCoresTakesAllLanes() throws Exception {
    long kernel = kernel("""
        extern "C" __global__ void product(float* sums) {
          float c[4] = {};
          unsigned a[4] = {}, b[2] = {};
          if (threadIdx.x < 31) simulatedMma(c, a, b);
        }
        """, "product");

    launch(kernel, 1, 32, 0, upload(1));

    assertFaults("CUDA_ERROR_LAUNCH_FAILED (719)",
        "kernel product, block (0, 0, 0), thread (31, 0, 0): the product at line 4 misses lanes");
  }

  /// What was begun in a group before the last one has arrived when all but one group are waited for; beyond what there is to copy, zeros do.
  @Test
  void copiesToSharedMemoryArriveWhenTheyAreWaitedFor() throws Exception {
    long kernel = kernel("""
        extern "C" __global__ void copy(float* out, const float* x) {
          __shared__ __align__(16) float tile[8];
          for (int i = 0; i < 8; i++) tile[i] = -1;
          simulatedBeginCopy(tile, x, 16, true);
          simulatedEndCopies();
          simulatedBeginCopy(tile + 4, x, 4, true);
          simulatedBeginCopy(tile + 5, x, 4, false);
          simulatedEndCopies();
          for (int i = 0; i < 8; i++) *out++ = tile[i];
          simulatedAwaitCopies(1);
          for (int i = 0; i < 8; i++) *out++ = tile[i];
          simulatedAwaitCopies(0);
          for (int i = 0; i < 8; i++) *out++ = tile[i];
        }
        """, "copy");
    long out = upload(new float[24]);

    launch(kernel, 1, 1, 0, out, upload(1, 2, 3, 4));

    assertArrayEquals(new float[] {-1, -1, -1, -1, -1, -1, -1, -1, 1, 2, 3, 4, -1, -1, -1, -1, 1, 2, 3, 4, 1, 0, -1, -1},
        download(out, 24));
  }

  /// A function of one number, as a GPU has it.
  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
    "erfinvf(x) | 0.5 | 0.47693628",
    "erfinvf(x) | -0.999 | -2.3267562",
    "erfinvf(x) | 1e-8 | 8.862269e-9",
    "erfinvf(x) | 1 | Infinity",
    "normcdf(x) | 1 | 0.8413447",
    "sinpif(x) | 1 | 0",
    "sinpif(x) | 2.5 | 1",
    "cospif(x) | 0.5 | 0",
    "cospif(x) | 3 | -1",
    "rsqrtf(x) | 4 | 0.5",
    "__fdividef(x, 4) | 1 | 0.25",
    "max(x, 3.0f) | NaN | 3",
    "lgammaf(x) | 0.5 | 0.5723649",
    "float(__float2int_rn(x)) | 2.5 | 2",
    "float(__float2int_rz(x)) | NaN | 0",
    "float(__float2int_rz(x)) | 3e9 | 2147483648",
    "float(__float2uint_rz(x)) | -3 | 0",
    "float(__popc(__float_as_uint(x))) | 1 | 7",
    "float(__clz(__float_as_int(x))) | 1 | 2",
    "float(__brev(unsigned(x))) | 1 | 2147483648",
    "float(__umulhi(unsigned(x), 3)) | 2147483648 | 1"})
  void theFunctionsOfAGpuAreThere(String expression, float x, float expected) throws Exception {
    long kernel = kernel("__global__ void f(float* x0) { float x = *x0; *x0 = " + expression + "; }", "f");
    long at = upload(x);

    launch(kernel, 1, 1, 0, at);

    assertEquals(expected, download(at, 1)[0], Math.ulp(expected) * 2);
  }

  @Test
  void blocksAddToOneNumberAsIfOneAfterTheOther() throws Exception {
    long kernel = kernel("""
        __global__ void count(float* out) {
          atomicAdd(out, 1.0f);
          atomicMax(reinterpret_cast<int*>(out) + 1, static_cast<int>(blockIdx.x));
          atomicCAS(reinterpret_cast<unsigned short*>(out + 2), static_cast<unsigned short>(0), static_cast<unsigned short>(7));
        }
        """, "count");
    long out = upload(0, 0, 0);

    launch(kernel, 100, 256, 0, out);

    float[] found = download(out, 3);
    assertEquals(List.of(25_600f, 99, 7), List.of(found[0], Float.floatToRawIntBits(found[1]), Float.floatToRawIntBits(found[2])));
  }

  @Test
  void aKernelHasNotRunUntilSomebodyWaitsForIt() throws Exception {
    long host = Driver.memHostAlloc(4);
    MemorySegment seen = MemorySegment.ofAddress(host).reinterpret(4);
    seen.set(JAVA_FLOAT, 0, 1);
    long kernel = kernel("__global__ void set(float* x) { *x = 2; }", "set");

    launch(kernel, 1, 1, 0, host);
    assertEquals(1, seen.get(JAVA_FLOAT, 0));
    Driver.streamSynchronize(stream);

    assertEquals(2, seen.get(JAVA_FLOAT, 0));
    DriverExtras.memFreeHost(host);
  }

  @Test
  void aSourceThatDoesNotCompileIsShownWithItsLine() {
    String failure = String.valueOf(
        assertThrows(BackendException.class, () -> kernel("__global__ void f() {\n  undeclared = 1;\n}\n", "f")).getMessage());

    assertTrue(failure.contains("test.cu:2:"), failure);
  }
}
