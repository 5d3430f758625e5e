package org.flambeau.backend.cuda;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.BYTE;
import static org.flambeau.spi.NativeMemory.INT;
import static org.flambeau.spi.NativeMemory.LONG;

import org.flambeau.DType;
import org.flambeau.spi.Strided;

/// Sorting and selection: `sort.cu`.
///
/// Rows that fit a block's shared memory are sorted there, several short ones together. Of longer rows tiles are sorted, then merged, run by
/// run, in working memory. Where only few of a long row are asked for it is gone through once instead, by several blocks where rows are few,
/// each of which keeps its best; these are then gone through in the same way.
final class Ordering {
  private static final String SOURCE = "sort.cu";
  /// As in sort.cu.
  private static final int THREADS = 256;
  private static final int SHORTEST_SPAN = 8;
  private static final int TILE = 2048;
  /// Bytes of the structures in sort.cu.
  private static final int ELEMENTS = 16 + Space.STEPS + Space.SPACE + 12;
  private static final int SORTED = 48 + 3 * Space.STEPS + Space.SPACE + 4;
  private static final int ITEMS = 16;
  /// Blocks of a selection that a multiprocessor has in flight.
  private static final int BLOCKS_PER_MULTIPROCESSOR = 8;
  /// Bytes of working memory that rows are sorted in together; one row may take more.
  private static final long WORKSPACE = 256L << 20;

  /// What is done, from where and to where: elements and results are the operands', items are in working memory.
  private enum Form {
    SORT_ELEMENTS_TO_RESULTS,
    SORT_ELEMENTS_TO_ITEMS,
    MERGE_ITEMS_TO_RESULTS,
    MERGE_ITEMS_TO_ITEMS,
    SELECT_ELEMENTS_TO_RESULTS,
    SELECT_ELEMENTS_TO_ITEMS,
    SELECT_ITEMS_TO_RESULTS
  }

  private final Gpu gpu;
  private final KernelTable<Form, DType> forms;

  Ordering(Gpu gpu, KernelLibrary library) {
    this.gpu = gpu;
    this.forms = new KernelTable<>(library, SOURCE, Form.class, DType.class, (form, dtype) -> {
      String elements = "Elements<" + Elementwise.type(dtype) + ">";
      String sorted = "Sorted<" + Elementwise.type(dtype) + ">";
      String item = itemBytes(dtype) == 8 ? "Narrow" : "Wide";
      return switch (form) {
        case SORT_ELEMENTS_TO_RESULTS -> "sortTiles<" + elements + ", " + sorted + ">";
        case SORT_ELEMENTS_TO_ITEMS -> "sortTiles<" + elements + ", Kept<" + item + ">>";
        case MERGE_ITEMS_TO_RESULTS -> "mergeRuns<" + item + ", " + sorted + ">";
        case MERGE_ITEMS_TO_ITEMS -> "mergeRuns<" + item + ", Kept<" + item + ">>";
        case SELECT_ELEMENTS_TO_RESULTS -> "selectFirst<" + elements + ", " + sorted + ">";
        case SELECT_ELEMENTS_TO_ITEMS -> "selectFirst<" + elements + ", Kept<" + item + ">>";
        case SELECT_ITEMS_TO_RESULTS -> "selectFirst<Items<" + item + ">, " + sorted + ">";
      };
    });
  }

  private static int itemBytes(DType dtype) {
    return dtype.size() == 8 ? 16 : 8;
  }

  void sort(Strided values, Strided indices, Strided x, int dim, boolean descending) {
    run(values, indices, x, dim, descending);
  }

  void topk(Strided values, Strided indices, Strided x, int dim, boolean largest) {
    run(values, indices, x, dim, largest);
  }

  /// Puts as many of each row in order as the outputs have.
  private void run(Strided values, Strided indices, Strided x, int dim, boolean descending) {
    if (values.numel() == 0) {
      return;
    }
    if (x.size(dim) > Integer.MAX_VALUE) {
      throw new IllegalArgumentException("[sort] a row may have at most " + Integer.MAX_VALUE + " elements, got " + x.size(dim));
    }
    boolean[] isAlong = new boolean[x.rank()];
    isAlong[dim] = true;
    Space.of(Space.choose(x.sizes(), isAlong, false), Space.choose(x.strides(), isAlong, false),
        Space.choose(values.strides(), isAlong, false), Space.choose(indices.strides(), isAlong, false))
        .forEachPart((space, offsets) -> {
          var rows = new Rows(values, indices, x, dim, descending, space, offsets);
          if (rows.length() <= TILE) {
            sortInTiles(rows);
          } else if (rows.kept() <= TILE / 2) {
            select(rows);
          } else {
            sortByMerging(rows);
          }
        });
  }

  /// The rows of a part of the operands, which begins at those offsets of x, values and indices.
  private record Rows(Strided values, Strided indices, Strided x, int dim, boolean descending, Space space, long[] offsets) {
    long count() {
      return space.numel();
    }

    int length() {
      return (int) x.size(dim);
    }

    int kept() {
      return (int) values.size(dim);
    }

    DType dtype() {
      return x.dtype();
    }

    /// Whether a row's elements lie closer than neighbouring rows.
    boolean isAlong() {
      return Math.abs(x.stride(dim)) <= space.innermostStep(0);
    }

    private long address(Strided operand, int k) {
      return operand.address() + offsets[k] * operand.dtype().size();
    }

    void writeElements(Launch launch, long first) {
      long at = launch.structure(ELEMENTS, 8);
      ALL.set(LONG, at, address(x, 0));
      ALL.set(LONG, at + 8, x.stride(dim));
      space.writeSteps(0, at + 16);
      space.write(at + 16 + Space.STEPS);
      ALL.set(INT, at + 16 + Space.STEPS + Space.SPACE, (int) first);
      ALL.set(BYTE, at + 20 + Space.STEPS + Space.SPACE, (byte) (descending ? 1 : 0));
    }

    void writeResults(Launch launch, long first) {
      Strided[] operands = {x, values, indices};
      long at = launch.structure(SORTED, 8);
      for (int k = 0; k < operands.length; k++) {
        ALL.set(LONG, at + 8L * k, address(operands[k], k));
        ALL.set(LONG, at + 24 + 8L * k, operands[k].stride(dim));
        space.writeSteps(k, at + 48 + (long) k * Space.STEPS);
      }
      space.write(at + 48 + 3 * Space.STEPS);
      ALL.set(INT, at + 48 + 3 * Space.STEPS + Space.SPACE, (int) first);
    }
  }

  private static void writeItems(Launch launch, long address, long length) {
    long at = launch.structure(ITEMS, 8);
    ALL.set(LONG, at, address);
    ALL.set(LONG, at + 8, length);
  }

  private void sortInTiles(Rows rows) {
    int span = Math.max(SHORTEST_SPAN, Integer.highestOneBit(2 * rows.length() - 1));
    int together = TILE / span;
    Launch launch = Launch.begin();
    rows.writeElements(launch, 0);
    rows.writeResults(launch, 0);
    launch.integer((int) rows.count()).integer(rows.length()).integer(span).integer(rows.kept()).flag(rows.isAlong());
    launch.run(gpu, forms.get(Form.SORT_ELEMENTS_TO_RESULTS, rows.dtype()), (int) ((rows.count() + together - 1) / together), THREADS);
  }

  private void sortByMerging(Rows rows) {
    int length = rows.length();
    long bytes = (long) length * itemBytes(rows.dtype());
    long together = Math.clamp(WORKSPACE / (2 * bytes), 1, rows.count());
    long tiles = ((long) length + TILE - 1) / TILE;
    together = Math.min(together, Integer.MAX_VALUE / tiles);
    try (var memory = Workspace.of(gpu, 2 * together * bytes)) {
      for (long first = 0; first < rows.count(); first += together) {
        int count = (int) Math.min(together, rows.count() - first);
        long from = memory.address();
        long to = from + together * bytes;
        Launch launch = Launch.begin();
        rows.writeElements(launch, first);
        writeItems(launch, from, length);
        launch.integer(count).integer(length).integer(TILE).integer(length).flag(true);
        launch.run(gpu, forms.get(Form.SORT_ELEMENTS_TO_ITEMS, rows.dtype()), (int) (count * tiles), THREADS);
        for (long width = TILE; width < length; width *= 2) {
          boolean last = 2 * width >= length;
          int kept = last ? rows.kept() : length;
          launch = Launch.begin();
          writeItems(launch, from, length);
          if (last) {
            rows.writeResults(launch, first);
          } else {
            writeItems(launch, to, length);
          }
          launch.integer(length).integer((int) width).integer(kept);
          launch.run(gpu, forms.get(last ? Form.MERGE_ITEMS_TO_RESULTS : Form.MERGE_ITEMS_TO_ITEMS, rows.dtype()),
              (int) (count * (((long) kept + TILE - 1) / TILE)), THREADS);
          long next = from;
          from = to;
          to = next;
        }
      }
    }
  }

  private void select(Rows rows) {
    int count = (int) rows.count();
    int kept = rows.kept();
    long room = (long) gpu.multiprocessors() * BLOCKS_PER_MULTIPROCESSOR / count;
    long parts = Math.max(1, Math.min(room, rows.length() / Math.max(2 * TILE, 8 * kept)));
    if (parts == 1) {
      Launch launch = Launch.begin();
      rows.writeElements(launch, 0);
      rows.writeResults(launch, 0);
      launch.integer(rows.length()).integer(rows.length()).integer(kept);
      launch.run(gpu, forms.get(Form.SELECT_ELEMENTS_TO_RESULTS, rows.dtype()), count, THREADS);
      return;
    }
    int each = (int) ((rows.length() + parts - 1) / parts);
    int found = (int) (parts * kept);
    try (var memory = Workspace.of(gpu, (long) count * found * itemBytes(rows.dtype()))) {
      Launch launch = Launch.begin();
      rows.writeElements(launch, 0);
      writeItems(launch, memory.address(), kept);
      launch.integer(rows.length()).integer(each).integer(kept);
      launch.run(gpu, forms.get(Form.SELECT_ELEMENTS_TO_ITEMS, rows.dtype()), count, (int) parts, 1, THREADS, 1, 0);
      launch = Launch.begin();
      writeItems(launch, memory.address(), found);
      rows.writeResults(launch, 0);
      launch.integer(found).integer(found).integer(kept);
      launch.run(gpu, forms.get(Form.SELECT_ITEMS_TO_RESULTS, rows.dtype()), count, THREADS);
    }
  }
}
