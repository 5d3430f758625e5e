package org.flambeau.backend.cuda;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.LONG;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.flambeau.spi.RandomSource;

/// A counter-based generator's state: a key and how far the sequences of all threads were used. Kernels compute the numbers.
///
/// The bytes of a saved state are those of PyTorch's `torch.cuda.get_rng_state()`.
///
/// Reference: Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", 2011.
final class Philox implements RandomSource {
  /// Words that one call of the generator yields.
  static final int WORDS = 4;
  private static final int STATE = 2 * Long.BYTES;

  private long seed;
  private long offset;

  Philox(long seed) {
    this.seed = seed;
  }

  @Override
  public synchronized void seed(long seed) {
    this.seed = seed;
    this.offset = 0;
  }

  /// Sets `count` words of each thread's sequence aside for a kernel, and what is missing to whole calls.
  ///
  /// @return the number of the call that the kernel begins with
  synchronized long reserve(long count) {
    long first = offset / WORDS;
    offset += calls(count) * WORDS;
    return first;
  }

  /// [#reserve(long)], which leaves seed and number at `at` as the structure `Philox` of philox.cuh.
  synchronized void reserve(long count, long at) {
    ALL.set(LONG, at, seed);
    ALL.set(LONG, at + 8, reserve(count));
  }

  /// How many calls yield so many words.
  static long calls(long words) {
    return (words + WORDS - 1) / WORDS;
  }

  @Override
  public synchronized byte[] save() {
    return ByteBuffer.allocate(STATE).order(ByteOrder.LITTLE_ENDIAN).putLong(seed).putLong(offset).array();
  }

  @Override
  public synchronized void restore(byte[] state) {
    ByteBuffer values = ByteBuffer.wrap(state).order(ByteOrder.LITTLE_ENDIAN);
    if (state.length != STATE || values.getLong(Long.BYTES) % WORDS != 0) {
      throw new IllegalArgumentException("[restore] expected the state of a CUDA generator, 16 bytes of which the second half is a "
          + "multiple of " + WORDS + ", got " + state.length + " bytes");
    }
    seed = values.getLong(0);
    offset = values.getLong(Long.BYTES);
  }
}
