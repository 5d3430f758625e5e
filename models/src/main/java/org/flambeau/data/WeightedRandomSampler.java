package org.flambeau.data;

import java.util.Arrays;
import java.util.PrimitiveIterator;
import java.util.stream.DoubleStream;
import org.flambeau.DType;
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
        return replacement && draws > 1 ? independent(source) : different(source);
      }
    });
  }

  /// Where uniform numbers fall among the weights' running sums.
  private long[] independent(Generator source) {
    double[] sums = new double[weights.length];
    double total = 0;
    for (int i = 0; i < sums.length; i++) {
      sums[i] = total += weights[i];
    }
    for (int i = 0; i < sums.length - 1; i++) {
      sums[i] /= total;
    }
    sums[sums.length - 1] = 1;
    double[] uniform = Tensor.rand(source, DType.FLOAT64, draws).toDoubleArray();
    return DoubleStream.of(uniform).mapToLong(u -> firstNotBelow(sums, u)).toArray();
  }

  private static int firstNotBelow(double[] ascending, double value) {
    int from = 0;
    int to = ascending.length;
    while (from < to) {
      int middle = (from + to) >>> 1;
      if (ascending[middle] < value) {
        from = middle + 1;
      } else {
        to = middle;
      }
    }
    return from;
  }

  /// The largest ratios of weights to exponential numbers: as if each were drawn from what the ones before have left.
  private long[] different(Generator source) {
    Tensor weight = Tensor.of(weights).to(source.device());
    return weight.div(weight.zerosLike().exponential_(1, source)).topk(draws).indices().toLongArray();
  }
}
