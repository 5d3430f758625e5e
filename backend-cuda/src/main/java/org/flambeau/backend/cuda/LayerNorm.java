package org.flambeau.backend.cuda;

import org.flambeau.DType;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// Layer normalisation: `layernorm.cu`.
///
/// Going back over rows that a warp holds, each block adds up what its rows give the weight and the bias while it has them at hand, and a
/// second launch puts the blocks' sums together, always in the same order. Longer rows are read a second time for that.
final class LayerNorm {
  private static final String SOURCE = "layernorm.cu";
  private static final int WARPS = Rows.THREADS / 32;
  /// As in layernorm.cu: rows that a block reads at a time where it goes over columns, and parts where it puts them together.
  private static final int COLUMN_LANES = 8;
  private static final int MERGE_LANES = 32;
  /// Rows that a block should at least go over before its sums are worth a second launch's reading.
  private static final int LEAST_ROWS = 4;
  /// Blocks that a multiprocessor holds going back: a thread has two rows and two sums in registers.
  private static final int BLOCKS_BACKWARD = 2;
  private static final int MOST_PARTS = 512;

  private enum Columns {
    SUM,
    SUM_OF_PACKS,
    MERGE;

    String kernel(DType dtype) {
      String type = Elementwise.type(dtype);
      return switch (this) {
        case SUM -> "layerNormColumns<" + type + ", 1>";
        case SUM_OF_PACKS -> "layerNormColumns<" + type + ", " + RowKernels.pack(dtype) + ">";
        case MERGE -> "layerNormMerge<" + type + ">";
      };
    }
  }

  private final Gpu gpu;
  private final RowKernels forward;
  private final RowKernels backward;
  private final KernelTable<Columns, DType> columns;

  LayerNorm(Gpu gpu, KernelLibrary library) {
    this.gpu = gpu;
    this.forward = new RowKernels(library, SOURCE, "layerNorm", "");
    this.backward = new RowKernels(library, SOURCE, "layerNormBackward", "");
    this.columns = new KernelTable<>(library, SOURCE, Columns.class, DType.class, KernelTable::floating, Columns::kernel);
  }

  /// Of x, or where a residual is given of the sum of both, which is written too.
  void forward(@Nullable Strided sum, Strided out, Strided mean, Strided rstd, Strided x, @Nullable Strided residual,
      @Nullable Strided weight,
      @Nullable Strided bias, double eps) {
    long rows = x.size(0);
    int n = Math.toIntExact(x.size(1));
    if (x.numel() == 0) {
      return;
    }
    boolean packed = isPacked(n, sum, out, x, residual, weight, bias);
    Kernel held = forward.held(x.dtype(), n, packed);
    Kernel kernel = held != null ? held : forward.block(x.dtype(), packed);
    Launch.begin().word(address(sum)).word(out.address()).word(mean.address()).word(rstd.address()).word(x.address())
        .word(address(residual)).word(address(weight)).word(address(bias)).float64(eps).word(rows).integer(n)
        .run(gpu, kernel, gpu.blocksOf(held != null ? WARPS : 1, rows), Rows.THREADS);
  }

  /// `gradSum`, where it is given, is added to `gradX`.
  void backward(@Nullable Strided gradX, @Nullable Strided gradWeight, @Nullable Strided gradBias, @Nullable Strided gradSum, Strided grad,
      Strided x, Strided mean, Strided rstd, @Nullable Strided weight) {
    long rows = x.size(0);
    int n = Math.toIntExact(x.size(1));
    if (n == 0) {
      return;
    }
    boolean sums = gradWeight != null || gradBias != null;
    boolean packed = isPacked(n, gradX, gradSum, grad, x, weight);
    Kernel held = backward.held(x.dtype(), n, packed);
    int across = blocks(packed ? n / RowKernels.pack(x.dtype()) : n, COLUMN_LANES);
    int parts = held != null
        ? Math.clamp(rows / (WARPS * LEAST_ROWS), 1, BLOCKS_BACKWARD * gpu.multiprocessors())
        : Math.clamp(Math.min(rows / (COLUMN_LANES * LEAST_ROWS), gpu.blocksInFlight() / across), 1, MOST_PARTS);
    try (var workspace = Workspace.of(gpu, sums ? 2L * parts * n * Math.max(Float.BYTES, x.dtype().size()) : 1)) {
      if (held != null) {
        Launch.begin().word(address(gradX)).word(sums ? workspace.address() : 0).word(address(gradSum)).word(grad.address())
            .word(x.address()).word(mean.address()).word(rstd.address()).word(address(weight)).word(rows).integer(n)
            .run(gpu, held, parts, Rows.THREADS);
      } else {
        backwardByBlocks(gradX, gradSum, grad, x, mean, rstd, weight, packed);
        if (sums) {
          Launch.begin().word(workspace.address()).word(grad.address()).word(x.address()).word(mean.address()).word(rstd.address())
              .word(rows).integer(n)
              .run(gpu, columns.get(packed ? Columns.SUM_OF_PACKS : Columns.SUM, x.dtype()), across, parts, 1, Rows.THREADS, 1, 0);
        }
      }
      if (sums) {
        Launch.begin().word(address(gradWeight)).word(address(gradBias)).word(workspace.address()).integer(parts).integer(n)
            .run(gpu, columns.get(Columns.MERGE, x.dtype()), blocks(n, MERGE_LANES), Rows.THREADS);
      }
    }
  }

  /// Of threads that divide into so many lanes and a place for each column.
  private static int blocks(int columns, int lanes) {
    return Math.ceilDiv(columns, Rows.THREADS / lanes);
  }

  private void backwardByBlocks(@Nullable Strided gradX, @Nullable Strided gradSum, Strided grad, Strided x, Strided mean, Strided rstd,
      @Nullable Strided weight, boolean packed) {
    if (gradX != null && gradX.numel() > 0) {
      Launch.begin().word(gradX.address()).word(address(gradSum)).word(grad.address()).word(x.address()).word(mean.address())
          .word(rstd.address())
          .word(address(weight)).word(x.size(0)).integer((int) x.size(1))
          .run(gpu, backward.block(x.dtype(), packed), gpu.blocksOf(1, x.size(0)), Rows.THREADS);
    }
  }

  /// Whether rows of length n divide into whole and aligned packs of 16 bytes.
  private static boolean isPacked(int n, @Nullable Strided... operands) {
    boolean packed = true;
    for (Strided operand : operands) {
      packed &= operand == null || n % RowKernels.pack(operand.dtype()) == 0 && operand.address() % 16 == 0;
    }
    return packed;
  }

  private static long address(@Nullable Strided operand) {
    return operand == null ? 0 : operand.address();
  }
}
