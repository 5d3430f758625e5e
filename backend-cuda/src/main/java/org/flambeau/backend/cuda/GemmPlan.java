package org.flambeau.backend.cuda;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.DOUBLE;
import static org.flambeau.spi.NativeMemory.FLOAT;
import static org.flambeau.spi.NativeMemory.INT;
import static org.flambeau.spi.NativeMemory.LONG;

import java.lang.foreign.Arena;
import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.util.BitSet;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.flambeau.DType;
import org.flambeau.backend.cuda.binding.CublasLt;
import org.jspecify.annotations.Nullable;

/// Descriptors of a [Gemm] and the algorithms that cuBLASLt proposes for it, of which one is used.
final class GemmPlan {
  private static final Cleaner CLEANER = Cleaner.create();
  /// How many algorithms are asked for.
  private static final int PROPOSALS = 8;

  /// α = 1 and β = 0, in memory of the host that stays.
  private static final long FLOAT_ONE = Arena.global().allocate(24, 8).address();
  private static final long FLOAT_ZERO = FLOAT_ONE + 4;
  private static final long DOUBLE_ONE = FLOAT_ONE + 8;
  private static final long DOUBLE_ZERO = FLOAT_ONE + 16;

  static {
    ALL.set(FLOAT, FLOAT_ONE, 1f);
    ALL.set(DOUBLE, DOUBLE_ONE, 1d);
  }

  /// What cuBLASLt makes of a product without asking a GPU.
  record Descriptors(long product, long a, long b, long d) implements AutoCloseable {
    static Descriptors of(Gemm gemm) {
      long product = CublasLt.matmulDescCreate(gemm.computeType(), gemm.scaleType());
      CublasLt.matmulDescSet(product, CublasLt.DESC_TRANSA, gemm.transposedA() ? CublasLt.OP_T : CublasLt.OP_N);
      CublasLt.matmulDescSet(product, CublasLt.DESC_TRANSB, gemm.transposedB() ? CublasLt.OP_T : CublasLt.OP_N);
      CublasLt.matmulDescSet(product, CublasLt.DESC_EPILOGUE, gemm.epilogue());
      return new Descriptors(product,
          layout(gemm, gemm.dtype(), gemm.transposedA(), gemm.m(), gemm.k(), gemm.leadingA(), gemm.strideA()),
          layout(gemm, gemm.dtype(), gemm.transposedB(), gemm.k(), gemm.n(), gemm.leadingB(), gemm.strideB()),
          layout(gemm, gemm.result(), false, gemm.m(), gemm.n(), gemm.leadingD(), gemm.strideD()));
    }

    /// Of op(X) with those rows and columns.
    private static long layout(Gemm gemm, DType dtype, boolean transposed, long rows, long columns, long leading, long stride) {
      long layout = CublasLt.matrixLayoutCreate(Gemm.dataType(dtype), transposed ? columns : rows, transposed ? rows : columns, leading);
      if (gemm.batch() > 1) {
        CublasLt.matrixLayoutSet(layout, CublasLt.LAYOUT_BATCH_COUNT, gemm.batch());
        CublasLt.matrixLayoutSet(layout, CublasLt.LAYOUT_STRIDED_BATCH_OFFSET, stride);
      }
      return layout;
    }

    /// What a proposal has to keep to. Parts of one sum may be added only as they are, so that half precision rounds once, and in the same
    /// order each time.
    static long preference(Gemm gemm, long workspaceBytes) {
      long preference = CublasLt.preferenceCreate();
      CublasLt.preferenceSet(preference, CublasLt.PREF_MAX_WORKSPACE_BYTES, workspaceBytes);
      CublasLt.preferenceSet(preference, CublasLt.PREF_REDUCTION_SCHEME_MASK, CublasLt.REDUCTION_SCHEME_COMPUTE_TYPE);
      CublasLt.preferenceSet(preference, CublasLt.PREF_MIN_ALIGNMENT_A_BYTES, gemm.alignment());
      CublasLt.preferenceSet(preference, CublasLt.PREF_MIN_ALIGNMENT_B_BYTES, gemm.alignment());
      int alignment = Math.max(gemm.alignment(), gemm.result().size());
      CublasLt.preferenceSet(preference, CublasLt.PREF_MIN_ALIGNMENT_C_BYTES, alignment);
      CublasLt.preferenceSet(preference, CublasLt.PREF_MIN_ALIGNMENT_D_BYTES, alignment);
      return preference;
    }

    @Override
    public void close() {
      CublasLt.matmulDescDestroy(product);
      CublasLt.matrixLayoutDestroy(a);
      CublasLt.matrixLayoutDestroy(b);
      CublasLt.matrixLayoutDestroy(d);
    }
  }

  private final long handle;
  private final String name;
  private final Descriptors descriptors;
  private final long one;
  private final long zero;
  private final Arena arena = Arena.ofAuto();
  private final long results = arena.allocate((long) PROPOSALS * CublasLt.RESULT_BYTES, 16).address();
  private final int proposals;
  /// Where the bias that the descriptor holds is noted; 0 where the product has none.
  private final long bias;
  private final BitSet refused = new BitSet(PROPOSALS);
  private volatile int chosen;

  private GemmPlan(long handle, Gemm gemm, long biasAddress, long workspaceBytes) {
    this.handle = handle;
    this.name = gemm.toString();
    this.one = gemm.dtype() == DType.FLOAT64 ? DOUBLE_ONE : FLOAT_ONE;
    this.zero = gemm.dtype() == DType.FLOAT64 ? DOUBLE_ZERO : FLOAT_ZERO;
    this.bias = gemm.hasBias() ? arena.allocate(Long.BYTES, Long.BYTES).address() : 0;
    this.descriptors = Descriptors.of(gemm);
    CLEANER.register(this, descriptors::close);
    if (bias != 0) {
      setBias(biasAddress); // how it is aligned is read there
    }
    this.proposals = propose(gemm, workspaceBytes);
  }

  /// Null where cuBLASLt has no algorithm for the product.
  static @Nullable GemmPlan of(long handle, Gemm gemm, long biasAddress, long workspaceBytes) {
    GemmPlan plan = new GemmPlan(handle, gemm, biasAddress, workspaceBytes);
    return plan.proposals == 0 ? null : plan;
  }

  private int propose(Gemm gemm, long workspaceBytes) {
    long preference = Descriptors.preference(gemm, workspaceBytes);
    try {
      int found = CublasLt.algoGetHeuristic(handle, descriptors.product, descriptors.a, descriptors.b, descriptors.d, descriptors.d,
          preference, PROPOSALS, results);
      return keepUsable(found);
    } finally {
      CublasLt.preferenceDestroy(preference);
    }
  }

  private int keepUsable(int found) {
    int kept = 0;
    for (int i = 0; i < found; i++) {
      if (ALL.get(INT, result(i) + CublasLt.RESULT_STATE) == CublasLt.SUCCESS) {
        ALL.asSlice(result(kept++), CublasLt.RESULT_BYTES).copyFrom(ALL.asSlice(result(i), CublasLt.RESULT_BYTES));
      }
    }
    return kept;
  }

  private long result(int index) {
    return results + (long) index * CublasLt.RESULT_BYTES;
  }

  String name() {
    return name;
  }

  int proposals() {
    return proposals;
  }

  /// The proposal in use; [#proposals()] where all were refused.
  int chosen() {
    return chosen;
  }

  /// Before the plan is seen by other threads.
  void choose(int proposal) {
    chosen = proposal;
  }

  /// Has a proposal that cuBLASLt would not do after all give way to the first that it has not refused.
  synchronized void refuse(int proposal) {
    refused.set(proposal);
    if (refused.get(chosen)) {
      chosen = refused.nextClearBit(0);
    }
  }

  /// The first proposal not refused that needs less memory than another.
  synchronized OptionalInt leaner(int proposal) {
    return IntStream.range(0, proposals).filter(i -> !refused.get(i) && workspaceBytes(i) < workspaceBytes(proposal)).findFirst();
  }

  /// What an algorithm needs.
  long workspaceBytes(int proposal) {
    return ALL.get(LONG, result(proposal) + CublasLt.RESULT_WORKSPACE_BYTES);
  }

  /// Issues the product by one of the proposals to a GPU; cuBLASLt's status. One thread at a time, since the bias is in the descriptor.
  synchronized int run(Gpu gpu, int proposal, long a, long b, long d, long biasAddress, long workspace, long workspaceBytes) {
    gpu.makeCurrent();
    if (bias != 0 && ALL.get(LONG, bias) != biasAddress) {
      setBias(biasAddress);
    }
    try {
      return CublasLt.matmul(handle, descriptors.product, one, a, descriptors.a, b, descriptors.b, zero, d, descriptors.d, d,
          descriptors.d, result(proposal), workspace, workspaceBytes, gpu.stream());
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  private void setBias(long address) {
    ALL.set(LONG, bias, address);
    CublasLt.matmulDescSetFrom(descriptors.product, CublasLt.DESC_BIAS_POINTER, bias);
  }
}
