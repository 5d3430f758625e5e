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

  @Test
  void anAccessThatIsNotAlignedIsAFault() throws Exception {
    long kernel = kernel("__global__ void f(float* x) { *reinterpret_cast<float4*>(x + 1) = *reinterpret_cast<float4*>(x + 5); }", "f");
    long x = upload(new float[12]);

    launch(kernel, 1, 1, 0, x);

    assertFaults("CUDA_ERROR_MISALIGNED_ADDRESS (716)", "kernel f, block (0, 0, 0), thread (0, 0, 0): ");
  }

  private void manyFaults() throws Exception {
    long kernel = kernel("__global__ void f(float* x, long long i) { x[i * threadIdx.x] = 1; __syncthreads(); }", "f");
    long x = upload(0);
    for (int i = 0; i < 5; i++) {
      launch(kernel, 1000, 128, 0, x, 1 << 20);
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
