package org.flambeau.data;

import java.util.List;
import org.flambeau.Device;
import org.flambeau.Generator;

/// Samples by number. A [DataLoader] reads it from several threads at once.
///
/// ```java
/// record Squares(long size) implements Dataset {
///   public Sample get(long index, Generator random) {
///     return new Sample(Tensor.of((float) index), Tensor.of((float) index * index));
///   }
/// }
/// ```
public interface Dataset {
  /// How many samples it holds.
  long size();

  /// The sample at `index`, between 0 and [#size()] − 1. Whatever is random about it is drawn from `random`, so that a loader
  /// makes the same sample on whichever thread.
  Sample get(long index, Generator random);

  /// [#get(long, Generator)] with the CPU's default generator.
  default Sample get(long index) {
    return get(index, Generator.defaultOf(Device.CPU));
  }

  /// The samples at `indices`, in that order.
  ///
  /// @throws IndexOutOfBoundsException where one is not an index of this dataset
  default Dataset subset(long... indices) {
    return Subset.of(this, indices);
  }

  /// Parts of the given lengths that hold every sample once, in random order: those of `torch.utils.data.random_split` from
  /// the CPU's default generator.
  default List<Dataset> randomSplit(long... lengths) {
    return randomSplit(Generator.defaultOf(Device.CPU), lengths);
  }

  /// [#randomSplit(long...)], from a generator.
  ///
  /// @throws IllegalArgumentException where the lengths do not add up to [#size()]
  default List<Dataset> randomSplit(Generator generator, long... lengths) {
    return Subset.split(this, generator, lengths);
  }

  /// Parts of the given fractions of the dataset, rounded down; what is left over goes round, one sample each.
  ///
  /// @throws IllegalArgumentException where the fractions do not add up to 1
  default List<Dataset> randomSplit(Generator generator, double... fractions) {
    return Subset.split(this, generator, Subset.lengths(size(), fractions));
  }
}
