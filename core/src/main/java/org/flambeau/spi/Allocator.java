package org.flambeau.spi;

/// Native memory of one device, cached between uses.
public interface Allocator {
  /// Storages of at most this many bytes live in Java arrays, which cost the garbage collector less than a native block
  /// costs its cleaner; 0 where kernels cannot reach the Java heap cheaply.
  int heapThreshold();

  /// At least `bytes` of memory, aligned for every kernel; their content is unspecified.
  ///
  /// @throws OutOfMemory where the device has no more; [Reclaimable#allocate] then frees first what nobody can reach
  long allocate(long bytes) throws OutOfMemory;

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
