package org.flambeau.data;

import java.util.PrimitiveIterator;
import java.util.stream.LongStream;
import org.flambeau.Device;
import org.flambeau.Generator;
import org.jspecify.annotations.Nullable;

/// Given indices in a random order: the one of `torch.utils.data.SubsetRandomSampler` from the same state of the same generator, the CPU's
/// default one unless another is given.
public final class SubsetRandomSampler implements Sampler {
  private final long[] indices;
  private final @Nullable Generator generator;

  private SubsetRandomSampler(long[] indices, @Nullable Generator generator) {
    this.indices = indices;
    this.generator = generator;
  }

  /// Each of `indices` once.
  public static SubsetRandomSampler of(long... indices) {
    return new SubsetRandomSampler(indices.clone(), null);
  }

  /// The same, from a generator.
  public SubsetRandomSampler generator(@Nullable Generator generator) {
    return new SubsetRandomSampler(indices, generator);
  }

  @Override
  public long size() {
    return indices.length;
  }

  @Override
  public PrimitiveIterator.OfLong iterator() {
    return RandomSampler.whenAsked(() -> {
      Generator source = generator != null ? generator : Generator.defaultOf(Device.CPU);
      return LongStream.of(RandomSampler.permutation(indices.length, source)).map(i -> indices[(int) i]).toArray();
    });
  }
}
