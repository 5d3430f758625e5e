package org.flambeau.data;

import java.util.Arrays;
import java.util.PrimitiveIterator;
import java.util.stream.DoubleStream;
import org.flambeau.Device;
import org.flambeau.Generator;
import org.flambeau.MemoryScope;
import org.flambeau.Tensor;
import org.jspecify.annotations.Nullable;

/// Samples as often as their weights say, so that rare classes can be seen as often as common ones: the order of
/// `torch.utils.data.WeightedRandomSampler` from the same state of the same generator, the CPU's default one unless another is given.
public final class WeightedRandomSampler implements Sampler {
  private final double[] weights;
  private final int draws;
  private final boolean replacement;
  private final @Nullable Generator generator;

  private WeightedRandomSampler(double[] weights, int draws, boolean replacement, @Nullable Generator generator) {
    this.weights = weights;
    this.draws = draws;
    this.replacement = replacement;
    this.generator = generator;
  }

  /// `draws` samples of a dataset of as many as there are weights, each drawn from all of them. Weights need not add up to 1.
  public static WeightedRandomSampler of(double[] weights, int draws) {
    return checked(weights, draws, true);
  }

  /// `draws` different samples.
  public static WeightedRandomSampler withoutReplacement(double[] weights, int draws) {
    require(draws <= weights.length,
        "cannot sample num_samples=" + draws + " of " + weights.length + " weights without replacement: draw fewer, or with replacement");
    return checked(weights, draws, false);
  }

  private static WeightedRandomSampler checked(double[] weights, int draws, boolean replacement) {
    require(draws >= 1, "num_samples should be a positive integer value, but got num_samples=" + draws);
    for (double weight : weights) {
      require(weight >= 0 && weight < Double.POSITIVE_INFINITY, "expected weights that are finite and not negative, got " + weight);
    }
    require(DoubleStream.of(weights).anyMatch(weight -> weight > 0), "expected a weight above 0, got " + Arrays.toString(weights));
    return new WeightedRandomSampler(weights.clone(), draws, replacement, null);
  }

  private static void require(boolean holds, String message) {
    if (!holds) {
      throw new IllegalArgumentException("[WeightedRandomSampler] " + message);
    }
  }

  /// The same, from a generator.
  public WeightedRandomSampler generator(@Nullable Generator generator) {
    return new WeightedRandomSampler(weights, draws, replacement, generator);
  }

  @Override
  public long size() {
    return draws;
  }

  @Override
  public PrimitiveIterator.OfLong iterator() {
    return RandomSampler.whenAsked(() -> {
      Generator source = generator != null ? generator : Generator.defaultOf(Device.CPU);
      try (var _ = MemoryScope.open()) {
        return Tensor.of(weights).to(source.device()).multinomial(draws, replacement, source).toLongArray();
      }
    });
  }
}
