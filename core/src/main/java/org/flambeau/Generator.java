package org.flambeau;

import java.util.concurrent.ConcurrentHashMap;
import org.flambeau.internal.Backends;
import org.flambeau.internal.ops.Captures;
import org.flambeau.spi.RandomSource;

/// A source of random numbers on one device. The same seed gives the numbers that PyTorch's generator gives on the CPU.
public final class Generator {
  private static final ConcurrentHashMap<Device, Generator> DEFAULTS = new ConcurrentHashMap<>();
  private static final long DEFAULT_SEED = 67280421310721L;
  private static final String SEEDING = "a replay goes on from the state that the generator has then; set it before a replay";

  private final Device device;
  private final RandomSource source;
  private long seed;

  private Generator(Device device, long seed) {
    this.device = device;
    this.seed = seed;
    this.source = Backends.of(device).newRandomSource(device.index(), seed);
  }

  /// A generator of its own, with PyTorch's default seed.
  public static Generator create(Device device) {
    return new Generator(device, DEFAULT_SEED);
  }

  /// The generator that operations use when none is given.
  public static Generator defaultOf(Device device) {
    return DEFAULTS.computeIfAbsent(device, on -> new Generator(on, Random.initialSeed()));
  }

  static Iterable<Generator> defaults() {
    return DEFAULTS.values();
  }

  /// Starts over from `seed`.
  public Generator manualSeed(long seed) {
    Captures.refuse("manual_seed", SEEDING);
    synchronized (source) {
      this.seed = seed;
      source.seed(seed);
    }
    return this;
  }

  /// The seed it last started from.
  public long initialSeed() {
    return seed;
  }

  public Device device() {
    return device;
  }

  /// The whole state; [#setState] continues from it to the bit.
  ///
  /// @throws IllegalStateException while this thread captures a CUDA graph, in which nothing is drawn yet
  public byte[] getState() {
    Captures.refuse("get_state", SEEDING);
    synchronized (source) {
      return source.save();
    }
  }

  /// Goes on from a state that [#getState()] of a generator for the same kind of device gave.
  ///
  /// @throws IllegalStateException while this thread captures a CUDA graph
  public void setState(byte[] state) {
    Captures.refuse("set_state", SEEDING);
    synchronized (source) {
      source.restore(state);
    }
  }

  /// For kernels; hold its monitor while drawing.
  public RandomSource source() {
    return source;
  }
}
