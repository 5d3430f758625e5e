package org.flambeau.backend.cuda;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.BYTE;
import static org.flambeau.spi.NativeMemory.DOUBLE;
import static org.flambeau.spi.NativeMemory.INT;
import static org.flambeau.spi.NativeMemory.LONG;

import java.lang.foreign.Arena;
import org.flambeau.BackendException;
import org.flambeau.backend.cuda.binding.Driver;

/// The parameters of a kernel launch, written one after the other in the order of the kernel's signature, then launched.
///
/// Each thread has one, in native memory that it reuses: the driver copies the parameters during the launch.
final class Launch {
  private static final int MAX_PARAMETERS = 32;
  /// What a kernel's parameters may take in all.
  private static final int MAX_BYTES = 4096;
  private static final ThreadLocal<Launch> THREADS = ThreadLocal.withInitial(Launch::new);

  private final Arena arena = Arena.ofAuto();
  private final long addresses = arena.allocate(MAX_PARAMETERS * 8L + MAX_BYTES, 16).address();
  private final long values = addresses + MAX_PARAMETERS * 8L;
  private int count;
  private long next;

  private Launch() {}

  /// The calling thread's, without parameters.
  static Launch begin() {
    Launch launch = THREADS.get();
    launch.count = 0;
    launch.next = launch.values;
    return launch;
  }

  /// Where the next parameter, a structure of that size and alignment, is to be written.
  long structure(int bytes, int alignment) {
    long at = next + alignment - 1 & -alignment;
    if (count == MAX_PARAMETERS || at + bytes > values + MAX_BYTES) {
      throw new IllegalStateException("[launch] a kernel takes at most " + MAX_PARAMETERS + " parameters of " + MAX_BYTES + " bytes");
    }
    ALL.set(LONG, addresses + count++ * 8L, at);
    next = at + bytes;
    return at;
  }

  /// A pointer or a `long long`.
  Launch word(long value) {
    ALL.set(LONG, structure(8, 8), value);
    return this;
  }

  Launch integer(int value) {
    ALL.set(INT, structure(4, 4), value);
    return this;
  }

  Launch flag(boolean value) {
    ALL.set(BYTE, structure(1, 1), (byte) (value ? 1 : 0));
    return this;
  }

  Launch float64(double value) {
    ALL.set(DOUBLE, structure(8, 8), value);
    return this;
  }

  /// Launches a one-dimensional grid on the thread's current stream.
  void run(Gpu gpu, Kernel kernel, int blocks, int threads) {
    run(gpu, kernel, blocks, 1, 1, threads, 1, 0);
  }

  void run(Gpu gpu, Kernel kernel, int gridX, int gridY, int gridZ, int blockX, int blockY, int sharedBytes) {
    gpu.makeCurrent();
    try {
      Driver.launchKernel(kernel.function(), kernel.name(), gridX, gridY, gridZ, blockX, blockY, 1, sharedBytes, gpu.stream(), addresses);
    } catch (BackendException e) {
      gpu.refuseAfterFault();
      throw e;
    }
    gpu.launched(kernel.name());
  }
}
