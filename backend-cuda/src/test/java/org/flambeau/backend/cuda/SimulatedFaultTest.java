package org.flambeau.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.flambeau.BackendException;
import org.flambeau.backend.cuda.binding.Driver;
import org.flambeau.backend.cuda.binding.DriverExtras;
import org.flambeau.backend.cuda.binding.SimulatedDriver;
import org.flambeau.spi.Allocator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// What a kernel must not do.
class SimulatedFaultTest extends SimulatedGpu {
  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
    "y = x[100]                                        | reads",
    "x[100] = y                                        | writes",
    "y = x[threadIdx.x * 1000]                         | reads",
    "y = *reinterpret_cast<float*>(threadIdx.x)        | reads",})
  void memoryOutsideOfABlockIsOutOfReach(String statement, String what) throws Exception {
    long kernel = kernel("__global__ void f(float* x) { volatile float y = 0; " + statement + "; }", "f");
    long x = upload(new float[100]);

    launch(kernel, 1, 2, 0, x);

    assertFaults("CUDA_ERROR_ILLEGAL_ADDRESS (700)",
        "kernel f, block (0, 0, 0), thread (" + (statement.contains("thread") ? "" : "0, 0, 0): " + what));
  }

  @Test
  void freedMemoryIsOutOfReach() throws Exception {
    long kernel = kernel("__global__ void f(float* x) { *x = 1; }", "f");
    long x = upload(1);
    Driver.memFree(x);

    launch(kernel, 1, 1, 0, x);

    assertFaults("CUDA_ERROR_ILLEGAL_ADDRESS (700)", "kernel f, block (0, 0, 0), thread (0, 0, 0): writes 0x" + Long.toHexString(x)
        + ", in a block of 4 bytes that was freed");
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {"x[-1] = 1 | 1 bytes before", "x[1] = 1 | 0 bytes after"})
  void writesJustOutsideOfABlockAreFoundWhenSomebodyWaits(String statement, String where) throws Exception {
    long kernel = kernel("__global__ void f(float* x) { " + statement + "; }", "f");
    long x = upload(1);

    launch(kernel, 1, 1, 0, x);

    assertFaults("CUDA_ERROR_ILLEGAL_ADDRESS (700)", "a kernel has written " + where + " a block of 4 bytes");
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
    "if (threadIdx.x < 32) __syncthreads(); else LINE __syncthreads() | threads of a block wait in different __syncthreads, at line 1 and at line 2",
    "if (threadIdx.x > 0) __syncwarp(); else __syncthreads() | threads wait for each other for ever: 1 wait in __syncthreads at line 1",
    "if (threadIdx.x > 0) __shfl_sync(~1u, 1, 0) | the shuffle at line 1 reads lane 0, which takes no part",
    "__shfl_sync(1, 1, 0) | lane 1 calls a warp function at line 1 without being in its mask 00000001",
    "if (threadIdx.x == 3) __trap() | __trap() at line 1",
    "x[0] = 7 / static_cast<int>(x[1]) | divides an integer by zero",})
  void whatWouldHangOrBeUndefinedOnAGpuEndsTheLaunch(String statement, String what) throws Exception {
    long kernel = kernel("__global__ void f(float* x) { " + statement.replace("LINE", "\n") + "; }", "f");
    long x = upload(0, 0);

    launch(kernel, 1, statement.contains("< 32") ? 64 : 32, 0, x);

    assertThrows(BackendException.class, () -> Driver.streamSynchronize(stream));
    assertTrue(SimulatedDriver.fault().contains(": " + what), SimulatedDriver.fault());
    SimulatedDriver.reset();
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
    "*reinterpret_cast<float4*>(x + i) = {}                             | 16",
    "x[0] = reinterpret_cast<Half*>(x + 2 * i)->at[0]                   | 16",
    "x[0] = reinterpret_cast<const int2*>(x + i)->y                     | 8",
    "x[0] = *reinterpret_cast<float*>(reinterpret_cast<short*>(x) + i)  | 4",
    "*reinterpret_cast<short*>(reinterpret_cast<char*>(x) + i) = 1      | 2"})
  void anAccessThatIsNotAlignedIsAFault(String statement, int alignment) throws Exception {
    long kernel = kernel("struct alignas(16) Half { short at[8]; };\n__global__ void f(float* x, int i) { " + statement + "; }", "f");
    long x = upload(new float[12]);

    launch(kernel, 1, 1, 0, x, 1);
    String failure = String.valueOf(assertThrows(BackendException.class, () -> Driver.streamSynchronize(stream)).getMessage());

    assertTrue(failure.contains("CUDA_ERROR_MISALIGNED_ADDRESS (716)"), failure);
    assertTrue(SimulatedDriver.fault().endsWith(" is no multiple of " + alignment + ", at test.cu:2"), SimulatedDriver.fault());
    SimulatedDriver.reset();
  }

  @Test
  void anElementThatAnArrayDoesNotHaveIsAFault() throws Exception {
    long kernel = kernel("__global__ void f(float* x) { __shared__ float tile[2][4]; tile[0][threadIdx.x] = x[0]; }", "f");
    long x = upload(1);

    launch(kernel, 1, 5, 0, x);

    assertFaults("CUDA_ERROR_LAUNCH_FAILED (719)", "kernel f, block (0, 0, 0), thread (4, 0, 0): an array has no element 4, at test.cu:1");
  }

  @Test
  void aLaunchGoesToAStreamOfTheCurrentDevice() throws Exception {
    long kernel = kernel("__global__ void f() {}", "f");
    Driver.ctxSetCurrent(Driver.primaryCtxRetain(Driver.device(1)));
    try {
      var refusal = assertThrows(BackendException.class, () -> launch(kernel, 1, 1, 0));
      assertTrue(String.valueOf(refusal.getMessage()).contains("CUDA_ERROR_INVALID_HANDLE (400)"), refusal.getMessage());
    } finally {
      Driver.ctxSetCurrent(context);
    }
  }

  private void manyFaults() throws Exception {
    long kernel = kernel("__global__ void f(float* x, long long i) { x[i * threadIdx.x] = 1; __syncthreads(); }", "f");
    long x = upload(0);
    for (int i = 0; i < 5; i++) {
      launch(kernel, 1000, 128, 0, x, 1 << 10); // the page after the block, where nothing else is
      assertFaults("CUDA_ERROR_ILLEGAL_ADDRESS (700)", "kernel f, block (");
    }
    launch(kernel, 1000, 128, 0, x, 0);
    assertArrayEquals(new float[] {1}, download(x, 1));
  }

  @Test
  void theProcessGoesOnAfterFaultsAndTheVirtualMachinesOwnStayItsOwn() throws Exception {
    manyFaults();
    Object[] nothing = new Object[1];
    int caught = 0;
    for (int i = 0; i < 20_000; i++) {
      try {
        caught += nothing[0].hashCode();
      } catch (NullPointerException e) {
        caught++;
      }
    }
    assertEquals(20_000, caught);
  }

  @Test
  void aDeviceHasMemoryAndFaultsOfItsOwn() throws Exception {
    long free = Driver.memGetInfo().free();
    SimulatedDriver.memory(1 << 20);
    try {
      Driver.ctxSetCurrent(Driver.primaryCtxRetain(Driver.device(1)));
      assertEquals(1 << 20, Driver.memGetInfo().free());
      assertThrows(Allocator.OutOfMemory.class, () -> Driver.memAlloc((1 << 20) + 1));
      long block = Driver.memAlloc(1 << 19);
      assertEquals(1 << 19, Driver.memGetInfo().free());
      Driver.memFree(block);

      assertEquals(0, SimulatedDriver.call("simulatedBreak", 0));
      assertThrows(BackendException.class, DriverExtras::ctxSynchronize);
      Driver.ctxSetCurrent(context);
      DriverExtras.ctxSynchronize();
    } finally {
      SimulatedDriver.memory(1L << 30);
      SimulatedDriver.reset();
    }
    assertEquals(free, Driver.memGetInfo().free());
  }
}
