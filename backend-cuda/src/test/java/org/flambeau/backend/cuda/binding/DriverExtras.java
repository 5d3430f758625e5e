package org.flambeau.backend.cuda.binding;

/// Functions of the driver that tests have a use for and the backend has none.
public final class DriverExtras {
  private static final int NOT_READY = 600;

  private DriverExtras() {}

  public static void ctxSynchronize() {
    call("cuCtxSynchronize");
  }

  public static void memFreeHost(long address) {
    call("cuMemFreeHost", address);
  }

  public static void memcpyDtoDAsync(long to, long from, long bytes, long stream) {
    call("cuMemcpyDtoDAsync_v2", to, from, bytes, stream);
  }

  public static void memsetD8Async(long to, byte value, long count, long stream) {
    call("cuMemsetD8Async", to, value, count, stream);
  }

  public static void memsetD32Async(long to, int value, long count, long stream) {
    call("cuMemsetD32Async", to, value, count, stream);
  }

  /// What is issued to `stream` from now on starts after what `event` was recorded behind.
  public static void streamWaitEvent(long stream, long event) {
    call("cuStreamWaitEvent", stream, event, 0);
  }

  /// Whether everything that the event was recorded behind has finished.
  public static boolean eventQuery(long event) {
    int status = SimulatedDriver.call("cuEventQuery", event);
    if (status != NOT_READY) {
      Driver.check("cuEventQuery", status);
    }
    return status != NOT_READY;
  }

  public static int funcGetAttribute(int attribute, long function) {
    return Native.outInt(out -> call("cuFuncGetAttribute", out, attribute, function));
  }

  private static void call(String name, long... arguments) {
    Driver.check(name, SimulatedDriver.call(name, arguments));
  }
}
