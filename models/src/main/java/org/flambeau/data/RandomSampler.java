package org.flambeau.data;

import java.util.Arrays;
import java.util.NoSuchElementException;
import java.util.PrimitiveIterator;
import java.util.function.Supplier;
import java.util.stream.LongStream;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.Generator;
import org.flambeau.MemoryScope;
import org.flambeau.Tensor;
import org.jspecify.annotations.Nullable;

/// A random order: the one of `torch.utils.data.RandomSampler` from the same state of the same generator.
///
/// Without a generator each epoch draws a seed from the CPU's default generator, and its order from that seed.
public final class RandomSampler implements Sampler {
  /// How many indices are drawn at once with replacement.
  private static final int DRAWS = 32;

  private final long population;
  private final long size;
  private final boolean replacement;
  private final @Nullable Generator generator;

  private RandomSampler(long population, long size, boolean replacement, @Nullable Generator generator) {
    if (population < 1 || size < 1) {
      throw new IllegalArgumentException("[RandomSampler] num_samples should be a positive integer value, but got num_samples="
          + Math.min(population, size) + ": is the dataset empty?");
    }
    this.population = population;
    this.size = size;
    this.replacement = replacement;
    this.generator = generator;
  }

  /// Every sample of a dataset of `size` once.
  public static RandomSampler of(long size) {
    return new RandomSampler(size, size, false, null);
  }

  /// `draws` samples of a dataset of `size`, each drawn from all of them.
  public static RandomSampler withReplacement(long size, long draws) {
    return new RandomSampler(size, draws, true, null);
  }

  /// The same, from a generator.
  public RandomSampler generator(@Nullable Generator generator) {
    return new RandomSampler(population, size, replacement, generator);
  }

  @Override
  public long size() {
    return size;
  }

  @Override
  public PrimitiveIterator.OfLong iterator() {
    return new Epoch();
  }

  /// 63 random bits: what `torch.empty((), dtype=torch.int64).random_()` draws.
  static long seed(Generator generator) {
    return Tensor.randint(generator, DType.INT64, Long.MIN_VALUE, 0).toLong() & Long.MAX_VALUE;
  }

  /// An epoch's order, drawn when its first index is asked for: of two epochs side by side, both begin before either draws.
  static PrimitiveIterator.OfLong whenAsked(Supplier<long[]> order) {
    return LongStream.of(0).flatMap(_ -> LongStream.of(order.get())).iterator();
  }

  static long[] permutation(long n, Generator generator) {
    try (var _ = MemoryScope.open()) {
      return Tensor.randperm(generator, n).toLongArray();
    }
  }

  /// Draws a block of indices when the one before is used up, and a last one that is not needed where PyTorch draws it, too. As with
  /// [#whenAsked], nothing is drawn before the first index is asked for.
  private final class Epoch implements PrimitiveIterator.OfLong {
    private @Nullable Generator drawn;
    private long[] block = {};
    private int next;
    private long blocks;

    @Override
    public boolean hasNext() {
      long length = replacement ? DRAWS : population;
      while (next == block.length && blocks <= size / length) {
        int used = (int) (blocks < size / length ? length : size % length);
        block = replacement ? draw(used) : Arrays.copyOf(permutation(population, source()), used);
        next = 0;
        blocks++;
      }
      return next < block.length;
    }

    private Generator source() {
      if (generator != null) {
        return generator;
      }
      if (drawn == null) {
        drawn = Generator.create(Device.CPU).manualSeed(seed(Generator.defaultOf(Device.CPU)));
      }
      return drawn;
    }

    private long[] draw(int n) {
      Generator generator = source();
      return Tensor.randint(generator, DType.INT64, 0, population, n).toLongArray();
    }

    @Override
    public long nextLong() {
      if (!hasNext()) {
        throw new NoSuchElementException();
      }
      return block[next++];
    }
  }
}
