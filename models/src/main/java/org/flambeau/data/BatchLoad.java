package org.flambeau.data;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.Function;
import org.flambeau.Device;
import org.flambeau.Generator;
import org.flambeau.GradMode;
import org.flambeau.MemoryScope;
import org.jspecify.annotations.Nullable;

/// The work of making one batch, on whichever thread.
///
/// Sample number p of an epoch draws from a generator that starts from a hash of the epoch's seed and p, so that what is
/// random about it depends on neither the thread nor the batch.
///
/// @param collate what makes a batch of the samples, or null where they are stacked
/// @param position the number of the first sample within the epoch
record BatchLoad(Dataset dataset, @Nullable Function<List<Sample>, Batch> collate, long[] indices, long seed,
    long position) implements Callable<BatchLoad.Loaded> {
  /// A batch, and the scope that owns its memory.
  record Loaded(Batch batch, MemoryScope memory) {
  }

  /// What went wrong with a sample, on its way to the thread that wants the batch.
  static final class SampleFailure extends Exception {
    private static final long serialVersionUID = 1;

    private SampleFailure(String what, Exception cause) {
      super("[DataLoader] " + what + ": " + (cause instanceof DataException ? cause.getMessage() : cause.toString()), cause);
    }
  }

  @Override
  public Loaded call() throws SampleFailure {
    try (var _ = GradMode.noGrad(); var _ = MemoryScope.open()) {
      Batch batch = collate == null ? stacked() : collated(collate);
      return new Loaded(batch, MemoryScope.holding(batch.input(), batch.target()));
    }
  }

  /// Each sample is gone as soon as it has been copied.
  private Batch stacked() throws SampleFailure {
    Generator random = Generator.create(Device.CPU);
    Collation inputs = null;
    Collation targets = null;
    for (int i = 0; i < indices.length; i++) {
      try (var scope = MemoryScope.open()) {
        Sample sample = sample(i, random);
        if (inputs == null || targets == null) {
          inputs = new Collation(indices.length, sample.input());
          targets = new Collation(indices.length, sample.target());
          scope.keep(inputs.whole());
          scope.keep(targets.whole());
        }
        inputs.put(i, sample.input());
        targets.put(i, sample.target());
      } catch (RuntimeException e) {
        throw new SampleFailure("sample " + indices[i], e);
      }
    }
    if (inputs == null || targets == null) {
      throw new IllegalStateException("[DataLoader] a batch without samples");
    }
    return new Batch(inputs.whole(), targets.whole());
  }

  private Batch collated(Function<List<Sample>, Batch> collate) throws SampleFailure {
    Generator random = Generator.create(Device.CPU);
    List<Sample> samples = new ArrayList<>();
    for (int i = 0; i < indices.length; i++) {
      try {
        samples.add(sample(i, random));
      } catch (RuntimeException e) {
        throw new SampleFailure("sample " + indices[i], e);
      }
    }
    try {
      Batch batch = collate.apply(samples);
      return new Batch(batch.input().clone(), batch.target().clone()); // it is freed with the loop's next step, what the dataset keeps is not
    } catch (RuntimeException e) {
      throw new SampleFailure("the batch of samples " + Arrays.toString(indices), e);
    }
  }

  private Sample sample(int i, Generator random) {
    return dataset.get(indices[i], random.manualSeed(mix(seed + position + i)));
  }

  /// The finalizer of SplitMix64: neighbouring numbers become unrelated ones.
  ///
  /// Reference: G. Steele, D. Lea, C. Flood, *Fast splittable pseudorandom number generators* (2014).
  private static long mix(long z) {
    z = (z ^ z >>> 30) * 0xbf58476d1ce4e5b9L;
    z = (z ^ z >>> 27) * 0x94d049bb133111ebL;
    return z ^ z >>> 31;
  }
}
