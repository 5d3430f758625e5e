package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.DOUBLE;
import static org.flambeau.spi.NativeMemory.INT;
import static org.flambeau.spi.NativeMemory.LONG;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.flambeau.spi.RandomSource;

/// The 32-bit Mersenne Twister with PyTorch's seeding: the same seed gives the words of PyTorch's CPU generator, and
/// [#save()] gives the bytes of `torch.get_rng_state()`, so that a state moves between the two.
///
/// Kernels lock it for the length of a call, so that calls from several threads never share a word.
///
/// Reference: M. Matsumoto, T. Nishimura, *Mersenne Twister: a 623-dimensionally equidistributed uniform pseudo-random
/// number generator* (1998).
final class Mt19937 implements RandomSource {
  private static final int N = 624;
  private static final int M = 397;

  // The layout of a saved state.
  private static final int SEED = 0;
  private static final int LEFT = 8;
  private static final int SEEDED = 12;
  private static final int NEXT = 16;
  private static final int STATE = 24;
  private static final int NORMAL = STATE + N * Long.BYTES + Double.BYTES;
  private static final int NORMAL_VALID = NORMAL + 2 * Double.BYTES;
  private static final int SAVED_BYTES = 5056;

  private final int[] state = new int[N];
  /// The state's words as they are handed out; valid but for a state that was just seeded.
  private final int[] words = new int[N];
  private int next;
  private boolean fresh;
  private long seed;

  /// The second of a pair of normal numbers, kept for the next call.
  private double spareNormal;
  private boolean hasSpareNormal;

  Mt19937(long seed) {
    seed(seed);
  }

  @Override
  public synchronized void seed(long seed) {
    this.seed = seed;
    state[0] = (int) seed;
    for (int j = 1; j < N; j++) {
      state[j] = 1812433253 * (state[j - 1] ^ state[j - 1] >>> 30) + j;
    }
    next = N;
    fresh = true;
    hasSpareNormal = false;
  }

  /// The next 32 bits.
  int nextInt() {
    if (next == N) {
      twist();
    }
    return words[next++];
  }

  /// The next 64 bits, the first word being the upper one.
  long nextLong() {
    long upper = nextInt();
    return upper << 32 | nextInt() & 0xffffffffL;
  }

  /// The next `count` words.
  void nextInts(int[] to, int count) {
    int done = 0;
    while (done < count) {
      if (next == N) {
        twist();
      }
      int n = Math.min(count - done, N - next);
      System.arraycopy(words, next, to, done, n);
      next += n;
      done += n;
    }
  }

  /// Goes on as if `count` words had been drawn.
  void skip(int count) {
    for (int i = 0; i < count; i++) {
      nextInt();
    }
  }

  /// A float64 in [0, 1).
  double nextDouble() {
    return (nextLong() & (1L << 53) - 1) * 0x1p-53;
  }

  /// A normal number of mean 0 and deviation 1 by the Box–Muller transform, which makes two and keeps one.
  double nextNormal() {
    if (hasSpareNormal) {
      hasSpareNormal = false;
      return spareNormal;
    }
    double angle = 2 * Math.PI * nextDouble();
    double radius = Math.sqrt(-2 * Math.log1p(-nextDouble()));
    spareNormal = radius * Math.sin(angle);
    hasSpareNormal = true;
    return radius * Math.cos(angle);
  }

  private void twist() {
    for (int j = 0; j < N - M; j++) {
      state[j] = state[j + M] ^ twisted(state[j], state[j + 1]);
    }
    for (int j = N - M; j < N - 1; j++) {
      state[j] = state[j + M - N] ^ twisted(state[j], state[j + 1]);
    }
    state[N - 1] = state[M - 1] ^ twisted(state[N - 1], state[0]);
    temper();
    next = 0;
    fresh = false;
  }

  private static int twisted(int u, int v) {
    return (u & 0x80000000 | v & 0x7fffffff) >>> 1 ^ -(v & 1) & 0x9908b0df;
  }

  private void temper() {
    for (int j = 0; j < N; j++) {
      int y = state[j];
      y ^= y >>> 11;
      y ^= y << 7 & 0x9d2c5680;
      y ^= y << 15 & 0xefc60000;
      words[j] = y ^ y >>> 18;
    }
  }

  @Override
  public synchronized byte[] save() {
    byte[] saved = new byte[SAVED_BYTES];
    MemorySegment to = MemorySegment.ofArray(saved);
    to.set(LONG, SEED, seed);
    to.set(INT, LEFT, N - next + 1);
    to.set(INT, SEEDED, 1);
    to.set(LONG, NEXT, fresh ? 0 : next);
    for (int j = 0; j < N; j++) {
      to.set(LONG, STATE + (long) j * Long.BYTES, state[j] & 0xffffffffL);
    }
    if (hasSpareNormal) {
      to.set(DOUBLE, NORMAL, spareNormal);
      to.set(INT, NORMAL_VALID, 1);
    }
    return saved;
  }

  @Override
  public synchronized void restore(byte[] saved) {
    if (saved.length != SAVED_BYTES) {
      throw new IllegalArgumentException("[random] a saved state has " + SAVED_BYTES + " bytes, got " + saved.length);
    }
    MemorySegment from = MemorySegment.ofArray(saved);
    int left = from.get(INT, LEFT);
    long following = from.get(LONG, NEXT);
    boolean untouched = left == 1 && following == 0;
    if (from.get(INT, SEEDED) != 1 || left < 1 || left > N || !untouched && following != N + 1 - left) {
      throw new IllegalArgumentException("[random] not a state that a generator saved: " + left + " words left, next " + following);
    }
    seed = from.get(LONG, SEED);
    Arrays.setAll(state, j -> (int) from.get(LONG, STATE + (long) j * Long.BYTES));
    temper();
    next = N + 1 - left;
    fresh = untouched;
    spareNormal = from.get(DOUBLE, NORMAL);
    hasSpareNormal = from.get(INT, NORMAL_VALID) != 0;
  }
}
