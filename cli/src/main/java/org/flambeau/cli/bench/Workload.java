package org.flambeau.cli.bench;

import java.util.function.Supplier;
import org.flambeau.Tensor;

/// One computation that both sides run on the same inputs.
///
/// @param name what the peer knows it by
/// @param title what the table calls it
/// @param calls how many are timed together, so that the clock is not what is measured
/// @param items images of one call, or 0
/// @param flops floating point operations of one call, 0 where memory bounds it
/// @param bytes that one call must read and write at least
/// @param make draws the inputs and gives the computation
record Workload(String name, String title, int calls, int items, double flops, double bytes, Supplier<Supplier<Tensor>> make) {
  /// Whether it is that of a whole model.
  boolean isModel() {
    return items > 0;
  }

  /// Small tensors rest in the Java heap: no scope is opened around them, as none is in a user's loop.
  boolean isSmall() {
    return calls >= 1000;
  }
}
