package org.flambeau.backend.cuda.binding;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import org.flambeau.BackendException;

/// The functions of cuBLASLt that are used.
public final class CublasLt {
  private static final SymbolLookup LIBRARY = Libraries.shared().open(Library.CUBLAS_LT);

  private static final MethodHandle GET_VERSION = Native.function(LIBRARY, "cublasLtGetVersion", JAVA_LONG);
  private static final MethodHandle GET_CUDART_VERSION = Native.function(LIBRARY, "cublasLtGetCudartVersion", JAVA_LONG);
  private static final MethodHandle GET_STATUS_NAME = Native.function(LIBRARY, "cublasLtGetStatusName", JAVA_LONG, JAVA_INT);
  private static final MethodHandle GET_STATUS_STRING = Native.function(LIBRARY, "cublasLtGetStatusString", JAVA_LONG, JAVA_INT);

  private CublasLt() {}

  /// As in `13.1.1`.
  public static String version() {
    long version = Native.callLong(() -> (long) GET_VERSION.invokeExact());
    return version / 10000 + "." + version % 10000 / 100 + "." + version % 100;
  }

  /// The CUDA that it was made with, as in 13000.
  public static int cudaVersion() {
    return (int) Native.callLong(() -> (long) GET_CUDART_VERSION.invokeExact());
  }

  /// Turns a status into an exception with the library's own text.
  ///
  /// @throws BackendException where `status` is not success
  public static void check(String call, int status) {
    if (status != 0) {
      String name = Native.text(Native.callLong(() -> (long) GET_STATUS_NAME.invokeExact(status)));
      String text = Native.text(Native.callLong(() -> (long) GET_STATUS_STRING.invokeExact(status)));
      throw new BackendException("[" + call + "] " + name + " (" + status + "): " + text);
    }
  }
}
