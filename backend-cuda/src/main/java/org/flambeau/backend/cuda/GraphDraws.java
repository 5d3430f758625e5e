package org.flambeau.backend.cuda;

import org.flambeau.DeviceOutOfMemoryException;
import org.flambeau.backend.cuda.binding.Driver;
import org.flambeau.spi.Allocator;

/// The random numbers that a graph draws from one generator.
///
/// Its kernels find the generator's state on the device, where each replay leaves that of then, and count on from there. So a replay draws what
/// the work, done one operation after the other, would have drawn in its place, and leaves the generator behind in the same state.
final class GraphDraws implements AutoCloseable {
  /// Bytes of the structure `Philox` in philox.cuh.
  private static final int STATE = 16;

  private final Gpu gpu;
  private final Philox source;
  private final Kernel begin;
  /// Not of the graph's pool, where earlier work of a replay may use the same memory.
  private final long state;
  private long calls;

  /// @param begin of `random.cu`
  GraphDraws(Gpu gpu, Kernel begin, Philox source) {
    this.gpu = gpu;
    this.source = source;
    this.begin = begin;
    this.state = allocate(gpu);
  }

  private static long allocate(Gpu gpu) {
    try {
      gpu.makeCurrent();
      return Driver.memAlloc(STATE);
    } catch (Allocator.OutOfMemory e) {
      throw new DeviceOutOfMemoryException("Out of memory on " + gpu.device() + ": a graph that draws random numbers needs " + STATE
          + " bytes (" + e.getMessage() + "). Close MemoryScopes earlier or use a smaller batch");
    }
  }

  /// Where the state lies.
  long state() {
    return state;
  }

  /// Sets `words` of each thread's sequence aside for a kernel.
  ///
  /// @return the number of the call that it begins with, counted from the state
  long reserve(long words) {
    long first = calls;
    calls += Philox.calls(words);
    return first;
  }

  /// Moves the generator on as the whole graph does, and leaves the state from before on the device.
  void begin() {
    Launch launch = Launch.begin().word(state);
    long at = launch.structure(STATE, 8);
    source.reserve(calls * Philox.WORDS, at);
    launch.run(gpu, begin, 1, 1);
  }

  /// Giving memory back waits for the GPU, which would break what another thread captures.
  @Override
  public void close() {
    Capture running = gpu.captureOfAnyThread();
    if (running == null || !running.setAside(this::close)) {
      gpu.makeCurrent();
      Driver.memFree(state);
    }
  }
}
