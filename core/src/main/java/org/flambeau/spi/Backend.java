package org.flambeau.spi;

import org.flambeau.Device;

/// One kind of device: its memory and its kernels. Found through [java.util.ServiceLoader]; must have a public
/// no-argument constructor (or `provider` method) that is cheap and never throws.
public interface Backend {
  Device.Type type();

  /// How many devices are usable, 0 where something is missing; [#report()] says what.
  int deviceCount();

  /// What was looked for, found and chosen, one fact a line.
  String report();

  /// Why `device`, which somebody asked for, is not among them, with the remedy.
  default String reason(int device) {
    return deviceCount() + " such devices are usable here.\n" + report();
  }

  /// The kernels of a device, bound to the calling thread's current stream.
  Kernels kernels(int device);

  Allocator allocator(int device);

  RandomSource newRandomSource(int device, long seed);

  /// Waits until everything issued to the device has finished.
  void synchronize(int device);

  /// Work that was recorded once and can be issued again as a whole.
  interface Graph extends AutoCloseable {
    /// Issues the work behind what the calling thread has issued.
    void replay();

    @Override
    void close();
  }

  /// Records what `work` issues to the device on this thread, without doing it.
  ///
  /// @throws IllegalStateException where something in it cannot be recorded, by the operation's name
  default Graph capture(int device, Runnable work) {
    throw new UnsupportedOperationException("[capture] " + type() + " devices have no graphs: they are of CUDA");
  }
}
