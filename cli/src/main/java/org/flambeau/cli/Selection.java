package org.flambeau.cli;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.flambeau.Device;
import org.flambeau.Generator;
import org.flambeau.Tensor;
import org.flambeau.data.Dataset;
import org.flambeau.data.ImageDataset;
import org.flambeau.data.Sample;
import org.jspecify.annotations.Nullable;

/// Some images of a dataset, of some of its classes, which are numbered anew.
///
/// @param images of which dataset
/// @param indices which ones
/// @param classes the old numbers of the classes, by their new ones
record Selection(ImageDataset images, long[] indices, List<Integer> classes) implements Dataset {
  /// Images of the given classes in an order that `seed` decides, without those that come first among all classes.
  static Selection shuffled(ImageDataset images, List<Integer> classes, long seed, long skipped) {
    long[] order = Tensor.randperm(Generator.create(Device.CPU).manualSeed(seed), images.size()).toLongArray();
    return new Selection(images, order, classes).skip(skipped).ofClasses();
  }

  /// All images of the given classes, in their own order.
  static Selection all(ImageDataset images, List<Integer> classes) {
    long[] order = new long[Math.toIntExact(images.size())];
    Arrays.setAll(order, i -> i);
    return new Selection(images, order, classes).ofClasses();
  }

  private Selection ofClasses() {
    return with(Arrays.stream(indices).filter(index -> classes.contains(images.label(index))).toArray());
  }

  private Selection with(long[] chosen) {
    return new Selection(images, chosen, classes);
  }

  /// These images of another dataset, which holds the same through another transform.
  Selection of(ImageDataset same) {
    return new Selection(same, indices, classes);
  }

  /// Without the first `count`.
  Selection skip(long count) {
    return with(Arrays.stream(indices).skip(count).toArray());
  }

  /// The first `count` alone.
  Selection first(long count) {
    return with(Arrays.stream(indices).limit(count).toArray());
  }

  /// The first `count` of each class alone.
  ///
  /// @throws MisuseException where a class has fewer
  Selection perClass(int count) {
    Map<Integer, Integer> taken = new HashMap<>();
    long[] chosen = Arrays.stream(indices).filter(index -> taken.merge(images.label(index), 1, Integer::sum) <= count).toArray();
    for (int old : classes) {
      if (taken.getOrDefault(old, 0) < count) {
        throw new MisuseException(
            "class " + images.classes().get(old) + " has " + taken.getOrDefault(old, 0) + " images to choose from, fewer than "
                + count + ": lower --per-class");
      }
    }
    return with(chosen);
  }

  /// A class of which there is no image, or null.
  @Nullable String missingClass() {
    return classes.stream().filter(old -> Arrays.stream(indices).noneMatch(index -> images.label(index) == old)).map(images.classes()::get)
        .findFirst().orElse(null);
  }

  /// The names of the classes, by their new numbers.
  List<String> classNames() {
    return classes.stream().map(images.classes()::get).toList();
  }

  @Override
  public long size() {
    return indices.length;
  }

  @Override
  public Sample get(long index, Generator random) {
    long of = indices[Math.toIntExact(index)];
    return new Sample(images.get(of, random).input(), Tensor.scalar((long) classes.indexOf(images.label(of))));
  }
}
