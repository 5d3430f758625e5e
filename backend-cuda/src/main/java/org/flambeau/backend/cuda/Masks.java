package org.flambeau.backend.cuda;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.BYTE;
import static org.flambeau.spi.NativeMemory.INT;
import static org.flambeau.spi.NativeMemory.LONG;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.flambeau.DType;
import org.flambeau.spi.Strided;

/// What is not zero: `mask.cu`.
///
/// Each block has a range of the places. In a first launch the blocks count what their ranges hold, in a second each adds up what those
/// before it have counted, and so knows where its own share begins.
final class Masks {
  private static final String SOURCE = "mask.cu";
  /// As in mask.cu.
  private static final int THREADS = 256;
  private static final int TILE = 1024;
  /// Bytes of the structures in mask.cu.
  private static final int ASKED = 8 + Space.STEPS + Space.SPACE + 12;
  private static final int POSITIONS = 40 + 2 * 8 * Space.MAX_RANK;
  private static final int SELECT = 32 + Space.STEPS;
  private static final int SCATTER = 32 + Complaints.COMPLAINTS + Space.STEPS;

  private enum Form {
    COUNT,
    NONZERO,
    SELECT,
    SCATTER
  }

  private final Gpu gpu;
  private final KernelTable<Form, DType> forms;

  Masks(Gpu gpu, KernelLibrary library) {
    this.gpu = gpu;
    this.forms = new KernelTable<>(library, SOURCE, Form.class, DType.class, (form, dtype) -> switch (form) {
      case COUNT -> "count<" + Elementwise.type(dtype) + ">";
      case NONZERO -> "compact<" + Elementwise.type(dtype) + ", Positions>";
      case SELECT -> "compact<boolean, Select<" + Elementwise.bits(dtype) + ">>";
      case SCATTER -> "compact<boolean, Scatter<" + Elementwise.bits(dtype) + ">>";
    });
  }

  /// Waits for the count.
  long countNonzero(Strided x) {
    if (x.numel() == 0) {
      return 0;
    }
    Space space = Space.of(x);
    int blocks = blocks(space);
    long[] counts = new long[blocks];
    try (var memory = Workspace.of(gpu, (long) blocks * Long.BYTES)) {
      count(x, space, memory.address());
      gpu.hostCopies().toHost(MemorySegment.ofArray(counts), memory.address(), (long) blocks * Long.BYTES);
    }
    return Arrays.stream(counts).sum();
  }

  void nonzero(Strided out, Strided x) {
    if (out.numel() == 0) {
      return;
    }
    // As many dimensions at a time as a launch takes.
    for (int dim = 0; dim < x.rank(); dim += Space.MAX_RANK) {
      int from = dim;
      int n = Math.min(Space.MAX_RANK, x.rank() - dim);
      compact(forms.get(Form.NONZERO, x.dtype()), x, Space.rowMajor(x.sizes().clone(), x.strides().clone()), (launch, _, _, first) -> {
        long at = launch.structure(POSITIONS, 8);
        ALL.set(LONG, at, out.address() + from * out.stride(1) * Long.BYTES);
        ALL.set(LONG, at + 8, out.stride(0));
        ALL.set(LONG, at + 16, out.stride(1));
        ALL.set(LONG, at + 24, first);
        ALL.set(INT, at + 32, n);
        for (int d = 0; d < n; d++) {
          ALL.set(LONG, at + 40 + 8L * d, x.size(from + d));
          ALL.set(LONG, at + 40 + 8L * (Space.MAX_RANK + d), Strided.numel(Arrays.copyOfRange(x.sizes(), from + d + 1, x.rank())));
        }
      });
    }
  }

  void maskedSelect(Strided out, Strided x, Strided mask) {
    if (out.numel() == 0) {
      return;
    }
    compact(forms.get(Form.SELECT, x.dtype()), mask, rowMajor(mask, x), (launch, space, offsets, _) -> {
      long at = launch.structure(SELECT, 8);
      ALL.set(LONG, at, out.address());
      ALL.set(LONG, at + 8, out.stride(0));
      ALL.set(LONG, at + 16, out.numel());
      ALL.set(LONG, at + 24, x.address() + offsets[1] * x.dtype().size());
      space.writeSteps(1, at + 32);
    });
  }

  void maskedScatter(Strided out, Strided mask, Strided source) {
    if (out.numel() == 0) {
      return;
    }
    compact(forms.get(Form.SCATTER, out.dtype()), mask, rowMajor(mask, out), (launch, space, offsets, _) -> {
      long at = launch.structure(SCATTER, 8);
      ALL.set(LONG, at, out.address() + offsets[1] * out.dtype().size());
      ALL.set(LONG, at + 8, source.address());
      ALL.set(LONG, at + 16, source.stride(0));
      ALL.set(LONG, at + 24, source.numel());
      gpu.complaints().write(at + 32, "masked_scatter", 0);
      space.writeSteps(1, at + 32 + Complaints.COMPLAINTS);
    });
  }

  private static Space rowMajor(Strided mask, Strided operand) {
    return Space.rowMajor(mask.sizes().clone(), mask.strides().clone(), operand.strides().clone());
  }

  /// Writes where the elements go as the launch's next parameter: for a part of the space, at those offsets of the operands, which begins
  /// with place number `first` of the whole.
  private interface Sink {
    void write(Launch launch, Space part, long[] offsets, long first);
  }

  private void compact(Kernel kernel, Strided asked, Space space, Sink sink) {
    try (var counts = Workspace.of(gpu, (long) blocks(space) * Long.BYTES)) {
      count(asked, space, counts.address());
      int[] before = {0};
      long[] first = {0};
      space.forEachPart((part, offsets) -> {
        Launch launch = Launch.begin();
        int blocks = writeAsked(launch, asked, part, offsets[0]);
        launch.word(counts.address()).integer(before[0]);
        sink.write(launch, part, offsets, first[0]);
        launch.run(gpu, kernel, blocks, THREADS);
        before[0] += blocks;
        first[0] += part.numel();
      });
    }
  }

  /// Counts for each block of each part of the space.
  private void count(Strided x, Space space, long counts) {
    Kernel kernel = forms.get(Form.COUNT, x.dtype());
    long[] to = {counts};
    space.forEachPart((part, offsets) -> {
      Launch launch = Launch.begin();
      int blocks = writeAsked(launch, x, part, offsets[0]);
      launch.word(to[0]).run(gpu, kernel, blocks, THREADS);
      to[0] += (long) blocks * Long.BYTES;
    });
  }

  private int blocks(Space space) {
    int[] blocks = {0};
    space.forEachPart((part, _) -> blocks[0] += blocks(part.numel()));
    return blocks[0];
  }

  /// Places of each block's range: whole tiles.
  private long each(long places) {
    long most = Math.min(gpu.blocks(places), gpu.blocksInFlight());
    return ((places + most - 1) / most + TILE - 1) / TILE * TILE;
  }

  private int blocks(long places) {
    return (int) ((places + each(places) - 1) / each(places));
  }

  private int writeAsked(Launch launch, Strided x, Space part, long offset) {
    long at = launch.structure(ASKED, 8);
    long address = x.address() + offset * x.dtype().size();
    ALL.set(LONG, at, address);
    part.writeSteps(0, at + 8);
    part.write(at + 8 + Space.STEPS);
    long end = at + 8 + Space.STEPS + Space.SPACE;
    ALL.set(INT, end, (int) part.numel());
    ALL.set(INT, end + 4, (int) each(part.numel()));
    ALL.set(BYTE, end + 8, (byte) (part.isDense(x) && (address & 15) == 0 ? 1 : 0));
    return blocks(part.numel());
  }
}
