package org.flambeau.backend.cpu;

import java.util.ArrayList;
import java.util.List;
import org.flambeau.DType;
import org.flambeau.spi.BinaryOp;
import org.flambeau.spi.Chain;
import org.flambeau.spi.NativeMemory;
import org.flambeau.spi.Pointwise;
import org.flambeau.spi.Strided;
import org.flambeau.spi.UnaryOp;
import org.jspecify.annotations.Nullable;

/// Computes a [Chain] tile by tile: every value is a tile of its own dtype in first-level cache, on which the loops of the single operations work as
/// they do on memory. So a chain gives the bits that its links give one by one.
final class ChainKernel {
  private static final int TILE = Scratch.TILE;
  private static final int TILE_BYTES = 8 * TILE;
  /// Instead of a tile: the value is used where it lies in memory.
  private static final int IN_PLACE = -1;

  /// A number that a link depends on, which takes an operand's place.
  private record Parameter(double value, Compute compute, int tile) {}

  /// One link, on operands in the type `compute`, without a loop where it copies; `b` and `c` are tiles of parameters where there are any.
  private record Step(@Nullable Loop loop, Compute compute, int[] reads, int b, int c) {}

  private final int operands;
  private final IterationSpace space;
  private final long[] addresses;
  private final DType[] dtypes;
  private final int[] tiles;
  private final boolean[] hostScalar;
  private final List<Parameter> parameters = new ArrayList<>();
  private final Step[] steps;
  private int tileCount;

  /// out = the result of `chain`.
  static void run(Chain chain, Strided out, Strided... operands) {
    if (out.numel() > 0) {
      try (Staging staging = Staging.open()) {
        new ChainKernel(chain, out, operands, staging).run(out.numel());
      }
    }
  }

  private ChainKernel(Chain chain, Strided out, Strided[] inputs, Staging staging) {
    int links = chain.links().size();
    operands = inputs.length;
    space = new IterationSpace(operands + 1);
    space.begin(out);
    addresses = new long[operands + 1];
    addresses[0] = staging.write(out);
    dtypes = new DType[operands + links];
    hostScalar = new boolean[operands + links];
    for (int k = 0; k < operands; k++) {
      addresses[k + 1] = staging.read(inputs[k]);
      dtypes[k] = inputs[k].dtype();
      hostScalar[k] = inputs[k].isHostScalar();
      if (inputs[k].rank() == 0) {
        space.add(0);
      } else {
        space.add(out, inputs[k]);
      }
    }
    space.collapse();
    tiles = new int[operands + links];
    for (int k = 0; k < operands; k++) {
      tiles[k] = !isConstant(k) && space.isDense(k + 1, dtypes[k].size()) ? IN_PLACE : tileCount++;
    }
    steps = new Step[links];
    for (int i = 0; i < links; i++) {
      steps[i] = step(chain.links().get(i));
      dtypes[operands + i] = chain.links().get(i).dtype();
    }
    placeResults();
    if (space.isDense(0, out.dtype().size())) {
      tiles[operands + links - 1] = IN_PLACE;
    }
  }

  private boolean isConstant(int operand) {
    return space.isConstant(operand + 1);
  }

  private Step step(Chain.Link link) {
    int[] reads = link.reads().stream().mapToInt(Integer::intValue).toArray();
    DType of = dtypes[reads[0]];
    Compute compute = Compute.of(link.dtype());
    return switch (link.function()) {
      case Pointwise.Copy() -> new Step(null, link.dtype().isIntegral() && of.isFloating() ? Compute.DOUBLE : compute, reads, 0, 0);
      case Pointwise.Unary(UnaryOp op) -> {
        UnaryOp meant = op == UnaryOp.BITWISE_NOT && of == DType.BOOL ? UnaryOp.LOGICAL_NOT : op;
        yield new Step(Loops.unary(meant, Compute.of(of)), Compute.of(of), reads, 0, 0);
      }
      case Pointwise.Binary(BinaryOp op) -> {
        Compute common = op.isPredicate() ? Compute.of(common(reads[0], reads[1])) : compute;
        yield new Step(Loops.binary(op, common), common, reads, 0, 0);
      }
      case Pointwise.AddScaled(double alpha) -> ternary(TernaryOp.ADD_SCALED, compute, reads, 0, alpha);
      case Pointwise.Where() -> ternary(TernaryOp.WHERE, compute, reads, 0, 0);
      case Pointwise.Clamp(double low, double high) -> ternary(TernaryOp.CLAMP, compute, reads, low, high);
      case Pointwise.LeakyRelu(double slope) -> ternary(TernaryOp.LEAKY_RELU, compute, reads, slope, 0);
      case Pointwise.Elu(double alpha, double scale) -> ternary(TernaryOp.ELU, compute, reads, alpha * scale, scale);
    };
  }

  /// What the operands of a comparison are taken as: a number of the host follows the other's dtype.
  private DType common(int a, int b) {
    return hostScalar[a] == hostScalar[b] ? DType.promote(dtypes[a], dtypes[b]) : hostScalar[a] ? dtypes[b] : dtypes[a];
  }

  private Step ternary(TernaryOp op, Compute compute, int[] reads, double b, double c) {
    return new Step(Loops.ternary(op, compute), compute, reads, reads.length > 1 ? 0 : parameter(b, compute),
        reads.length > 2 ? 0 : parameter(c, compute));
  }

  private int parameter(double value, Compute compute) {
    parameters.add(new Parameter(value, compute, tileCount));
    return tileCount++;
  }

  /// Gives each link's result a tile; one whose value nobody reads any more is used again.
  private void placeResults() {
    int[] lastRead = new int[tiles.length];
    for (int i = 0; i < steps.length; i++) {
      for (int value : steps[i].reads) {
        lastRead[value] = i;
      }
    }
    int first = tileCount;
    boolean[] taken = new boolean[steps.length];
    for (int i = 0; i < steps.length; i++) {
      int free = 0;
      while (taken[free]) {
        free++;
      }
      taken[free] = true;
      tiles[operands + i] = first + free;
      tileCount = Math.max(tileCount, first + free + 1);
      for (int value : steps[i].reads) {
        if (value >= operands && lastRead[value] == i) {
          taken[tiles[value] - first] = false;
        }
      }
    }
  }

  private void run(long numel) {
    long grain = Math.max(TILE, Elementwise.GRAIN / steps.length);
    if (numel < 2 * grain) {
      range(0, numel);
    } else {
      CpuPool.SHARED.parallelFor(0, Math.ceilDiv(numel, TILE), grain / TILE,
          (begin, end) -> range(begin * TILE, Math.min(end * TILE, numel)));
    }
  }

  /// Works on the elements [begin, end), counted in the order of the dimensions.
  private void range(long begin, long end) {
    Scratch scratch = Scratch.current();
    long room = scratch.rows((long) tileCount * TILE_BYTES);
    long[] values = new long[tiles.length];
    for (Parameter parameter : parameters) {
      Elementwise.fill(parameter.compute, room + (long) parameter.tile * TILE_BYTES, parameter.value, (int) Math.min(TILE, end - begin));
    }
    for (int k = 0; k < operands; k++) {
      if (isConstant(k)) {
        values[k] = room + (long) tiles[k] * TILE_BYTES;
        Copy.row(dtypes[k].size(), values[k], dtypes[k].size(), addresses[k + 1], 0, Math.min(TILE, end - begin));
      }
    }
    int last = values.length - 1;
    for (long at = begin; at < end; at += TILE) {
      int n = (int) Math.min(TILE, end - at);
      for (int k = 0; k < operands; k++) {
        if (!isConstant(k)) {
          values[k] = place(k, k + 1, at, room);
          if (tiles[k] != IN_PLACE) {
            move(k + 1, dtypes[k].size(), at, n, values[k], false);
          }
        }
      }
      for (int i = 0; i < steps.length; i++) {
        values[operands + i] = place(operands + i, 0, at, room);
        compute(steps[i], values, dtypes[operands + i], values[operands + i], n, room, scratch);
      }
      if (tiles[last] != IN_PLACE) {
        move(0, dtypes[last].size(), at, n, values[last], true);
      }
    }
  }

  private long place(int value, int operand, long at, long room) {
    return tiles[value] == IN_PLACE ? addresses[operand] + at * dtypes[value].size() : room + (long) tiles[value] * TILE_BYTES;
  }

  private void compute(Step step, long[] values, DType dtype, long out, int n, long room, Scratch scratch) {
    Compute compute = step.compute;
    int[] reads = step.reads;
    long a = load(compute, reads[0], values, scratch.tile(1), n);
    long result = a;
    if (step.loop != null) {
      long b = reads.length > 1 ? load(compute, reads[1], values, scratch.tile(2), n) : room + (long) step.b * TILE_BYTES;
      long c = reads.length > 2 ? load(compute, reads[2], values, scratch.tile(3), n) : room + (long) step.c * TILE_BYTES;
      result = compute.is(dtype) ? out : scratch.tile(0);
      step.loop.run(result, a, b, c, n);
    } else if (compute.is(dtype)) {
      NativeMemory.copy(a, out, (long) n * compute.size());
    }
    if (!compute.is(dtype)) {
      Conversion.of(dtype).store(compute, result, out, dtype.size(), n);
    }
  }

  /// The address of a value in the type `compute`; where it is of another dtype, that of `tile`, to which it is converted.
  private long load(Compute compute, int value, long[] values, long tile, int n) {
    DType dtype = dtypes[value];
    if (compute.is(dtype)) {
      return values[value];
    }
    Conversion.of(dtype).load(compute, values[value], dtype.size(), tile, n);
    return tile;
  }

  /// Moves n elements, from number `at` on, between an operand's memory and a tile, run by run along the innermost dimension.
  private void move(int operand, int size, long at, int n, long tile, boolean store) {
    long inner = space.size(0);
    long stride = space.stride(operand, 0);
    long row = at / inner;
    long first = at - row * inner;
    for (int done = 0; done < n; row++) {
      long run = Math.min(n - done, inner - first);
      long place = addresses[operand] + space.offset(operand, row, 1) + first * stride;
      long part = tile + (long) done * size;
      if (store) {
        Copy.row(size, place, stride, part, size, run);
      } else {
        Copy.row(size, part, size, place, stride, run);
      }
      done += (int) run;
      first = 0;
    }
  }
}
