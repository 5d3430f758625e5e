package org.flambeau.backend.cuda;

import java.nio.ByteBuffer;
import org.flambeau.spi.RandomSource;

/// A counter-based generator's state: a key and how far its sequence was used. Kernels compute the numbers.
///
/// Reference: Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", 2011.
final class Philox implements RandomSource {
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

  long seed() {
    return seed;
  }

  /// Sets `count` numbers of each thread's sequence aside for a kernel, which begins at the result.
  synchronized long reserve(long count) {
    long first = offset;
    offset += count;
    return first;
  }

  @Override
  public synchronized byte[] save() {
    return ByteBuffer.allocate(2 * Long.BYTES).putLong(seed).putLong(offset).array();
  }

  @Override
  public synchronized void restore(byte[] state) {
    if (state.length != 2 * Long.BYTES) {
      throw new IllegalArgumentException("[restore] expected the state of a CUDA generator, of 16 bytes, got " + state.length);
    }
    ByteBuffer values = ByteBuffer.wrap(state);
    seed = values.getLong();
    offset = values.getLong();
  }
}
