package org.flambeau.backend.cuda;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.INT;
import static org.flambeau.spi.NativeMemory.LONG;

import org.flambeau.DType;
import org.flambeau.spi.ScanOp;
import org.flambeau.spi.Strided;

/// Running sums and products: `scan.cu`.
///
/// Where neighbouring rows lie side by side each thread scans one, elsewhere a warp or a block does. Rows that are too few to fill the GPU are
/// divided into parts: a first launch computes what each part comes to, and in a second each begins with what those before it came to.
final class Scans {
  private static final String SOURCE = "scan.cu";
  /// As in scan.cu.
  private static final int THREADS = 256;
  /// Rows up to this length are scanned by a warp.
  private static final int SHORT_ROW = 512;
  /// Elements that each of a part's threads should have at least.
  private static final int LEAST_PER_THREAD = 32;
  private static final int MOST_PARTS = 1024;
  /// Bytes of the structures in scan.cu.
  private static final int ROWS = 56 + 2 * Space.STEPS + Space.SPACE + 4;

  /// Which threads scan a row.
  private enum Form {
    THREAD(1),
    WARP(32),
    BLOCK(THREADS);

    private final int lanes;

    Form(int lanes) {
      this.lanes = lanes;
    }
  }

  private final Gpu gpu;
  private final KernelTable<Form, DType> sums;
  private final KernelTable<Form, DType> products;

  Scans(Gpu gpu, KernelLibrary library) {
    this.gpu = gpu;
    this.sums = kernels(library, ScanOp.CUMSUM);
    this.products = kernels(library, ScanOp.CUMPROD);
  }

  private static KernelTable<Form, DType> kernels(KernelLibrary library, ScanOp op) {
    return new KernelTable<>(library, SOURCE, Form.class, DType.class, (form, dtype) -> {
      String arguments = "<" + op + ", " + Elementwise.type(dtype);
      return form == Form.THREAD ? "scanColumns" + arguments + ">" : "scanLines" + arguments + ", " + form.lanes / 32 + ">";
    });
  }

  void scan(ScanOp op, Strided out, Strided x, int dim) {
    if (out.numel() == 0) {
      return;
    }
    boolean[] isAlong = new boolean[x.rank()];
    isAlong[dim] = true;
    long length = x.size(dim);
    Space.of(Space.choose(x.sizes(), isAlong, false), Space.choose(x.strides(), isAlong, false),
        Space.choose(out.strides(), isAlong, false)).forEachPart((rows, offsets) -> {
          Form form = form(rows, length, x.stride(dim));
          Kernel kernel = (op == ScanOp.CUMSUM ? sums : products).get(form, x.dtype());
          long parts = parts(form, rows.numel(), length);
          long each = (length + parts - 1) / parts;
          if (parts == 1) {
            launch(kernel, form, rows, 1, length, out, x, dim, offsets, true, 0);
            return;
          }
          try (var totals = Workspace.of(gpu, parts * rows.numel() * Double.BYTES)) {
            launch(kernel, form, rows, (int) parts, each, out, x, dim, offsets, false, totals.address());
            launch(kernel, form, rows, (int) parts, each, out, x, dim, offsets, true, totals.address());
          }
        });
  }

  private static Form form(Space rows, long length, long step) {
    if (rows.innermostStep(0) < Math.abs(step)) {
      return Form.THREAD;
    }
    return length <= SHORT_ROW ? Form.WARP : Form.BLOCK;
  }

  /// As many as make work for the whole GPU, if the row is long enough for them.
  private long parts(Form form, long rows, long length) {
    long blocks = (rows * form.lanes + THREADS - 1) / THREADS;
    long wanted = Math.min(4L * gpu.multiprocessors() / blocks, length / ((long) form.lanes * LEAST_PER_THREAD));
    return Math.clamp(wanted, 1, MOST_PARTS);
  }

  private void launch(Kernel kernel, Form form, Space rows, int parts, long each, Strided out, Strided x, int dim, long[] offsets,
      boolean writes, long totals) {
    int size = x.dtype().size();
    Launch launch = Launch.begin();
    long at = launch.structure(ROWS, 8);
    ALL.set(LONG, at, x.address() + offsets[0] * size);
    ALL.set(LONG, at + 8, writes ? out.address() + offsets[1] * size : 0);
    ALL.set(LONG, at + 16, totals);
    ALL.set(LONG, at + 24, x.size(dim));
    ALL.set(LONG, at + 32, each);
    ALL.set(LONG, at + 40, x.stride(dim));
    ALL.set(LONG, at + 48, out.stride(dim));
    rows.writeSteps(0, at + 56);
    rows.writeSteps(1, at + 56 + Space.STEPS);
    rows.write(at + 56 + 2 * Space.STEPS);
    ALL.set(INT, at + 56 + 2 * Space.STEPS + Space.SPACE, (int) rows.numel());
    long blocks = Math.min((rows.numel() * form.lanes + THREADS - 1) / THREADS, Gpu.MOST_BLOCKS);
    launch.run(gpu, kernel, (int) blocks, parts, 1, THREADS, 1, 0);
  }
}
