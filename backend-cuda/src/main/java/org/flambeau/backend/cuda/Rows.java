package org.flambeau.backend.cuda;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.INT;
import static org.flambeau.spi.NativeMemory.LONG;

import java.util.Arrays;
import org.flambeau.spi.Strided;

/// Rows of operands that have the same sizes, along one of their dimensions: what `rows.cuh` says, on the host.
///
/// A short row is held in the registers of a warp, if neighbours in it are the nearest there are. Else a block's threads divide into lanes
/// and rows, so that neighbouring threads read neighbouring elements either way.
final class Rows {
  /// As in rows.cuh.
  static final int THREADS = 256;
  private static final int WARPS = THREADS / 32;
  private static final int LINES = 16 + Space.STEPS;
  /// Elements that a lane should at least go over before another joins in.
  private static final int LEAST_PER_LANE = 4;

  private final Strided[] operands;
  private final int dim;
  private final int length;
  private final Space kept;
  private final boolean packed;
  private final boolean along;

  private Rows(int dim, Strided[] operands, Space kept) {
    this.operands = operands;
    this.dim = dim;
    this.length = Math.toIntExact(operands[0].size(dim));
    this.kept = kept;
    this.packed = isPacked();
    this.along = kept.numel() == 1 || operands[0].stride(dim) <= kept.innermostStep(0);
  }

  /// The first operand's memory order is that of the rows.
  static Rows along(int dim, Strided... operands) {
    long[][] steps = new long[operands.length][];
    for (int k = 0; k < steps.length; k++) {
      steps[k] = without(dim, operands[k].strides());
    }
    return new Rows(dim, operands, Space.of(without(dim, operands[0].sizes()), steps));
  }

  /// Rows that keep their order: the r-th is that of index r of the other one of two dimensions.
  static Rows ofMatrix(Strided... operands) {
    return along(1, operands);
  }

  private static long[] without(int dim, long[] values) {
    long[] rest = Arrays.copyOf(values, values.length - 1);
    System.arraycopy(values, dim + 1, rest, dim, rest.length - dim);
    return rest;
  }

  /// Whether each row of each operand divides into whole and aligned packs of 16 bytes.
  private boolean isPacked() {
    int size = operands[0].dtype().size();
    int each = 16 / size;
    boolean packed = length % each == 0;
    for (Strided operand : operands) {
      packed &= operand.stride(dim) == 1 && operand.address() % 16 == 0;
      for (int d = 0; d < operand.rank(); d++) {
        packed &= d == dim || operand.size(d) == 1 || operand.stride(d) % each == 0;
      }
    }
    return packed;
  }

  /// Writes the parameters that follow the structure `Rows` and one `Lines` for each operand.
  interface Further {
    void write(Launch launch);
  }

  /// Launches the kernel that suits the rows.
  void run(Gpu gpu, RowKernels kernels, Further further) {
    Kernel held = along ? kernels.held(operands[0].dtype(), length, packed) : null;
    if (held == null) {
      runBlocks(gpu, kernels, further);
    } else {
      kept.forEachPart((part, offsets) -> begin(part, offsets, further).run(gpu, held, gpu.blocksOf(WARPS, part.numel()), THREADS));
    }
  }

  /// Launches the kernel that goes over rows by blocks.
  void runBlocks(Gpu gpu, RowKernels kernels, Further further) {
    Kernel kernel = kernels.block(operands[0].dtype(), packed);
    kept.forEachPart((part, offsets) -> {
      int lanes = lanes(part.numel());
      begin(part, offsets, further).integer(lanes).flag(along).run(gpu, kernel, gpu.blocksOf(THREADS / lanes, part.numel()), THREADS);
    });
  }

  private int lanes(long rows) {
    if (along) {
      return (int) Math.min(THREADS, Long.highestOneBit(Math.max(1, length)));
    }
    long places = Math.min(32, Long.highestOneBit(2 * rows - 1));
    return (int) Math.min(THREADS / places, Math.max(1, Long.highestOneBit(length / LEAST_PER_LANE)));
  }

  private Launch begin(Space part, long[] offsets, Further further) {
    Launch launch = Launch.begin();
    long at = launch.structure(Space.SPACE + 8, 4);
    part.write(at);
    ALL.set(INT, at + Space.SPACE, (int) part.numel());
    ALL.set(INT, at + Space.SPACE + 4, length);
    for (int k = 0; k < operands.length; k++) {
      Strided operand = operands[k];
      long lines = launch.structure(LINES, 8);
      ALL.set(LONG, lines, operand.address() + offsets[k] * operand.dtype().size());
      part.writeSteps(k, lines + 8);
      ALL.set(LONG, lines + 8 + Space.STEPS, operand.stride(dim));
    }
    further.write(launch);
    return launch;
  }
}
