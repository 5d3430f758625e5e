package org.flambeau.backend.cuda.binding;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import org.flambeau.BackendException;

/// The functions of cuDNN that are used.
public final class Cudnn {
  private static final long MESSAGE = 4096;

  private static final SymbolLookup LIBRARY = Libraries.shared().open(Library.CUDNN);

  private static final MethodHandle GET_VERSION = Native.function(LIBRARY, "cudnnGetVersion", JAVA_LONG);
  private static final MethodHandle GET_CUDART_VERSION = Native.function(LIBRARY, "cudnnGetCudartVersion", JAVA_LONG);
  private static final MethodHandle GET_ERROR_STRING = Native.function(LIBRARY, "cudnnGetErrorString", JAVA_LONG, JAVA_INT);
  private static final MethodHandle GET_LAST_ERROR_STRING = Linker.nativeLinker()
      .downcallHandle(LIBRARY.findOrThrow("cudnnGetLastErrorString"), FunctionDescriptor.ofVoid(JAVA_LONG, JAVA_LONG));

  private Cudnn() {}

  /// As in `9.24.0`.
  public static String version() {
    long version = Native.callLong(() -> (long) GET_VERSION.invokeExact());
    return version / 10000 + "." + version % 10000 / 100 + "." + version % 100;
  }

  /// The CUDA that it was made with, as in 13000.
  public static int cudaVersion() {
    return (int) Native.callLong(() -> (long) GET_CUDART_VERSION.invokeExact());
  }

  /// Says also what cuDNN noted on this thread about its last failure, which is mostly the only text that helps.
  ///
  /// @throws BackendException where `status` is not success
  public static void check(String call, int status) {
    if (status != 0) {
      String name = Native.text(Native.callLong(() -> (long) GET_ERROR_STRING.invokeExact(status)));
      String text = lastError();
      throw new BackendException("[" + call + "] " + name + " (" + status + ")" + (text.isEmpty() ? "" : ": " + text));
    }
  }

  private static String lastError() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment text = arena.allocate(MESSAGE);
      GET_LAST_ERROR_STRING.invokeExact(text.address(), MESSAGE);
      return text.getString(0).strip();
    } catch (Throwable e) {
      throw Native.unexpected(e);
    }
  }
}
