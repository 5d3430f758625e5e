package org.flambeau.backend.cuda;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.INT;
import static org.flambeau.spi.NativeMemory.LONG;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.flambeau.DType;
import org.flambeau.spi.Activation;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// Batch normalisation (Ioffe and Szegedy, 2015) of x (n, c, …): `batchnorm.cu`.
///
/// Images lie with a plane for each channel or with channels last, whichever `x` does; what lies otherwise is copied to that layout.
final class BatchNorm {
  private static final String SOURCE = "batchnorm.cu";
  /// Bytes of the structures in batchnorm.cu.
  private static final int IMAGES = 24;
  private static final int PER_CHANNEL = 16;
  private static final int PARAMETER = 24;
  private static final int LARGEST_PART = 24;
  /// Bytes of a pack.
  private static final int PACK = 16;
  /// Channels of a block that puts parts together.
  private static final int MERGED_CHANNELS = Rows.THREADS / 32;
  /// Packs that a thread should at least go over before another block joins in.
  private static final int LEAST_PER_LANE = 8;
  private static final int MOST_PARTS = 256;

  private enum Walk {
    GATHER("batchNormGather"),
    APPLY("batchNormApply"),
    BACKWARD_GATHER("batchNormBackwardGather"),
    BACKWARD_APPLY("batchNormBackwardApply");

    private final String kernel;

    Walk(String kernel) {
      this.kernel = kernel;
    }
  }

  private enum Merge {
    STATISTICS("batchNormStatistics"),
    BACKWARD("batchNormBackwardMerge");

    private final String kernel;

    Merge(String kernel) {
      this.kernel = kernel;
    }
  }

  private final Gpu gpu;
  private final Elementwise elementwise;
  /// By whether channels come last, and whether elements come in packs.
  private final List<KernelTable<Walk, DType>> walks = new ArrayList<>();
  private final KernelTable<Merge, DType> merges;

  BatchNorm(Gpu gpu, KernelLibrary library, Elementwise elementwise) {
    this.gpu = gpu;
    this.elementwise = elementwise;
    for (boolean last : new boolean[] {false, true}) {
      for (boolean packed : new boolean[] {false, true}) {
        walks.add(new KernelTable<>(library, SOURCE, Walk.class, DType.class, KernelTable::floating, (walk, dtype) -> walk.kernel + "<"
            + Elementwise.type(dtype) + ", " + last + ", " + (packed ? RowKernels.pack(dtype) : 1) + ">"));
      }
    }
    this.merges = new KernelTable<>(library, SOURCE, Merge.class, DType.class, KernelTable::floating,
        (merge, dtype) -> merge.kernel + "<" + Elementwise.type(dtype) + ">");
  }

  void statistics(Strided mean, Strided rstd, Strided x, @Nullable Strided runningMean, @Nullable Strided runningVar,
      @Nullable Strided batches, double momentum, double eps) {
    if (x.size(1) == 0) {
      return;
    }
    try (var images = new Images(x)) {
      Strided from = images.arranged(x);
      Grid grid = images.grid(from);
      long parts = images.take(grid.parts * images.channels * LARGEST_PART);
      Launch launch = Launch.begin().word(parts).word(from.address());
      grid.write(launch);
      grid.run(launch, Walk.GATHER);
      Launch merge = Launch.begin();
      writeStatistics(merge, mean, rstd);
      writeParameters(merge, x.dtype(), runningMean, runningVar);
      merge.word(address(batches)).float64(momentum).float64(eps).word(parts).integer(grid.parts).integer((int) images.channels)
          .run(gpu, merges.get(Merge.STATISTICS, x.dtype()), images.mergingBlocks(), Rows.THREADS);
    }
  }

  void apply(Strided out, Strided x, Strided mean, Strided rstd, @Nullable Strided weight, @Nullable Strided bias,
      @Nullable Strided residual, Activation activation) {
    apply(out, x, mean, rstd, null, 0, weight, bias, residual, activation);
  }

  void evaluate(Strided out, Strided rstd, Strided x, Strided mean, Strided var, @Nullable Strided weight, @Nullable Strided bias,
      @Nullable Strided residual, Activation activation, double eps) {
    apply(out, x, mean, rstd, var, eps, weight, bias, residual, activation);
  }

  /// @param var of which the kernel makes `rstd`, or null where that is known
  private void apply(Strided out, Strided x, Strided mean, Strided rstd, @Nullable Strided var, double eps, @Nullable Strided weight,
      @Nullable Strided bias, @Nullable Strided residual, Activation activation) {
    if (x.size(1) == 0 || out.numel() == 0 && var == null) {
      return;
    }
    try (var images = new Images(x)) {
      Strided from = images.arranged(x);
      Strided more = residual == null ? null : images.arranged(residual);
      Strided to = images.arrangedResult(out);
      Launch launch = Launch.begin().word(to.address()).word(from.address()).word(address(more));
      Grid grid = images.grid(to, from, more);
      grid.write(launch);
      writeStatistics(launch, mean, rstd);
      writeParameters(launch, x.dtype(), var, weight, bias);
      launch.float64(eps).integer(switch (activation) {
        case NONE -> 0;
        case RELU -> 1;
        case GELU -> 2;
      });
      grid.run(launch, Walk.APPLY);
      images.putBack(out, to);
    }
  }

  void backward(@Nullable Strided gradX, @Nullable Strided gradWeight, @Nullable Strided gradBias, @Nullable Strided gradResidual,
      Strided grad, @Nullable Strided y, Strided x, Strided mean, Strided rstd, @Nullable Strided weight, boolean training) {
    if (x.size(1) == 0) {
      return;
    }
    try (var images = new Images(x)) {
      Strided g = images.arranged(grad);
      Strided results = y == null ? null : images.arranged(y);
      Strided masked = gradResidual == null ? null : images.arrangedResult(gradResidual);
      Strided from = training || gradWeight != null || gradBias != null || masked != null ? images.arranged(x) : null;
      long common = 0;
      if (from != null) {
        common = images.take(2 * images.channels * Double.BYTES);
        Grid grid = images.grid(g, results, masked, from);
        long parts = images.take(grid.parts * images.channels * LARGEST_PART);
        Launch launch = Launch.begin().word(parts).word(g.address()).word(address(results)).word(address(masked)).word(from.address());
        grid.write(launch);
        writeStatistics(launch, mean);
        grid.run(launch, Walk.BACKWARD_GATHER);
        Launch merge = Launch.begin();
        writeParameters(merge, x.dtype(), gradWeight, gradBias);
        merge.word(common);
        writeStatistics(merge, rstd);
        writeParameters(merge, x.dtype(), weight);
        merge.word(parts).integer(grid.parts).integer((int) images.channels).float64((double) x.numel() / images.channels)
            .run(gpu, merges.get(Merge.BACKWARD, x.dtype()), images.mergingBlocks(), Rows.THREADS);
      }
      if (gradResidual != null && masked != null) {
        images.putBack(gradResidual, masked);
        g = masked;
        results = null;
      }
      if (gradX != null && gradX.numel() > 0) {
        Strided to = images.arrangedResult(gradX);
        Strided read = training ? from : null;
        Launch launch = Launch.begin().word(to.address()).word(g.address()).word(address(results)).word(address(read));
        Grid grid = images.grid(to, g, results, read);
        grid.write(launch);
        writeStatistics(launch, mean, rstd);
        writeParameters(launch, x.dtype(), weight);
        launch.word(training ? common : 0);
        grid.run(launch, Walk.BACKWARD_APPLY);
        images.putBack(gradX, to);
      }
    }
  }

  /// How the threads of a launch divide: `parts` blocks go over a place's positions.
  private final class Grid {
    private final KernelTable<Walk, DType> kernels;
    private final DType dtype;
    private final int places;
    private final int positions;
    private final long plane;
    private final int lanes;
    private final int blocks;
    private final int parts;

    Grid(KernelTable<Walk, DType> kernels, DType dtype, int places, int positions, long plane, int lanes, int blocks, int parts) {
      this.kernels = kernels;
      this.dtype = dtype;
      this.places = places;
      this.positions = positions;
      this.plane = plane;
      this.lanes = lanes;
      this.blocks = blocks;
      this.parts = parts;
    }

    /// Writes the structure `Images` as the launch's next parameter.
    void write(Launch launch) {
      long at = launch.structure(IMAGES, 4);
      ALL.set(INT, at, places);
      ALL.set(INT, at + 4, positions);
      Space.writeDivider(at + 8, plane);
      ALL.set(INT, at + 20, lanes);
    }

    void run(Launch launch, Walk walk) {
      launch.run(gpu, kernels.get(walk, dtype), blocks, parts, 1, Rows.THREADS, 1, 0);
    }
  }

  private static long address(@Nullable Strided x) {
    return x == null ? 0 : x.address();
  }

  /// Writes structures `PerChannel` as the launch's next parameters.
  private static void writeStatistics(Launch launch, Strided... statistics) {
    for (Strided values : statistics) {
      long at = launch.structure(PER_CHANNEL, 8);
      ALL.set(LONG, at, values.address());
      ALL.set(LONG, at + 8, values.stride(0));
    }
  }

  /// Writes structures `Parameter` of a kernel for elements of `dtype` as the launch's next parameters.
  private static void writeParameters(Launch launch, DType dtype, @Nullable Strided... parameters) {
    for (Strided values : parameters) {
      long at = launch.structure(PARAMETER, 8);
      ALL.set(LONG, at, values == null ? 0 : values.address());
      ALL.set(LONG, at + 8, values == null ? 0 : values.stride(0));
      ALL.set(INT, at + 16, values == null || values.dtype() == dtype ? 0 : 1);
    }
  }

  /// How x lies, and what is needed to let others lie like it, until the launches are issued.
  private final class Images implements AutoCloseable {
    private final long[] sizes;
    private final long[] strides;
    private final long channels;
    private final long pixels;
    private final boolean last;
    private final List<Workspace> workspaces = new ArrayList<>(2);

    Images(Strided x) {
      sizes = x.sizes();
      channels = x.size(1);
      pixels = Strided.numel(Arrays.copyOfRange(sizes, 2, sizes.length));
      long[] channelsLast = channelsLast();
      last = pixels == 1 || !x.isContiguous() && lies(x, channelsLast);
      strides = last ? channelsLast : Strided.contiguousStrides(sizes);
    }

    private long[] channelsLast() {
      long[] strides = new long[sizes.length];
      strides[1] = 1;
      long step = channels;
      for (int d = sizes.length - 1; d >= 2; d--) {
        strides[d] = step;
        step *= sizes[d];
      }
      strides[0] = step;
      return strides;
    }

    private boolean lies(Strided x, long[] strides) {
      for (int d = 0; d < sizes.length; d++) {
        if (sizes[d] != 1 && x.stride(d) != strides[d]) {
          return false;
        }
      }
      return true;
    }

    Strided arranged(Strided x) {
      if (lies(x, strides)) {
        return x;
      }
      Strided copy = taken(x.dtype());
      elementwise.copy(copy, x);
      return copy;
    }

    /// `out`, or where to compute what is then [#putBack].
    Strided arrangedResult(Strided out) {
      return lies(out, strides) ? out : taken(out.dtype());
    }

    private Strided taken(DType dtype) {
      long bytes = Strided.numel(sizes) * dtype.size();
      return Strided.of(new Storage(gpu.device(), take(bytes), bytes), dtype, 0, sizes, strides);
    }

    void putBack(Strided out, Strided computed) {
      if (computed != out) {
        elementwise.copy(out, computed);
      }
    }

    /// The address of as many bytes.
    long take(long bytes) {
      Workspace workspace = Workspace.of(gpu, bytes);
      workspaces.add(workspace);
      return workspace.address();
    }

    int mergingBlocks() {
      return (int) ((channels + MERGED_CHANNELS - 1) / MERGED_CHANNELS);
    }

    /// What goes over the elements of operands that lie alike.
    Grid grid(Strided first, @Nullable Strided... others) {
      int each = packOf(first, others);
      long places = last ? channels / each : channels;
      long plane = last ? 1 : pixels / each;
      long positions = last ? sizes[0] * pixels : sizes[0] * plane;
      if (sizes[0] * pixels > Integer.MAX_VALUE) {
        throw new IllegalArgumentException("expected fewer than 2^31 elements of each channel to normalise on a GPU, got sizes "
            + Arrays.toString(sizes));
      }
      long across = Math.min(32, Long.highestOneBit(2 * places - 1));
      int lanes = last ? (int) (Rows.THREADS / across) : (int) Math.min(Rows.THREADS, Long.highestOneBit(2 * Math.max(1, positions) - 1));
      long blocks = (places * lanes + Rows.THREADS - 1) / Rows.THREADS;
      long room = gpu.blocksInFlight() / blocks;
      int parts = Math.clamp(Math.min(room, positions / ((long) lanes * LEAST_PER_LANE)), 1, MOST_PARTS);
      KernelTable<Walk, DType> kernels = walks.get((last ? 2 : 0) + (each > 1 ? 1 : 0));
      return new Grid(kernels, first.dtype(), (int) places, (int) positions, plane, lanes, (int) Math.min(blocks, Gpu.MOST_BLOCKS), parts);
    }

    /// Elements of a pack of 16 bytes, where all lie so that packs are whole and aligned, or 1.
    private int packOf(Strided first, @Nullable Strided... others) {
      int each = RowKernels.pack(first.dtype());
      boolean packed = (last ? channels : pixels) % each == 0 && first.address() % PACK == 0;
      for (Strided other : others) {
        packed &= other == null || other.address() % PACK == 0;
      }
      return packed ? each : 1;
    }

    @Override
    public void close() {
      workspaces.forEach(Workspace::close);
    }
  }
}
