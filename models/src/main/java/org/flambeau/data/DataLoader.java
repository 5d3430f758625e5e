package org.flambeau.data;

import java.util.List;
import java.util.function.Function;
import org.flambeau.Device;
import org.flambeau.Generator;
import org.jspecify.annotations.Nullable;

/// Reads a dataset in batches, on threads of its own if asked.
///
/// ```java
/// var loader = DataLoader.of(dataset).batchSize(32).shuffle(true).workers(2);
/// for (var batch : loader) {
///   train(batch.input(), batch.target());
/// }
/// ```
///
/// A loader is immutable: each setting returns another loader. Each iteration is one epoch.
///
/// **Order.** The batches are those of `torch.utils.data.DataLoader` from the same state of the same generator, which moves on
/// as PyTorch's does: an epoch draws a seed, then the sampler's order.
///
/// **Random transforms.** Sample number p of an epoch draws from a generator of its own that starts from a hash of the epoch's
/// seed and p. So an epoch is the same whatever the number of workers; it is not PyTorch's, which depends on that number.
///
/// **Memory.** A [Batch] lives until the loop moves on. With workers, `prefetch` batches are ready or in the making.
///
/// **Errors** of a worker are thrown where the batch is asked for, as a [DataException] that names the sample.
public final class DataLoader implements Iterable<Batch> {
  private final Dataset dataset;
  private final int batchSize;
  private final boolean shuffle;
  private final boolean dropLast;
  private final int workers;
  private final int prefetch;
  private final @Nullable Sampler sampler;
  private final @Nullable Generator generator;
  private final @Nullable Function<List<Sample>, Batch> collate;

  private DataLoader(Dataset dataset, int batchSize, boolean shuffle, boolean dropLast, int workers, int prefetch,
      @Nullable Sampler sampler, @Nullable Generator generator, @Nullable Function<List<Sample>, Batch> collate) {
    this.dataset = dataset;
    this.batchSize = batchSize;
    this.shuffle = shuffle;
    this.dropLast = dropLast;
    this.workers = workers;
    this.prefetch = prefetch;
    this.sampler = sampler;
    this.generator = generator;
    this.collate = collate;
  }

  /// A loader of single samples, in order, on the thread that asks for them.
  public static DataLoader of(Dataset dataset) {
    return new DataLoader(dataset, 1, false, false, 0, 0, null, null, null);
  }

  /// How many samples a batch has.
  public DataLoader batchSize(int batchSize) {
    require(batchSize >= 1, "batch_size should be a positive integer value, but got batch_size=" + batchSize);
    return new DataLoader(dataset, batchSize, shuffle, dropLast, workers, prefetch, sampler, generator, collate);
  }

  /// Whether every epoch has a random order of its own: that of [RandomSampler].
  public DataLoader shuffle(boolean shuffle) {
    require(!shuffle || sampler == null, "sampler option is mutually exclusive with shuffle");
    return new DataLoader(dataset, batchSize, shuffle, dropLast, workers, prefetch, sampler, generator, collate);
  }

  /// The order in which samples are read.
  public DataLoader sampler(Sampler sampler) {
    require(!shuffle, "sampler option is mutually exclusive with shuffle");
    return new DataLoader(dataset, batchSize, false, dropLast, workers, prefetch, sampler, generator, collate);
  }

  /// Whether a last batch with fewer samples than the others is left out.
  public DataLoader dropLast(boolean dropLast) {
    return new DataLoader(dataset, batchSize, shuffle, dropLast, workers, prefetch, sampler, generator, collate);
  }

  /// How many threads load samples; with 0 it is the thread that asks for them.
  public DataLoader workers(int workers) {
    require(workers >= 0, "workers must not be negative, got " + workers);
    return new DataLoader(dataset, batchSize, shuffle, dropLast, workers, prefetch, sampler, generator, collate);
  }

  /// How many batches are made ahead of need with workers; two for each of them unless set.
  public DataLoader prefetch(int batches) {
    require(batches >= 1, "prefetch must be at least 1, got " + batches);
    return new DataLoader(dataset, batchSize, shuffle, dropLast, workers, batches, sampler, generator, collate);
  }

  /// Where an epoch's seed and order are drawn from; the CPU's default generator unless set.
  public DataLoader generator(Generator generator) {
    return new DataLoader(dataset, batchSize, shuffle, dropLast, workers, prefetch, sampler, generator, collate);
  }

  /// How samples become a batch, in the thread that loads them; unless set, inputs and targets, all of one size, are stacked.
  ///
  /// ```java
  /// loader.collate(samples -> {
  ///   long longest = samples.stream().mapToLong(sample -> sample.input().size(0)).max().orElse(0);
  ///   var padded = samples.stream().map(Sample::input).map(x -> Functional.pad(x, 0, longest - x.size(0))).toList();
  ///   return new Batch(Tensor.stack(padded), Tensor.stack(samples.stream().map(Sample::target).toList()));
  /// });
  /// ```
  public DataLoader collate(Function<List<Sample>, Batch> collate) {
    return new DataLoader(dataset, batchSize, shuffle, dropLast, workers, prefetch, sampler, generator, collate);
  }

  private static void require(boolean holds, String message) {
    if (!holds) {
      throw new IllegalArgumentException("[DataLoader] " + message);
    }
  }

  public Dataset dataset() {
    return dataset;
  }

  /// How many batches an epoch has.
  public long size() {
    return batches().size();
  }

  private BatchSampler batches() {
    Sampler order = sampler != null ? sampler
        : shuffle ? RandomSampler.of(dataset.size()).generator(generator)
        : new SequentialSampler(dataset.size());
    return new BatchSampler(order, batchSize, dropLast);
  }

  /// Starts an epoch. Who leaves it early closes it.
  @Override
  public BatchIterator iterator() {
    BatchSampler batches = batches();
    long seed = RandomSampler.seed(generator != null ? generator : Generator.defaultOf(Device.CPU));
    return new BatchIterator(dataset, collate, batches.iterator(), seed, workers, prefetch > 0 ? prefetch : 2 * workers);
  }
}
