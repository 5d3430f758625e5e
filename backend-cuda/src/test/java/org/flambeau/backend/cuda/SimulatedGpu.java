package org.flambeau.backend.cuda;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
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
import org.flambeau.backend.cuda.binding.SimulatedDriver.Order;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;

/// A stream of the simulated GPU, with what tests of kernels do on it.
abstract class SimulatedGpu {
  static long context;

  final Arena arena = Arena.ofConfined();
  long stream;

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
    SimulatedDriver.order(Order.FORWARD);
    arena.close();
    Driver.streamDestroy(stream);
  }

  /// One kernel, ready to be launched.
  static long kernel(String source, String expression) {
    try (var program = new Nvrtc.Program(source, "test.cu", Map.of())) {
      program.addNameExpression(expression);
      program.compile(List.of("--gpu-architecture=sm_90"));
      return Driver.moduleGetFunction(Driver.moduleLoadData(program.cubin()), program.loweredName(expression));
    }
  }

  void launch(long kernel, int blocks, int threads, int dynamicBytes, long... parameters) {
    MemorySegment values = arena.allocateFrom(JAVA_LONG, parameters);
    long[] addresses = new long[parameters.length];
    Arrays.setAll(addresses, i -> values.address() + i * 8L);
    Driver.launchKernel(kernel, "test", blocks, 1, 1, threads, 1, 1, dynamicBytes, stream,
        arena.allocateFrom(JAVA_LONG, addresses).address());
  }

  long upload(float... values) throws Exception {
    long address = Driver.memAlloc(4L * values.length);
    Driver.memcpyHtoDAsync(address, arena.allocateFrom(JAVA_FLOAT, values).address(), 4L * values.length, stream);
    return address;
  }

  float[] download(long address, int count) {
    MemorySegment host = arena.allocate(JAVA_FLOAT, count);
    Driver.memcpyDtoHAsync(host.address(), address, host.byteSize(), stream);
    Driver.streamSynchronize(stream);
    return host.toArray(JAVA_FLOAT);
  }

  /// The next wait fails, and so does everything afterwards.
  void assertFaults(String status, String beginning) {
    String failure = String.valueOf(assertThrows(BackendException.class, () -> Driver.streamSynchronize(stream)).getMessage());
    assertTrue(failure.contains(status), failure);
    assertTrue(SimulatedDriver.fault().startsWith(beginning), SimulatedDriver.fault());
    assertThrows(BackendException.class, () -> Driver.memAlloc(4));
    SimulatedDriver.reset();
  }
}
