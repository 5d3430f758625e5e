package org.flambeau.data;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.flambeau.Generator;

/// Some samples of a dataset, in an order of their own.
final class Subset implements Dataset {
  private final Dataset whole;
  private final long[] indices;

  private Subset(Dataset whole, long[] indices) {
    this.whole = whole;
    this.indices = indices;
  }

  static Subset of(Dataset whole, long... indices) {
    for (long index : indices) {
      Objects.checkIndex(index, whole.size());
    }
    return new Subset(whole, indices.clone());
  }

  static List<Dataset> split(Dataset whole, Generator generator, long... lengths) {
    long sum = 0;
    for (long length : lengths) {
      if (length < 0) {
        throw new IllegalArgumentException("[randomSplit] a length must not be negative, got " + Arrays.toString(lengths));
      }
      sum += length;
    }
    if (sum != whole.size()) {
      throw new IllegalArgumentException("[randomSplit] Sum of input lengths does not equal the length of the input dataset! "
          + Arrays.toString(lengths) + " add up to " + sum + ", the dataset has " + whole.size());
    }
    long[] order = RandomSampler.permutation(whole.size(), generator);
    List<Dataset> parts = new ArrayList<>();
    int from = 0;
    for (long length : lengths) {
      int to = from + (int) length;
      parts.add(new Subset(whole, Arrays.copyOfRange(order, from, to)));
      from = to;
    }
    return parts;
  }

  static long[] lengths(long size, double... fractions) {
    double sum = Arrays.stream(fractions).sum();
    if (Math.abs(sum - 1) > 1e-9 || Arrays.stream(fractions).anyMatch(f -> !(f >= 0 && f <= 1))) {
      throw new IllegalArgumentException(
          "[randomSplit] expected fractions between 0 and 1 that add up to 1, got " + Arrays.toString(fractions));
    }
    long[] lengths = Arrays.stream(fractions).mapToLong(f -> (long) (size * f)).toArray();
    long left = size - Arrays.stream(lengths).sum();
    for (int i = 0; i < left; i++) {
      lengths[i % lengths.length]++;
    }
    return lengths;
  }

  @Override
  public long size() {
    return indices.length;
  }

  @Override
  public Sample get(long index, Generator random) {
    return whole.get(indices[(int) Objects.checkIndex(index, (long) indices.length)], random);
  }
}
