package org.flambeau.backend.cuda.binding;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicReference;
import org.flambeau.BackendException;
import org.flambeau.spi.Allocator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/// The bindings of the driver, on the simulated one.
class DriverTest {
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

  private static void assertFails(String message, Executable call) {
    assertEquals(message, assertThrows(BackendException.class, call).getMessage());
  }

  private MemorySegment floats(float... values) {
    return arena.allocateFrom(JAVA_FLOAT, values);
  }

  private float[] download(long address, int count) {
    MemorySegment host = floats(new float[count]);
    Driver.memcpyDtoHAsync(host.address(), address, host.byteSize(), stream);
    Driver.streamSynchronize(stream);
    return host.toArray(JAVA_FLOAT);
  }

  @Test
  void aDeviceTellsWhatItIs() {
    int device = Driver.device(0);

    assertEquals(2, Driver.deviceCount());
    assertEquals("simulated GPU", Driver.deviceName(device));
    assertEquals(9, Driver.deviceAttribute(Driver.COMPUTE_CAPABILITY_MAJOR, device));
    assertEquals(0, Driver.deviceAttribute(Driver.COMPUTE_CAPABILITY_MINOR, device));
    assertEquals(1L << 30, Driver.deviceTotalMem(device));
    assertEquals(13000, Libraries.shared().driverVersion());
    assertFails("[cuDeviceGet] CUDA_ERROR_INVALID_DEVICE (101): invalid device ordinal", () -> Driver.device(2));
  }

  @Test
  void whatIsCopiedToADeviceComesBackByWayOfAnotherBlock() throws Exception {
    MemorySegment host = floats(1, 2, 3);
    long x = Driver.memAlloc(12), y = Driver.memAlloc(12);

    Driver.memcpyHtoDAsync(x, host.address(), 12, stream);
    DriverExtras.memcpyDtoDAsync(y, x, 12, stream);

    assertArrayEquals(new float[] {1, 2, 3}, download(y, 3));
    Driver.memFree(x);
    Driver.memFree(y);
  }

  @Test
  void memoryIsSetByBytesAndByWords() throws Exception {
    long x = Driver.memAlloc(16);

    DriverExtras.memsetD32Async(x, Float.floatToIntBits(2.5f), 4, stream);
    DriverExtras.memsetD8Async(x + 4, (byte) 0, 4, stream);

    assertArrayEquals(new float[] {2.5f, 0, 2.5f, 2.5f}, download(x, 4));
    Driver.memFree(x);
  }

  @Test
  void freshMemoryHoldsNoNumbers() throws Exception {
    long x = Driver.memAlloc(8);

    assertArrayEquals(new float[] {Float.NaN, Float.NaN}, download(x, 2));
    Driver.memFree(x);
  }

  @Test
  void aCopyHasNotHappenedUntilSomebodyWaitsForIt() throws Exception {
    long x = Driver.memAlloc(4);
    MemorySegment host = floats(7);
    DriverExtras.memsetD32Async(x, 0, 1, stream);

    Driver.memcpyDtoHAsync(host.address(), x, 4, stream);
    assertEquals(7, host.get(JAVA_FLOAT, 0));
    Driver.streamSynchronize(stream);

    assertEquals(0, host.get(JAVA_FLOAT, 0));
    Driver.memFree(x);
  }

  @Test
  void aStreamThatWaitsForAnEventSeesWhatWasIssuedBeforeIt() throws Exception {
    long x = Driver.memAlloc(4), event = Driver.eventCreate(false), other = Driver.streamCreate();
    DriverExtras.memsetD32Async(x, 0, 1, stream);
    DriverExtras.ctxSynchronize();
    DriverExtras.memsetD32Async(x, Float.floatToIntBits(1f), 1, other);
    Driver.eventRecord(event, other);
    DriverExtras.memsetD32Async(x, Float.floatToIntBits(2f), 1, other);

    assertArrayEquals(new float[] {0}, download(x, 1));
    DriverExtras.streamWaitEvent(stream, event);
    assertArrayEquals(new float[] {1}, download(x, 1));

    Driver.streamDestroy(other);
    Driver.eventDestroy(event);
    Driver.memFree(x);
  }

  @Test
  void anEventPassesOnceWhatIsBeforeItIsDone() throws Exception {
    long x = Driver.memAlloc(4), start = Driver.eventCreate(true), end = Driver.eventCreate(true);
    Driver.eventRecord(start, stream);
    DriverExtras.memsetD32Async(x, 0, 1, stream);
    Driver.eventRecord(end, stream);

    assertFalse(DriverExtras.eventQuery(end));
    assertFails("[cuEventElapsedTime] CUDA_ERROR_NOT_READY (600): device not ready", () -> Driver.eventElapsedTime(start, end));
    Driver.eventSynchronize(end);

    assertTrue(DriverExtras.eventQuery(end));
    assertTrue(Driver.eventElapsedTime(start, end) >= 0);
    Driver.eventDestroy(start);
    Driver.eventDestroy(end);
    Driver.memFree(x);
  }

  @Test
  void freeMemoryIsWhatWasNotAllocated() throws Exception {
    long before = Driver.memGetInfo().free();
    long x = Driver.memAlloc(1000);

    assertEquals(before - 1000, Driver.memGetInfo().free());
    Driver.memFree(x);
    assertEquals(before, Driver.memGetInfo().free());
  }

  @Test
  void moreMemoryThanThereIsIsNoErrorOfTheProgramYet() throws Exception {
    var refusal = assertThrows(Allocator.OutOfMemory.class, () -> Driver.memAlloc(1L << 40));

    assertEquals(String.format(Locale.ROOT, "[cuMemAlloc of 1099511627776 bytes] CUDA_ERROR_OUT_OF_MEMORY (2): out of memory; "
        + "the GPU has a total capacity of 1.00 GiB, of which %.2f GiB is free", Driver.memGetInfo().free() / 0x1p30),
        refusal.getMessage());
    Driver.memFree(Driver.memAlloc(4));
  }

  @Test
  void memoryIsRefusedOutsideOfItsBlockAndAfterItIsFreed() throws Exception {
    long x = Driver.memAlloc(8);
    String memset = "[cuMemsetD32Async] CUDA_ERROR_INVALID_VALUE (1): invalid argument";

    assertFails(memset, () -> DriverExtras.memsetD32Async(x, 0, 3, stream));
    assertFails(memset, () -> DriverExtras.memsetD32Async(x - 4, 0, 1, stream));
    Driver.memFree(x);
    assertFails(memset, () -> DriverExtras.memsetD32Async(x, 0, 1, stream));
    assertFails("[cuMemFree] CUDA_ERROR_INVALID_VALUE (1): invalid argument", () -> Driver.memFree(x));
  }

  @Test
  void pinnedMemoryIsTheHosts() {
    long host = Driver.memHostAlloc(4);
    MemorySegment.ofAddress(host).reinterpret(4).set(JAVA_FLOAT, 0, 3);

    assertEquals(3, MemorySegment.ofAddress(host).reinterpret(4).get(JAVA_FLOAT, 0));
    DriverExtras.memFreeHost(host);
  }

  @Test
  void aThreadWithoutContextIsRefused() throws Exception {
    var failure = new AtomicReference<Throwable>();
    Thread thread = Thread.ofPlatform().start(() -> {
      try {
        DriverExtras.ctxSynchronize();
      } catch (BackendException e) {
        failure.set(e);
      }
    });
    thread.join();

    assertEquals("[cuCtxSynchronize] CUDA_ERROR_INVALID_CONTEXT (201): invalid device context", String.valueOf(failure.get().getMessage()));
  }

  @Test
  void whatIsNoModuleIsRefused() {
    assertFails("[cuModuleLoadData] CUDA_ERROR_INVALID_IMAGE (200): device kernel image is invalid",
        () -> Driver.moduleLoadData(new byte[] {1, 2, 3}));
  }

  @Test
  void aLaunchThatFailsNamesItsKernel() {
    assertFails("[cuLaunchKernel] CUDA_ERROR_INVALID_HANDLE (400): invalid resource handle, in kernel layer_norm",
        () -> Driver.launchKernel(0, "layer_norm", 1, 1, 1, 32, 1, 1, 0, stream, 0));
  }

  @Test
  void afterAFaultEverythingFails() throws Exception {
    long x = Driver.memAlloc(4);
    String reason = " CUDA_ERROR_ILLEGAL_ADDRESS (700): an illegal memory access was encountered";

    assertEquals(0, SimulatedDriver.call("simulatedBreak", stream));
    DriverExtras.memsetD32Async(x, 0, 1, stream);

    assertFails("[cuStreamSynchronize]" + reason, () -> Driver.streamSynchronize(stream));
    assertFails("[cuMemsetD32Async]" + reason, () -> DriverExtras.memsetD32Async(x, 0, 1, stream));
    assertFails("[cuMemAlloc of 4 bytes]" + reason, () -> Driver.memAlloc(4));
    assertFails("[cuMemFree]" + reason, () -> Driver.memFree(x));
    SimulatedDriver.reset();
  }
}
