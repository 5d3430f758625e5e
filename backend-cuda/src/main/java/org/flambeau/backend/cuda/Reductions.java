package org.flambeau.backend.cuda;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.INT;
import static org.flambeau.spi.NativeMemory.LONG;

import java.util.ArrayList;
import java.util.List;
import org.flambeau.DType;
import org.flambeau.spi.ReduceOp;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// Reductions: `reduce.cu`, whose structures are called as the SPI's constants are.
///
/// A block's threads divide into lanes, which gather parts of one result, and places, which are results. Neighbouring threads read
/// neighbouring elements either way. Where there are too few results to fill the GPU, several blocks gather one, and a second launch puts
/// their parts together, always in the same order.
final class Reductions {
  private static final String SOURCE = "reduce.cu";
  /// As in reduce.cu.
  private static final int THREADS = 256;
  /// Elements that a lane should at least gather before another block joins in.
  private static final int LEAST_PER_LANE = 16;
  /// Packs of elements instead.
  private static final int PACKS_PER_LANE = 4;
  private static final int MOST_PARTS = 1024;
  /// Bytes of the structures in reduce.cu.
  private static final int COUNTS = 8 + 2 * Space.STEPS + 2 * Space.SPACE;
  private static final int SOURCE_BYTES = COUNTS + 8 + 16;
  private static final int LARGEST_PART = 24;

  private enum Extreme {
    LARGEST,
    SMALLEST
  }

  private final Gpu gpu;
  /// Elements that a launch may reduce to one.
  private final long most;
  private final KernelTable<ReduceOp, DType> reduce;
  private final KernelTable<ReduceOp, DType> reducePacks;
  private final KernelTable<ReduceOp, DType> merge;
  private final KernelTable<ReduceOp, DType> reduceChunks;
  private final KernelTable<Extreme, DType> reduceArg;
  private final KernelTable<Extreme, DType> reduceArgPacks;
  private final KernelTable<Extreme, DType> mergeArg;

  Reductions(Gpu gpu, KernelLibrary library) {
    this(gpu, library, Space.MAX_PLACES);
  }

  Reductions(Gpu gpu, KernelLibrary library, long most) {
    this.gpu = gpu;
    this.most = most;
    this.reduce = new KernelTable<>(library, SOURCE, ReduceOp.class, DType.class, Reductions::isAsked, (op, in) -> reduce(op, in, 1));
    this.reducePacks = new KernelTable<>(library, SOURCE, ReduceOp.class, DType.class, Reductions::isPacked,
        (op, in) -> reduce(op, in, RowKernels.pack(in)));
    this.merge = new KernelTable<>(library, SOURCE, ReduceOp.class, DType.class, Reductions::isAsked,
        (op, in) -> "merge<" + gathered(op, in) + ", " + value(op, in) + ">");
    this.reduceChunks = new KernelTable<>(library, SOURCE, ReduceOp.class, DType.class,
        (op, in) -> op == ReduceOp.NORM && in.isFloating(),
        (op, in) -> "reduceChunks<" + gathered(op, in) + ", " + Elementwise.type(in) + ">");
    this.reduceArg = new KernelTable<>(library, SOURCE, Extreme.class, DType.class, (which, in) -> reduce(which, in, 1));
    this.reduceArgPacks = new KernelTable<>(library, SOURCE, Extreme.class, DType.class, KernelTable::floating,
        (which, in) -> reduce(which, in, RowKernels.pack(in)));
    this.mergeArg = new KernelTable<>(library, SOURCE, Extreme.class, DType.class,
        (which, in) -> "merge<" + gathered(which, in) + ", Position<" + Elementwise.type(in) + ">>");
  }

  private static boolean isAsked(ReduceOp op, DType in) {
    return in.isFloating() || op != ReduceOp.MEAN && op != ReduceOp.VAR && op != ReduceOp.NORM;
  }

  /// Norms have a formula for each exponent, which would be there once for each element of a pack.
  private static boolean isPacked(ReduceOp op, DType in) {
    return in.isFloating() && op != ReduceOp.NORM;
  }

  private static String reduce(ReduceOp op, DType in, int pack) {
    return "reduce<" + gathered(op, in) + ", " + Elementwise.type(in) + ", " + pack + ", " + value(op, in) + ">";
  }

  private static String reduce(Extreme which, DType in, int pack) {
    return "reduce<" + gathered(which, in) + ", " + Elementwise.type(in) + ", " + pack + ", Position<" + Elementwise.type(in) + ">>";
  }

  private static String gathered(ReduceOp op, DType in) {
    return op + "<Compute<" + Elementwise.type(in) + ">>";
  }

  private static String gathered(Extreme which, DType in) {
    return "Extreme<Compute<" + Elementwise.type(in) + ">, " + (which == Extreme.LARGEST) + ">";
  }

  private static String value(ReduceOp op, DType in) {
    return "Value<" + Elementwise.type(op.resultOf(in)) + ">";
  }

  /// Writes what a kernel does with its results as the launch's next parameter; `offset` is where its part of the results begins.
  private interface Sink {
    void write(Launch launch, Space kept, long[] offsets);
  }

  void reduce(ReduceOp op, Strided out, Strided x, double parameter) {
    boolean[] isReduced = new boolean[x.rank()];
    for (int d = 0; d < isReduced.length; d++) {
      isReduced[d] = out.size(d) == 1;
    }
    Forms forms = new Forms(isPacked(op, x.dtype()), packed -> (packed ? reducePacks : reduce).get(op, x.dtype()),
        () -> merge.get(op, x.dtype()));
    run(forms, x, isReduced, parameter, (launch, kept, offsets) -> {
      long at = launch.structure(8 + Space.STEPS, 8);
      ALL.set(LONG, at, out.address() + offsets[1] * out.dtype().size());
      kept.writeSteps(1, at + 8);
    }, out);
  }

  /// As [org.flambeau.spi.Kernels#multiTensorNorm]: the norm of the norms of all chunks.
  void norm(Strided out, Strided[] xs, double order) {
    long count = TensorTable.chunks(xs);
    long bytes = count * out.dtype().size();
    try (var workspace = Workspace.of(gpu, Math.max(1, bytes))) {
      TensorTable.run(gpu, reduceChunks.get(ReduceOp.NORM, xs[0].dtype()),
          (launch, chunks) -> launch.word(workspace.address() + chunks * out.dtype().size()).float64(order), xs);
      Strided norms = Strided.contiguous(new Storage(gpu.device(), workspace.address(), bytes), out.dtype(), new long[] {count});
      reduce(ReduceOp.NORM, out.with(out.offset(), new long[] {1}, new long[] {1}), norms, order);
    }
  }

  void argReduce(boolean largest, @Nullable Strided values, Strided indices, Strided x, int dim) {
    Extreme which = largest ? Extreme.LARGEST : Extreme.SMALLEST;
    boolean[] isReduced = new boolean[x.rank()];
    isReduced[dim] = true;
    Strided some = values == null ? indices : values;
    Forms forms = new Forms(x.dtype().isFloating(), packed -> (packed ? reduceArgPacks : reduceArg).get(which, x.dtype()),
        () -> mergeArg.get(which, x.dtype()));
    run(forms, x, isReduced, 0, (launch, kept, offsets) -> {
      long at = launch.structure(16 + 2 * Space.STEPS, 8);
      ALL.set(LONG, at, values == null ? 0 : values.address() + offsets[2] * values.dtype().size());
      ALL.set(LONG, at + 8, indices.address() + offsets[1] * Long.BYTES);
      kept.writeSteps(2, at + 16);
      kept.writeSteps(1, at + 16 + Space.STEPS);
    }, indices, some);
  }

  /// Kernels for single elements and for packs.
  private interface First {
    Kernel of(boolean packed);
  }

  private interface Second {
    Kernel kernel();
  }

  /// @param packs whether there is a kernel for them
  private record Forms(boolean packs, First first, Second second) {}

  private void run(Forms forms, Strided x, boolean[] isReduced, double parameter, Sink sink, Strided... outs) {
    if (outs[0].numel() == 0) {
      return;
    }
    Space reduced = reducedSpace(x, isReduced);
    List<Piece> pieces = new ArrayList<>(1);
    reduced.forEachPart(most,
        (space, offsets) -> pieces.add(new Piece(space, offsets[0], pieces.isEmpty() ? 0 : pieces.getLast().end())));
    keptSpace(x, isReduced, outs).forEachPart((kept, offsets) -> {
      Plan plan = plan(forms.packs, x, kept, offsets[0], reduced, pieces);
      Kernel kernel = forms.first.of(plan.pack > 1);
      int count = Math.multiplyExact(pieces.size(), plan.parts);
      if (count == 1) {
        launch(kernel, plan, x, kept, offsets, pieces.getFirst(), sink, parameter, 0, 0);
        return;
      }
      try (var parts = Workspace.of(gpu, count * kept.numel() * LARGEST_PART)) {
        for (int i = 0; i < pieces.size(); i++) {
          launch(kernel, plan, x, kept, offsets, pieces.get(i), sink, parameter, parts.address(), i * plan.parts);
        }
        Launch launch = Launch.begin().word(parts.address()).integer(count);
        sink.write(launch, kept, offsets);
        launch.float64(parameter);
        int lanes = columnLanes(kept.numel(), count);
        long blocks = Math.ceilDiv(kept.numel(), THREADS / lanes);
        kept.writeTo(launch).integer((int) kept.numel()).word(reduced.numel()).integer(lanes).run(gpu, forms.second.kernel(),
            (int) Math.min(blocks, Gpu.MOST_BLOCKS), THREADS);
      }
    });
  }

  /// What one launch reduces of all that is to be reduced to one: what begins at that offset of x, with element number `first`.
  private record Piece(Space space, long offset, long first) {
    long end() {
      return first + space.numel();
    }
  }

  /// @param pack elements that are read at once, of a result or of neighbouring results
  private record Plan(int pack, int lanes, boolean alongReduced, int parts, int blocks) {}

  private Plan plan(boolean packs, Strided x, Space kept, long offset, Space reduced, List<Piece> pieces) {
    boolean alongReduced = reduced.innermostStep(0) <= kept.innermostStep(0) || kept.numel() == 1;
    int pack = packs && isPacked(x, kept, offset, pieces, alongReduced) ? RowKernels.pack(x.dtype()) : 1;
    long wanted = Math.max(1, alongReduced ? reduced.numel() / pack : reduced.numel());
    long results = alongReduced ? kept.numel() : kept.numel() / pack;
    int each = pack == 1 ? 1 : PACKS_PER_LANE;
    int lanes = alongReduced
        ? (int) Math.min(THREADS, Long.highestOneBit(2 * Math.ceilDiv(wanted, each) - 1))
        : columnLanes(results, wanted);
    int places = THREADS / lanes;
    long blocks = (results + places - 1) / places;
    long room = gpu.blocksInFlight() / blocks;
    long least = Math.max(PACKS_PER_LANE, LEAST_PER_LANE / (alongReduced ? pack : 1));
    long parts = Math.clamp(Math.min(room, wanted / (lanes * least)), 1, MOST_PARTS);
    return new Plan(pack, lanes, alongReduced, (int) parts, (int) Math.min(blocks, Gpu.MOST_BLOCKS));
  }

  /// Whether what lies side by side divides into whole and aligned packs, wherever else one begins.
  private static boolean isPacked(Strided x, Space kept, long offset, List<Piece> pieces, boolean alongReduced) {
    int pack = RowKernels.pack(x.dtype());
    boolean packed = alongReduced ? kept.stepsBy(0, pack) : kept.innermostBy(0, pack);
    for (Piece piece : pieces) {
      long address = x.address() + (offset + piece.offset) * x.dtype().size();
      packed &= address % 16 == 0 && (alongReduced ? piece.space.innermostBy(0, pack) : piece.space.stepsBy(0, pack));
    }
    return packed;
  }

  /// A warp's width of neighbouring results, if there are as many, and the rest of the threads along what is reduced.
  private static int columnLanes(long results, long reduced) {
    long places = Math.min(32, Long.highestOneBit(2 * results - 1));
    return (int) Math.min(THREADS / places, Long.highestOneBit(2 * reduced - 1));
  }

  /// @param parts where what is gathered goes from part number `part` on, or 0 where it goes to the sink
  private void launch(Kernel kernel, Plan plan, Strided x, Space kept, long[] offsets, Piece piece, Sink sink, double parameter, long parts,
      int part) {
    Launch launch = Launch.begin();
    long at = launch.structure(SOURCE_BYTES, 8);
    ALL.set(LONG, at, x.address() + (offsets[0] + piece.offset) * x.dtype().size());
    kept.writeSteps(0, at + 8);
    piece.space.writeSteps(0, at + 8 + Space.STEPS);
    kept.write(at + 8 + 2 * Space.STEPS);
    piece.space.write(at + 8 + 2 * Space.STEPS + Space.SPACE);
    ALL.set(INT, at + COUNTS, (int) kept.numel());
    ALL.set(INT, at + COUNTS + 4, (int) piece.space.numel());
    ALL.set(LONG, at + COUNTS + 8, piece.first);
    ALL.set(INT, at + COUNTS + 16, part);
    sink.write(launch, kept, offsets);
    launch.float64(parameter).integer(plan.lanes).flag(plan.alongReduced).word(parts);
    launch.run(gpu, kernel, plan.blocks, plan.parts, 1, THREADS, 1, 0);
  }

  private static Space keptSpace(Strided x, boolean[] isReduced, Strided... outs) {
    long[] sizes = Space.choose(x.sizes(), isReduced, false);
    long[][] steps = new long[outs.length + 1][];
    steps[0] = Space.choose(x.strides(), isReduced, false);
    for (int k = 0; k < outs.length; k++) {
      steps[k + 1] = Space.choose(outs[k].strides(), isReduced, false);
    }
    return Space.of(sizes, steps);
  }

  private static Space reducedSpace(Strided x, boolean[] isReduced) {
    return Space.of(Space.choose(x.sizes(), isReduced, true), Space.choose(x.strides(), isReduced, true));
  }
}
