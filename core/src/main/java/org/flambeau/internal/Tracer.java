package org.flambeau.internal;

import org.flambeau.Device;
import org.flambeau.spi.Kernels;
import org.flambeau.spi.Storage;

/// Who looks at all that a thread computes, while it is the thread's [ThreadState#tracer].
public interface Tracer {
  /// The kernels that operations call in the place of `kernels`.
  Kernels over(Device device, Kernels kernels);

  /// `storage` was allocated; its content is unspecified.
  void allocated(Storage storage);

  /// The host reads what is in `storage`, past the kernels.
  void readByHost(Storage storage);

  /// The host may read and write what is in `storage` from now on.
  void openedToHost(Storage storage);
}
