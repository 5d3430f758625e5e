package org.flambeau.backend.cpu;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.flambeau.DType;
import org.flambeau.spi.BinaryOp;
import org.flambeau.spi.Chain;
import org.flambeau.spi.NativeMemory;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// Computes a [Chain] tile by tile: every value is a tile of its own dtype in first-level cache, on which the loops of the single operations work as
/// they do on memory. So a chain gives the bits that its links give one by one.
final class ChainKernel {
  /// Bytes of the first-level cache that tiles may take, and the fewest elements of one.
  private static final long CACHED = 24 << 10;
  private static final int LEAST_TILE = 256;
  /// Between tiles, so that they begin in different sets of the cache.
  private static final int GAP = 64;
  /// Instead of a tile: the value is used where it lies in memory.
  private static final int IN_PLACE = -1;
  /// Instead of a tile: there is no such number.
  private static final int NONE = -2;
  private static final ThreadLocal<ChainKernel> CURRENT = ThreadLocal.withInitial(ChainKernel::new);

  /// One link: its loop, which values it reads, and the tiles of the numbers that take the place of operands, and of its result.
  ///
  /// @param loop null where values are only cast
  /// @param halves what the loop reads and writes as it lies, though it is not of the compute type
  private record Step(Pass pass, @Nullable Loop loop, Halves halves, int[] reads, int b, int c, int result) {}

  /// What of a chain does not depend on how its operands lie.
  ///
  /// @param dtypes of all values
  /// @param onHost which operands are numbers of the host
  /// @param tiles how many the steps take
  /// @param width bytes of the widest element in a tile
  /// @param many whether there are elements enough for loops over halves
  private record Plan(Chain chain, DType[] dtypes, boolean[] onHost, Step[] steps, int tiles, int width, boolean many) {
    boolean serves(Chain other, Strided[] operands, boolean ofMany) {
      boolean same = chain == other && many == ofMany;
      for (int k = 0; same && k < operands.length; k++) {
        same = dtypes[k] == operands[k].dtype() && onHost[k] == operands[k].isHostScalar();
      }
      return same;
    }
  }

  private final @Nullable Plan[] plans = new Plan[64];
  private final IterationSpace space = new IterationSpace(Chain.MOST_OPERANDS + 1);
  /// Of the result, and behind it of the operands: where they begin, and which tile they have.
  private final long[] addresses = new long[Chain.MOST_OPERANDS + 1];
  private final int[] tiles = new int[Chain.MOST_OPERANDS + 1];
  private int operands;
  private int tile;
  private long pitch;
  private long room;

  private ChainKernel() {}

  /// out = the result of `chain`.
  static void run(Chain chain, Strided out, Strided... operands) {
    if (out.numel() > 0) {
      CURRENT.get().compute(chain, out, operands);
    }
  }

  private void compute(Chain chain, Strided out, Strided[] inputs) {
    int slot = System.identityHashCode(chain) % plans.length;
    Plan known = plans[slot];
    boolean many = out.numel() >= Halves.LEAST_ELEMENTS;
    Plan plan = known != null && known.serves(chain, inputs, many) ? known : (plans[slot] = plan(chain, inputs, many));
    try (Staging staging = Staging.open()) {
      arrange(plan, out, inputs, staging);
      long numel = out.numel();
      long grain = Math.max(tile, Elementwise.GRAIN / plan.steps.length);
      if (numel < 2 * grain) {
        range(plan, 0, numel);
      } else {
        CpuPool.SHARED.parallelFor(0, Math.ceilDiv(numel, tile), grain / tile,
            (begin, end) -> range(plan, begin * tile, Math.min(end * tile, numel)));
      }
    }
  }

  /// Notes where operands lie, and which of them need tiles.
  private void arrange(Plan plan, Strided out, Strided[] inputs, Staging staging) {
    operands = inputs.length;
    space.begin(out);
    addresses[0] = staging.write(out);
    for (int k = 0; k < operands; k++) {
      addresses[k + 1] = staging.read(inputs[k]);
      if (inputs[k].rank() == 0) {
        space.add(0);
      } else {
        space.add(out, inputs[k]);
      }
    }
    space.collapse();
    int count = plan.tiles;
    for (int k = 0; k < operands; k++) {
      tiles[k + 1] = !isConstant(k) && space.isDense(k + 1, plan.dtypes[k].size()) ? IN_PLACE : count++;
    }
    tiles[0] = space.isDense(0, out.dtype().size()) ? IN_PLACE : plan.steps[plan.steps.length - 1].result;
    tile = Scratch.TILE;
    while (tile > LEAST_TILE && (long) count * tile * plan.width > CACHED) {
      tile /= 2;
    }
    pitch = (long) tile * plan.width + GAP;
    room = count * pitch;
  }

  private boolean isConstant(int operand) {
    return space.isConstant(operand + 1);
  }

  // ---- planning ----

  private static Plan plan(Chain chain, Strided[] operands, boolean many) {
    List<Chain.Link> links = chain.links();
    DType[] dtypes = new DType[operands.length + links.size()];
    boolean[] onHost = new boolean[dtypes.length];
    for (int k = 0; k < operands.length; k++) {
      dtypes[k] = operands[k].dtype();
      onHost[k] = operands[k].isHostScalar();
    }
    int[] results = resultTiles(links, operands.length);
    int tiles = Arrays.stream(results).max().orElse(0) + 1;
    List<Step> steps = new ArrayList<>();
    int width = 1;
    for (int i = 0; i < links.size(); i++) {
      Chain.Link link = links.get(i);
      int[] reads = link.reads().stream().mapToInt(Integer::intValue).toArray();
      DType of = reads.length == 2
          ? BinaryOp.operandType(dtypes[reads[0]], onHost[reads[0]], dtypes[reads[1]], onHost[reads[1]])
          : dtypes[reads[0]];
      Pass pass = Pass.of(link.function(), link.dtype(), of);
      int b = pass.operands() > 1 && reads.length < 2 ? tiles++ : NONE;
      int c = pass.operands() > 2 && reads.length < 3 ? tiles++ : NONE;
      dtypes[operands.length + i] = link.dtype();
      Halves halves = many ? halves(dtypes, reads, link.dtype()) : Halves.NONE;
      Loop loop = halves.operands() == 0 ? null : pass.loop(halves);
      steps.add(loop != null ? new Step(pass, loop, halves, reads, b, c, results[i])
          : new Step(pass, pass.loop(), Halves.NONE, reads, b, c, results[i]));
      width = Math.max(width, pass.compute().size());
    }
    for (DType dtype : dtypes) {
      width = Math.max(width, dtype.size());
    }
    return new Plan(chain, dtypes, onHost, steps.toArray(Step[]::new), tiles, width, many);
  }

  /// Which of a link's result and operands are of one half precision.
  private static Halves halves(DType[] dtypes, int[] reads, DType result) {
    DType half = Halves.are(result) ? result : dtypes[reads[reads.length - 1]];
    int found = result == half ? 1 : 0;
    for (int k = 0; k < reads.length; k++) {
      found |= dtypes[reads[k]] == half ? 2 << k : 0;
    }
    return Halves.are(half) ? new Halves(half, found) : Halves.NONE;
  }

  /// Gives each link's result a tile; one whose value nobody reads any more is used again.
  private static int[] resultTiles(List<Chain.Link> links, int operands) {
    int[] lastRead = new int[operands + links.size()];
    for (int i = 0; i < links.size(); i++) {
      for (int value : links.get(i).reads()) {
        lastRead[value] = i;
      }
    }
    int[] results = new int[links.size()];
    boolean[] taken = new boolean[links.size()];
    for (int i = 0; i < results.length; i++) {
      while (taken[results[i]]) {
        results[i]++;
      }
      taken[results[i]] = true;
      for (int value : links.get(i).reads()) {
        if (value >= operands && lastRead[value] == i) {
          taken[results[value - operands]] = false;
        }
      }
    }
    return results;
  }

  // ---- computing ----

  /// Works on the elements [begin, end), counted in the order of the dimensions.
  private void range(Plan plan, long begin, long end) {
    Scratch scratch = Scratch.current();
    long base = scratch.rows(room);
    int most = (int) Math.min(tile, end - begin);
    for (Step step : plan.steps) {
      fill(step.pass.compute(), base, step.b, step.pass.b(), most);
      fill(step.pass.compute(), base, step.c, step.pass.c(), most);
    }
    long[] values = new long[plan.dtypes.length];
    for (int k = 0; k < operands; k++) {
      if (isConstant(k)) {
        int size = plan.dtypes[k].size();
        values[k] = base + tiles[k + 1] * pitch;
        Copy.row(size, values[k], size, addresses[k + 1], 0, most);
      }
    }
    int last = values.length - 1;
    for (long at = begin; at < end; at += tile) {
      int n = (int) Math.min(tile, end - at);
      for (int k = 0; k < operands; k++) {
        if (!isConstant(k)) {
          values[k] = place(k + 1, tiles[k + 1], plan.dtypes[k].size(), at, base);
          if (tiles[k + 1] != IN_PLACE) {
            move(k + 1, plan.dtypes[k].size(), at, n, values[k], false);
          }
        }
      }
      for (int i = 0; i < plan.steps.length; i++) {
        Step step = plan.steps[i];
        int value = operands + i;
        values[value] = value < last ? base + step.result * pitch : place(0, tiles[0], plan.dtypes[last].size(), at, base);
        compute(step, values, plan.dtypes, value, n, base, scratch);
      }
      if (tiles[0] != IN_PLACE) {
        move(0, plan.dtypes[last].size(), at, n, values[last], true);
      }
    }
  }

  private void fill(Compute compute, long base, int place, double value, int n) {
    if (place != NONE) {
      Elementwise.fill(compute, base + place * pitch, value, n);
    }
  }

  private long place(int operand, int place, int size, long at, long base) {
    return place == IN_PLACE ? addresses[operand] + at * size : base + place * pitch;
  }

  private void compute(Step step, long[] values, DType[] dtypes, int value, int n, long base, Scratch scratch) {
    Compute compute = step.pass.compute();
    Loop loop = step.loop;
    int[] reads = step.reads;
    DType dtype = dtypes[value];
    long out = values[value];
    boolean inPlace = compute.is(dtype) || step.halves.contains(0);
    long a = load(step, 0, values, dtypes, scratch.tile(1), n);
    long result = a;
    if (loop != null) {
      long b = reads.length > 1 ? load(step, 1, values, dtypes, scratch.tile(2), n) : base + Math.max(0, step.b) * pitch;
      long c = reads.length > 2 ? load(step, 2, values, dtypes, scratch.tile(3), n) : base + Math.max(0, step.c) * pitch;
      result = inPlace ? out : scratch.tile(0);
      loop.run(result, a, b, c, n);
    } else if (inPlace) {
      NativeMemory.copy(a, out, (long) n * compute.size());
    }
    if (!inPlace) {
      Conversion.of(dtype).store(compute, result, out, dtype.size(), n);
    }
  }

  /// The address of what a step reads as number `k`, as its loop does; where it is of another dtype, that of `tile`, to which it is converted.
  private static long load(Step step, int k, long[] values, DType[] dtypes, long tile, int n) {
    int value = step.reads[k];
    Compute compute = step.pass.compute();
    DType dtype = dtypes[value];
    if (compute.is(dtype) || step.halves.contains(k + 1)) {
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
