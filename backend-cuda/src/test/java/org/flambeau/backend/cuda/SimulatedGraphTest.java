package org.flambeau.backend.cuda;

import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.MemorySegment;
import org.flambeau.BackendException;
import org.flambeau.backend.cuda.binding.Driver;
import org.flambeau.backend.cuda.binding.DriverExtras;
import org.flambeau.backend.cuda.binding.SimulatedDriver;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/// Captures of the simulated driver, and what breaks them.
class SimulatedGraphTest extends SimulatedGpu {
  private static final int THREAD_LOCAL = 1;
  private static final int CAPTURE_UNSUPPORTED = 900;
  private static final int CAPTURE_INVALIDATED = 901;
  private static final int CAPTURED_EVENT = 907;

  private long out() {
    return arena.allocate(JAVA_LONG).address();
  }

  private static long at(long address) {
    return MemorySegment.ofAddress(address).reinterpret(8).get(JAVA_LONG, 0);
  }

  @Test
  void aCapturedSequenceRunsEachTimeItIsLaunchedAndNotBefore() throws Exception {
    long kernel = kernel("__global__ void add(float* x, const float* y) { *x += *y; }", "add");
    long x = upload(0), y = upload(3), graph = out(), executable = out();
    Driver.streamSynchronize(stream);

    assertEquals(0, SimulatedDriver.call("cuStreamBeginCapture_v2", stream, THREAD_LOCAL));
    launch(kernel, 1, 1, 0, x, y);
    launch(kernel, 1, 1, 0, x, y);
    assertEquals(0, SimulatedDriver.call("cuStreamEndCapture", stream, graph));
    assertArrayEquals(new float[] {0}, download(x, 1));
    assertEquals(0, SimulatedDriver.call("cuGraphInstantiateWithFlags", executable, at(graph), 0));
    assertEquals(0, SimulatedDriver.call("cuGraphDestroy", at(graph)));
    assertEquals(0, SimulatedDriver.call("cuGraphLaunch", at(executable), stream));
    assertArrayEquals(new float[] {6}, download(x, 1));
    DriverExtras.memsetD32Async(y, Float.floatToIntBits(10), 1, stream);
    assertEquals(0, SimulatedDriver.call("cuGraphLaunch", at(executable), stream));
    assertArrayEquals(new float[] {26}, download(x, 1));

    assertEquals(0, SimulatedDriver.call("cuGraphExecDestroy", at(executable)));
  }

  @Test
  void aStreamThatWaitsForACapturedEventIsCapturedAndHasToBeJoined() throws Exception {
    long x = upload(0), graph = out(), other = Driver.streamCreate(), fork = Driver.eventCreate(false), join = Driver.eventCreate(false);
    int unjoined = 904;
    for (boolean joins : new boolean[] {true, false}) {
      SimulatedDriver.call("cuStreamBeginCapture_v2", stream, THREAD_LOCAL);
      Driver.eventRecord(fork, stream);
      DriverExtras.streamWaitEvent(other, fork);
      DriverExtras.memsetD32Async(x, 1, 1, other);
      if (joins) {
        Driver.eventRecord(join, other);
        DriverExtras.streamWaitEvent(stream, join);
      }
      assertEquals(joins ? 0 : unjoined, SimulatedDriver.call("cuStreamEndCapture", stream, graph));
    }
    Driver.streamDestroy(other);
  }

  /// What breaks a capture, and how.
  private int broken(Executable breaker) {
    assertEquals(0, SimulatedDriver.call("cuStreamBeginCapture_v2", stream, THREAD_LOCAL));
    String message = String.valueOf(assertThrows(BackendException.class, breaker).getMessage());
    assertEquals(CAPTURE_INVALIDATED, SimulatedDriver.call("cuStreamEndCapture", stream, out()));
    return Integer.parseInt(message.replaceAll("(?s).*\\((9\\d\\d)\\).*", "$1"));
  }

  @Test
  void whoeverWaitsDuringACaptureBreaksIt() throws Exception {
    long x = Driver.memAlloc(4), event = Driver.eventCreate(false), host = arena.allocate(4).address(), legacy = 0;
    int implicit = 906;

    assertEquals(CAPTURE_UNSUPPORTED, broken(() -> Driver.streamSynchronize(stream)));
    assertEquals(CAPTURE_UNSUPPORTED, broken(DriverExtras::ctxSynchronize));
    assertEquals(CAPTURE_UNSUPPORTED, broken(() -> Driver.memAlloc(4)));
    assertEquals(CAPTURE_UNSUPPORTED, broken(() -> Driver.memHostAlloc(4)));
    assertEquals(CAPTURE_UNSUPPORTED, broken(() -> Driver.memFree(x)));
    assertEquals(CAPTURE_UNSUPPORTED, broken(() -> Driver.memcpyDtoHAsync(host, x, 4, stream)));
    assertEquals(CAPTURE_UNSUPPORTED, broken(() -> DriverExtras.eventQuery(event)));
    assertEquals(implicit, broken(() -> DriverExtras.memsetD8Async(x, (byte) 0, 4, legacy)));
    assertEquals(CAPTURED_EVENT, broken(() -> {
      Driver.eventRecord(event, stream);
      Driver.eventSynchronize(event);
    }));
    Driver.memFree(x);
  }

  @Test
  void aBrokenCaptureTakesNothingMore() throws Exception {
    long x = Driver.memAlloc(4);
    broken(() -> {
      assertThrows(BackendException.class, () -> Driver.streamSynchronize(stream));
      DriverExtras.memsetD8Async(x, (byte) 0, 4, stream);
    });

    DriverExtras.memsetD8Async(x, (byte) 0, 4, stream);
    Driver.streamSynchronize(stream);
    Driver.memFree(x);
  }

  @Test
  void aCopyInAGraphDoesNotReachMemoryThatIsFreedSince() throws Exception {
    long x = Driver.memAlloc(4), graph = out(), executable = out();
    SimulatedDriver.call("cuStreamBeginCapture_v2", stream, THREAD_LOCAL);
    DriverExtras.memsetD32Async(x, 1, 1, stream);
    SimulatedDriver.call("cuStreamEndCapture", stream, graph);
    SimulatedDriver.call("cuGraphInstantiateWithFlags", executable, at(graph), 0);
    Driver.memFree(x);

    SimulatedDriver.call("cuGraphLaunch", at(executable), stream);

    assertFaults("CUDA_ERROR_ILLEGAL_ADDRESS (700)", "a memset reaches memory that is freed");
  }
}
