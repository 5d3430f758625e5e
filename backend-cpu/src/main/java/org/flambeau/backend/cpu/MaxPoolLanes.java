package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.LONG;

import java.lang.invoke.MethodHandles;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;
import org.flambeau.DType;
import org.flambeau.spi.PoolSpec;
import org.jspecify.annotations.Nullable;

/// The largest of each window of what computes in float32, on vectors: of neighbouring windows, or of a pixel's channels.
final class MaxPoolLanes {
  static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
  static final VectorSpecies<Integer> I = IntVector.SPECIES_PREFERRED;
  private static final IntVector IOTA = IntVector.zero(I).addIndex(1);

  private MaxPoolLanes() {}

  /// A row of windows of channels-last float32 or bfloat16, a vector of channels at a time, straight from memory to memory.
  static final class Pixels {
    private final Lines out;
    private final @Nullable Lines indices;
    private final Lines x;
    private final PoolSpec spec;
    private final Steps steps;
    private final Window window;

    Pixels(Lines out, @Nullable Lines indices, Lines x, PoolSpec spec) {
      this.out = out;
      this.indices = indices;
      this.x = x;
      this.spec = spec;
      this.steps = new Steps(x.address(0, spec.dilationH()) - x.address(0), spec.dilationW() * x.pixel * x.step,
          spec.dilationH() * x.width, spec.dilationW(), x.pixel, x.dtype.size());
      this.window = Window.of(x.dtype);
    }

    void run(int group, int row) {
      int top = row * spec.strideH() - spec.padH();
      int firstRow = top < 0 ? Math.ceilDiv(-top, spec.dilationH()) : 0;
      int lastRow = Math.min(spec.kernelH(), Math.ceilDiv(x.height - top, spec.dilationH()));
      for (int i = 0; i < out.width; i++) {
        int left = i * spec.strideW() - spec.padW();
        int first = left < 0 ? Math.ceilDiv(-left, spec.dilationW()) : 0;
        int last = Math.min(spec.kernelW(), Math.ceilDiv(x.width - left, spec.dilationW()));
        int h = top + firstRow * spec.dilationH();
        int w = left + first * spec.dilationW();
        long from = x.address(group, h) + w * x.pixel * x.step;
        long at = (long) i * out.pixel;
        window.run(from, lastRow - firstRow, last - first, h * x.width + w, steps, out.address(group, row) + at * out.step,
            indices == null ? 0 : indices.address(group, row) + at * Long.BYTES);
      }
    }
  }

  /// From a tap of a window to the one below and to the one beside it, in bytes and in places of the image; and how many channels of how many
  /// bytes there are.
  record Steps(long down, long across, int placesDown, int placesAcross, int channels, int element) {}

  /// One window of pixels. A loop whose last step is left out for long, the writing of places without gradients, would be compiled with a call for it,
  /// and then keep its vectors as objects: so its methods are written into it.
  interface Window {
    Map<DType, Window> MADE = new ConcurrentHashMap<>();

    static Window of(DType dtype) {
      return MADE.computeIfAbsent(dtype, Window::make);
    }

    private static Window make(DType dtype) {
      Class<?> lanes = dtype == DType.BFLOAT16 ? BFloat16Lanes.class : FloatLanes.class;
      return Inliner.specialize(MethodHandles.lookup(), Window.class, Channels.class, List.of(lanes, MaxPoolLanes.class),
          Map.of("loaded", "load", "stored", "store"), dtype);
    }

    /// @param corner the place of the first tap
    /// @param places where the window's places go, or 0
    void run(long from, int height, int width, int corner, Steps steps, long values, long places);
  }

  /// A vector of channels at a time, copied for each dtype with its loads and stores.
  private static final class Channels implements Window {
    @Override
    public void run(long from, int height, int width, int corner, Steps steps, long values, long places) {
      for (int p = 0; p < steps.channels(); p += F.length()) {
        long c = Math.min(p, steps.channels() - F.length()); // the last vector may redo some channels
        FloatVector most = FloatVector.broadcast(F, Float.NEGATIVE_INFINITY);
        IntVector place = IntVector.broadcast(I, corner);
        for (int k = 0; k < height; k++) {
          for (int j = 0; j < width; j++) {
            FloatVector value = loaded(from + c * steps.element() + k * steps.down() + j * steps.across());
            VectorMask<Float> better = better(value, most);
            most = most.blend(value, better);
            place = place.blend(corner + k * steps.placesDown() + j * steps.placesAcross(), better.cast(I));
          }
        }
        stored(most, values + c * steps.element());
        if (places != 0) {
          store(place, places + c * Long.BYTES);
        }
      }
    }

    private static FloatVector loaded(long from) {
      throw new AssertionError("[max pool] the template has no load");
    }

    private static void stored(FloatVector x, long to) {
      throw new AssertionError("[max pool] the template has no store");
    }
  }

  private static VectorMask<Float> better(FloatVector value, FloatVector most) {
    return value.compare(VectorOperators.GT, most).or(value.compare(VectorOperators.NE, value));
  }

  /// Writes places as int64.
  private static void store(IntVector places, long to) {
    places.convert(VectorOperators.I2L, 0).intoMemorySegment(ALL, to, ByteOrder.LITTLE_ENDIAN);
    places.convert(VectorOperators.I2L, 1).intoMemorySegment(ALL, to + I.vectorByteSize(), ByteOrder.LITTLE_ENDIAN);
  }

  /// A row of windows in float32: of those with many elements, the largest of each column first.
  static final class Single {
    /// Elements of a window that are not many.
    private static final int FEW = 9;

    private final Lines out;
    private final @Nullable Lines indices;
    private final int width;
    private final SlidingRows rows;
    private final boolean byColumns;
    private final float[] best;
    private final int[] where;
    private final float[] bestOfColumn;
    private final int[] whereInColumn;

    Single(Lines out, @Nullable Lines indices, Lines x, PoolSpec spec) {
      this.out = out;
      this.indices = indices;
      this.width = x.width;
      this.rows = new SlidingRows(x, spec, out.width, Float.NEGATIVE_INFINITY);
      this.byColumns = spec.kernelH() * spec.kernelW() > FEW;
      int length = Math.max(rows.starts, out.length()) + F.length();
      this.best = new float[length];
      this.where = new int[length];
      int columns = byColumns ? rows.columns() * rows.pixel + F.length() : 0;
      this.bestOfColumn = new float[columns];
      this.whereInColumn = new int[columns];
    }

    void run(int group, int row) {
      rows.moveTo(group, row);
      int stride = rows.spec.strideW();
      int pixel = rows.pixel;
      int kernel = rows.spec.kernelW();
      if (byColumns) {
        for (int i = 0; i < (pixel == 1 ? 1 : rows.columns()); i++) {
          down(i, pixel == 1 ? rows.columns() : pixel, 1, bestOfColumn, whereInColumn, i);
        }
      }
      for (int i = 0; i < (pixel == 1 ? 1 : out.width); i++) {
        int n = pixel == 1 ? rows.starts : pixel;
        if (byColumns) {
          across(i * stride * pixel, n, i * pixel);
        } else {
          down(i * stride, n, kernel, best, where, i);
        }
      }
      if (pixel == 1) {
        for (int i = 1; i < out.width; i++) {
          best[i] = best[i * stride];
          where[i] = where[i * stride];
        }
      }
      Runs.store(out.dtype, out.address(group, row), out.step, best, 0, out.length());
      if (indices != null) {
        storePlaces(indices.address(group, row), indices.step);
      }
    }

    private void storePlaces(long at, long step) {
      int i = 0;
      if (step == Long.BYTES) {
        for (; i <= out.length() - I.length(); i += I.length()) {
          store(IntVector.fromArray(I, where, i), at + (long) i * Long.BYTES);
        }
      }
      for (; i < out.length(); i++) {
        ALL.set(LONG, at + i * step, where[i]);
      }
    }

    /// The largest of n windows that are `kernel` columns wide, the first of which begin at `column`: the following columns, or where a pixel has
    /// several channels those. They go to number `to` of columns.
    private void down(int column, int n, int kernel, float[] best, int[] where, int to) {
      int pixel = rows.pixel;
      int dilation = rows.spec.dilationW();
      int reach = dilation * pixel;
      int below = rows.spec.dilationH() * width;
      IntVector columns = (pixel == 1 ? IOTA : IntVector.zero(I)).add(column - rows.spec.padW());
      int advance = pixel == 1 ? F.length() : 0;
      for (int p = 0; p < n; p += F.length()) {
        FloatVector most = FloatVector.broadcast(F, Float.NEGATIVE_INFINITY);
        IntVector place = inside(columns).add(rows.first() * width);
        IntVector here = columns.add(rows.first() * width);
        for (int k = 0; k < rows.count(); k++) {
          float[] line = rows.line(k);
          IntVector there = here;
          for (int j = 0; j < kernel; j++) {
            FloatVector value = FloatVector.fromArray(F, line, column * pixel + p + j * reach);
            VectorMask<Float> better = better(value, most);
            most = most.blend(value, better);
            place = place.blend(there, better.cast(I));
            there = there.add(dilation);
          }
          here = here.add(below);
        }
        most.intoArray(best, to * pixel + p);
        place.intoArray(where, to * pixel + p);
        columns = columns.add(advance);
      }
    }

    /// The same of windows that begin at `from`, by their columns. Of equals that in the first place counts, of several NaN that in the last.
    private void across(int from, int n, int to) {
      int reach = rows.spec.dilationW() * rows.pixel;
      for (int p = 0; p < n; p += F.length()) {
        FloatVector most = FloatVector.fromArray(F, bestOfColumn, from + p);
        IntVector place = IntVector.fromArray(I, whereInColumn, from + p);
        for (int j = 1; j < rows.spec.kernelW(); j++) {
          FloatVector value = FloatVector.fromArray(F, bestOfColumn, from + p + j * reach);
          IntVector there = IntVector.fromArray(I, whereInColumn, from + p + j * reach);
          VectorMask<Float> equal = value.compare(VectorOperators.EQ, most).and(there.compare(VectorOperators.LT, place).cast(F));
          VectorMask<Float> later = most.compare(VectorOperators.EQ, most).or(there.compare(VectorOperators.GT, place).cast(F));
          VectorMask<Float> better = value.compare(VectorOperators.GT, most).or(equal)
              .or(value.compare(VectorOperators.NE, value).and(later));
          most = most.blend(value, better);
          place = place.blend(there, better.cast(I));
        }
        most.intoArray(best, to + p);
        place.intoArray(where, to + p);
      }
    }

    /// The first columns of windows that lie in the image, given where the windows begin: the place that stays where
    /// nothing is greater than −∞.
    private IntVector inside(IntVector columns) {
      IntVector inside = columns;
      for (int left = -rows.spec.padW(); left < 0; left += rows.spec.dilationW()) {
        inside = inside.add(rows.spec.dilationW(), inside.compare(VectorOperators.LT, 0));
      }
      return inside;
    }
  }
}
