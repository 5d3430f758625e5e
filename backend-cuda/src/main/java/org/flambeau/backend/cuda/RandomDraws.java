package org.flambeau.backend.cuda;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.DOUBLE;
import static org.flambeau.spi.NativeMemory.LONG;

import java.util.function.Supplier;
import org.flambeau.DType;
import org.flambeau.spi.Distribution;
import org.flambeau.spi.RandomSource;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;

/// Random numbers: `random.cu`, which draws those that PyTorch draws on a GPU of as many multiprocessors from the same state, and moves the
/// generator on as PyTorch does.
///
/// Which number an element gets depends on its place in the order of memory and on how many threads fill the GPU, as in PyTorch's
/// `distribution_elementwise_grid_stride_kernel`. Uniform and normal float32 numbers that PyTorch printed on GPUs are in the tests. To be
/// verified on a GPU: tensors that take more than one call of each thread's generator, other dtypes, exponential, whole and Bernoulli
/// numbers, permutations, and the last bits, since `__sincosf` and `__logf` round in their own way. PyTorch's dropout is a kernel of its
/// own, which draws in another order than the Bernoulli numbers that ours is made of.
final class RandomDraws {
  private static final String SOURCE = "random.cu";
  /// Bytes of the structures in random.cu and philox.cuh.
  private static final int GENERATOR = 24;
  private static final int PARAMETERS = 32;
  private static final int DENSE = 8;
  private static final int SCATTERED = (DENSE + Space.STEPS + Space.SPACE + 7) / 8 * 8;

  /// From this range on, whole numbers take 64 random bits rather than 32.
  private static final long WIDE_RANGE = 1L << 28;
  /// What PyTorch sets aside for Bernoulli numbers of given probabilities, which take four.
  private static final int BERNOULLI_WORDS = 10;
  private static final int BERNOULLI_EACH = 4;

  /// The functors in random.cu, and how many numbers each makes of four words.
  private enum Functor {
    UNIFORM, NORMAL, EXPONENTIAL, BERNOULLI, INTEGER, WIDE_INTEGER, KEY;

    int count(DType dtype) {
      return switch (this) {
        case WIDE_INTEGER, KEY -> 2;
        case INTEGER -> 4;
        default -> dtype == DType.FLOAT64 ? 2 : 4;
      };
    }

    boolean isAsked(DType dtype) {
      return switch (this) {
        case UNIFORM, NORMAL, EXPONENTIAL -> dtype.isFloating();
        case BERNOULLI, INTEGER, WIDE_INTEGER -> true;
        case KEY -> dtype == DType.INT64;
      };
    }
  }

  /// How the elements lie, by the structures in random.cu.
  private enum Layout {
    DENSE("Dense"), SCATTERED("Scattered");

    private final String structure;

    Layout(String structure) {
      this.structure = structure;
    }

    String of(String type) {
      return structure + "<" + type + ">";
    }
  }

  /// As random.cu has it: what a distribution needs, each of them in its own way.
  private record Parameters(double a, double b, long from, long range) {
    void write(long at) {
      ALL.set(DOUBLE, at, a);
      ALL.set(DOUBLE, at + 8, b);
      ALL.set(LONG, at + 16, from);
      ALL.set(LONG, at + 24, range);
    }
  }

  /// [org.flambeau.spi.Kernels#sort].
  interface Sort {
    void sort(Strided values, Strided indices, Strided x, int dim, boolean descending);
  }

  private final Gpu gpu;
  private final Sort sort;
  private final KernelTable<Functor, DType> dense;
  private final KernelTable<Functor, DType> scattered;
  /// By the dtypes of the result and of the probabilities.
  private final KernelTable<DType, DType> denseBernoulli;
  private final KernelTable<DType, DType> scatteredBernoulli;
  private final Supplier<Kernel> shuffleTies;
  private final Supplier<Kernel> begin;

  RandomDraws(Gpu gpu, KernelLibrary library, Sort sort) {
    this.gpu = gpu;
    this.sort = sort;
    this.dense = table(library, Layout.DENSE);
    this.scattered = table(library, Layout.SCATTERED);
    this.denseBernoulli = bernoulli(library, Layout.DENSE);
    this.scatteredBernoulli = bernoulli(library, Layout.SCATTERED);
    this.shuffleTies = library.single(SOURCE, "shuffleTies<int64>");
    this.begin = library.single(SOURCE, "begin");
  }

  private static KernelTable<Functor, DType> table(KernelLibrary library, Layout layout) {
    return new KernelTable<>(library, SOURCE, Functor.class, DType.class, Functor::isAsked, (functor, dtype) -> {
      String type = Elementwise.type(dtype);
      return "draw<" + functor + "<" + type + ">, " + layout.of(type) + ">";
    });
  }

  private static KernelTable<DType, DType> bernoulli(KernelLibrary library, Layout layout) {
    return new KernelTable<>(library, SOURCE, DType.class, DType.class, KernelTable::floating, (out, probability) -> "bernoulli<"
        + layout.of(Elementwise.type(out)) + ", " + layout.of("const " + Elementwise.type(probability)) + ">");
  }

  /// As [org.flambeau.spi.Kernels#random].
  void fill(Distribution distribution, Strided out, RandomSource source, double a, double b) {
    long from = (long) a;
    long range = (long) b - from;
    Functor functor = switch (distribution) {
      case UNIFORM -> Functor.UNIFORM;
      case NORMAL -> Functor.NORMAL;
      case EXPONENTIAL -> Functor.EXPONENTIAL;
      case BERNOULLI -> Functor.BERNOULLI;
      case INTEGER -> Long.compareUnsigned(range, WIDE_RANGE) < 0 ? Functor.INTEGER : Functor.WIDE_INTEGER;
    };
    draw(functor, out, (Philox) source, new Parameters(a, b, from, range));
  }

  /// In PyTorch, what 32 bits cannot index sets numbers aside as a whole, which nobody draws, and again by parts.
  private void draw(Functor functor, Strided out, Philox source, Parameters parameters) {
    if (out.numel() == 0) {
      return;
    }
    Space space = Space.of(out);
    int size = out.dtype().size();
    if (isIndexedBy32Bits(space, size)) {
      draw(functor, space, out, 0, source, parameters);
    } else {
      skip(source, words(functor, out.dtype(), space.numel()));
      space.forEachHalf(part -> isIndexedBy32Bits(part, size),
          (part, offsets) -> draw(functor, part, out, offsets[0], source, parameters));
    }
  }

  private static boolean isIndexedBy32Bits(Space space, int size) {
    return space.fitsOneLaunch() && (space.span(0) - 1) * size < Integer.MAX_VALUE;
  }

  private void draw(Functor functor, Space space, Strided out, long offset, Philox source, Parameters parameters) {
    boolean isDense = space.isDense(out);
    Kernel kernel = (isDense ? dense : scattered).get(functor, out.dtype());
    Launch launch = Launch.begin();
    writeLayout(launch, isDense, space, 0, out.address() + offset * out.dtype().size());
    launch.integer((int) space.numel());
    writeGenerator(launch, source, words(functor, out.dtype(), space.numel()));
    parameters.write(launch.structure(PARAMETERS, 8));
    launch.run(gpu, kernel, blocks(space.numel()), Gpu.BLOCK);
  }

  /// As PyTorch's `calc_execution_policy`: no more blocks than the GPU has in flight.
  private int blocks(long n) {
    int most = gpu.multiprocessors() * (gpu.threadsPerMultiprocessor() / Gpu.BLOCK);
    return (int) Math.min((n + Gpu.BLOCK - 1) / Gpu.BLOCK, most);
  }

  /// How many words of each thread's sequence n numbers take.
  private long words(Functor functor, DType dtype, long n) {
    long each = (long) Gpu.BLOCK * blocks(n) * functor.count(dtype);
    return ((n - 1) / each + 1) * Philox.WORDS;
  }

  private static void writeLayout(Launch launch, boolean isDense, Space space, int operand, long address) {
    long at = launch.structure(isDense ? DENSE : SCATTERED, 8);
    ALL.set(LONG, at, address);
    if (!isDense) {
      space.writeSteps(operand, at + DENSE);
      space.write(at + DENSE + Space.STEPS);
    }
  }

  /// Sets `words` of each thread's sequence aside and writes, as the structure `Generator`, where the kernel finds them.
  private void writeGenerator(Launch launch, Philox source, long words) {
    long at = launch.structure(GENERATOR, 8);
    Capture capture = gpu.capture();
    if (capture == null) {
      ALL.set(LONG, at, 0);
      source.reserve(words, at + 8);
    } else {
      GraphDraws draws = capture.draws(source, begin);
      ALL.set(LONG, at, draws.state());
      ALL.set(LONG, at + 16, draws.reserve(words));
    }
  }

  /// Sets `words` of each thread's sequence aside that nobody draws.
  private void skip(Philox source, long words) {
    Capture capture = gpu.capture();
    if (capture == null) {
      source.reserve(words);
    } else {
      capture.draws(source, begin).reserve(words);
    }
  }

  /// As [org.flambeau.spi.Kernels#bernoulli].
  void bernoulli(Strided out, Strided probability, RandomSource source) {
    if (out.numel() == 0) {
      return;
    }
    Space.of(out, probability).forEachPart((part, offsets) -> {
      boolean isDense = part.isDense(out, probability);
      Kernel kernel = (isDense ? denseBernoulli : scatteredBernoulli).get(out.dtype(), probability.dtype());
      Launch launch = Launch.begin();
      writeLayout(launch, isDense, part, 0, out.address() + offsets[0] * out.dtype().size());
      writeLayout(launch, isDense, part, 1, probability.address() + offsets[1] * probability.dtype().size());
      launch.integer((int) part.numel());
      writeGenerator(launch, (Philox) source, BERNOULLI_WORDS);
      gpu.complaints().writeTo(launch, "bernoulli");
      long each = (long) Gpu.BLOCK * BERNOULLI_EACH;
      launch.run(gpu, kernel, (int) ((part.numel() + each - 1) / each), Gpu.BLOCK);
    });
  }

  /// As [org.flambeau.spi.Kernels#permutation]: what sorting random keys makes of the order, and ties shuffled. The keys are as short as
  /// leaves no tie nine times in ten.
  void permutation(Strided out, RandomSource source) {
    long n = out.numel();
    if (n == 0) {
      return;
    }
    Philox philox = (Philox) source;
    int bits = keyBits(n);
    long mask = bits == Integer.SIZE || bits == Long.SIZE ? -1 : (1L << bits) - 1;
    long range = bits <= Integer.SIZE ? 0xffffffffL : -1;
    try (Workspace workspace = Workspace.of(gpu, 2 * n * Long.BYTES)) {
      var storage = new Storage(gpu.device(), workspace.address(), 2 * n * Long.BYTES);
      Strided keys = Strided.of(storage, DType.INT64, 0, new long[] {n}, new long[] {1});
      Strided sorted = Strided.of(storage, DType.INT64, n, new long[] {n}, new long[] {1});
      draw(Functor.KEY, keys, philox, new Parameters(0, 0, mask, range));
      sort.sort(sorted, out, keys, 0, false);
      shuffleTies(out, sorted, philox);
    }
  }

  /// Shuffles among themselves the values of neighbours whose keys are the same.
  void shuffleTies(Strided values, Strided keys, Philox source) {
    long n = values.numel();
    Launch launch = Launch.begin().word(values.address()).word(values.stride(0)).word(keys.address()).integer((int) n);
    writeGenerator(launch, source, n);
    launch.run(gpu, shuffleTies.get(), (int) ((n + Gpu.BLOCK - 1) / Gpu.BLOCK), Gpu.BLOCK);
  }

  private static int keyBits(long n) {
    double pairs = (6.0 * n * n + 1) / (12 * Math.log(0.9));
    return Math.min(Long.SIZE, (int) Math.ceil(Math.log(n - pairs) / Math.log(2)));
  }
}
