package org.flambeau.models;

import java.util.Locale;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.Generator;
import org.flambeau.GradMode;
import org.flambeau.MemoryScope;
import org.flambeau.MemoryStats;
import org.flambeau.Tensor;
import org.flambeau.data.Batch;
import org.flambeau.data.DataLoader;
import org.flambeau.data.Dataset;
import org.flambeau.data.Sample;
import org.flambeau.nn.BatchNorm2d;
import org.flambeau.nn.Conv2d;
import org.flambeau.nn.ConvOptions;
import org.flambeau.nn.Flatten;
import org.flambeau.nn.Functional;
import org.flambeau.nn.Linear;
import org.flambeau.nn.MaxPool2d;
import org.flambeau.nn.Module;
import org.flambeau.nn.ReLU;
import org.flambeau.nn.Sequential;
import org.flambeau.nn.optim.Adam;
import org.flambeau.nn.optim.Optimizer;
import org.flambeau.testkit.memory.SoakProcess;

/// Trains for thousands of steps with a loader's workers, evaluates between, breaks epochs off, and looks at what memory and which threads are
/// left. Meant for a process of its own, with a Java heap of fixed size that was touched at the start. Exit status 0 where all came back; that it
/// ends at all shows that no thread holds it up.
final class TrainingSoak {
  private static final int EPOCHS = 250;
  private static final int WARM_UP = 60;
  private static final int BATCH = 16;
  private static final int SAMPLES = 20 * BATCH;
  private static final long MOST_GROWTH = 32L << 20;

  private final Module model = new Sequential(new Conv2d(1, 8, 3, ConvOptions.of().padding(1), false), new BatchNorm2d(8), new ReLU(true),
      new MaxPool2d(4), new Flatten(), new Linear(8 * 7 * 7, 10));
  private final Optimizer<?> optimizer = new Adam(model.parameters(), Adam.options().lr(1e-3));
  private long steps;

  /// Images of 28×28 that are drawn when they are read.
  private static final class Noise implements Dataset {
    @Override
    public long size() {
      return SAMPLES;
    }

    @Override
    public Sample get(long index, Generator random) {
      return new Sample(Tensor.rand(random, DType.FLOAT32, 1, 28, 28), Tensor.scalar(index % 10));
    }
  }

  public static void main(String[] arguments) throws Exception {
    TrainingSoak soak = new TrainingSoak();
    soak.train(WARM_UP);
    long warm = SoakProcess.settled(Long.MAX_VALUE);
    long resident = SoakProcess.resident();
    long threads = loaderThreads();
    soak.steps = 0;
    soak.train(EPOCHS);
    long after = SoakProcess.settled(warm);
    long grown = SoakProcess.resident() - resident;
    System.out.println(String.format(Locale.ROOT, "soak training: %,d steps in %,d epochs; native bytes in use %,d -> %,d, at most %,d; "
        + "resident memory %,d MiB, %+,d KiB; loader threads left %d", soak.steps, EPOCHS, warm, after, MemoryStats.of(Device.CPU).peak(),
        resident >> 20, grown >> 10, threads + loaderThreads()));
    if (after != warm || grown > MOST_GROWTH || threads + loaderThreads() != 0) {
      System.exit(1);
    }
  }

  /// Every fifth epoch ends early, every seventh with an exception.
  private void train(int epochs) {
    DataLoader loader = DataLoader.of(new Noise()).batchSize(BATCH).shuffle(true).workers(2);
    for (int epoch = 1; epoch <= epochs; epoch++) {
      try (var batches = loader.iterator()) {
        for (int step = 0; batches.hasNext() && !(epoch % 5 == 0 && step == 3); step++) {
          step(batches.next(), epoch % 7 == 0 && step == 11);
        }
      } catch (IllegalStateException midway) {
        // the epoch is over, the run goes on
      }
      evaluate();
    }
  }

  private void step(Batch batch, boolean fails) {
    try (var _ = MemoryScope.open()) {
      optimizer.zeroGrad();
      Tensor loss = Functional.crossEntropy(model.train().call(batch.input()), batch.target());
      if (fails) {
        throw new IllegalStateException("midway");
      }
      loss.backward();
      optimizer.step();
      optimizer.zeroGrad();
      steps++;
    }
  }

  private void evaluate() {
    try (var _ = MemoryScope.open(); var _ = GradMode.noGrad()) {
      model.eval().call(Tensor.zeros(BATCH, 1, 28, 28));
    }
  }

  private static long loaderThreads() throws InterruptedException {
    for (int wait = 0; wait < 100 && countLoaderThreads() > 0; wait++) {
      Thread.sleep(10);
    }
    return countLoaderThreads();
  }

  private static long countLoaderThreads() {
    return Thread.getAllStackTraces().keySet().stream().filter(thread -> thread.getName().startsWith("flambeau-loader")).count();
  }
}
