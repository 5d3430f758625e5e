package org.flambeau.backend.cuda;

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
  private final Workspace state;
  private long calls;

  GraphDraws(Gpu gpu, KernelLibrary library, Philox source) {
    this.gpu = gpu;
    this.source = source;
    this.begin = library.get("random.cu", "begin");
    this.state = Workspace.of(gpu, STATE);
  }

  /// Where the state lies.
  long state() {
    return state.address();
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
    Launch launch = Launch.begin().word(state());
    long at = launch.structure(STATE, 8);
    source.reserve(calls * Philox.WORDS, at);
    launch.run(gpu, begin, 1, 1);
  }

  @Override
  public void close() {
    state.close();
  }
}
