package org.flambeau.backend.cuda.binding;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.flambeau.BackendException;

/// The functions of NVRTC that are used: CUDA C++ becomes machine code at run time. It needs no GPU and no driver.
public final class Nvrtc {
  private static final int SUCCESS = 0;
  private static final int ERROR_COMPILATION = 6;

  private static final SymbolLookup LIBRARY = Libraries.shared().open(Library.NVRTC);
  private static final MemoryLayout POINTER = JAVA_LONG;

  private static final MethodHandle GET_ERROR_STRING = function("nvrtcGetErrorString", POINTER, JAVA_INT);
  private static final MethodHandle VERSION = function("nvrtcVersion", JAVA_INT, POINTER, POINTER);
  private static final MethodHandle GET_NUM_SUPPORTED_ARCHS = function("nvrtcGetNumSupportedArchs", JAVA_INT, POINTER);
  private static final MethodHandle GET_SUPPORTED_ARCHS = function("nvrtcGetSupportedArchs", JAVA_INT, POINTER);
  private static final MethodHandle CREATE_PROGRAM = function("nvrtcCreateProgram", JAVA_INT, POINTER, POINTER, POINTER, JAVA_INT, POINTER,
      POINTER);
  private static final MethodHandle DESTROY_PROGRAM = function("nvrtcDestroyProgram", JAVA_INT, POINTER);
  private static final MethodHandle ADD_NAME_EXPRESSION = function("nvrtcAddNameExpression", JAVA_INT, POINTER, POINTER);
  private static final MethodHandle COMPILE_PROGRAM = function("nvrtcCompileProgram", JAVA_INT, POINTER, JAVA_INT, POINTER);
  private static final MethodHandle GET_LOWERED_NAME = function("nvrtcGetLoweredName", JAVA_INT, POINTER, POINTER, POINTER);
  private static final MethodHandle GET_PROGRAM_LOG_SIZE = function("nvrtcGetProgramLogSize", JAVA_INT, POINTER, POINTER);
  private static final MethodHandle GET_PROGRAM_LOG = function("nvrtcGetProgramLog", JAVA_INT, POINTER, POINTER);
  private static final MethodHandle GET_CUBIN_SIZE = function("nvrtcGetCUBINSize", JAVA_INT, POINTER, POINTER);
  private static final MethodHandle GET_CUBIN = function("nvrtcGetCUBIN", JAVA_INT, POINTER, POINTER);
  private static final MethodHandle GET_PTX_SIZE = function("nvrtcGetPTXSize", JAVA_INT, POINTER, POINTER);
  private static final MethodHandle GET_PTX = function("nvrtcGetPTX", JAVA_INT, POINTER, POINTER);

  private Nvrtc() {}

  private static MethodHandle function(String name, MemoryLayout result, MemoryLayout... parameters) {
    return Native.function(LIBRARY, name, result, parameters);
  }

  /// As in 13000.
  public static int version() {
    int[] major = {0};
    int minor = Native.outInt(second -> major[0] = Native
        .outInt(first -> check("nvrtcVersion", (int) VERSION.invokeExact(first, second))));
    return major[0] * 1000 + minor * 10;
  }

  /// The compute capabilities that it compiles for, as in 75, 80, 90.
  public static int[] architectures() {
    int count = Native.outInt(out -> check("nvrtcGetNumSupportedArchs", (int) GET_NUM_SUPPORTED_ARCHS.invokeExact(out)));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(JAVA_INT, count);
      check("nvrtcGetSupportedArchs", Native.call(() -> (int) GET_SUPPORTED_ARCHS.invokeExact(out.address())));
      return out.toArray(JAVA_INT);
    }
  }

  /// One source on its way to machine code.
  public static final class Program implements AutoCloseable {
    private final String file;
    private final long handle;

    /// @param source CUDA C++
    /// @param file what messages of the compiler call it
    /// @param headers what the source may include, by name
    public Program(String source, String file, Map<String, String> headers) {
      this.file = file;
      try (Arena arena = Arena.ofConfined()) {
        long text = arena.allocateFrom(source).address();
        long name = arena.allocateFrom(file).address();
        long names = texts(arena, headers.keySet());
        long contents = texts(arena, headers.values());
        handle = Native.outLong(out -> check("nvrtcCreateProgram",
            (int) CREATE_PROGRAM.invokeExact(out, text, name, headers.size(), contents, names)));
      }
    }

    /// Asks for a kernel that is an instance of a template, as in `scale<float>`, before compiling.
    public void addNameExpression(String expression) {
      try (Arena arena = Arena.ofConfined()) {
        long text = arena.allocateFrom(expression).address();
        check("nvrtcAddNameExpression", Native.call(() -> (int) ADD_NAME_EXPRESSION.invokeExact(handle, text)));
      }
    }

    /// Compiles, as in `--gpu-architecture=sm_90`.
    ///
    /// @throws BackendException where the source has errors, with the compiler's log, which shows the lines
    public void compile(List<String> options) {
      int status;
      try (Arena arena = Arena.ofConfined()) {
        long texts = texts(arena, options);
        status = Native.call(() -> (int) COMPILE_PROGRAM.invokeExact(handle, options.size(), texts));
      }
      if (status == ERROR_COMPILATION) {
        throw new BackendException("[nvrtcCompileProgram] " + file + " does not compile with " + String.join(" ", options) + ":\n" + log());
      }
      check("nvrtcCompileProgram " + file, status);
    }

    /// What the compiler said: warnings, and with `--ptxas-options=-v` registers and spills.
    public String log() {
      byte[] text = bytes("nvrtcGetProgramLog", GET_PROGRAM_LOG_SIZE, GET_PROGRAM_LOG);
      return new String(text, UTF_8).replace("\0", "").strip();
    }

    /// The name in the compiled module of a kernel that was asked for by [#addNameExpression].
    public String loweredName(String expression) {
      try (Arena arena = Arena.ofConfined()) {
        long text = arena.allocateFrom(expression).address();
        return Native.text(
            Native.outLong(out -> check("nvrtcGetLoweredName " + expression, (int) GET_LOWERED_NAME.invokeExact(handle, text, out))));
      }
    }

    /// Machine code; only where it was compiled for an `sm_`.
    public byte[] cubin() {
      return bytes("nvrtcGetCUBIN", GET_CUBIN_SIZE, GET_CUBIN);
    }

    /// The intermediate code that a driver compiles for devices newer than this NVRTC.
    public byte[] ptx() {
      return bytes("nvrtcGetPTX", GET_PTX_SIZE, GET_PTX);
    }

    private byte[] bytes(String call, MethodHandle size, MethodHandle get) {
      long bytes = Native.outLong(out -> check(call + "Size", (int) size.invokeExact(handle, out)));
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment out = arena.allocate(bytes);
        check(call, Native.call(() -> (int) get.invokeExact(handle, out.address())));
        return out.toArray(ValueLayout.JAVA_BYTE);
      }
    }

    @Override
    public void close() {
      try (Arena arena = Arena.ofConfined()) {
        long at = arena.allocateFrom(JAVA_LONG, handle).address();
        check("nvrtcDestroyProgram", Native.call(() -> (int) DESTROY_PROGRAM.invokeExact(at)));
      }
    }
  }

  /// An array of addresses of texts.
  private static long texts(Arena arena, Collection<String> texts) {
    MemorySegment pointers = arena.allocate(JAVA_LONG, Math.max(texts.size(), 1));
    int i = 0;
    for (String text : texts) {
      pointers.setAtIndex(JAVA_LONG, i++, arena.allocateFrom(text).address());
    }
    return pointers.address();
  }

  private static void check(String call, int status) {
    if (status != SUCCESS) {
      throw new BackendException("[" + call + "] " + error(status) + " (" + status + ")");
    }
  }

  /// What the library calls a status, as in NVRTC_ERROR_INVALID_OPTION.
  static String error(int status) {
    return Native.text(Native.callLong(() -> (long) GET_ERROR_STRING.invokeExact(status)));
  }
}
