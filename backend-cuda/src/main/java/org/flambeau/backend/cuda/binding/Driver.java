package org.flambeau.backend.cuda.binding;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.Locale;
import org.flambeau.BackendException;
import org.flambeau.spi.Allocator;

/// The functions of the driver (libcuda) that are used, by their names without the prefix. Handles and addresses are `long`s.
///
/// Functions that exist in several versions are bound by the names that mean the same in drivers for CUDA 12 and 13; the headers rename
/// them silently. Except for [#init] and what asks about devices, the calling thread needs a current context ([#ctxSetCurrent]).
public final class Driver {
  private static final int SUCCESS = 0;
  private static final int OUT_OF_MEMORY = 2;

  // CUstream_flags, CUevent_flags
  private static final int NON_BLOCKING = 1;
  private static final int DISABLE_TIMING = 2;

  // CUstreamCaptureMode: the thread may load modules and allocate memory meanwhile, which is not part of the graph
  private static final int CAPTURE_RELAXED = 2;

  // CUdevice_attribute
  public static final int MULTIPROCESSOR_COUNT = 16;
  public static final int MAX_THREADS_PER_MULTIPROCESSOR = 39;
  public static final int COMPUTE_CAPABILITY_MAJOR = 75;
  public static final int COMPUTE_CAPABILITY_MINOR = 76;
  public static final int MAX_SHARED_MEMORY_PER_BLOCK_OPTIN = 97;

  // CUfunction_attribute
  public static final int MAX_DYNAMIC_SHARED_SIZE_BYTES = 8;

  private static final SymbolLookup LIBRARY = Libraries.shared().open(Library.DRIVER);
  private static final MemoryLayout POINTER = JAVA_LONG;

  private static final MethodHandle GET_ERROR_NAME = function("cuGetErrorName", JAVA_INT, POINTER);
  private static final MethodHandle GET_ERROR_STRING = function("cuGetErrorString", JAVA_INT, POINTER);
  private static final MethodHandle INIT = function("cuInit", JAVA_INT);
  private static final MethodHandle DEVICE_GET_COUNT = function("cuDeviceGetCount", POINTER);
  private static final MethodHandle DEVICE_GET = function("cuDeviceGet", POINTER, JAVA_INT);
  private static final MethodHandle DEVICE_GET_NAME = function("cuDeviceGetName", POINTER, JAVA_INT, JAVA_INT);
  private static final MethodHandle DEVICE_GET_ATTRIBUTE = function("cuDeviceGetAttribute", POINTER, JAVA_INT, JAVA_INT);
  private static final MethodHandle DEVICE_TOTAL_MEM = function("cuDeviceTotalMem_v2", POINTER, JAVA_INT);
  private static final MethodHandle DEVICE_PRIMARY_CTX_RETAIN = function("cuDevicePrimaryCtxRetain", POINTER, JAVA_INT);
  private static final MethodHandle CTX_SET_CURRENT = function("cuCtxSetCurrent", POINTER);
  private static final MethodHandle MEM_ALLOC = function("cuMemAlloc_v2", POINTER, JAVA_LONG);
  private static final MethodHandle MEM_FREE = function("cuMemFree_v2", POINTER);
  private static final MethodHandle MEM_GET_INFO = function("cuMemGetInfo_v2", POINTER, POINTER);
  private static final MethodHandle MEM_HOST_ALLOC = function("cuMemHostAlloc", POINTER, JAVA_LONG, JAVA_INT);
  private static final MethodHandle MEMCPY_HTOD_ASYNC = function("cuMemcpyHtoDAsync_v2", POINTER, POINTER, JAVA_LONG, POINTER);
  private static final MethodHandle MEMCPY_DTOH_ASYNC = function("cuMemcpyDtoHAsync_v2", POINTER, POINTER, JAVA_LONG, POINTER);
  private static final MethodHandle STREAM_CREATE = function("cuStreamCreate", POINTER, JAVA_INT);
  private static final MethodHandle STREAM_DESTROY = function("cuStreamDestroy_v2", POINTER);
  private static final MethodHandle STREAM_SYNCHRONIZE = function("cuStreamSynchronize", POINTER);
  private static final MethodHandle STREAM_BEGIN_CAPTURE = function("cuStreamBeginCapture_v2", POINTER, JAVA_INT);
  private static final MethodHandle STREAM_END_CAPTURE = function("cuStreamEndCapture", POINTER, POINTER);
  private static final MethodHandle GRAPH_INSTANTIATE = function("cuGraphInstantiateWithFlags", POINTER, POINTER, JAVA_LONG);
  private static final MethodHandle GRAPH_LAUNCH = function("cuGraphLaunch", POINTER, POINTER);
  private static final MethodHandle GRAPH_DESTROY = function("cuGraphDestroy", POINTER);
  private static final MethodHandle GRAPH_EXEC_DESTROY = function("cuGraphExecDestroy", POINTER);
  private static final MethodHandle EVENT_CREATE = function("cuEventCreate", POINTER, JAVA_INT);
  private static final MethodHandle EVENT_DESTROY = function("cuEventDestroy_v2", POINTER);
  private static final MethodHandle EVENT_RECORD = function("cuEventRecord", POINTER, POINTER);
  private static final MethodHandle EVENT_SYNCHRONIZE = function("cuEventSynchronize", POINTER);
  private static final MethodHandle EVENT_ELAPSED_TIME = function("cuEventElapsedTime", POINTER, POINTER, POINTER);
  private static final MethodHandle MODULE_LOAD_DATA = function("cuModuleLoadData", POINTER, POINTER);
  private static final MethodHandle MODULE_GET_FUNCTION = function("cuModuleGetFunction", POINTER, POINTER, POINTER);
  private static final MethodHandle FUNC_SET_ATTRIBUTE = function("cuFuncSetAttribute", POINTER, JAVA_INT, JAVA_INT);
  private static final MethodHandle LAUNCH_KERNEL = function("cuLaunchKernel", POINTER, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT,
      JAVA_INT, JAVA_INT, POINTER, POINTER, POINTER);

  private Driver() {}

  private static MethodHandle function(String name, MemoryLayout... parameters) {
    return Native.function(LIBRARY, name, JAVA_INT, parameters);
  }

  // ---- devices and contexts ----

  /// Must come before everything else; may come again.
  public static void init() {
    check("cuInit", () -> (int) INIT.invokeExact(0));
  }

  public static int deviceCount() {
    return Native.outInt(out -> check("cuDeviceGetCount", (int) DEVICE_GET_COUNT.invokeExact(out)));
  }

  /// The handle of the device with that ordinal.
  public static int device(int ordinal) {
    return Native.outInt(out -> check("cuDeviceGet", (int) DEVICE_GET.invokeExact(out, ordinal)));
  }

  public static String deviceName(int device) {
    try (Arena arena = Arena.ofConfined()) {
      int length = 256;
      MemorySegment name = arena.allocate(length);
      check("cuDeviceGetName", () -> (int) DEVICE_GET_NAME.invokeExact(name.address(), length, device));
      return name.getString(0);
    }
  }

  public static int deviceAttribute(int attribute, int device) {
    return Native
        .outInt(out -> check("cuDeviceGetAttribute", (int) DEVICE_GET_ATTRIBUTE.invokeExact(out, attribute, device)));
  }

  public static long deviceTotalMem(int device) {
    return Native.outLong(out -> check("cuDeviceTotalMem", (int) DEVICE_TOTAL_MEM.invokeExact(out, device)));
  }

  /// The context that all libraries in the process share on that device.
  public static long primaryCtxRetain(int device) {
    return Native.outLong(out -> check("cuDevicePrimaryCtxRetain", (int) DEVICE_PRIMARY_CTX_RETAIN.invokeExact(out, device)));
  }

  /// Contexts are current per thread of the system: whoever may run on a virtual thread sets it before each sequence of calls.
  public static void ctxSetCurrent(long context) {
    check("cuCtxSetCurrent", () -> (int) CTX_SET_CURRENT.invokeExact(context));
  }

  // ---- memory ----

  /// Memory of the current context's device.
  ///
  /// @throws Allocator.OutOfMemory where the device has no more
  public static long memAlloc(long bytes) throws Allocator.OutOfMemory {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(JAVA_LONG);
      int status = Native.call(() -> (int) MEM_ALLOC.invokeExact(out.address(), bytes));
      if (status == OUT_OF_MEMORY) {
        throw new Allocator.OutOfMemory(message("cuMemAlloc of " + bytes + " bytes", status) + "; " + capacity());
      }
      check("cuMemAlloc of " + bytes + " bytes", status);
      return out.get(JAVA_LONG, 0);
    }
  }

  /// Waits for what uses the memory.
  public static void memFree(long address) {
    check("cuMemFree", () -> (int) MEM_FREE.invokeExact(address));
  }

  /// Bytes of a device.
  public record MemInfo(long free, long total) {}

  public static MemInfo memGetInfo() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(JAVA_LONG, 2);
      check("cuMemGetInfo", () -> (int) MEM_GET_INFO.invokeExact(out.address(), out.address() + Long.BYTES));
      return new MemInfo(out.getAtIndex(JAVA_LONG, 0), out.getAtIndex(JAVA_LONG, 1));
    }
  }

  private static String capacity() {
    MemInfo now = memGetInfo();
    return String.format(Locale.ROOT, "the GPU has a total capacity of %.2f GiB, of which %.2f GiB is free", now.total / 0x1p30,
        now.free / 0x1p30);
  }

  /// Pinned memory of the host, which copies reach without the processor.
  public static long memHostAlloc(long bytes) {
    return Native.outLong(out -> check("cuMemHostAlloc of " + bytes + " bytes", (int) MEM_HOST_ALLOC.invokeExact(out, bytes, 0)));
  }

  public static void memcpyHtoDAsync(long to, long from, long bytes, long stream) {
    check("cuMemcpyHtoDAsync", () -> (int) MEMCPY_HTOD_ASYNC.invokeExact(to, from, bytes, stream));
  }

  public static void memcpyDtoHAsync(long to, long from, long bytes, long stream) {
    check("cuMemcpyDtoHAsync", () -> (int) MEMCPY_DTOH_ASYNC.invokeExact(to, from, bytes, stream));
  }

  // ---- streams and events ----

  /// A stream that does not wait for the legacy default stream.
  public static long streamCreate() {
    return Native.outLong(out -> check("cuStreamCreate", (int) STREAM_CREATE.invokeExact(out, NON_BLOCKING)));
  }

  public static void streamDestroy(long stream) {
    check("cuStreamDestroy", () -> (int) STREAM_DESTROY.invokeExact(stream));
  }

  public static void streamSynchronize(long stream) {
    check("cuStreamSynchronize", () -> (int) STREAM_SYNCHRONIZE.invokeExact(stream));
  }

  /// An event.
  ///
  /// @param timing whether [#eventElapsedTime] will be asked, which makes it dearer
  public static long eventCreate(boolean timing) {
    int flags = timing ? 0 : DISABLE_TIMING;
    return Native.outLong(out -> check("cuEventCreate", (int) EVENT_CREATE.invokeExact(out, flags)));
  }

  public static void eventDestroy(long event) {
    check("cuEventDestroy", () -> (int) EVENT_DESTROY.invokeExact(event));
  }

  public static void eventRecord(long event, long stream) {
    check("cuEventRecord", () -> (int) EVENT_RECORD.invokeExact(event, stream));
  }

  public static void eventSynchronize(long event) {
    check("cuEventSynchronize", () -> (int) EVENT_SYNCHRONIZE.invokeExact(event));
  }

  /// Milliseconds between two events that have both passed.
  public static float eventElapsedTime(long start, long end) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(JAVA_FLOAT);
      check("cuEventElapsedTime", () -> (int) EVENT_ELAPSED_TIME.invokeExact(out.address(), start, end));
      return out.get(JAVA_FLOAT, 0);
    }
  }

  // ---- graphs ----

  /// What this thread issues to `stream` from now on is recorded instead of done.
  public static void streamBeginCapture(long stream) {
    check("cuStreamBeginCapture", () -> (int) STREAM_BEGIN_CAPTURE.invokeExact(stream, CAPTURE_RELAXED));
  }

  /// The graph of what was recorded.
  public static long streamEndCapture(long stream) {
    return Native.outLong(out -> check("cuStreamEndCapture", (int) STREAM_END_CAPTURE.invokeExact(stream, out)));
  }

  /// A graph made ready to be launched.
  public static long graphInstantiate(long graph) {
    return Native.outLong(out -> check("cuGraphInstantiate", (int) GRAPH_INSTANTIATE.invokeExact(out, graph, 0L)));
  }

  public static void graphLaunch(long executable, long stream) {
    check("cuGraphLaunch", () -> (int) GRAPH_LAUNCH.invokeExact(executable, stream));
  }

  public static void graphDestroy(long graph) {
    check("cuGraphDestroy", () -> (int) GRAPH_DESTROY.invokeExact(graph));
  }

  public static void graphExecDestroy(long executable) {
    check("cuGraphExecDestroy", () -> (int) GRAPH_EXEC_DESTROY.invokeExact(executable));
  }

  // ---- modules and kernels ----

  /// Loads what [Nvrtc.Program] made: a cubin, or PTX, which the driver compiles.
  public static long moduleLoadData(byte[] image) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment data = arena.allocate(image.length + 1L, Long.BYTES); // PTX ends with a zero
      MemorySegment.copy(image, 0, data, JAVA_BYTE, 0, image.length);
      return Native.outLong(out -> check("cuModuleLoadData", (int) MODULE_LOAD_DATA.invokeExact(out, data.address())));
    }
  }

  public static long moduleGetFunction(long module, String kernel) {
    try (Arena arena = Arena.ofConfined()) {
      long name = arena.allocateFrom(kernel).address();
      return Native.outLong(out -> checkKernel("cuModuleGetFunction", kernel, (int) MODULE_GET_FUNCTION.invokeExact(out, module, name)));
    }
  }

  public static void funcSetAttribute(long function, int attribute, int value) {
    check("cuFuncSetAttribute", () -> (int) FUNC_SET_ATTRIBUTE.invokeExact(function, attribute, value));
  }

  /// Launches a kernel. Not a lambda: this is the call whose cost counts.
  ///
  /// @param kernel its name, for the message where it fails
  /// @param parameters the address of an array of addresses, one per parameter
  public static void launchKernel(long function, String kernel, int gridX, int gridY, int gridZ, int blockX, int blockY, int blockZ,
      int sharedBytes, long stream, long parameters) {
    int status;
    try {
      status = (int) LAUNCH_KERNEL.invokeExact(function, gridX, gridY, gridZ, blockX, blockY, blockZ, sharedBytes, stream, parameters, 0L);
    } catch (Throwable e) {
      throw Native.unexpected(e);
    }
    if (status != SUCCESS) {
      checkKernel("cuLaunchKernel", kernel, status);
    }
  }

  // ---- errors ----

  private static void check(String call, Native.IntCall function) {
    check(call, Native.call(function));
  }

  static void check(String call, int status) {
    if (status != SUCCESS) {
      throw new BackendException(message(call, status));
    }
  }

  private static void checkKernel(String call, String kernel, int status) {
    if (status != SUCCESS) {
      throw new BackendException(message(call, status) + ", in kernel " + kernel);
    }
  }

  private static String message(String call, int status) {
    return "[" + call + "] " + error(GET_ERROR_NAME, status) + " (" + status + "): " + error(GET_ERROR_STRING, status);
  }

  private static String error(MethodHandle text, int status) {
    return Native.text(Native.outLong(out -> {
      int _ = (int) text.invokeExact(status, out);
    }));
  }
}
