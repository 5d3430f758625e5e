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
}
