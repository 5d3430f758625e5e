package org.flambeau.benchmarks.launch;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUfunction;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;
import org.flambeau.Device;
import org.flambeau.MemoryScope;
import org.flambeau.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/// From a tensor's operation to `cuLaunchKernel`, and JCuda's way there, against a driver that does nothing (`stub.c`, built by cc). With
/// `-prof gc`, what it leaves to the collector.
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class LaunchBenchmark {
  private static final int ELEMENTS = 10, CALLS = 1_000, BLOCK = 256;

  private Tensor a = Tensor.ones(0);
  private Tensor b = a;
  private Tensor transposed = a;
  private CUdeviceptr x = new CUdeviceptr();
  private CUfunction function = new CUfunction();
  private CUstream stream = new CUstream();
  private Pointer prepared = new Pointer();

  @Setup
  public void open() throws IOException, InterruptedException {
    Path folder = Files.createTempDirectory("flambeau-stub");
    Path source = folder.resolve("stub.c");
    try (InputStream in = Objects.requireNonNull(LaunchBenchmark.class.getResourceAsStream("stub.c"))) {
      Files.copy(in, source);
    }
    for (String library : new String[] {"libcuda.so.1", "libnvrtc.so.13", "libcublasLt.so.13", "libcudnn.so.9"}) {
      Process compiler = new ProcessBuilder("cc", "-O2", "-w", "-shared", "-fPIC", "-Wl,-soname," + library, "-o",
          folder.resolve(library).toString(), source.toString()).inheritIO().start();
      if (compiler.waitFor() != 0) {
        throw new IOException("cc cannot build the stub");
      }
    }
    System.setProperty("flambeau.cuda.path", folder.toString());
    System.setProperty("flambeau.cuda.kernelCache", "off");
    Device gpu = Device.cuda(0);
    a = Tensor.ones(ELEMENTS).to(gpu);
    b = Tensor.ones(ELEMENTS).to(gpu);
    transposed = Tensor.ones(ELEMENTS, ELEMENTS).to(gpu).t();
    prepared = parameters();
  }

  @Benchmark
  public Tensor addInPlace() {
    return a.add_(b);
  }

  /// With the result's memory.
  @Benchmark
  @OperationsPerInvocation(CALLS)
  public void add() {
    try (var _ = MemoryScope.open()) {
      for (int i = 0; i < CALLS; i++) {
        Tensor _ = a.add(b);
      }
    }
  }

  /// Operands that do not lie alike: the kernel gets their index space.
  @Benchmark
  @OperationsPerInvocation(CALLS)
  public void addBroadcast() {
    try (var _ = MemoryScope.open()) {
      for (int i = 0; i < CALLS; i++) {
        Tensor _ = transposed.add(b);
      }
    }
  }

  /// The launch alone, of as many parameters as an addition has, as JCuda's samples do it.
  @Benchmark
  public int jcuda() {
    return JCudaDriver.cuLaunchKernel(function, 1, 1, 1, BLOCK, 1, 1, 0, stream, parameters(), null);
  }

  /// The launch alone, of parameters that never change.
  @Benchmark
  public int jcudaPrepared() {
    return JCudaDriver.cuLaunchKernel(function, 1, 1, 1, BLOCK, 1, 1, 0, stream, prepared, null);
  }

  private Pointer parameters() {
    return Pointer.to(Pointer.to(x), Pointer.to(new long[] {ELEMENTS}), Pointer.to(new long[] {0}), Pointer.to(x), Pointer.to(x));
  }
}
