package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.FLOAT;

import java.util.Arrays;
import java.util.Objects;
import org.flambeau.DType;
import org.flambeau.MatmulPrecision;
import org.flambeau.spi.Activation;
import org.flambeau.spi.Allocator;
import org.flambeau.spi.BinaryOp;
import org.flambeau.spi.ConvSpec;
import org.flambeau.spi.Epilogue;
import org.flambeau.spi.Strided;
import org.flambeau.spi.UnaryOp;
import org.jspecify.annotations.Nullable;

/// Convolutions with kernels of 3×3 that move by one pixel, with a quarter of the multiplications: images are cut into patches of 6×6 that
/// overlap by two, which [TileTransforms] makes 36 numbers for each channel; a kernel is transformed likewise; then a convolution is 36 products
/// of matrices, (patches, channels) by (channels, channels of the result), whose transform back are tiles of 4×4.
///
/// Few channels go through all steps patch by patch in the second-level cache; with many, whose kernels would not stay there, threads share
/// each step.
///
/// Reference: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016.
public final class Winograd {
  private static final int TILE = 4;
  static final int PATCH = 6;
  private static final long PLANES = PATCH * PATCH;
  private static final int KERNEL = TransformedKernel.SIZE;

  /// Transformed patches and products that about stay in the second-level cache.
  private static final long CACHED = 1 << 20;
  /// Fewer patches are not worth a kernel's way to the cache.
  private static final int FEWEST_PATCHES = 16;
  /// Memory for patches and products that are there at a time.
  private static final long MOST_BYTES = 48 << 20;
  /// What an element of a transformed patch, kernel or kernel's gradient costs beside the products: so many multiplications would take as long.
  private static final long COST_OF_A_PATCH = 20;
  private static final long COST_OF_A_KERNEL = 120;
  private static final long COST_OF_A_GRADIENT = 100;
  private static final int ROWS_OF_A_PRODUCT = 64;

  /// Loaded where there are vectors, after [#serves] has said so.
  static final class Transforms {
    static final TileTransforms PRESENT = Objects.requireNonNull(Vectorization.PRESENT, "Winograd needs vectors").tileTransforms();

    private Transforms() {}
  }

  private final Allocator allocator;
  private final int padH;
  private final int padW;
  private final int tilesAcross;
  private final int tilesDown;
  private final long rows;

  /// @param out what is computed in tiles, of which only the sizes matter here: the result, or where that is wanted, the image's gradient
  public Winograd(Allocator allocator, Strided out, int padH, int padW) {
    this.allocator = allocator;
    this.padH = padH;
    this.padW = padW;
    tilesDown = tiles(out.size(2));
    tilesAcross = tiles(out.size(3));
    rows = out.size(0) * tilesDown;
  }

  /// Whether it computes such a convolution, and is faster than the sums of products themselves.
  ///
  /// @param weight the kernel, or its gradient, where that is what is wanted
  public static boolean serves(Strided x, Strided weight, Strided out, ConvSpec spec, boolean gradient) {
    return Vectorization.PRESENT != null && MatmulPrecision.forConvolutions() != MatmulPrecision.HIGHEST && out.dtype() == DType.FLOAT32
        && weight.size(2) == KERNEL && weight.size(3) == KERNEL && spec.padH() < KERNEL && spec.padW() < KERNEL
        && spec.equals(new ConvSpec(1, 1, spec.padH(), spec.padW(), 1, 1, 1))
        && weight.size(0) % CachedProduct.LANES == 0 && weight.size(1) % CachedProduct.LANES == 0 && PixelRows.serves(x)
        && PixelRows.serves(out)
        && isFaster(weight.size(1), weight.size(0), out, gradient ? COST_OF_A_GRADIENT : COST_OF_A_KERNEL);
  }

  /// By multiplications: of the products, and for what is moved to and fro so many as take as long.
  private static boolean isFaster(long channels, long features, Strided out, long costOfAKernel) {
    long tiles = out.size(0) * tiles(out.size(2)) * tiles(out.size(3));
    long moved = COST_OF_A_PATCH * tiles * (channels + features) + costOfAKernel * channels * features;
    return PLANES * (tiles * channels * features + moved) < KERNEL * KERNEL * out.numel() * channels;
  }

  private static int tiles(long pixels) {
    return Math.toIntExact((pixels + TILE - 1) / TILE);
  }

  // ---- forward, and the gradient for the image, which is a convolution with the kernel turned around ----

  /// out = epilogue(x ∗ kernel); for a kernel turned around, x and out are the gradients of the result and of the image.
  ///
  /// @param address where the transformed kernel is
  public void convolve(Strided out, Strided x, TransformedKernel kernel, long address, Epilogue epilogue) {
    Strided residual = epilogue.residual();
    if (residual != null && !Arrays.equals(residual.strides(), out.strides())) {
      convolve(out, x, kernel, address, new Epilogue(epilogue.scale(), epilogue.bias(), null, Activation.NONE));
      Elementwise.sum(out, out, residual);
      Elementwise.activate(epilogue.activation(), out);
      return;
    }
    try (Workspace workspace = new Workspace(allocator)) {
      PixelRows results = new PixelRows(out);
      Strided scale = epilogue.scale();
      Ending ending = new Ending(scale == null ? 0 : row(workspace, results, scale),
          scale == null && epilogue.bias() == null ? 0 : row(workspace, results, epilogue.bias()),
          residual == null ? 0 : residual.address() - out.address(), residual != null, epilogue.activation() == Activation.RELU);
      convolve(results, new PixelRows(x), kernel, address, ending);
    }
  }

  /// A row of pixels that have what is given for each channel, or 0.
  private static long row(Workspace workspace, PixelRows results, @Nullable Strided channels) {
    Strided row = Rows.take(DType.FLOAT32, new long[] {results.width, results.channels}, new long[] {results.channels, 1}, workspace);
    if (channels == null) {
      PixelRows.zero(row.address(), results.bytes());
    } else {
      Copy.copy(row, channels.with(channels.offset(), row.sizes(), new long[] {0, channels.stride(0)}));
    }
    return row.address();
  }

  private void convolve(PixelRows results, PixelRows images, TransformedKernel kernel, long address, Ending ending) {
    Band from = new Band(images, PATCH, kernel.backward ? KERNEL - 1 - padH : padH,
        kernel.backward ? KERNEL - 1 - padW : padW);
    Band to = new Band(results, TILE, 0, 0);
    long perRow = PLANES * tilesAcross * (pitch(images) + pitch(results));
    forEachGroup(perRow, (first, last) -> {
      int tiles = Math.toIntExact((last - first) * tilesAcross);
      try (Workspace workspace = new Workspace(allocator)) {
        Planes patches = Planes.take(workspace, tiles, images.channels);
        Planes products = Planes.take(workspace, tiles, results.channels);
        CpuPool.SHARED.parallelFor(first, last, 1, (begin, end) -> {
          for (long row = begin; row < end; row++) {
            from.transform(Transforms.PRESENT::image, row, patches, (row - first) * tilesAcross);
          }
        });
        multiply(products, patches, address, kernel.plane(), tiles);
        CpuPool.SHARED.parallelFor(first, last, 1, (begin, end) -> {
          for (long row = begin; row < end; row++) {
            to.transformBack(row, products, (row - first) * tilesAcross, ending);
          }
        });
      }
    });
  }

  private static void multiply(Planes products, Planes patches, long kernel, long kernelPlane, int tiles) {
    int blocks = (tiles + ROWS_OF_A_PRODUCT - 1) / ROWS_OF_A_PRODUCT;
    int depth = patches.channels;
    CpuPool.SHARED.parallelFor(0, PLANES * blocks, 1, (begin, end) -> {
      for (long task = begin; task < end; task++) {
        long plane = task / blocks;
        long first = task % blocks * ROWS_OF_A_PRODUCT;
        CachedProduct.multiply(false, (int) Math.min(ROWS_OF_A_PRODUCT, tiles - first), products.channels, depth, patches.row(plane, first),
            patches.pitch, Float.BYTES, kernel + plane * kernelPlane, CachedProduct.STRIP_ROW, CachedProduct.strip(depth),
            products.row(plane, first), products.pitch);
      }
    });
  }

  // ---- the gradient for the kernel ----

  /// The gradient of the kernel, from the image and the gradient of the result.
  public void kernelGradient(Strided gradWeight, Strided grad, Strided x) {
    PixelRows images = new PixelRows(x);
    PixelRows results = new PixelRows(grad);
    Band from = new Band(images, PATCH, padH, padW);
    Band by = new Band(results, TILE, 0, 0);
    long perRow = PLANES * tilesAcross * (pitch(images) + pitch(results));
    int features = results.channels;
    boolean cached = isCached(perRow);
    int parts = cached ? (int) Math.min(rows, CpuPool.SHARED.threads()) : 1;
    long group = cached ? rowsOfAGroup(perRow) : Math.max(1, MOST_BYTES / perRow);
    try (Workspace workspace = new Workspace(allocator)) {
      Planes[] sums = new Planes[parts];
      for (int i = 0; i < parts; i++) {
        sums[i] = Planes.take(workspace, features, images.channels);
      }
      CpuPool.SHARED.parallelFor(0, parts, 1, (begin, end) -> {
        for (int part = (int) begin; part < end; part++) {
          long last = rows * (part + 1) / parts;
          for (long first = rows * part / parts; first < last; first += group) {
            addGroup(sums[part], first != rows * part / parts, from, by, first, Math.min(last, first + group));
          }
        }
      });
      CpuPool.SHARED.parallelFor(0, features, 1, (begin, end) -> {
        for (long feature = begin; feature < end; feature++) {
          transformBack(gradWeight, sums, feature);
        }
      });
    }
  }

  /// sums (+)= products of transformed gradients, transposed, by transformed patches.
  private void addGroup(Planes sums, boolean adding, Band from, Band by, long first, long last) {
    int tiles = Math.toIntExact((last - first) * tilesAcross);
    try (Workspace workspace = new Workspace(allocator)) {
      Planes patches = Planes.take(workspace, tiles, from.images.channels);
      Planes grads = Planes.take(workspace, tiles, by.images.channels);
      CpuPool.SHARED.parallelFor(first, last, 1, (begin, end) -> {
        for (long row = begin; row < end; row++) {
          from.transform(Transforms.PRESENT::image, row, patches, (row - first) * tilesAcross);
          by.transform(Transforms.PRESENT::resultGradient, row, grads, (row - first) * tilesAcross);
        }
      });
      CpuPool.SHARED.parallelFor(0, PLANES, 1, (begin, end) -> {
        for (long plane = begin; plane < end; plane++) {
          CachedProduct.multiply(adding, grads.channels, patches.channels, tiles, grads.row(plane, 0), Float.BYTES, grads.pitch,
              patches.row(plane, 0), patches.pitch, sums.row(plane, 0), sums.pitch);
        }
      });
    }
  }

  private static void transformBack(Strided gradWeight, Planes[] sums, long feature) {
    int channels = sums[0].channels;
    long row = (long) channels * Float.BYTES;
    Loop add = Loops.binary(BinaryOp.ADD, Compute.FLOAT);
    long between = Scratch.current().rows((PATCH + KERNEL) * KERNEL * row);
    long taps = between + PATCH * KERNEL * row;
    for (int plane = 0; plane < PLANES && sums.length > 1; plane++) {
      long total = sums[0].row(plane, feature);
      for (int part = 1; part < sums.length; part++) {
        long more = sums[part].row(plane, feature);
        add.run(total, total, more, more, channels);
      }
    }
    for (int j = 0; j < PATCH; j++) {
      Transforms.PRESENT.kernelGradient(sums[0].row(j, feature), PATCH * sums[0].plane, between + j * row, PATCH * row, channels);
    }
    for (long i = 0; i < KERNEL; i++) {
      Transforms.PRESENT.kernelGradient(between + i * PATCH * row, row, taps + i * KERNEL * row, row, channels);
    }
    long to = gradWeight.address() + feature * gradWeight.stride(0) * Float.BYTES;
    for (int c = 0; c < channels; c++) {
      for (int k = 0; k < KERNEL * KERNEL; k++) {
        long at = c * gradWeight.stride(1) + k / KERNEL * gradWeight.stride(2) + k % KERNEL * gradWeight.stride(3);
        ALL.set(FLOAT, to + at * Float.BYTES, ALL.get(FLOAT, taps + k * row + (long) c * Float.BYTES));
      }
    }
  }

  // ---- groups of rows of tiles ----

  @FunctionalInterface
  private interface Group {
    void run(long first, long last);
  }

  private void forEachGroup(long bytesOfARow, Group body) {
    if (isCached(bytesOfARow)) {
      long each = rowsOfAGroup(bytesOfARow);
      CpuPool.SHARED.parallelFor(0, (rows + each - 1) / each, 1, (begin, end) -> {
        for (long group = begin; group < end; group++) {
          body.run(group * each, Math.min(rows, (group + 1) * each));
        }
      });
    } else {
      long each = Math.max(1, MOST_BYTES / bytesOfARow);
      for (long first = 0; first < rows; first += each) {
        body.run(first, Math.min(rows, first + each));
      }
    }
  }

  /// Whether enough patches for the products to be worth their while stay in the cache.
  private boolean isCached(long bytesOfARow) {
    return CACHED / bytesOfARow * tilesAcross >= FEWEST_PATCHES && rows * tilesAcross >= 2L * FEWEST_PATCHES * CpuPool.SHARED.threads();
  }

  private long rowsOfAGroup(long bytesOfARow) {
    long shared = rows / (2L * CpuPool.SHARED.threads());
    long fewest = (FEWEST_PATCHES + tilesAcross - 1L) / tilesAcross;
    return Math.clamp(shared, fewest, Math.max(fewest, CACHED / bytesOfARow));
  }

  private static long pitch(PixelRows images) {
    return CachedProduct.pitch(images.channels);
  }

  /// An epilogue for rows of pixels that are in the cache.
  ///
  /// @param scale a row of pixels, or 0
  /// @param bias a row of pixels, or 0 where there is no scale either
  /// @param residual how far from a result's element what is added to it lies, in bytes
  private record Ending(long scale, long bias, long residual, boolean adds, boolean relu) implements PixelRows.Stretch {
    void scaleAndAdd(long rows, int count, long bytes) {
      int floats = (int) (bytes / Float.BYTES);
      for (long at = rows; bias != 0 && at < rows + count * bytes; at += bytes) {
        if (scale != 0) {
          Rows.loop(RowOp.SCALE_CHANNELS).run(at, at, scale, bias, at, at, 0, 0, 0, 0, floats);
        } else {
          Loops.binary(BinaryOp.ADD, Compute.FLOAT).run(at, at, bias, bias, floats);
        }
      }
    }

    @Override
    public void run(long address, int floats) {
      if (adds) {
        Loops.binary(BinaryOp.ADD, Compute.FLOAT).run(address, address, address + residual, address, floats);
      }
      if (relu) {
        Loops.unary(UnaryOp.RELU, Compute.FLOAT).run(address, address, address, address, floats);
      }
    }
  }

  /// Transformed patches, kernels or results: 36 matrices (rows, channels).
  private record Planes(long address, long plane, long pitch, int channels) {
    static Planes take(Workspace workspace, int rows, int channels) {
      long pitch = CachedProduct.pitch(channels);
      long plane = CachedProduct.paddedRows(rows) * pitch;
      return new Planes(workspace.take(PLANES * plane), plane, pitch, channels);
    }

    long row(long number, long row) {
      return address + number * plane + row * pitch;
    }
  }

  /// One dimension of a transform.
  @FunctionalInterface
  private interface Transform {
    void run(long from, long fromStep, long to, long toStep, long n);
  }

  /// Images in rows of patches, or results in rows of tiles: `size` pixels high and wide, [#TILE] apart, beginning before the image by the padding.
  private final class Band {
    private final PixelRows images;
    private final int size;
    private final int padTop;
    private final int padLeft;
    private final int columns;
    private final long pixel;

    Band(PixelRows images, int size, int padTop, int padLeft) {
      this.images = images;
      this.size = size;
      this.padTop = padTop;
      this.padLeft = padLeft;
      columns = tilesAcross * TILE + size - TILE;
      pixel = (long) images.channels * Float.BYTES;
    }

    /// Transforms the patches of a row to rows of planes from `tile` on.
    void transform(Transform transform, long row, Planes to, long tile) {
      long across = columns * pixel;
      long buffer = Scratch.current().rows(PATCH * across + size * images.bytes());
      long pixels = images.read(row / tilesDown, (int) (row % tilesDown * TILE) - padTop, size, buffer + PATCH * across);
      transform.run(pixels, images.bytes(), buffer + padLeft * pixel, across, (long) images.width * images.channels);
      for (long i = 0; i < PATCH; i++) {
        long line = buffer + i * across;
        PixelRows.zero(line, padLeft * pixel);
        PixelRows.zero(line + (padLeft + images.width) * pixel, (columns - padLeft - images.width) * pixel);
        for (long t = 0; t < tilesAcross; t++) {
          transform.run(line + t * TILE * pixel, pixel, to.row(i * PATCH, tile + t), to.plane, images.channels);
        }
      }
    }

    /// Transforms products back to a row of tiles.
    void transformBack(long row, Planes from, long tile, Ending ending) {
      long across = columns * pixel;
      long buffer = Scratch.current().rows(PATCH * across + TILE * images.bytes());
      for (long i = 0; i < PATCH; i++) {
        for (long t = 0; t < tilesAcross; t++) {
          Transforms.PRESENT.result(from.row(i * PATCH, tile + t), from.plane, buffer + i * across + t * TILE * pixel, pixel,
              images.channels);
        }
      }
      int top = (int) (row % tilesDown * TILE);
      long place = images.place(row / tilesDown, top, TILE, buffer + PATCH * across);
      Transforms.PRESENT.result(buffer, across, place, images.bytes(), (long) images.width * images.channels);
      ending.scaleAndAdd(place, TILE, images.bytes());
      images.written(row / tilesDown, top, TILE, place);
      images.forEachStretch(row / tilesDown, top, TILE, ending);
    }
  }
}
