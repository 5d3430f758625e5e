package org.flambeau.backend.cpu;

import static org.flambeau.Reduction.MEAN;
import static org.flambeau.Reduction.NONE;
import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.DOUBLE;
import static org.flambeau.spi.NativeMemory.LONG;

import java.lang.invoke.MethodHandles;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// The negative log-likelihood of targets, both ways. What they name is read tile by tile, each element once; the tiles' sums are added in double, in their
/// order.
final class NllLoss {
  private static final int TILE = Scratch.TILE;
  private static final @Nullable Reader[] READERS = new Reader[DType.values().length];
  private static final @Nullable Writer[] WRITERS = new Writer[DType.values().length];

  private NllLoss() {}

  /// What a target may name.
  ///
  /// @param step in bytes from the number of one class to that of the next
  /// @param weights of the classes, as doubles, or 0
  /// @param ignored the target of places that do not count
  record Classes(long count, long step, long weights, long ignored) {}

  interface Reader {
    /// Sets the tile `losses` to −weight·x of the classes that `n` targets name, and the tile `counts` to their weights; both to 0 where a target is
    /// ignored. Steps are in bytes.
    void read(Classes classes, long losses, long counts, long x, long xStep, long targets, long targetStep, int n);
  }

  interface Writer {
    /// Sets `x` to −weight·grad/total at the classes that `n` targets name, unless these are ignored. Steps are in bytes.
    void write(Classes classes, long x, long xStep, long grads, long gradStep, double total, long targets, long targetStep, int n);
  }

  /// As [org.flambeau.spi.Kernels#nllLoss]; x may have another dtype than `out`.
  static void forward(org.flambeau.Reduction reduction, Strided out, Strided total, Strided x, Strided target, @Nullable Strided weight,
      long ignoreIndex) {
    IterationSpace space = new IterationSpace(3);
    space.begin(target);
    int at = classDimension(x);
    space.add(target, x.size(at) == 0 ? target : withoutClasses(x)); // without classes nothing of x is read
    if (reduction == NONE) {
      space.add(target, out);
    }
    space.collapse();
    int size = x.dtype().size();
    Reader reader = reader(x.dtype());
    Conversion conversion = Conversion.of(out.dtype());
    Reducer adding = Reduction.reducer(Compute.DOUBLE, Fold.SUM);
    long tiles = Math.ceilDiv(target.numel(), TILE);
    double[] losses = new double[Math.toIntExact(tiles)];
    double[] counts = new double[losses.length];
    try (Workspace workspace = new Workspace(CpuAllocator.SHARED)) {
      Classes classes = new Classes(x.size(at), x.stride(at) * size, weights(weight, workspace), ignoreIndex);
      CpuPool.SHARED.parallelFor(0, tiles, Elementwise.GRAIN / TILE, (begin, end) -> {
        long values = Scratch.current().tile(0);
        long given = Scratch.current().tile(1);
        long last = Math.min(end * TILE, target.numel());
        int n;
        for (long place = begin * TILE; place < last; place += n) {
          n = (int) Math.min(Math.min(TILE - place % TILE, last - place), space.size(0) - place % space.size(0));
          reader.read(classes, values, given, x.address() + space.offset(1, place, 0), space.stride(1, 0),
              target.address() + space.offset(0, place, 0), space.stride(0, 0), n);
          if (reduction == NONE) {
            conversion.store(Compute.DOUBLE, values, out.address() + space.offset(2, place, 0), space.stride(2, 0), n);
          }
          int tile = (int) (place / TILE);
          losses[tile] += Double.longBitsToDouble(adding.row(values, n, 0));
          counts[tile] += Double.longBitsToDouble(adding.row(given, n, 0));
        }
      });
    }
    double counted = sum(counts);
    put(total, counted);
    if (reduction != NONE) {
      double loss = sum(losses);
      put(out, reduction == MEAN ? loss / counted : loss);
    }
  }

  /// As [org.flambeau.spi.Kernels#nllLossBackward].
  static void backward(Strided gradX, Strided grad, @Nullable Strided total, Strided target, @Nullable Strided weight, long ignoreIndex) {
    Copy.fill(gradX, Strided.contiguous(new Storage(Device.CPU, new byte[Double.BYTES]), gradX.dtype(), new long[0]));
    if (gradX.numel() == 0) {
      return;
    }
    IterationSpace space = new IterationSpace(3);
    space.begin(target);
    space.add(target, withoutClasses(gradX));
    space.add(target, grad);
    space.collapse();
    int at = classDimension(gradX);
    Writer writer = writer(gradX.dtype());
    double divisor = total == null ? 1 : Element.of(total.dtype()).getDouble(total.address());
    try (Workspace workspace = new Workspace(CpuAllocator.SHARED)) {
      Classes classes = new Classes(gradX.size(at), gradX.stride(at) * gradX.dtype().size(), weights(weight, workspace), ignoreIndex);
      CpuPool.SHARED.parallelFor(0, target.numel(), Elementwise.GRAIN, (begin, end) -> {
        int n;
        for (long place = begin; place < end; place += n) {
          n = (int) Math.min(end - place, space.size(0) - place % space.size(0));
          writer.write(classes, gradX.address() + space.offset(1, place, 0), space.stride(1, 0),
              grad.address() + space.offset(2, place, 0), space.stride(2, 0), divisor,
              target.address() + space.offset(0, place, 0), space.stride(0, 0), n);
        }
      });
    }
  }

  /// Their address as doubles, or 0.
  private static long weights(@Nullable Strided weight, Workspace workspace) {
    if (weight == null) {
      return 0;
    }
    long weights = workspace.take(8 * weight.numel());
    Conversion.of(weight.dtype()).load(Compute.DOUBLE, weight.address(), weight.stride(0) * weight.dtype().size(), weights,
        Math.toIntExact(weight.numel()));
    return weights;
  }

  private static int classDimension(Strided x) {
    return x.rank() == 1 ? 0 : 1;
  }

  /// As the targets lie: without the dimension of the classes, of which there are some.
  private static Strided withoutClasses(Strided x) {
    int rank = x.rank() - 1;
    long[] sizes = new long[rank];
    long[] strides = new long[rank];
    for (int d = 0; d < rank; d++) {
      int from = d < classDimension(x) ? d : d + 1;
      sizes[d] = x.size(from);
      strides[d] = x.stride(from);
    }
    return x.with(x.offset(), sizes, strides);
  }

  private static double sum(double[] parts) {
    double sum = 0;
    for (double part : parts) {
      sum += part;
    }
    return sum;
  }

  private static void put(Strided out, double value) {
    long tile = Scratch.current().tile(0);
    ALL.set(DOUBLE, tile, value);
    Conversion.of(out.dtype()).store(Compute.DOUBLE, tile, out.address(), 0, 1);
  }

  private static synchronized Reader reader(DType dtype) {
    Reader reader = READERS[dtype.ordinal()];
    if (reader == null) {
      reader = Specialization.of(MethodHandles.lookup(), Reader.class, Gathering.class, Element.of(dtype));
      READERS[dtype.ordinal()] = reader;
    }
    return reader;
  }

  private static synchronized Writer writer(DType dtype) {
    Writer writer = WRITERS[dtype.ordinal()];
    if (writer == null) {
      writer = Specialization.of(MethodHandles.lookup(), Writer.class, Scattering.class, Element.of(dtype));
      WRITERS[dtype.ordinal()] = writer;
    }
    return writer;
  }

  /// The loop, copied for each dtype.
  static final class Gathering implements Reader {
    private static final Element ELEMENT = Specialization.data(MethodHandles.lookup(), Element.class);

    @Override
    public void read(Classes classes, long losses, long counts, long x, long xStep, long targets, long targetStep, int n) {
      long count = classes.count();
      long step = classes.step();
      long weights = classes.weights();
      long ignored = classes.ignored();
      for (int i = 0; i < n; i++) {
        long target = ALL.get(LONG, targets + i * targetStep);
        double weight = 0;
        double loss = 0;
        if (target != ignored) {
          check(target, count);
          weight = weights == 0 ? 1 : ALL.get(DOUBLE, weights + 8 * target);
          loss = -weight * ELEMENT.getDouble(x + i * xStep + target * step);
        }
        ALL.set(DOUBLE, losses + 8L * i, loss);
        ALL.set(DOUBLE, counts + 8L * i, weight);
      }
    }
  }

  /// The loop of the gradient, copied for each dtype.
  static final class Scattering implements Writer {
    private static final Element ELEMENT = Specialization.data(MethodHandles.lookup(), Element.class);

    @Override
    public void write(Classes classes, long x, long xStep, long grads, long gradStep, double total, long targets, long targetStep, int n) {
      long count = classes.count();
      long step = classes.step();
      long weights = classes.weights();
      long ignored = classes.ignored();
      for (int i = 0; i < n; i++) {
        long target = ALL.get(LONG, targets + i * targetStep);
        if (target != ignored) {
          check(target, count);
          double weight = weights == 0 ? 1 : ALL.get(DOUBLE, weights + 8 * target);
          ELEMENT.setDouble(x + i * xStep + target * step, -weight * ELEMENT.getDouble(grads + i * gradStep) / total);
        }
      }
    }
  }

  static void check(long target, long count) {
    if (target < 0 || target >= count) {
      throw new IndexOutOfBoundsException("Target " + target + " is out of bounds.");
    }
  }
}
