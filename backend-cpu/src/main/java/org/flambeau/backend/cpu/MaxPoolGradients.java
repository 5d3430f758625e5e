package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.DOUBLE;
import static org.flambeau.spi.NativeMemory.FLOAT;
import static org.flambeau.spi.NativeMemory.LONG;

import org.flambeau.DType;
import org.flambeau.spi.Strided;

/// The gradient of [MaxPoolKernels]: each window's goes to where its largest element stood.
final class MaxPoolGradients {
  /// Channels of a channels-last image whose gradients are gathered together.
  private static final int BLOCK = 16;

  private MaxPoolGradients() {}

  /// As [org.flambeau.spi.Kernels#maxPool2dBackward]. Gradients that meet are added in the order of the windows: float32
  /// where they belong, half precision in float32, float64 apart.
  static void scatter(Strided gradX, Strided grad, Strided indices) {
    if (gradX.numel() == 0) {
      return;
    }
    Lines[] lines = Lines.of(gradX, grad, indices);
    Lines to = lines[0];
    int block = to.groups >= 2 * CpuPool.SHARED.threads() ? to.pixel : Math.min(to.pixel, BLOCK);
    int blocks = Math.ceilDiv(to.pixel, block);
    long grain = Math.max(1, (1 << 15) / Math.max(1, (long) to.height * to.width * block));
    boolean inPlace = to.dtype == DType.FLOAT32 && to.isDense();
    CpuPool.SHARED.parallelFor(0, (long) to.groups * blocks, grain, (begin, end) -> {
      Sums sums = inPlace ? new SumsInPlace(to) : new SumsApart(to, block);
      for (long i = begin; i < end; i++) {
        int channel = (int) (i % blocks) * block;
        sums.begin((int) (i / blocks), channel, Math.min(block, to.pixel - channel));
        gather(sums, lines[1], lines[2], (int) (i / blocks), channel, Math.min(block, to.pixel - channel));
        sums.end();
      }
    });
  }

  private static void gather(Sums sums, Lines grad, Lines indices, int group, int channel, int block) {
    for (int row = 0; row < grad.height; row++) {
      long from = grad.address(group, row);
      long where = indices.address(group, row);
      if (grad.pixel == 1) {
        sums.add(from, grad.step, where, indices.step, grad.width, 0);
      } else {
        for (int column = 0; column < grad.width; column++) {
          long at = (long) column * grad.pixel + channel;
          sums.add(from + at * grad.step, grad.step, where + at * indices.step, indices.step, block, 1);
        }
      }
    }
  }

  private static int checked(long place, int plane) {
    if (place < 0 || place >= plane) {
      throw new IndexOutOfBoundsException("index " + place + " is out of bounds for a plane of " + plane + " elements");
    }
    return (int) place;
  }

  /// The gradients of some channels of one group.
  private interface Sums {
    /// Starts over with zeros for `block` channels from `channel` on.
    void begin(int group, int channel, int block);

    /// Adds n gradients where their places say, the i-th of them in channel i·`across` of the block.
    void add(long grad, long gradStep, long where, long whereStep, int n, int across);

    void end();
  }

  private static final class SumsInPlace implements Sums {
    private final Lines to;
    private final int plane;
    private final long column;
    private long base;

    SumsInPlace(Lines to) {
      this.to = to;
      this.plane = to.height * to.width;
      this.column = (long) to.pixel * Float.BYTES;
    }

    @Override
    public void begin(int group, int channel, int block) {
      base = to.address(group) + (long) channel * Float.BYTES;
      if (block == to.pixel) {
        ALL.asSlice(base, plane * column).fill((byte) 0);
        return;
      }
      for (int i = 0; i < plane; i++) {
        for (int c = 0; c < block; c++) {
          ALL.set(FLOAT, base + i * column + (long) c * Float.BYTES, 0);
        }
      }
    }

    @Override
    public void add(long grad, long gradStep, long where, long whereStep, int n, int across) {
      for (int i = 0; i < n; i++) {
        long at = base + checked(ALL.get(LONG, where + i * whereStep), plane) * column + (long) i * across * Float.BYTES;
        ALL.set(FLOAT, at, ALL.get(FLOAT, at) + ALL.get(FLOAT, grad + i * gradStep));
      }
    }

    @Override
    public void end() {}
  }

  /// In the thread's own memory and the type that the dtype computes in, rounded at the end.
  private static final class SumsApart implements Sums {
    private final Lines to;
    private final Compute compute;
    private final Conversion conversion;
    private final int plane;
    private final long sums;
    private final long addends;
    private int group;
    private int channel;
    private int block;

    SumsApart(Lines to, int block) {
      this.to = to;
      this.compute = to.isSingle() ? Compute.FLOAT : Compute.DOUBLE;
      this.conversion = Conversion.of(to.dtype);
      this.plane = to.height * to.width;
      Scratch scratch = Scratch.current();
      this.sums = scratch.rows((long) plane * block * compute.size());
      this.addends = scratch.tile(0);
    }

    @Override
    public void begin(int group, int channel, int block) {
      this.group = group;
      this.channel = channel;
      this.block = block;
      ALL.asSlice(sums, (long) plane * block * compute.size()).fill((byte) 0);
    }

    @Override
    public void add(long grad, long gradStep, long where, long whereStep, int n, int across) {
      for (int first = 0; first < n; first += Scratch.TILE) {
        int count = Math.min(Scratch.TILE, n - first);
        conversion.load(compute, grad + first * gradStep, gradStep, addends, count);
        for (int i = 0; i < count; i++) {
          long at = (long) checked(ALL.get(LONG, where + (first + i) * whereStep), plane) * block + (long) (first + i) * across;
          if (compute == Compute.FLOAT) {
            long sum = sums + at * Float.BYTES;
            ALL.set(FLOAT, sum, ALL.get(FLOAT, sum) + ALL.get(FLOAT, addends + (long) i * Float.BYTES));
          } else {
            long sum = sums + at * Double.BYTES;
            ALL.set(DOUBLE, sum, ALL.get(DOUBLE, sum) + ALL.get(DOUBLE, addends + (long) i * Double.BYTES));
          }
        }
      }
    }

    @Override
    public void end() {
      for (int row = 0; row < to.height; row++) {
        long address = to.address(group, row);
        if (to.pixel == 1) {
          store((long) row * to.width, address, to.width);
        } else {
          for (int column = 0; column < to.width; column++) {
            store(((long) row * to.width + column) * block, address + ((long) column * to.pixel + channel) * to.step, block);
          }
        }
      }
    }

    private void store(long at, long address, int n) {
      conversion.store(compute, sums + at * compute.size(), address, to.step, n);
    }
  }
}
