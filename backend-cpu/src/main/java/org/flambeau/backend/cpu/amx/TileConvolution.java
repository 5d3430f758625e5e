package org.flambeau.backend.cpu.amx;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.LONG;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.flambeau.DType;
import org.flambeau.backend.cpu.CpuPool;
import org.flambeau.backend.cpu.Workspace;
import org.flambeau.backend.cpu.gemm.Copies;
import org.flambeau.spi.Activation;
import org.flambeau.spi.Allocator;
import org.flambeau.spi.ConvSpec;
import org.flambeau.spi.Epilogue;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// A convolution in bfloat16, or the gradient of its images: products of places, 32 at a time, with 32 channels of the result.
///
/// What is read is brought onto a grid with zeros around each image (see [Dimension]), so that what places see are rows of memory as far apart as the places
/// are, and the grid's lines are no matter. Each thread does so for some lines and some channels of the result, and writes each result once, with all
/// that comes behind the convolution. Zeros around an image are multiplied too: an infinite weight makes NaN of them.
public final class TileConvolution {
  private static final int SIDE = BlockProduct.SIDE;
  private static final long SIDE_BYTES = SIDE * Short.BYTES;
  private static final long ROW_OF_SUMS = SIDE * Float.BYTES;
  /// Blocks whose sums stay in the first-level cache until they are written.
  private static final int AT_ONCE = 4;
  /// Bytes of the grid that about stay in the second-level cache, for all channels of the result.
  private static final long CACHED = 256 << 10;
  /// Elements of a kernel, all of which are added up in one call, during which no garbage collection begins.
  private static final int MOST_ELEMENTS = 64;

  private final TileUnit unit;
  private final Allocator allocator;
  private final Strided result;
  private final Strided source;
  private final Dimension down;
  private final Dimension across;
  private final List<Taps> phases = new ArrayList<>();
  private final PairedKernel kernel;
  private final long pixelBytes;
  private final long placeBytes;
  private final long lineBytes;
  /// Lines that places see beyond their own, in each of the planes into which the kernel's steps down divide them.
  private final long linesBeyond;
  /// What is read behind a plane's last line.
  private final long bytesBeyond;

  /// Whether it computes `result` from `source`, of which the one is a convolution's image and the other its result, or their gradients, faster than
  /// others do. Kernels of one pixel, or that skip pixels, use little of the grid twice, and lines that do not stay in the cache are laid out for
  /// each of the kernel's.
  public static boolean serves(Strided result, Strided source, Strided weight, ConvSpec spec) {
    long elements = weight.size(2) * weight.size(3);
    return source.dtype() == DType.BFLOAT16 && spec.groups() == 1 && result.stride(1) == 1 && PairedKernel.serves(weight)
        && elements > 1 && elements <= MOST_ELEMENTS
        && slides(weight.size(2), spec.strideH(), spec.padH(), spec.dilationH())
        && slides(weight.size(3), spec.strideW(), spec.padW(), spec.dilationW())
        && result.size(0) * Math.min(source.size(2), result.size(2)) >= CpuPool.SHARED.threads()
        && weight.size(2) * source.size(3) * source.size(1) * Short.BYTES <= CACHED;
  }

  private static boolean slides(long kernel, int stride, int padding, int dilation) {
    return stride <= kernel && padding < kernel && dilation == 1;
  }

  /// @param weight the convolution's
  /// @param backward whether it is for the gradient of the images
  public TileConvolution(TileUnit unit, Allocator allocator, Strided result, Strided source, Strided weight, ConvSpec spec,
      boolean backward) {
    this.unit = unit;
    this.allocator = allocator;
    this.result = result;
    this.source = source;
    down = backward
        ? Dimension.ofGradient(result.size(2), source.size(2), weight.size(2), spec.strideH(), spec.padH(), spec.dilationH())
        : Dimension.ofConvolution(source.size(2), result.size(2), weight.size(2), spec.strideH(), spec.padH(), spec.dilationH());
    across = backward
        ? Dimension.ofGradient(result.size(3), source.size(3), weight.size(3), spec.strideW(), spec.padW(), spec.dilationW())
        : Dimension.ofConvolution(source.size(3), result.size(3), weight.size(3), spec.strideW(), spec.padW(), spec.dilationW());
    long steps = 0;
    for (Dimension.Phase lines : down.phases()) {
      for (Dimension.Phase columns : across.phases()) {
        Taps taps = new Taps(lines, columns, source.size(1));
        steps = Math.max(steps, taps.steps);
        phases.add(taps);
      }
    }
    kernel = new PairedKernel(unit, allocator, weight, backward, phases);
    pixelBytes = source.size(1) * Short.BYTES;
    placeBytes = across.step() * pixelBytes;
    lineBytes = across.size() * placeBytes;
    linesBeyond = down.reach() / down.step();
    bytesBeyond = (SIDE - 1) * placeBytes + across.reach() * pixelBytes + steps * SIDE_BYTES;
  }

  /// Bytes of the kernel as [#run] takes it.
  public long kernelBytes() {
    return kernel.bytes();
  }

  public void writeKernelTo(long address) {
    kernel.writeTo(address);
  }

  /// Computes `result`, whatever of it there was before.
  public void run(long kernelAddress, Epilogue epilogue) {
    try (Workspace workspace = new Workspace(allocator)) {
      Strided images = rows(workspace, source);
      Strided residual = epilogue.residual() == null ? null : rows(workspace, epilogue.residual());
      Factors factors = new Factors(workspace, result.size(1), epilogue.scale(), epilogue.bias());
      int least = epilogue.activation() == Activation.RELU ? 0 : Integer.MIN_VALUE;
      long lines = images.size(0) * down.size();
      long blocks = result.size(1) / SIDE;
      long gridBytes = lines * down.step() * lineBytes;
      long threads = CpuPool.SHARED.threads();
      boolean shareChannels = kernel.bytes() > gridBytes || lines < threads; // then each thread reads all images
      long groups = shareChannels ? Math.min(threads, blocks) : 1;
      long chunks = Math.ceilDiv(Math.max(1, Math.ceilDiv(gridBytes, CACHED)) * groups, threads) * threads / groups;
      long bands = Math.clamp(chunks, 1, lines);
      CpuPool.SHARED.parallelFor(0, bands * groups, 1, (begin, end) -> {
        for (long task = begin; task < end; task++) {
          long band = task / groups;
          long group = task % groups;
          new Band(images, residual, kernelAddress, factors, least, lines * band / bands, lines * (band + 1) / bands)
              .compute(blocks * group / groups, blocks * (group + 1) / groups);
        }
      });
    }
  }

  /// `images` themselves where the channels of a pixel are neighbours, else a copy.
  private static Strided rows(Workspace workspace, Strided images) {
    if (images.stride(1) == 1) {
      return images;
    }
    long[] sizes = images.sizes();
    long bytes = images.numel() * Short.BYTES;
    Strided copy = Strided.of(new Storage(images.device(), workspace.take(bytes), bytes), DType.BFLOAT16, 0, sizes,
        new long[] {sizes[1] * sizes[2] * sizes[3], 1, sizes[3] * sizes[1], sizes[1]});
    Copies.deliver(copy, images);
    return copy;
  }

  /// Lines [first, last) of the grid, of all images one behind the other.
  private final class Band {
    private final Strided images;
    private final @Nullable Strided residual;
    private final long kernelAddress;
    private final Factors factors;
    private final int least;
    private final long first;
    private final long last;
    private final long planeBytes;

    Band(Strided images, @Nullable Strided residual, long kernelAddress, Factors factors, int least, long first, long last) {
      this.images = images;
      this.residual = residual;
      this.kernelAddress = kernelAddress;
      this.factors = factors;
      this.least = least;
      this.first = first;
      this.last = last;
      planeBytes = (last - first + linesBeyond) * lineBytes + bytesBeyond;
    }

    /// All its results of blocks [firstBlock, lastBlock) of 32 channels.
    void compute(long firstBlock, long lastBlock) {
      try (Workspace workspace = new Workspace(allocator)) {
        long grid = workspace.take(planeBytes * down.step());
        for (int plane = 0; plane < down.step(); plane++) {
          layOut(grid + plane * planeBytes, plane - down.padding());
        }
        long sums = workspace.take(AT_ONCE * BlockProduct.BYTES);
        for (int phase = 0; phase < phases.size(); phase++) {
          Taps taps = phases.get(phase);
          long[] seen = seen(grid, taps);
          long met = workspace.take((AT_ONCE * seen.length + 1L) * Long.BYTES);
          if (seen.length == 0) {
            ALL.asSlice(sums, AT_ONCE * BlockProduct.BYTES).fill((byte) 0);
          }
          for (long block = firstBlock; block < lastBlock; block++) {
            multiply(taps, kernelAddress + kernel.offset(phase, block), block, seen, met, sums);
          }
        }
      }
    }

    /// Brings every `down.step()`th line of the images from line `firstLine` on into a plane.
    private void layOut(long to, long firstLine) {
      long left = across.padding() * pixelBytes;
      long pixels = Math.min(images.size(3), across.size() * across.step() - across.padding());
      for (long line = first; line < last + linesBeyond; line++) {
        long image = line / down.size();
        long pixelLine = line % down.size() * down.step() + firstLine;
        if (image < images.size(0) && pixelLine >= 0 && pixelLine < images.size(2) && pixels > 0) {
          long from = images.address() + (image * images.stride(0) + pixelLine * images.stride(2)) * Short.BYTES;
          zero(to, left);
          copyLine(from, to + left, pixels);
          zero(to + left + pixels * pixelBytes, lineBytes - left - pixels * pixelBytes);
        } else {
          zero(to, lineBytes);
        }
        to += lineBytes;
      }
      zero(to, bytesBeyond);
    }

    private void copyLine(long from, long to, long pixels) {
      if (images.stride(3) == images.size(1)) {
        MemorySegment.copy(ALL, from, ALL, to, pixels * pixelBytes);
        return;
      }
      for (long i = 0; i < pixels; i++) {
        MemorySegment.copy(ALL, from + i * images.stride(3) * Short.BYTES, ALL, to + i * pixelBytes, pixelBytes);
      }
    }

    private static void zero(long address, long bytes) {
      ALL.asSlice(address, bytes).fill((byte) 0);
    }

    /// What the first place sees of each part.
    private long[] seen(long grid, Taps taps) {
      long[] seen = new long[taps.parts];
      for (int part = 0; part < seen.length; part++) {
        int line = taps.down.offsets()[taps.line(part)];
        seen[part] = grid + line % down.step() * planeBytes + line / down.step() * lineBytes
            + taps.across.offsets()[taps.column(part)] * pixelBytes;
      }
      return seen;
    }

    private void multiply(Taps taps, long pairs, long block, long[] seen, long met, long sums) {
      long places = (last - first) * across.size();
      for (long place = 0; place < places; place += AT_ONCE * SIDE) {
        int count = (int) Math.min(AT_ONCE, Math.ceilDiv(places - place, SIDE));
        if (seen.length > 0) {
          long to = met;
          for (int i = 0; i < count; i++) {
            long on = (place + (long) i * SIDE) * placeBytes;
            for (long from : seen) {
              ALL.set(LONG, to, from + on);
              to += Long.BYTES;
            }
          }
          unit.products().run(sums, met, pairs, taps.steps, 0, placeBytes, count, seen.length);
        }
        deliver(taps, block, place, Math.min(places, place + (long) count * SIDE), sums);
      }
    }

    /// Brings the sums of places [place, end) to where they belong, line by line.
    private void deliver(Taps taps, long block, long place, long end, long sums) {
      Dimension.Phase lines = taps.down;
      Dimension.Phase columns = taps.across;
      while (place < end) {
        long line = first + place / across.size();
        long column = place % across.size();
        long run = Math.min(end - place, across.size() - column);
        long wanted = Math.min(run, columns.places() - column);
        long image = line / down.size();
        long h = line % down.size();
        if (wanted > 0 && h < lines.places()) {
          long pixelH = lines.first() + h * lines.stride();
          long pixelW = columns.first() + column * columns.stride();
          long to = address(result, image, block * SIDE, pixelH, pixelW);
          long plus = residual == null ? 0 : address(residual, image, block * SIDE, pixelH, pixelW);
          long plusRow = residual == null ? 0 : residual.stride(3) * columns.stride() * Short.BYTES;
          unit.layouts().finish(sums, (int) wanted, to, result.stride(3) * columns.stride() * Short.BYTES, factors.of(block), plus, plusRow,
              least);
        }
        place += run;
        sums += run * ROW_OF_SUMS;
      }
    }

    private static long address(Strided images, long image, long channel, long h, long w) {
      return images.address()
          + (image * images.stride(0) + channel * images.stride(1) + h * images.stride(2) + w * images.stride(3)) * Short.BYTES;
    }
  }
}
