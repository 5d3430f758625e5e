package org.flambeau;

/// The default generators of all devices, as one.
public abstract class Random {
  private static volatile long seed = 67280421310721L;

  Random() {}

  /// Starts every device's default generator over from `seed`.
  public static void manualSeed(long seed) {
    Random.seed = seed;
    Generator.defaultOf(Device.CPU).manualSeed(seed);
    for (Generator generator : Generator.defaults()) {
      generator.manualSeed(seed);
    }
  }

  /// The seed last given to [#manualSeed], or PyTorch's default.
  public static long initialSeed() {
    return seed;
  }
}
