package org.flambeau.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.flambeau.ClosedTensorException;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.Generator;
import org.flambeau.MemoryScope;
import org.flambeau.MemoryStats;
import org.flambeau.Random;
import org.flambeau.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DataLoaderTest {
  /// Samples of eight random numbers each.
  private static Dataset noise(int n) {
    return dataset(n, (index, random) -> new Sample(Tensor.rand(random, DType.FLOAT32, 8), Tensor.scalar(index)));
  }

  private interface Reading {
    Sample get(long index, Generator random);
  }

  private static Dataset dataset(long size, Reading reading) {
    return new Dataset() {
      @Override
      public long size() {
        return size;
      }

      @Override
      public Sample get(long index, Generator random) {
        return reading.get(index, random);
      }
    };
  }

  private static List<float[]> epoch(DataLoader loader) {
    List<float[]> read = new ArrayList<>();
    for (Batch batch : loader) {
      read.add(batch.input().toFloatArray());
    }
    return read;
  }

  @Test
  void anEpochIsTheSameWhateverTheNumberOfWorkersAndTheNextOneDiffers() {
    DataLoader loader = DataLoader.of(noise(37)).batchSize(5).shuffle(true);
    Random.manualSeed(3);
    List<float[]> first = epoch(loader);
    List<float[]> second = epoch(loader);
    for (int workers : new int[] {1, 4}) {
      Random.manualSeed(3);
      assertArrayEquals(first.toArray(), epoch(loader.workers(workers)).toArray());
      assertArrayEquals(second.toArray(), epoch(loader.workers(workers).prefetch(1)).toArray());
    }
    assertFalse(first.get(0)[0] == second.get(0)[0]);
    assertEquals(8, first.size());
    assertEquals(2 * 8, first.get(7).length);
  }

  @Test
  void noTwoSamplesOfAnEpochDrawTheSame() {
    for (int workers : new int[] {0, 2}) {
      List<Float> drawn = new ArrayList<>();
      epoch(DataLoader.of(noise(12)).batchSize(3).workers(workers)).forEach(batch -> {
        for (float value : batch) {
          drawn.add(value);
        }
      });
      assertEquals(12 * 8, drawn.size());
      assertTrue(drawn.stream().distinct().count() > 12 * 7, drawn::toString);
    }
  }

  /// Rows of 1 to 4 elements become as long as the longest of their batch.
  @ParameterizedTest
  @ValueSource(ints = {0, 2})
  void samplesBecomeABatchAsTheLoaderIsTold(int workers) {
    Dataset ragged = dataset(10, (index, _) -> new Sample(Tensor.ones(index % 4 + 1), Tensor.scalar(index)));
    DataLoader loader = DataLoader.of(ragged).batchSize(4).workers(workers).collate(samples -> {
      Tensor rows = Tensor.zeros(samples.size(), samples.stream().mapToLong(sample -> sample.input().size(0)).max().orElse(0));
      for (int i = 0; i < samples.size(); i++) {
        Tensor row = samples.get(i).input();
        rows.select(0, i).narrow(0, 0, row.size(0)).copy_(row);
      }
      return new Batch(rows, Tensor.stack(samples.stream().map(Sample::target).toList()));
    });
    assertArrayEquals(new float[][] {{1, 0, 0, 0, 1, 1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 1}, {1, 0, 0, 0, 1, 1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 1},
      {1, 0, 1, 1}}, epoch(loader).toArray());
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 2})
  void whatMakesABatchMayHandOnWhatTheDatasetKeeps(int workers) {
    Tensor kept = Tensor.ones(5000);
    Dataset one = dataset(2, (_, _) -> new Sample(kept, kept));
    DataLoader loader = DataLoader.of(one).workers(workers).collate(samples -> new Batch(samples.get(0).input(), samples.get(0).target()));
    for (int epoch = 0; epoch < 2; epoch++) {
      assertEquals(2, epoch(loader).size());
    }
    assertEquals(5000, kept.sum().toDouble());
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 2})
  void whoCannotMakeABatchIsToldOfWhichSamples(int workers) {
    DataLoader loader = DataLoader.of(noise(5)).batchSize(2).workers(workers).collate(_ -> {
      throw new IllegalStateException("too ragged");
    });
    var thrown = assertThrows(DataException.class, () -> epoch(loader));
    assertEquals("[DataLoader] the batch of samples [0, 1]: java.lang.IllegalStateException: too ragged", thrown.getMessage());
  }

  @Test
  void samplesAreStackedAlongANewFirstDimension() {
    Dataset dataset = TensorDataset.of(Tensor.arange(12).reshape(6, 2), Tensor.of(0.5f, 1.5f, 2.5f, 3.5f, 4.5f, 5.5f));
    try (BatchIterator batches = DataLoader.of(dataset).batchSize(4).iterator()) {
      assertEquals("tensor([[0, 1],\n        [2, 3],\n        [4, 5],\n        [6, 7]])", batches.next().input().toString());
      Batch last = batches.next();
      assertEquals("tensor([[ 8,  9],\n        [10, 11]])", last.input().toString());
      assertEquals("tensor([4.5000, 5.5000])", last.target().toString());
      assertFalse(batches.hasNext());
    }
  }

  @Test
  void stridedSamplesAreStackedInRowMajorOrder() {
    Tensor columns = Tensor.arange(6).reshape(2, 3).t();
    Dataset dataset = dataset(2, (_, _) -> new Sample(columns, columns));
    try (BatchIterator batches = DataLoader.of(dataset).batchSize(2).iterator()) {
      assertArrayEquals(new long[] {0, 3, 1, 4, 2, 5, 0, 3, 1, 4, 2, 5}, batches.next().input().toLongArray());
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 2})
  void aBatchLivesUntilTheNextUnlessItIsKept(int workers) {
    List<Batch> seen = new ArrayList<>();
    for (Batch batch : DataLoader.of(large(3)).workers(workers)) {
      try (var _ = MemoryScope.open()) {
        seen.add(seen.isEmpty() ? batch.keep() : batch);
        assertEquals(seen.size() - 1, batch.input().mean().toDouble());
      }
    }
    assertEquals(0, seen.get(0).input().add(0).mean().toDouble());
    assertThrows(ClosedTensorException.class, () -> seen.get(1).input().add(1));
    assertThrows(ClosedTensorException.class, () -> seen.get(2).input().add(1));
  }

  /// Samples that do not rest in Java arrays, each full of its number.
  private static Dataset large(int n) {
    return dataset(n, (index, _) -> new Sample(Tensor.full(index, 64, 64), Tensor.scalar(index)));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 3})
  void memoryStaysBoundedAndIsGivenBack(int workers) {
    epoch(DataLoader.of(large(2)).workers(workers));
    System.gc();
    long before = MemoryStats.of(Device.CPU).current();
    long most = 0;
    for (Batch batch : DataLoader.of(large(400)).batchSize(4).workers(workers).prefetch(5)) {
      assertEquals(4, batch.size());
      most = Math.max(most, MemoryStats.of(Device.CPU).current() - before);
    }
    long batchBytes = 4 * 64 * 64 * 4;
    // the present one, those ahead, and a sample for each of those in the making
    assertTrue(most <= (1 + 5) * batchBytes + 3 * batchBytes / 4, () -> "too much memory in use");
    assertTrue(MemoryStats.of(Device.CPU).current() <= before);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 4})
  void anErrorNamesItsSampleAndEndsTheEpoch(int workers) {
    Dataset dataset = dataset(20, (index, _) -> {
      if (index == 13) {
        throw new DataException("cat.jpg: truncated");
      }
      return new Sample(Tensor.scalar(index), Tensor.scalar(index));
    });
    BatchIterator batches = DataLoader.of(dataset).batchSize(4).workers(workers).iterator();
    for (int i = 0; i < 3; i++) {
      batches.next();
    }
    DataException error = assertThrows(DataException.class, batches::next);
    assertEquals("[DataLoader] sample 13: cat.jpg: truncated", error.getMessage());
    assertInstanceOf(DataException.class, error.getCause());
    assertFalse(batches.hasNext());
    assertNoLoaderThreads();
  }

  @Test
  void anErrorOfTheProgramsOwnKeepsItsNameAndTrace() {
    Dataset dataset = dataset(1, (_, _) -> {
      throw new UnsupportedOperationException("no");
    });
    DataException error = assertThrows(DataException.class, () -> DataLoader.of(dataset).workers(1).iterator().next());
    assertEquals("[DataLoader] sample 0: java.lang.UnsupportedOperationException: no", error.getMessage());
    assertInstanceOf(UnsupportedOperationException.class, error.getCause());
  }

  @Test
  void aSeriousErrorOfAWorkerArrivesAsItself() {
    Dataset dataset = dataset(1, (_, _) -> {
      throw new StackOverflowError();
    });
    assertThrows(StackOverflowError.class, () -> DataLoader.of(dataset).workers(1).iterator().next());
    assertNoLoaderThreads();
  }

  @Test
  void samplesOfDifferentSizesAreRefused() {
    Dataset dataset = dataset(2, (index, _) -> new Sample(Tensor.ones(3, 2 + index), Tensor.scalar(0)));
    assertEquals(
        "[DataLoader] sample 1: java.lang.IllegalArgumentException: [collate] stack expects each tensor to be equal size and dtype, "
            + "but got float32 [3, 2] at entry 0 and float32 [3, 3] at entry 1",
        assertThrows(DataException.class, () -> DataLoader.of(dataset).batchSize(2).iterator().next()).getMessage());
  }

  @Test
  void leavingEarlyStopsTheWorkersAndFreesWhatTheyMade() {
    AtomicInteger read = new AtomicInteger();
    Dataset counted = dataset(1000, (index, random) -> {
      read.incrementAndGet();
      return large(1000).get(index, random);
    });
    long before = MemoryStats.of(Device.CPU).current();
    try (BatchIterator batches = DataLoader.of(counted).workers(4).prefetch(6).iterator()) {
      batches.next();
      batches.next();
    }
    assertNoLoaderThreads();
    assertTrue(MemoryStats.of(Device.CPU).current() <= before);
    assertTrue(read.get() <= 2 + 6, () -> read + " samples were read");
  }

  @Test
  void aLoaderThatIsLostStopsItsWorkersAndItsBatchLivesOn() throws InterruptedException {
    Batch batch = DataLoader.of(large(100)).workers(2).iterator().next();
    while (loaderThreads() > 0) {
      System.gc();
      Thread.sleep(5);
    }
    assertEquals(0, batch.input().sum().toDouble());
  }

  @Test
  void anInterruptionEndsTheWaitAndTheWorkers() throws InterruptedException {
    CountDownLatch never = new CountDownLatch(1);
    Dataset stuck = dataset(4, (index, _) -> {
      try {
        never.await();
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
      return new Sample(Tensor.scalar(index), Tensor.scalar(index));
    });
    Throwable[] thrown = new Throwable[1];
    boolean[] stillInterrupted = new boolean[1];
    Thread consumer = new Thread(() -> {
      try {
        DataLoader.of(stuck).workers(2).iterator().next();
      } catch (DataException e) {
        thrown[0] = e;
        stillInterrupted[0] = Thread.currentThread().isInterrupted();
      }
    });
    consumer.start();
    consumer.interrupt();
    consumer.join();
    assertEquals("[DataLoader] interrupted while waiting for a batch", thrown[0].getMessage());
    assertTrue(stillInterrupted[0]);
    while (loaderThreads() > 0) {
      Thread.sleep(5);
    }
  }

  @Test
  void aGraphOutlivesItsBatch() {
    Tensor weight = Tensor.ones(64, 64).requiresGrad_(true);
    Tensor loss = Tensor.scalar(0f);
    for (Batch batch : DataLoader.of(large(3)).workers(1)) {
      loss = loss.add(batch.input().mul(weight).sum());
    }
    loss.backward();
    assertEquals(0 + 1 + 2, Objects.requireNonNull(weight.grad()).max().toDouble());
  }

  @Test
  void impossibleSettingsAreRefused() {
    DataLoader loader = DataLoader.of(noise(4));
    assertEquals("[DataLoader] batch_size should be a positive integer value, but got batch_size=0",
        assertThrows(IllegalArgumentException.class, () -> loader.batchSize(0)).getMessage());
    assertEquals("[DataLoader] sampler option is mutually exclusive with shuffle",
        assertThrows(IllegalArgumentException.class, () -> loader.sampler(new SequentialSampler(4)).shuffle(true)).getMessage());
    assertThrows(IllegalArgumentException.class, () -> loader.workers(-1));
    assertThrows(IllegalArgumentException.class, () -> loader.prefetch(0));
    assertThrows(IllegalArgumentException.class, () -> TensorDataset.of(Tensor.ones(3), Tensor.ones(4)));
  }

  @Test
  void workersGoOnWhileABatchIsInUse() throws InterruptedException {
    CountDownLatch secondIsRead = new CountDownLatch(1);
    Dataset dataset = dataset(2, (index, _) -> {
      if (index == 1) {
        secondIsRead.countDown();
      }
      return new Sample(Tensor.scalar(index), Tensor.scalar(index));
    });
    try (BatchIterator batches = DataLoader.of(dataset).workers(1).prefetch(1).iterator()) {
      batches.next();
      secondIsRead.await(); // without another call of next()
    }
  }

  @Test
  void aSamplerOfOnesOwnDecidesTheOrder() {
    DataLoader loader = DataLoader.of(OrderTest.numbers(10)).batchSize(3).sampler(new SequentialSampler(5)).dropLast(true);
    assertEquals(1, loader.size());
    assertArrayEquals(new long[] {0, 1, 2}, loader.iterator().next().input().toLongArray());
    assertEquals(0, epoch(DataLoader.of(OrderTest.numbers(0))).size());
  }

  private static void assertNoLoaderThreads() {
    assertEquals(0, loaderThreads());
  }

  private static long loaderThreads() {
    return Thread.getAllStackTraces().keySet().stream().filter(thread -> thread.getName().startsWith("flambeau-loader")).count();
  }
}
