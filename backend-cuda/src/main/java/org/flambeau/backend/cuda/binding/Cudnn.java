package org.flambeau.backend.cuda.binding;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import org.flambeau.BackendException;

/// The functions of cuDNN that are used: those of its graph API; [CudnnLegacy] has older ones. Handles, descriptors and addresses are `long`s.
///
/// The calling thread needs the current context of the GPU that a handle is for; a handle serves one thread at a time.
public final class Cudnn {
  private static final long MESSAGE = 4096;
  /// The thousands of CUDNN_STATUS_BAD_PARAM and CUDNN_STATUS_NOT_SUPPORTED, and of the statuses that say so more exactly.
  private static final int BAD_PARAM = 2;
  private static final int NOT_SUPPORTED = 3;

  private static final SymbolLookup LIBRARY = Libraries.shared().open(Library.CUDNN);

  private static final MethodHandle GET_VERSION = Native.function(LIBRARY, "cudnnGetVersion", JAVA_LONG);
  private static final MethodHandle GET_CUDART_VERSION = Native.function(LIBRARY, "cudnnGetCudartVersion", JAVA_LONG);
  private static final MethodHandle GET_ERROR_STRING = Native.function(LIBRARY, "cudnnGetErrorString", JAVA_LONG, JAVA_INT);
  private static final MethodHandle GET_LAST_ERROR_STRING = Linker.nativeLinker()
      .downcallHandle(LIBRARY.findOrThrow("cudnnGetLastErrorString"), FunctionDescriptor.ofVoid(JAVA_LONG, JAVA_LONG));
  private static final MethodHandle CREATE = function("cudnnCreate", JAVA_LONG);
  private static final MethodHandle SET_STREAM = function("cudnnSetStream", JAVA_LONG, JAVA_LONG);
  private static final MethodHandle CREATE_DESCRIPTOR = function("cudnnBackendCreateDescriptor", JAVA_INT, JAVA_LONG);
  private static final MethodHandle DESTROY_DESCRIPTOR = function("cudnnBackendDestroyDescriptor", JAVA_LONG);
  private static final MethodHandle SET_ATTRIBUTE = function("cudnnBackendSetAttribute", JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_LONG,
      JAVA_LONG);
  private static final MethodHandle GET_ATTRIBUTE = function("cudnnBackendGetAttribute", JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_LONG,
      JAVA_LONG, JAVA_LONG);
  private static final MethodHandle FINALIZE = function("cudnnBackendFinalize", JAVA_LONG);
  private static final MethodHandle EXECUTE = function("cudnnBackendExecute", JAVA_LONG, JAVA_LONG, JAVA_LONG);

  private Cudnn() {}

  static MethodHandle function(String name, MemoryLayout... parameters) {
    return Native.function(LIBRARY, name, JAVA_INT, parameters);
  }

  /// As in `9.24.0`.
  public static String version() {
    long version = versionNumber();
    return version / 10000 + "." + version % 10000 / 100 + "." + version % 100;
  }

  /// As in 92400 for 9.24.0.
  public static long versionNumber() {
    return Native.callLong(() -> (long) GET_VERSION.invokeExact());
  }

  /// The CUDA that it was made with, as in 13000.
  public static int cudaVersion() {
    return (int) Native.callLong(() -> (long) GET_CUDART_VERSION.invokeExact());
  }

  // ---- handles ----

  public static long create() {
    return Native.outLong(out -> check("cudnnCreate", (int) CREATE.invokeExact(out)));
  }

  /// What the handle's work is issued to from now on.
  public static void setStream(long handle, long stream) {
    check("cudnnSetStream", Native.call(() -> (int) SET_STREAM.invokeExact(handle, stream)));
  }

  // ---- the graph API: descriptors have attributes, are finalized, and then others may refer to them ----

  /// A descriptor without attributes.
  ///
  /// @param type a cudnnBackendDescriptorType_t
  public static long createDescriptor(int type) {
    return Native
        .outLong(out -> check("cudnnBackendCreateDescriptor " + type, (int) CREATE_DESCRIPTOR.invokeExact(type, out)));
  }

  public static void destroyDescriptor(long descriptor) {
    check("cudnnBackendDestroyDescriptor", Native.call(() -> (int) DESTROY_DESCRIPTOR.invokeExact(descriptor)));
  }

  /// Gives a descriptor that is not finalized an attribute.
  ///
  /// @param attribute a cudnnBackendAttributeName_t
  /// @param type a cudnnBackendAttributeType_t
  /// @param elements the address of `count` values of that type
  public static void setAttribute(long descriptor, int attribute, int type, long count, long elements) {
    int status = Native.call(() -> (int) SET_ATTRIBUTE.invokeExact(descriptor, attribute, type, count, elements));
    if (status != 0) {
      check("cudnnBackendSetAttribute " + attribute, status);
    }
  }

  /// How many values there are, or where `elements` is not 0, how many of at most `count` were written to it.
  public static long getAttribute(long descriptor, int attribute, int type, long count, long elements) {
    return Native.outLong(found -> check("cudnnBackendGetAttribute " + attribute,
        (int) GET_ATTRIBUTE.invokeExact(descriptor, attribute, type, count, found, elements)));
  }

  /// Makes a descriptor ready; the status, which for operations, graphs and plans may be an answer rather than an error.
  public static int finalizeDescriptor(long descriptor) {
    return Native.call(() -> (int) FINALIZE.invokeExact(descriptor));
  }

  /// Issues a plan's work to the handle's stream; the status, since another plan may be able to where this one is not.
  public static int execute(long handle, long plan, long variantPack) {
    return Native.call(() -> (int) EXECUTE.invokeExact(handle, plan, variantPack));
  }

  // ---- errors ----

  /// Whether a status says that cuDNN does not do this at all: CUDNN_STATUS_NOT_SUPPORTED or one that says so more exactly.
  public static boolean isNotSupported(int status) {
    return status / 1000 == NOT_SUPPORTED;
  }

  /// Whether a status says that the call was wrong: CUDNN_STATUS_BAD_PARAM or one that says so more exactly.
  public static boolean isBadParameter(int status) {
    return status / 1000 == BAD_PARAM;
  }

  /// @throws BackendException where `status` is not success
  public static void check(String call, int status) {
    if (status != 0) {
      throw new BackendException(message(call, status));
    }
  }

  /// A failure in words; also what cuDNN noted on this thread about its last one, which is mostly the only text that helps.
  public static String message(String call, int status) {
    String name = Native.text(Native.callLong(() -> (long) GET_ERROR_STRING.invokeExact(status)));
    String text = lastError();
    return "[" + call + "] " + name + " (" + status + ")" + (text.isEmpty() ? "" : ": " + text);
  }

  /// What cuDNN noted on this thread about its last failure; empty where nothing.
  public static String lastError() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment text = arena.allocate(MESSAGE);
      GET_LAST_ERROR_STRING.invokeExact(text.address(), MESSAGE);
      return text.getString(0).strip();
    } catch (Throwable e) {
      throw Native.unexpected(e);
    }
  }
}
