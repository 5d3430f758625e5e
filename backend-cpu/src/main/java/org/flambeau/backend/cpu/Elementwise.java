package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.BYTE;
import static org.flambeau.spi.NativeMemory.DOUBLE;
import static org.flambeau.spi.NativeMemory.FLOAT;
import static org.flambeau.spi.NativeMemory.INT;
import static org.flambeau.spi.NativeMemory.LONG;

import org.flambeau.DType;
import org.flambeau.spi.Activation;
import org.flambeau.spi.BinaryOp;
import org.flambeau.spi.NativeMemory;
import org.flambeau.spi.Pointwise;
import org.flambeau.spi.Strided;
import org.flambeau.spi.UnaryOp;
import org.jspecify.annotations.Nullable;

/// Runs a [Loop] over operands of any layout and dtype.
///
/// An operand that lies contiguously in the compute type is handed to the loop as it is. Any other is gathered and converted,
/// tile by tile, in memory that stays in the first-level cache, and so is the result on its way out. Values that are the same
/// everywhere (host scalars, parameters, fully expanded tensors) become one tile for all. So a loop knows one type and one layout, but for halves
/// beside each other, of which there are many: [Halves].
///
/// Where an operand lies across the result, as a transposed one does, the work is cut into blocks that are some rows high, for which that operand is
/// turned first: of each line of the cache that it has all elements are then used at once.
public final class Elementwise {
  /// Elements for which it does not pay to wake another thread.
  static final long GRAIN = 16 << 10;

  private static final int TILE = Scratch.TILE;
  private static final int WHOLE = 1 << 20;

  /// Rows of at least this length are worked on one by one; a tile of shorter ones spans several.
  private static final long LONG_ROW = 256;

  /// Columns and rows of a block, and how many there must be for it to pay: rows of two kilobytes, along which the processor reads ahead.
  private static final int BLOCK_WIDTH = 512;
  private static final int BLOCK_HEIGHT = 16;
  private static final int LEAST_EDGE = 8;

  private static final int OPERANDS = 4;
  private static final ThreadLocal<Elementwise> CURRENT = ThreadLocal.withInitial(Elementwise::new);

  private enum Access {
    IN_PLACE,
    CONVERTED,
    CONSTANT
  }

  private final IterationSpace space = new IterationSpace(OPERANDS);
  private final Access[] access = new Access[OPERANDS];
  private final long[] address = new long[OPERANDS];
  private final DType[] dtype = new DType[OPERANDS];
  private final Conversion[] conversion = new Conversion[OPERANDS];
  /// Bytes of an element where it is used in place.
  private final int[] size = new int[OPERANDS];
  /// Which operands have their elements beside each other.
  private final boolean[] dense = new boolean[OPERANDS];
  private Compute compute = Compute.FLOAT;
  private int operands;
  private boolean byRows;
  private int step;
  /// Which operands lie across the result, and whether any does.
  private final boolean[] across = new boolean[OPERANDS];
  private boolean byBlocks;

  private Elementwise() {}

  /// out = op(x).
  public static void unary(UnaryOp op, Strided out, Strided x) {
    run(Pass.of(new Pointwise.Unary(op), out.dtype(), x.dtype()), out, x, null, null);
  }

  /// x = activation(x).
  public static void activate(Activation activation, Strided x) {
    switch (activation) {
      case NONE -> {}
      case RELU -> unary(UnaryOp.RELU, x, x);
      case GELU -> unary(UnaryOp.GELU, x, x);
    }
  }

  /// out = a + b.
  public static void sum(Strided out, Strided a, Strided b) {
    run(Pass.of(new Pointwise.Binary(BinaryOp.ADD), out.dtype(), out.dtype()), out, a, b, null);
  }

  /// out = the function of `a`, `b` and `c`; of the last two, those that are null are the numbers of `pass`.
  static void run(Pass pass, Strided out, Strided a, @Nullable Strided b, @Nullable Strided c) {
    CURRENT.get().compute(pass, out, a, b, c);
  }

  private void compute(Pass pass, Strided out, Strided a, @Nullable Strided b, @Nullable Strided c) {
    long numel = out.numel();
    if (numel == 0) {
      return;
    }
    compute = pass.compute();
    operands = pass.operands() + 1;
    try (Staging staging = Staging.open()) {
      address[0] = staging.write(out);
      arrange(out, a, b, c);
      arrangeBlocks(a, b, c);
      plan(0, out, numel);
      bind(1, a, 0, numel, staging);
      if (operands > 2) {
        bind(2, b, pass.b(), numel, staging);
      }
      if (operands > 3) {
        bind(3, c, pass.c(), numel, staging);
      }
      Loop loop = loop(pass, numel);
      step = needsTiles(loop == null) ? TILE : WHOLE;
      if (byBlocks) {
        long blocks = numel / (space.size(0) * space.size(1)) * along() * down();
        CpuPool.SHARED.parallelFor(0, blocks, GRAIN / (BLOCK_WIDTH * BLOCK_HEIGHT), (begin, end) -> blocks(loop, begin, end));
      } else if (numel < 2 * GRAIN) {
        range(loop, 0, numel);
      } else {
        CpuPool.SHARED.parallelFor(0, (numel + TILE - 1) / TILE, GRAIN / TILE,
            (begin, end) -> range(loop, begin * TILE, Math.min(end * TILE, numel)));
      }
    }
  }

  /// That over halves as they lie, where there is one.
  private @Nullable Loop loop(Pass pass, long numel) {
    Halves halves = numel < Halves.LEAST_ELEMENTS ? Halves.NONE : halves();
    Loop loop = halves.operands() == 0 ? null : pass.loop(halves);
    if (loop == null) {
      return pass.loop();
    }
    for (int k = 0; k < operands; k++) {
      if (halves.contains(k)) {
        access[k] = Access.IN_PLACE;
        size[k] = Short.BYTES;
      }
    }
    return loop;
  }

  /// The operands that only their half precision keeps from being used in place; none where they are of different ones.
  private Halves halves() {
    DType half = DType.FLOAT32;
    int found = 0;
    for (int k = 0; k < operands; k++) {
      if (access[k] == Access.CONVERTED && dense[k] && Halves.are(dtype[k])) {
        if (found != 0 && half != dtype[k]) {
          return Halves.NONE;
        }
        half = dtype[k];
        found |= 1 << k;
      }
    }
    return found == 0 ? Halves.NONE : new Halves(half, found);
  }

  /// A cast needs none where it begins or ends in the compute type.
  private boolean needsTiles(boolean casts) {
    int converted = 0;
    for (int k = 0; k < operands; k++) {
      if (access[k] == Access.CONSTANT) {
        return true;
      }
      converted += access[k] == Access.CONVERTED ? 1 : 0;
    }
    return converted > (casts ? 1 : 0);
  }

  private void arrange(Strided out, Strided a, @Nullable Strided b, @Nullable Strided c) {
    if (out.isContiguous() && isFlat(a, out) && isFlat(b, out) && isFlat(c, out)) {
      space.begin(out.numel(), out.dtype().size());
      addFlat(a);
      addFlat(b);
      addFlat(c);
    } else {
      space.begin(out);
      add(out, a);
      add(out, b);
      add(out, c);
      space.collapse();
    }
    byRows = space.rank() > 1 && space.size(0) >= LONG_ROW;
  }

  /// Brings the dimension along which an operand across the result is contiguous to the second place.
  private void arrangeBlocks(@Nullable Strided... inputs) {
    byBlocks = false;
    for (int k = 1; k < operands; k++) {
      Strided x = inputs[k - 1];
      across[k] = x != null && space.rank() > 1 && liesAcross(k, x.dtype().size());
      byBlocks |= across[k];
    }
    byRows |= byBlocks;
  }

  private boolean liesAcross(int k, int size) {
    if (space.size(0) < LEAST_EDGE || space.stride(k, 0) == size || space.stride(k, 0) == 0) {
      return false;
    }
    for (int d = 1; d < (byBlocks ? 2 : space.rank()); d++) {
      if (space.stride(k, d) == size && space.size(d) >= LEAST_EDGE) {
        space.swap(1, d);
        return true;
      }
    }
    return false;
  }

  private static boolean isFlat(@Nullable Strided x, Strided out) {
    return x == null || x.isHostScalar() || x.isContiguous() && x.numel() == out.numel();
  }

  private void addFlat(@Nullable Strided x) {
    space.add(x == null || x.isHostScalar() ? 0 : x.dtype().size());
  }

  private void add(Strided out, @Nullable Strided x) {
    if (x == null || x.rank() == 0) {
      space.add(0);
    } else {
      space.add(out, x);
    }
  }

  private void bind(int k, @Nullable Strided x, double value, long numel, Staging staging) {
    if (x == null) {
      access[k] = Access.CONSTANT;
      address[k] = Scratch.current().tile(k);
      fill(compute, address[k], value, (int) Math.min(TILE, numel));
    } else {
      address[k] = staging.read(x);
      plan(k, x, numel);
    }
  }

  private void plan(int k, Strided x, long numel) {
    dtype[k] = x.dtype();
    size[k] = compute.size();
    conversion[k] = Conversion.of(dtype[k]);
    if (k > 0 && space.isConstant(k)) {
      access[k] = Access.CONSTANT;
      long tile = Scratch.current().tile(k);
      conversion[k].load(compute, address[k], 0, tile, (int) Math.min(TILE, numel));
      address[k] = tile;
    } else {
      int width = dtype[k].size();
      dense[k] = byRows ? across[k] || space.stride(k, 0) == width : space.isDense(k, width);
      access[k] = dense[k] && compute.is(dtype[k]) ? Access.IN_PLACE : Access.CONVERTED;
    }
  }

  /// Sets the first n elements of a tile.
  static void fill(Compute compute, long tile, double value, int n) {
    for (int i = 0; i < n; i++) {
      switch (compute) {
        case FLOAT -> ALL.set(FLOAT, tile + 4L * i, (float) value);
        case DOUBLE -> ALL.set(DOUBLE, tile + 8L * i, value);
        case INT -> ALL.set(INT, tile + 4L * i, (int) value);
        case LONG -> ALL.set(LONG, tile + 8L * i, (long) value);
        case TRUTH -> ALL.set(BYTE, tile + i, (byte) (value != 0 ? 1 : 0));
      }
    }
  }

  /// Works on the elements [begin, end), counted in the order of the dimensions.
  private void range(@Nullable Loop loop, long begin, long end) {
    Scratch scratch = Scratch.current();
    int n;
    for (long at = begin; at < end; at += n) {
      n = (int) Math.min(step, end - at);
      if (byRows) {
        n = (int) Math.min(n, space.size(0) - at % space.size(0));
      }
      long result = access[0] == Access.IN_PLACE ? place(0, at) : scratch.tile(0);
      if (loop == null) {
        result = cast(result, at, n);
      } else {
        long a = source(1, at, n, scratch.tile(1));
        long b = operands > 2 ? source(2, at, n, scratch.tile(2)) : a;
        long c = operands > 3 ? source(3, at, n, scratch.tile(3)) : a;
        loop.run(result, a, b, c, n);
      }
      if (access[0] == Access.CONVERTED) {
        move(0, at, n, result, true);
      }
    }
  }

  /// Where the operand is in the compute type, on its way to `result`, which need not be touched where that is only a tile.
  private long cast(long result, long at, int n) {
    long a = source(1, at, n, result);
    if (a != result && access[0] == Access.IN_PLACE) {
      NativeMemory.copy(a, result, (long) n * compute.size());
      return result;
    }
    return a;
  }

  /// Where an operand's elements are in the compute type: in `tile` where they have to be brought there.
  private long source(int k, long at, int n, long tile) {
    return switch (access[k]) {
      case IN_PLACE -> place(k, at);
      case CONSTANT -> address[k];
      case CONVERTED -> {
        move(k, at, n, tile, false);
        yield tile;
      }
    };
  }

  private long place(int k, long at) {
    return address[k] + (byRows ? space.offset(k, at, 0) : at * size[k]);
  }

  /// Loads or stores `n` elements from number `at` on, run by run along the innermost dimension.
  private void move(int k, long at, int n, long tile, boolean store) {
    long inner = space.size(0);
    long stride = space.stride(k, 0);
    long row = at / inner;
    long first = at - row * inner;
    int done = 0;
    while (done < n) {
      int run = (int) Math.min(n - done, inner - first);
      long place = address[k] + space.offset(k, row, 1) + first * stride;
      long part = tile + (long) done * compute.size();
      if (store) {
        conversion[k].store(compute, part, place, stride, run);
      } else {
        conversion[k].load(compute, place, stride, part, run);
      }
      done += run;
      first = 0;
      row++;
    }
  }

  // ---- by blocks ----

  private long along() {
    return Math.ceilDiv(space.size(0), BLOCK_WIDTH);
  }

  private long down() {
    return Math.ceilDiv(space.size(1), BLOCK_HEIGHT);
  }

  /// Works on the blocks [begin, end), counted along the rows, then down, then by the other dimensions.
  private void blocks(@Nullable Loop loop, long begin, long end) {
    long along = along();
    long down = down();
    long turned = Scratch.current().rows((long) operands * Long.BYTES * BLOCK_WIDTH * BLOCK_HEIGHT);
    long[] at = new long[operands];
    for (long block = begin; block < end; block++) {
      long column = block % along * BLOCK_WIDTH;
      long row = block / along % down * BLOCK_HEIGHT;
      long plane = block / (along * down);
      int width = (int) Math.min(BLOCK_WIDTH, space.size(0) - column);
      int height = (int) Math.min(BLOCK_HEIGHT, space.size(1) - row);
      for (int k = 0; k < operands; k++) {
        at[k] = address[k] + space.offset(k, plane, 2) + row * space.stride(k, 1) + column * space.stride(k, 0);
        if (access[k] == Access.CONSTANT) {
          at[k] = address[k];
        } else if (across[k]) {
          int size = (int) space.stride(k, 1);
          long to = turned + (long) k * Long.BYTES * BLOCK_WIDTH * BLOCK_HEIGHT;
          Transposition.move(size, to, (long) BLOCK_WIDTH * size, height, at[k], space.stride(k, 0), width);
          at[k] = to;
        }
      }
      for (int r = 0; r < height; r++) {
        row(loop, at, r, width);
      }
    }
  }

  /// Row `r` of a block of operands that begin at `at`.
  private void row(@Nullable Loop loop, long[] at, int r, int n) {
    Scratch scratch = Scratch.current();
    boolean inPlace = access[0] == Access.IN_PLACE;
    long place = at[0] + r * space.stride(0, 1);
    long result = inPlace ? place : scratch.tile(0);
    if (loop == null) {
      long a = rowOf(1, at, r, n, result);
      if (a != result && inPlace) {
        NativeMemory.copy(a, result, (long) n * compute.size());
      }
      result = inPlace ? result : a;
    } else {
      long a = rowOf(1, at, r, n, scratch.tile(1));
      long b = operands > 2 ? rowOf(2, at, r, n, scratch.tile(2)) : a;
      long c = operands > 3 ? rowOf(3, at, r, n, scratch.tile(3)) : a;
      loop.run(result, a, b, c, n);
    }
    if (!inPlace) {
      conversion[0].store(compute, result, place, space.stride(0, 0), n);
    }
  }

  private long rowOf(int k, long[] at, int r, int n, long tile) {
    if (access[k] == Access.CONSTANT) {
      return at[k];
    }
    long size = space.stride(k, 1);
    long place = at[k] + r * (across[k] ? BLOCK_WIDTH * size : size);
    if (access[k] == Access.IN_PLACE) {
      return place;
    }
    conversion[k].load(compute, place, across[k] ? size : space.stride(k, 0), tile, n);
    return tile;
  }
}
