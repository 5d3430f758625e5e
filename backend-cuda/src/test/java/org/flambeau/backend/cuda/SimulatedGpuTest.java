package org.flambeau.backend.cuda;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.flambeau.BackendException;
import org.flambeau.backend.cuda.binding.Driver;
import org.flambeau.backend.cuda.binding.Nvrtc;
import org.flambeau.backend.cuda.binding.SimulatedDriver;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// Kernels of all sorts, good and bad, on the simulated GPU.
class SimulatedGpuTest {
  private static long context;

  private final Arena arena = Arena.ofConfined();
  private long stream;

  @BeforeAll
  static void install() throws Exception {
    SimulatedDriver.install();
    Driver.init();
    context = Driver.primaryCtxRetain(Driver.device(0));
  }

  @BeforeEach
  void open() {
    Driver.ctxSetCurrent(context);
    stream = Driver.streamCreate();
  }

  @AfterEach
  void close() {
    arena.close();
    Driver.streamDestroy(stream);
  }

  /// One kernel, ready to be launched.
  private static long kernel(String source, String expression) {
    try (var program = new Nvrtc.Program(source, "test.cu", Map.of())) {
      program.addNameExpression(expression);
      program.compile(List.of("--gpu-architecture=sm_90"));
      return Driver.moduleGetFunction(Driver.moduleLoadData(program.cubin()), program.loweredName(expression));
    }
  }

  private void launch(long kernel, int blocks, int threads, int dynamicBytes, long... parameters) {
    MemorySegment values = arena.allocateFrom(JAVA_LONG, parameters);
    long[] addresses = new long[parameters.length];
    Arrays.setAll(addresses, i -> values.address() + i * 8L);
    Driver.launchKernel(kernel, "test", blocks, 1, 1, threads, 1, 1, dynamicBytes, stream,
        arena.allocateFrom(JAVA_LONG, addresses).address());
  }

  private long upload(float... values) throws Exception {
    long address = Driver.memAlloc(4L * values.length);
    Driver.memcpyHtoDAsync(address, arena.allocateFrom(JAVA_FLOAT, values).address(), 4L * values.length, stream);
    return address;
  }

  private float[] download(long address, int count) {
    MemorySegment host = arena.allocate(JAVA_FLOAT, count);
    Driver.memcpyDtoHAsync(host.address(), address, host.byteSize(), stream);
    Driver.streamSynchronize(stream);
    return host.toArray(JAVA_FLOAT);
  }

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

  @Test
  void aSourceThatDoesNotCompileIsShownWithItsLine() {
    var failure = assertThrows(BackendException.class, () -> kernel("__global__ void f() {\n  undeclared = 1;\n}\n", "f"));

    assertTrue(failure.getMessage().contains("test.cu:2:"), failure.getMessage());
  }
}
