package org.flambeau.benchmarks;

import java.util.concurrent.TimeUnit;
import org.flambeau.Tensor;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/// What an operation costs beside its arithmetic: on ten elements, nearly all of it. With `-prof gc`, what it leaves to the collector.
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class DispatchBenchmark {
  private static final int ELEMENTS = 10, CHAIN = 1_000;

  private final Tensor a = Tensor.ones(ELEMENTS), b = Tensor.ones(ELEMENTS);
  private final Tensor leaf = Tensor.ones(ELEMENTS).requiresGrad_(true);

  @Benchmark
  public Tensor add() {
    return a.add(b);
  }

  @Benchmark
  public Tensor addInPlace() {
    return a.add_(b);
  }

  @Benchmark
  public Tensor addRecorded() {
    return leaf.add(b);
  }

  @Benchmark
  public @Nullable Tensor chainOfThousandAddsForwardAndBackward() {
    leaf.setGrad(null);
    Tensor y = leaf;
    for (int i = 0; i < CHAIN; i++) y = y.add(b);
    y.sum().backward();
    return leaf.grad();
  }
}
