package org.flambeau.backend.cpu.onednn;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.function.Supplier;
import org.flambeau.BackendException;
import org.flambeau.backend.cpu.CpuPool;
import org.flambeau.spi.NativeMemory;
import org.jspecify.annotations.Nullable;

/// The functions of oneDNN's C interface that are used, by their names without the prefix. Pointers are `long`s.
final class Dnnl {
  // dnnl_status_t
  private static final int SUCCESS = 0;
  private static final int UNIMPLEMENTED = 3;
  private static final String[] STATUS = {
    "success", "out_of_memory", "invalid_arguments", "unimplemented", "last_impl_reached", "runtime_error", "not_required",
    "invalid_graph", "invalid_graph_op", "invalid_shape", "invalid_data_type"
  };

  // dnnl_data_type_t
  static final int F16 = 1;
  static final int BF16 = 2;
  static final int F32 = 3;

  // What a primitive's argument is.
  static final int ARG_SRC = 1;
  static final int ARG_DST = 17;
  static final int ARG_WEIGHTS = 33;
  static final int ARG_BIAS = 41;
  static final int ARG_SCRATCHPAD = 80;
  static final int ARG_DIFF_SRC = 129;
  static final int ARG_DIFF_DST = 145;
  static final int ARG_DIFF_WEIGHTS = 161;

  // dnnl_alg_kind_t
  private static final int CONVOLUTION_DIRECT = 1;

  private static final int CPU = 1;
  private static final int IN_ORDER = 1;
  private static final int FORMAT_ANY = 1;
  private static final int FORWARD_INFERENCE = 96;
  private static final int FORWARD_TRAINING = 64;
  private static final int SCRATCHPAD_USER = 1;
  private static final int QUERY_IMPLEMENTATION = 8;
  private static final int QUERY_ARGUMENT = 255;

  private static final Linker LINKER = Linker.nativeLinker();
  private static final SymbolLookup LIBRARY = OneDnnLibrary.open(CpuPool.SHARED.threads());

  private static final MemoryLayout POINTER = JAVA_LONG;
  private static final MethodHandle VERSION = function("dnnl_version", POINTER);
  private static final MethodHandle SET_PRIMITIVE_CACHE_CAPACITY = function("dnnl_set_primitive_cache_capacity", JAVA_INT, JAVA_INT);
  private static final MethodHandle ENGINE_CREATE = function("dnnl_engine_create", JAVA_INT, POINTER, JAVA_INT, JAVA_LONG);
  private static final MethodHandle STREAM_CREATE = function("dnnl_stream_create", JAVA_INT, POINTER, POINTER, JAVA_INT);
  private static final MethodHandle STREAM_DESTROY = function("dnnl_stream_destroy", JAVA_INT, POINTER);
  private static final MethodHandle MEMORY_DESC_CREATE_WITH_STRIDES = function("dnnl_memory_desc_create_with_strides", JAVA_INT, POINTER,
      JAVA_INT, POINTER, JAVA_INT, POINTER);
  private static final MethodHandle MEMORY_DESC_CREATE_WITH_TAG = function("dnnl_memory_desc_create_with_tag", JAVA_INT, POINTER, JAVA_INT,
      POINTER, JAVA_INT, JAVA_INT);
  private static final MethodHandle MEMORY_DESC_DESTROY = function("dnnl_memory_desc_destroy", JAVA_INT, POINTER);
  private static final MethodHandle MEMORY_DESC_EQUAL = function("dnnl_memory_desc_equal", JAVA_INT, POINTER, POINTER);
  private static final MethodHandle MEMORY_DESC_GET_BLOB = function("dnnl_memory_desc_get_blob", JAVA_INT, POINTER, POINTER, POINTER);
  private static final MethodHandle MEMORY_DESC_GET_SIZE = function("dnnl_memory_desc_get_size", JAVA_LONG, POINTER);
  private static final MethodHandle MEMORY_CREATE = function("dnnl_memory_create", JAVA_INT, POINTER, POINTER, POINTER, POINTER);
  private static final MethodHandle MEMORY_SET_DATA_HANDLE = function("dnnl_memory_set_data_handle", JAVA_INT, POINTER, POINTER);
  private static final MethodHandle MEMORY_DESTROY = function("dnnl_memory_destroy", JAVA_INT, POINTER);
  private static final MethodHandle ATTR_CREATE = function("dnnl_primitive_attr_create", JAVA_INT, POINTER);
  private static final MethodHandle ATTR_DESTROY = function("dnnl_primitive_attr_destroy", JAVA_INT, POINTER);
  private static final MethodHandle ATTR_SET_SCRATCHPAD_MODE = function("dnnl_primitive_attr_set_scratchpad_mode", JAVA_INT, POINTER,
      JAVA_INT);
  private static final MethodHandle MATMUL = function("dnnl_matmul_primitive_desc_create", JAVA_INT, POINTER, POINTER, POINTER, POINTER,
      POINTER, POINTER, POINTER);
  private static final MethodHandle CONVOLUTION_FORWARD = function("dnnl_convolution_forward_primitive_desc_create", JAVA_INT, POINTER,
      POINTER, JAVA_INT, JAVA_INT, POINTER, POINTER, POINTER,
      POINTER, POINTER, POINTER, POINTER, POINTER, POINTER);
  private static final MethodHandle CONVOLUTION_BACKWARD_DATA = function("dnnl_convolution_backward_data_primitive_desc_create", JAVA_INT,
      POINTER, POINTER, JAVA_INT, POINTER, POINTER, POINTER,
      POINTER, POINTER, POINTER, POINTER, POINTER, POINTER);
  private static final MethodHandle CONVOLUTION_BACKWARD_WEIGHTS = function("dnnl_convolution_backward_weights_primitive_desc_create",
      JAVA_INT, POINTER, POINTER, JAVA_INT, POINTER, POINTER, POINTER,
      POINTER, POINTER, POINTER, POINTER, POINTER, POINTER, POINTER);
  private static final MethodHandle REORDER = function("dnnl_reorder_primitive_desc_create", JAVA_INT, POINTER, POINTER, POINTER, POINTER,
      POINTER, POINTER);
  private static final MethodHandle PRIMITIVE_DESC_QUERY = function("dnnl_primitive_desc_query", JAVA_INT, POINTER, JAVA_INT, JAVA_INT,
      POINTER);
  private static final MethodHandle PRIMITIVE_DESC_QUERY_MD = function("dnnl_primitive_desc_query_md", POINTER, POINTER, JAVA_INT,
      JAVA_INT);
  private static final MethodHandle PRIMITIVE_DESC_DESTROY = function("dnnl_primitive_desc_destroy", JAVA_INT, POINTER);
  private static final MethodHandle PRIMITIVE_CREATE = function("dnnl_primitive_create", JAVA_INT, POINTER, POINTER);
  private static final MethodHandle PRIMITIVE_DESTROY = function("dnnl_primitive_destroy", JAVA_INT, POINTER);
  /// OpenMP's, on which oneDNN depends.
  private static final MethodHandle TEAM = function("omp_get_max_threads", JAVA_INT);
  private static final MethodHandle SET_TEAM = LINKER.downcallHandle(LIBRARY.findOrThrow("omp_set_num_threads"),
      FunctionDescriptor.ofVoid(JAVA_INT));
  private static final MethodHandle PRIMITIVE_EXECUTE = function("dnnl_primitive_execute", JAVA_INT, POINTER, POINTER, JAVA_INT, POINTER);

  private static final long ENGINE = create("dnnl_engine_create", out -> (int) ENGINE_CREATE.invokeExact(out, CPU, 0L));

  static {
    // Ours is the cache, and what it drops is to be gone.
    check("dnnl_set_primitive_cache_capacity", () -> (int) SET_PRIMITIVE_CACHE_CAPACITY.invokeExact(0));
  }

  private Dnnl() {}

  private static MethodHandle function(String name, MemoryLayout result, MemoryLayout... parameters) {
    return LINKER.downcallHandle(LIBRARY.findOrThrow(name), FunctionDescriptor.of(result, parameters));
  }

  /// As in `3.11.0`.
  static String version() {
    long version = call(() -> (long) VERSION.invokeExact());
    return int32(version) + "." + int32(version + 4) + "." + int32(version + 8);
  }

  // ---- memory descriptors ----

  /// A layout given by strides in elements, or one that the primitive chooses, where they are null.
  static long memoryDesc(int dataType, long[] sizes, long @Nullable [] strides) {
    try (Arena arena = Arena.ofConfined()) {
      long dims = arena.allocateFrom(JAVA_LONG, sizes).address();
      int rank = sizes.length;
      if (strides == null) {
        return create("dnnl_memory_desc_create_with_tag",
            out -> (int) MEMORY_DESC_CREATE_WITH_TAG.invokeExact(out, rank, dims, dataType, FORMAT_ANY));
      }
      long steps = arena.allocateFrom(JAVA_LONG, strides).address();
      return create("dnnl_memory_desc_create_with_strides",
          out -> (int) MEMORY_DESC_CREATE_WITH_STRIDES.invokeExact(out, rank, dims, dataType, steps));
    }
  }

  static boolean equal(long memoryDesc, long other) {
    return call(() -> (int) MEMORY_DESC_EQUAL.invokeExact(memoryDesc, other)) != 0;
  }

  /// What a memory descriptor says, for comparing it beyond its life.
  static byte[] blob(long memoryDesc) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment size = arena.allocate(JAVA_LONG);
      long at = size.address();
      check("dnnl_memory_desc_get_blob", () -> (int) MEMORY_DESC_GET_BLOB.invokeExact(0L, at, memoryDesc));
      MemorySegment blob = arena.allocate(size.get(JAVA_LONG, 0));
      check("dnnl_memory_desc_get_blob", () -> (int) MEMORY_DESC_GET_BLOB.invokeExact(blob.address(), at, memoryDesc));
      return blob.toArray(JAVA_BYTE);
    }
  }

  static long bytes(long memoryDesc) {
    return call(() -> (long) MEMORY_DESC_GET_SIZE.invokeExact(memoryDesc));
  }

  static void destroyMemoryDesc(long memoryDesc) {
    check("dnnl_memory_desc_destroy", () -> (int) MEMORY_DESC_DESTROY.invokeExact(memoryDesc));
  }

  // ---- attributes ----

  /// Attributes with the caller's scratchpad.
  static long attributes() {
    long attributes = create("dnnl_primitive_attr_create", out -> (int) ATTR_CREATE.invokeExact(out));
    check("dnnl_primitive_attr_set_scratchpad_mode", () -> (int) ATTR_SET_SCRATCHPAD_MODE.invokeExact(attributes, SCRATCHPAD_USER));
    return attributes;
  }

  static void destroyAttributes(long attributes) {
    check("dnnl_primitive_attr_destroy", () -> (int) ATTR_DESTROY.invokeExact(attributes));
  }

  // ---- primitive descriptors: 0 where oneDNN has no implementation ----

  static long matmul(long src, long weights, long bias, long dst, long attributes) {
    return createIfImplemented("dnnl_matmul_primitive_desc_create",
        out -> (int) MATMUL.invokeExact(out, ENGINE, src, weights, bias, dst, attributes));
  }

  /// `geometry` is the address of strides, dilations less one, padding before and padding after, two numbers each.
  static long convolution(boolean training, long src, long weights, long bias, long dst, long geometry, long attributes) {
    int propagation = training ? FORWARD_TRAINING : FORWARD_INFERENCE;
    return createIfImplemented("dnnl_convolution_forward_primitive_desc_create",
        out -> (int) CONVOLUTION_FORWARD.invokeExact(out, ENGINE, propagation, CONVOLUTION_DIRECT, src, weights, bias, dst, geometry,
            geometry + 16, geometry + 32, geometry + 48, attributes));
  }

  static long convolutionBackwardData(long diffSrc, long weights, long diffDst, long geometry, long forward, long attributes) {
    return createIfImplemented("dnnl_convolution_backward_data_primitive_desc_create",
        out -> (int) CONVOLUTION_BACKWARD_DATA.invokeExact(out, ENGINE, CONVOLUTION_DIRECT, diffSrc, weights, diffDst, geometry,
            geometry + 16, geometry + 32, geometry + 48, forward, attributes));
  }

  static long convolutionBackwardWeights(long src, long diffWeights, long diffDst, long geometry, long forward, long attributes) {
    return createIfImplemented("dnnl_convolution_backward_weights_primitive_desc_create",
        out -> (int) CONVOLUTION_BACKWARD_WEIGHTS.invokeExact(out, ENGINE, CONVOLUTION_DIRECT, src, diffWeights, 0L, diffDst, geometry,
            geometry + 16, geometry + 32, geometry + 48, forward, attributes));
  }

  static long reorder(long from, long to, long attributes) {
    return create("dnnl_reorder_primitive_desc_create", out -> (int) REORDER.invokeExact(out, from, ENGINE, to, ENGINE, attributes));
  }

  /// The layout of an argument; it lives as long as the primitive descriptor.
  static long argument(long primitiveDesc, int argument) {
    return call(() -> (long) PRIMITIVE_DESC_QUERY_MD.invokeExact(primitiveDesc, QUERY_ARGUMENT, argument));
  }

  /// The name of the implementation that was chosen, as in `brg_matmul:avx512_core`.
  static String implementation(long primitiveDesc) {
    long name = create("dnnl_primitive_desc_query",
        out -> (int) PRIMITIVE_DESC_QUERY.invokeExact(primitiveDesc, QUERY_IMPLEMENTATION, 0, out));
    return NativeMemory.ALL.getString(name);
  }

  static void destroyPrimitiveDesc(long primitiveDesc) {
    check("dnnl_primitive_desc_destroy", () -> (int) PRIMITIVE_DESC_DESTROY.invokeExact(primitiveDesc));
  }

  /// What `maker` makes meanwhile computes in the thread that runs it, without a team.
  static <T> T alone(Supplier<T> maker) {
    int team = call(() -> (int) TEAM.invokeExact());
    setTeam(1);
    try {
      return maker.get();
    } finally {
      setTeam(team);
    }
  }

  /// Runs a primitive that was made so, and what it takes besides, in the calling thread.
  static void alone(Runnable body) {
    alone(() -> {
      body.run();
      return true;
    });
  }

  /// Holds for the calling thread.
  private static void setTeam(int threads) {
    try {
      SET_TEAM.invokeExact(threads);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  // ---- running ----

  static long primitive(long primitiveDesc) {
    return create("dnnl_primitive_create", out -> (int) PRIMITIVE_CREATE.invokeExact(out, primitiveDesc));
  }

  static void destroyPrimitive(long primitive) {
    check("dnnl_primitive_destroy", () -> (int) PRIMITIVE_DESTROY.invokeExact(primitive));
  }

  static long stream() {
    return create("dnnl_stream_create", out -> (int) STREAM_CREATE.invokeExact(out, ENGINE, IN_ORDER));
  }

  static void destroyStream(long stream) {
    check("dnnl_stream_destroy", () -> (int) STREAM_DESTROY.invokeExact(stream));
  }

  /// Memory of the given layout that lies nowhere yet.
  static long memory(long memoryDesc) {
    return create("dnnl_memory_create", out -> (int) MEMORY_CREATE.invokeExact(out, memoryDesc, ENGINE, 0L));
  }

  static void setAddress(long memory, long address) {
    check("dnnl_memory_set_data_handle", () -> (int) MEMORY_SET_DATA_HANDLE.invokeExact(memory, address));
  }

  static void destroyMemory(long memory) {
    check("dnnl_memory_destroy", () -> (int) MEMORY_DESTROY.invokeExact(memory));
  }

  /// Runs a primitive and returns when it is done; `arguments` is the address of an array of `dnnl_exec_arg_t`.
  static void execute(long primitive, long stream, int count, long arguments) {
    if (call(() -> (int) TEAM.invokeExact()) > 1) {
      CpuPool.SHARED.leaveCores();
    }
    check("dnnl_primitive_execute", () -> (int) PRIMITIVE_EXECUTE.invokeExact(primitive, stream, count, arguments));
  }

  // ---- calling ----

  private interface IntCall {
    int run() throws Throwable;
  }

  private interface LongCall {
    long run() throws Throwable;
  }

  private interface Constructor {
    int run(long out) throws Throwable;
  }

  private static int call(IntCall function) {
    try {
      return function.run();
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  private static long call(LongCall function) {
    try {
      return function.run();
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  private static void check(String name, IntCall function) {
    check(name, call(function));
  }

  private static void check(String name, int status) {
    if (status != SUCCESS) {
      throw new BackendException("[oneDNN] " + name + " failed: " + (status < STATUS.length ? STATUS[status] : "status " + status));
    }
  }

  private static long create(String name, Constructor function) {
    long handle = createIfImplemented(name, function);
    if (handle == 0) {
      check(name, UNIMPLEMENTED);
    }
    return handle;
  }

  private static long createIfImplemented(String name, Constructor function) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(JAVA_LONG);
      int status = call(() -> function.run(out.address()));
      if (status == UNIMPLEMENTED) {
        return 0;
      }
      check(name, status);
      return out.get(JAVA_LONG, 0);
    }
  }

  /// A downcall itself throws nothing.
  private static AssertionError unexpected(Throwable e) {
    return new AssertionError("a call into oneDNN threw", e);
  }

  private static int int32(long address) {
    return NativeMemory.ALL.get(NativeMemory.INT, address);
  }
}
