package org.flambeau.backend.cpu.amx;

import static org.flambeau.spi.NativeMemory.ALL;

import java.util.Arrays;
import java.util.List;
import org.flambeau.DType;
import org.flambeau.backend.cpu.CpuPool;
import org.flambeau.backend.cpu.PairLayouts;
import org.flambeau.backend.cpu.Workspace;
import org.flambeau.backend.cpu.gemm.Copies;
import org.flambeau.spi.Allocator;
import org.flambeau.spi.Strided;

/// How [TileConvolution] takes a kernel (out, in, h, w): for each [Taps] and each 32 channels of the result, pairs of the channels that are read.
final class PairedKernel {
  private static final int SIDE = BlockProduct.SIDE;
  /// Of 32 bfloat16.
  private static final long ROW = SIDE * Short.BYTES;

  private final TileUnit unit;
  private final Allocator allocator;
  private final Strided weight;
  private final boolean backward;
  private final List<Taps> phases;
  private final long[] offsets;
  private final int elements;

  /// @param backward whether it is for the gradient of the images
  PairedKernel(TileUnit unit, Allocator allocator, Strided weight, boolean backward, List<Taps> phases) {
    this.unit = unit;
    this.allocator = allocator;
    this.weight = weight;
    this.backward = backward;
    this.phases = phases;
    elements = (int) (weight.size(2) * weight.size(3));
    long blocks = weight.size(backward ? 1 : 0) / SIDE;
    offsets = new long[phases.size() + 1];
    for (int i = 0; i < phases.size(); i++) {
      offsets[i + 1] = offsets[i] + blocks * phases.get(i).bytes();
    }
  }

  /// Whether such a weight can be brought into pairs.
  static boolean serves(Strided weight) {
    return weight.size(0) % SIDE == 0 && weight.size(1) % SIDE == 0;
  }

  long bytes() {
    return offsets[phases.size()];
  }

  /// Where phase `phase` has its pairs for block `block` of 32 results.
  long offset(int phase, long block) {
    return offsets[phase] + block * phases.get(phase).bytes();
  }

  void writeTo(long address) {
    try (Workspace workspace = new Workspace(allocator)) {
      Strided plain = Copies.input(workspace, DType.BFLOAT16, weight);
      long blocks = weight.size(1) / SIDE;
      CpuPool.SHARED.parallelFor(0, weight.size(0) / SIDE * blocks, 1, (begin, end) -> {
        try (Workspace own = new Workspace(allocator)) {
          long columns = own.take(SIDE * elements * ROW);
          long scratch = own.take(SIDE * ROW);
          for (long task = begin; task < end; task++) {
            long out = task / blocks;
            long in = task % blocks;
            readColumns(columns, plain.address() + (out * plain.stride(0) + in * elements) * ROW, scratch);
            for (int phase = 0; phase < phases.size(); phase++) {
              writePairs(phase, address + offset(phase, backward ? in : out), columns, backward ? out : in);
            }
          }
        }
      });
    }
  }

  /// Writes for each of 32 channels, and each element of the kernel, a row of 32 results.
  private void readColumns(long to, long from, long scratch) {
    long[] rows = new long[SIDE];
    Arrays.setAll(rows, i -> from + i * weight.size(1) * elements * Short.BYTES);
    for (long square = 0; square < elements; square++) {
      unit.layouts().transpose(rows, square * ROW, to + square * SIDE * ROW, ROW, scratch);
    }
  }

  /// Writes the pairs of block `block` of the channels that are read.
  private void writePairs(int phase, long to, long columns, long block) {
    Taps taps = phases.get(phase);
    long[] rows = new long[SIDE];
    for (int part = 0; part < taps.parts; part++) {
      for (int i = 0; i < taps.width; i++) {
        long from = columns + element(taps, part, i) * ROW;
        long target = to + taps.at(part, i, block);
        if (backward) {
          unit.layouts().columnPairs(from, elements * ROW, target);
        } else {
          for (int row = 0; row < SIDE; row++) {
            rows[row] = from + row * elements * ROW;
          }
          unit.layouts().pairs(rows, 0, target);
        }
      }
    }
  }

  private int element(Taps taps, int part, int i) {
    return taps.down.elements()[taps.line(part)] * (int) weight.size(3) + taps.across.elements()[taps.column(part) + i];
  }
}
