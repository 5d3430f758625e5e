package org.flambeau.backend.cuda.binding;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import org.flambeau.BackendException;

/// The functions of cuBLASLt that are used, by their names without the prefix. Handles and addresses are `long`s; matrices are column-major.
///
/// A handle belongs to the context that was current when it was made, and may be used by many threads at once; descriptors may while nobody
/// changes them. Errors become [BackendException]s but where a status is the result, for [#check].
public final class CublasLt {
  public static final int SUCCESS = 0;
  private static final int INVALID_VALUE = 7;
  private static final int NOT_SUPPORTED = 15;

  // cudaDataType
  public static final int R_32F = 0;
  public static final int R_64F = 1;
  public static final int R_16F = 2;
  public static final int R_16BF = 14;

  // cublasComputeType_t
  public static final int COMPUTE_32F = 68;
  public static final int COMPUTE_64F = 70;
  public static final int COMPUTE_32F_FAST_TF32 = 77;

  // cublasOperation_t
  public static final int OP_N = 0;
  public static final int OP_T = 1;

  // cublasLtMatmulDescAttributes_t
  public static final int DESC_TRANSA = 3;
  public static final int DESC_TRANSB = 4;
  public static final int DESC_EPILOGUE = 7;
  public static final int DESC_BIAS_POINTER = 8;

  // cublasLtEpilogue_t. Its GELU is the one by tanh, its ReLU makes 0 of NaN.
  public static final int EPILOGUE_DEFAULT = 1;
  public static final int EPILOGUE_BIAS = 4;
  /// Writes to the bias' place what op(B)'s columns add up to.
  public static final int EPILOGUE_BGRADB = 512;

  // cublasLtMatrixLayoutAttribute_t
  public static final int LAYOUT_BATCH_COUNT = 5;
  public static final int LAYOUT_STRIDED_BATCH_OFFSET = 6;

  // cublasLtMatmulPreferenceAttributes_t
  public static final int PREF_MAX_WORKSPACE_BYTES = 1;
  public static final int PREF_REDUCTION_SCHEME_MASK = 3;
  public static final int PREF_MIN_ALIGNMENT_A_BYTES = 5;
  public static final int PREF_MIN_ALIGNMENT_B_BYTES = 6;
  public static final int PREF_MIN_ALIGNMENT_C_BYTES = 7;
  public static final int PREF_MIN_ALIGNMENT_D_BYTES = 8;

  // cublasLtReductionScheme_t
  public static final int REDUCTION_SCHEME_COMPUTE_TYPE = 2;

  // cublasLtMatmulHeuristicResult_t
  public static final int RESULT_BYTES = 96;
  public static final int RESULT_WORKSPACE_BYTES = 64;
  public static final int RESULT_STATE = 72;

  private static final SymbolLookup LIBRARY = Libraries.shared().open(Library.CUBLAS_LT);
  private static final MemoryLayout POINTER = JAVA_LONG;

  private static final MethodHandle GET_VERSION = Native.function(LIBRARY, "cublasLtGetVersion", JAVA_LONG);
  private static final MethodHandle GET_CUDART_VERSION = Native.function(LIBRARY, "cublasLtGetCudartVersion", JAVA_LONG);
  private static final MethodHandle GET_STATUS_NAME = Native.function(LIBRARY, "cublasLtGetStatusName", POINTER, JAVA_INT);
  private static final MethodHandle GET_STATUS_STRING = Native.function(LIBRARY, "cublasLtGetStatusString", POINTER, JAVA_INT);
  private static final MethodHandle CREATE = function("cublasLtCreate", POINTER);
  private static final MethodHandle DESC_CREATE = function("cublasLtMatmulDescCreate", POINTER, JAVA_INT, JAVA_INT);
  private static final MethodHandle DESC_SET = function("cublasLtMatmulDescSetAttribute", POINTER, JAVA_INT, POINTER, JAVA_LONG);
  private static final MethodHandle DESC_DESTROY = function("cublasLtMatmulDescDestroy", POINTER);
  private static final MethodHandle LAYOUT_CREATE = function("cublasLtMatrixLayoutCreate", POINTER, JAVA_INT, JAVA_LONG, JAVA_LONG,
      JAVA_LONG);
  private static final MethodHandle LAYOUT_SET = function("cublasLtMatrixLayoutSetAttribute", POINTER, JAVA_INT, POINTER, JAVA_LONG);
  private static final MethodHandle LAYOUT_DESTROY = function("cublasLtMatrixLayoutDestroy", POINTER);
  private static final MethodHandle PREFERENCE_CREATE = function("cublasLtMatmulPreferenceCreate", POINTER);
  private static final MethodHandle PREFERENCE_SET = function("cublasLtMatmulPreferenceSetAttribute", POINTER, JAVA_INT, POINTER,
      JAVA_LONG);
  private static final MethodHandle PREFERENCE_DESTROY = function("cublasLtMatmulPreferenceDestroy", POINTER);
  private static final MethodHandle GET_HEURISTIC = function("cublasLtMatmulAlgoGetHeuristic", POINTER, POINTER, POINTER, POINTER, POINTER,
      POINTER, POINTER, JAVA_INT, POINTER, POINTER);
  private static final MethodHandle MATMUL = function("cublasLtMatmul", POINTER, POINTER, POINTER, POINTER, POINTER, POINTER, POINTER,
      POINTER, POINTER, POINTER, POINTER, POINTER, POINTER, POINTER, JAVA_LONG, POINTER);

  private CublasLt() {}

  private static MethodHandle function(String name, MemoryLayout... parameters) {
    return Native.function(LIBRARY, name, JAVA_INT, parameters);
  }

  /// As in `13.1.1`.
  public static String version() {
    long version = Native.callLong(() -> (long) GET_VERSION.invokeExact());
    return version / 10000 + "." + version % 10000 / 100 + "." + version % 100;
  }

  /// The CUDA that it was made with, as in 13000.
  public static int cudaVersion() {
    return (int) Native.callLong(() -> (long) GET_CUDART_VERSION.invokeExact());
  }

  // ---- handles and descriptors ----

  public static long create() {
    return Native.outLong(out -> check("cublasLtCreate", (int) CREATE.invokeExact(out)));
  }

  /// A product α·op(A)·op(B) + β·C.
  ///
  /// @param scaleType of α and β
  public static long matmulDescCreate(int computeType, int scaleType) {
    return Native.outLong(out -> check("cublasLtMatmulDescCreate", (int) DESC_CREATE.invokeExact(out, computeType, scaleType)));
  }

  public static void matmulDescSet(long description, int attribute, int value) {
    set("cublasLtMatmulDescSetAttribute", DESC_SET, description, attribute, value);
  }

  public static void matmulDescSet(long description, int attribute, long value) {
    set("cublasLtMatmulDescSetAttribute", DESC_SET, description, attribute, value);
  }

  /// Sets an attribute of 8 bytes to what lies at an address.
  public static void matmulDescSetFrom(long description, int attribute, long address) {
    int status;
    try {
      status = (int) DESC_SET.invokeExact(description, attribute, address, (long) Long.BYTES);
    } catch (Throwable e) {
      throw Native.unexpected(e);
    }
    check("cublasLtMatmulDescSetAttribute", status);
  }

  public static void matmulDescDestroy(long description) {
    check("cublasLtMatmulDescDestroy", Native.call(() -> (int) DESC_DESTROY.invokeExact(description)));
  }

  /// A column-major matrix.
  ///
  /// @param leading elements from one column to the next
  public static long matrixLayoutCreate(int dataType, long rows, long columns, long leading) {
    return Native.outLong(
        out -> check("cublasLtMatrixLayoutCreate", (int) LAYOUT_CREATE.invokeExact(out, dataType, rows, columns, leading)));
  }

  public static void matrixLayoutSet(long layout, int attribute, int value) {
    set("cublasLtMatrixLayoutSetAttribute", LAYOUT_SET, layout, attribute, value);
  }

  public static void matrixLayoutSet(long layout, int attribute, long value) {
    set("cublasLtMatrixLayoutSetAttribute", LAYOUT_SET, layout, attribute, value);
  }

  public static void matrixLayoutDestroy(long layout) {
    check("cublasLtMatrixLayoutDestroy", Native.call(() -> (int) LAYOUT_DESTROY.invokeExact(layout)));
  }

  public static long preferenceCreate() {
    return Native.outLong(out -> check("cublasLtMatmulPreferenceCreate", (int) PREFERENCE_CREATE.invokeExact(out)));
  }

  public static void preferenceSet(long preference, int attribute, int value) {
    set("cublasLtMatmulPreferenceSetAttribute", PREFERENCE_SET, preference, attribute, value);
  }

  public static void preferenceSet(long preference, int attribute, long value) {
    set("cublasLtMatmulPreferenceSetAttribute", PREFERENCE_SET, preference, attribute, value);
  }

  public static void preferenceDestroy(long preference) {
    check("cublasLtMatmulPreferenceDestroy", Native.call(() -> (int) PREFERENCE_DESTROY.invokeExact(preference)));
  }

  private static void set(String call, MethodHandle setter, long descriptor, int attribute, int value) {
    try (Arena arena = Arena.ofConfined()) {
      set(call, setter, descriptor, attribute, arena.allocateFrom(JAVA_INT, value));
    }
  }

  private static void set(String call, MethodHandle setter, long descriptor, int attribute, long value) {
    try (Arena arena = Arena.ofConfined()) {
      set(call, setter, descriptor, attribute, arena.allocateFrom(JAVA_LONG, value));
    }
  }

  private static void set(String call, MethodHandle setter, long descriptor, int attribute, MemorySegment value) {
    long bytes = value.byteSize();
    check(call + " " + attribute, Native.call(() -> (int) setter.invokeExact(descriptor, attribute, value.address(), bytes)));
  }

  // ---- products ----

  /// Writes up to `most` algorithms, which it takes to be the fastest first, to `results`, of [#RESULT_BYTES] each; how many there are, 0
  /// where it cannot do the product.
  public static int algoGetHeuristic(long handle, long description, long a, long b, long c, long d, long preference, int most,
      long results) {
    int[] status = {0};
    int count = Native.outInt(out -> status[0] = (int) GET_HEURISTIC.invokeExact(handle, description, a, b, c, d, preference, most, results,
        out));
    if (status[0] == NOT_SUPPORTED || status[0] == INVALID_VALUE) {
      return 0;
    }
    check("cublasLtMatmulAlgoGetHeuristic", status[0]);
    return count;
  }

  /// Issues D = α·op(A)·op(B) + β·C to a stream; the status, for [#check]. Neither lambda nor array: this is the call whose cost counts.
  ///
  /// @param alpha where it lies, in memory of the host, as `beta` does
  /// @param algorithm the address of what [#algoGetHeuristic] wrote
  public static int matmul(long handle, long description, long alpha, long a, long layoutA, long b, long layoutB, long beta, long c,
      long layoutC, long d, long layoutD, long algorithm, long workspace, long workspaceBytes, long stream) {
    try {
      return (int) MATMUL.invokeExact(handle, description, alpha, a, layoutA, b, layoutB, beta, c, layoutC, d, layoutD, algorithm,
          workspace, workspaceBytes, stream);
    } catch (Throwable e) {
      throw Native.unexpected(e);
    }
  }

  // ---- errors ----

  /// Turns a status into an exception with the library's own text.
  ///
  /// @throws BackendException where `status` is not success
  public static void check(String call, int status) {
    if (status != SUCCESS) {
      throw new BackendException("[" + call + "] " + message(status));
    }
  }

  /// What a status says.
  public static String message(int status) {
    String name = Native.text(Native.callLong(() -> (long) GET_STATUS_NAME.invokeExact(status)));
    String text = Native.text(Native.callLong(() -> (long) GET_STATUS_STRING.invokeExact(status)));
    return name + " (" + status + "): " + text;
  }
}
