package org.flambeau;

import java.lang.foreign.ValueLayout;

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

  /// The state of the CPU's default generator, as a vector of uint8 that a checkpoint can hold: PyTorch's `torch.get_rng_state()`.
  public static Tensor getState() {
    byte[] state = Generator.defaultOf(Device.CPU).getState();
    return Tensor.fromBytes(state, state.length);
  }

  /// The CPU's default generator goes on from a state that [#getState()] gave, or `torch.get_rng_state()`.
  ///
  /// @throws IllegalArgumentException where it is no such state
  public static void setState(Tensor state) {
    if (state.dtype() != DType.UINT8) {
      throw new IllegalArgumentException("[set_rng_state] expected a vector of uint8, got " + state.describe());
    }
    Generator.defaultOf(Device.CPU).setState(state.cpu().contiguous().toSegment().toArray(ValueLayout.JAVA_BYTE));
  }

  /// The seed last given to [#manualSeed], or PyTorch's default.
  public static long initialSeed() {
    return seed;
  }
}
