package org.flambeau.spi;

import org.flambeau.internal.memory.Reclaimer;

/// Native memory of one device, cached between uses.
public interface Allocator {
  /// Storages of at most this many bytes live in Java arrays, which cost the garbage collector less than a native block
  /// costs its cleaner; 0 where kernels cannot reach the Java heap cheaply.
  int heapThreshold();

  /// At least `bytes` of memory, aligned for every kernel; their content is unspecified.
  ///
  /// @throws OutOfMemory where the device has no more
  long allocate(long bytes) throws OutOfMemory;

  /// [#allocate], and where the device has no more, again when all has been freed that nobody can reach, for which the collector is asked.
  ///
  /// @throws OutOfMemory where that was not enough
  default long allocateUnderPressure(long bytes) throws OutOfMemory {
    return Reclaimer.allocate(this, bytes);
  }

  /// Takes back what [#allocate] gave for the same number of bytes. Any thread may call it.
  void free(long address, long bytes);

  /// Returns cached blocks that nobody uses to the device.
  void emptyCache();

  /// Bytes held from the device, in use or cached.
  long reservedBytes();

  /// The device refused; not an error of the program yet.
  final class OutOfMemory extends Exception {
    private static final long serialVersionUID = 1;

    public OutOfMemory(String reason) {
      super(reason, null, false, false);
    }
  }
}
