package org.flambeau.backend.cuda;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.BYTE;
import static org.flambeau.spi.NativeMemory.DOUBLE;
import static org.flambeau.spi.NativeMemory.INT;
import static org.flambeau.spi.NativeMemory.LONG;

import java.util.Arrays;
import org.flambeau.DType;
import org.flambeau.spi.ScatterOp;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;

/// Picking and putting elements by indices: `index.cu`.
///
/// All forms come down to one: along one dimension the operand is indexed by an operand that has the strides of the others, 0 where it does
/// not have their dimension. Where several values meet in one place they do so in the order of the indices, without atomics, so that the
/// result is always the same.
final class Indexing {
  private static final String SOURCE = "index.cu";
  /// As in index.cu.
  private static final int MEETING = 256;
  /// From that many columns on there is work for a thread each.
  private static final int MANY_COLUMNS = 1 << 12;
  /// Bytes of the structures in index.cu.
  private static final int OPERAND = 8 + Space.STEPS;
  private static final int INDICES = 8 + Space.STEPS + 24;
  private static final int MEETING_BYTES = 2 * OPERAND + INDICES + 2 * Space.STEPS + 2 * Space.SPACE + 8 + 16;

  private enum Form {
    PICK,
    PUT,
    LOCATE
  }

  private final Gpu gpu;
  private final KernelTable<Form, DType> forms;
  private final KernelTable<ScatterOp, DType> meet;
  private final KernelTable<ScatterOp, DType> meetInBlocks;

  Indexing(Gpu gpu, KernelLibrary library) {
    this.gpu = gpu;
    this.forms = new KernelTable<>(library, SOURCE, Form.class, DType.class, (form, dtype) -> switch (form) {
      case PICK -> "pick<";
      case PUT -> "put<";
      case LOCATE -> "locate<";
    } + Elementwise.type(dtype) + ">");
    this.meet = new KernelTable<>(library, SOURCE, ScatterOp.class, DType.class, Indexing::meets,
        (op, dtype) -> "meet<" + op + ", " + Elementwise.type(dtype) + ">");
    this.meetInBlocks = new KernelTable<>(library, SOURCE, ScatterOp.class, DType.class, Indexing::meets,
        (op, dtype) -> "meetInBlocks<" + op + ", " + Elementwise.type(dtype) + ">");
  }

  /// Of values that are assigned the last one stays.
  private static boolean meets(ScatterOp op, DType dtype) {
    return op != ScatterOp.ASSIGN;
  }

  /// What indexes one dimension of an operand.
  ///
  /// @param data int64, of any layout
  /// @param strides those of `data` in the space that is walked
  /// @param size of the indexed dimension
  /// @param stride of the indexed dimension, in elements
  /// @param negative whether −1 means the last
  /// @param dim the indexed dimension, for messages
  private record Positions(Strided data, long[] strides, long size, long stride, boolean negative, int dim) {}

  void gather(Strided out, Strided x, int dim, Strided index) {
    walk(Form.PICK, "gather", out.sizes(), out, out.strides(), x, without(x.strides(), dim),
        new Positions(index, index.strides(), x.size(dim), x.stride(dim), false, dim));
  }

  void indexSelect(Strided out, Strided x, int dim, Strided index) {
    walk(Form.PICK, "index_select", out.sizes(), out, out.strides(), x, without(x.strides(), dim),
        new Positions(index, only(x.rank(), dim, index.rank() == 0 ? 0 : index.stride(0)), x.size(dim), x.stride(dim), false, dim));
  }

  void scatter(ScatterOp op, Strided out, int dim, Strided index, Strided source) {
    var positions = new Positions(index, index.strides(), out.size(dim), out.stride(dim), false, dim);
    if (op == ScatterOp.ASSIGN) {
      walk(Form.PUT, "scatter", index.sizes(), out, without(out.strides(), dim), source, source.strides(), positions);
    } else {
      boolean[] isEntry = new boolean[out.rank()];
      isEntry[dim] = true;
      meet(op, "scatter", index.sizes(), isEntry, out, without(out.strides(), dim), source, source.strides(), positions, 1);
    }
  }

  void indexAdd(Strided out, int dim, Strided index, Strided source, double alpha) {
    boolean[] isEntry = new boolean[out.rank()];
    isEntry[dim] = true;
    long step = index.rank() == 0 ? 0 : index.stride(0);
    meet(ScatterOp.ADD, "index_add", source.sizes(), isEntry, out, without(out.strides(), dim), source, source.strides(),
        new Positions(index, only(out.rank(), dim, step), out.size(dim), out.stride(dim), false, dim), alpha);
  }

  void index(Strided out, Strided x, Strided[] indices) {
    int picked = out.rank() - (x.rank() - indices.length);
    locating("index", x, indices, offsets -> walk(Form.PICK, "index", out.sizes(), out, out.strides(), x,
        rest(x, indices.length, picked), located(offsets, out.rank())));
  }

  void indexPut(Strided out, Strided[] indices, Strided values, boolean accumulate) {
    int picked = values.rank() - (out.rank() - indices.length);
    locating("index_put", out, indices, offsets -> {
      var positions = located(offsets, values.rank());
      long[] outStrides = rest(out, indices.length, picked);
      if (accumulate) {
        boolean[] isEntry = new boolean[values.rank()];
        Arrays.fill(isEntry, 0, picked, true);
        meet(ScatterOp.ADD, "index_put", values.sizes(), isEntry, out, outStrides, values, values.strides(), positions, 1);
      } else {
        walk(Form.PUT, "index_put", values.sizes(), out, outStrides, values, values.strides(), positions);
      }
    });
  }

  /// Adds the values of each plane of an image (n, c, h, w) to the places, h·W + w, in the plane of `out` that `places` names. `out` lies in
  /// rows, or channels last.
  void addInPlanes(Strided out, Strided places, Strided values) {
    long step = out.size(3) > 1 ? out.stride(3) : out.stride(2);
    meet(ScatterOp.ADD, "max_pool2d_backward", values.sizes(), new boolean[] {false, false, true, true}, out,
        new long[] {out.stride(0), out.stride(1), 0, 0}, values, values.strides(),
        new Positions(places, places.strides(), out.size(2) * out.size(3), step, false, 3), 1);
  }

  private interface Located {
    void run(Strided offsets);
  }

  /// Computes where in `x` each set of indices leads, for as long as `body` issues work that reads it.
  private void locating(String operation, Strided x, Strided[] indices, Located body) {
    Strided like = indices[0];
    if (like.numel() == 0) {
      return;
    }
    try (var memory = Workspace.of(gpu, like.numel() * Long.BYTES)) {
      var storage = new Storage(gpu.device(), memory.address(), like.numel() * Long.BYTES);
      Strided offsets = Strided.contiguous(storage, DType.INT64, like.sizes());
      for (int d = 0; d < indices.length; d++) {
        boolean first = d == 0;
        var positions = new Positions(indices[d], indices[d].strides(), x.size(d), x.stride(d), true, d);
        Space.of(like.sizes().clone(), offsets.strides().clone(), positions.strides.clone()).forEachPart((space, at) -> {
          Launch launch = Launch.begin();
          writeOperand(launch.structure(OPERAND, 8), offsets, space, 0, at[0]);
          writeIndices(launch.structure(INDICES, 8), positions, space, 1, at[1]);
          space.writeTo(launch).integer((int) space.numel()).flag(first);
          gpu.complaints().writeTo(launch, operation, positions.dim);
          launch.run(gpu, forms.get(Form.LOCATE, DType.INT64), gpu.blocks(space.numel()), Gpu.BLOCK);
        });
      }
      body.run(offsets);
    }
  }

  /// Offsets that were computed before as positions with stride 1; the dimensions beyond theirs they do not have.
  private static Positions located(Strided offsets, int rank) {
    return new Positions(offsets, Arrays.copyOf(offsets.strides(), rank), Long.MAX_VALUE, 1, false, 0);
  }

  /// The strides of the dimensions after the indexed ones, behind as many as the indices have.
  private static long[] rest(Strided x, int indexed, int picked) {
    long[] strides = new long[picked + x.rank() - indexed];
    System.arraycopy(x.strides(), indexed, strides, picked, x.rank() - indexed);
    return strides;
  }

  private static long[] without(long[] strides, int dim) {
    long[] copy = strides.clone();
    copy[dim] = 0;
    return copy;
  }

  private static long[] only(int rank, int dim, long stride) {
    long[] strides = new long[rank];
    strides[dim] = stride;
    return strides;
  }

  private void walk(Form form, String operation, long[] sizes, Strided out, long[] outStrides, Strided in, long[] inStrides,
      Positions positions) {
    Space.of(sizes.clone(), outStrides.clone(), inStrides.clone(), positions.strides.clone()).forEachPart((space, at) -> {
      if (space.numel() == 0) {
        return;
      }
      Launch launch = Launch.begin();
      writeOperand(launch.structure(OPERAND, 8), out, space, 0, at[0]);
      writeOperand(launch.structure(OPERAND, 8), in, space, 1, at[1]);
      writeIndices(launch.structure(INDICES, 8), positions, space, 2, at[2]);
      space.writeTo(launch).integer((int) space.numel());
      gpu.complaints().writeTo(launch, operation, positions.dim);
      launch.run(gpu, forms.get(form, out.dtype()), gpu.blocks(space.numel()), Gpu.BLOCK);
    });
  }

  private void meet(ScatterOp op, String operation, long[] sizes, boolean[] isEntry, Strided out, long[] outStrides, Strided source,
      long[] sourceStrides, Positions positions, double alpha) {
    Space entries = Space.rowMajor(Space.choose(sizes, isEntry, true), Space.choose(sourceStrides, isEntry, true),
        Space.choose(positions.strides, isEntry, true));
    Space all = Space.of(Space.choose(sizes, isEntry, false), Space.choose(outStrides, isEntry, false),
        Space.choose(sourceStrides, isEntry, false),
        Space.choose(positions.strides, isEntry, false));
    if (entries.numel() == 0 || all.numel() == 0) {
      return;
    }
    if (!entries.fitsOneLaunch()) {
      throw new IllegalArgumentException("expected fewer than 2^31 indices on a GPU, got " + entries.numel());
    }
    all.forEachPart((columns, at) -> {
      Launch launch = Launch.begin();
      long to = launch.structure(MEETING_BYTES, 8);
      writeOperand(to, out, columns, 0, at[0]);
      writeOperand(to + OPERAND, source, columns, 1, at[1]);
      writeIndices(to + 2 * OPERAND, positions, columns, 2, at[2]);
      to += 2 * OPERAND + INDICES;
      entries.writeSteps(0, to);
      entries.writeSteps(1, to + Space.STEPS);
      columns.write(to + 2 * Space.STEPS);
      entries.write(to + 2 * Space.STEPS + Space.SPACE);
      to += 2 * Space.STEPS + 2 * Space.SPACE;
      ALL.set(INT, to, (int) columns.numel());
      ALL.set(INT, to + 4, (int) entries.numel());
      ALL.set(DOUBLE, to + 8, alpha);
      ALL.set(LONG, to + 16, (long) alpha);
      gpu.complaints().writeTo(launch, operation, positions.dim);
      if (columns.numel() >= MANY_COLUMNS || entries.numel() == 1) {
        launch.run(gpu, meet.get(op, out.dtype()), gpu.blocks(columns.numel()), Gpu.BLOCK);
      } else {
        launch.run(gpu, meetInBlocks.get(op, out.dtype()), (int) columns.numel(), MEETING);
      }
    });
  }

  private static void writeOperand(long to, Strided operand, Space space, int k, long offset) {
    ALL.set(LONG, to, operand.address() + offset * operand.dtype().size());
    space.writeSteps(k, to + 8);
  }

  private static void writeIndices(long to, Positions positions, Space space, int k, long offset) {
    writeOperand(to, positions.data, space, k, offset);
    ALL.set(LONG, to + OPERAND, positions.size);
    ALL.set(LONG, to + OPERAND + 8, positions.stride);
    ALL.set(BYTE, to + OPERAND + 16, (byte) (positions.negative ? 1 : 0));
  }
}
