package org.flambeau.backend.cuda;

import org.flambeau.DeviceOutOfMemoryException;
import org.flambeau.spi.Allocator;
import org.flambeau.spi.Reclaimable;
import org.jspecify.annotations.Nullable;

/// Memory of a GPU for the time of a few launches. It may be closed as soon as they are issued: whoever gets the block next is issued to the
/// stream after them.
final class Workspace implements AutoCloseable {
  private final Gpu gpu;
  private final long address;
  private final long bytes;

  private Workspace(Gpu gpu, long address, long bytes) {
    this.gpu = gpu;
    this.address = address;
    this.bytes = bytes;
  }

  /// At least that many bytes, aligned to 256.
  static Workspace of(Gpu gpu, long bytes) {
    try {
      return new Workspace(gpu, Reclaimable.allocate(gpu.allocator(), bytes), bytes);
    } catch (Allocator.OutOfMemory e) {
      throw outOfMemory(gpu, bytes, e);
    }
  }

  /// [#of] for who has other means: the collector is not waited for.
  ///
  /// @throws DeviceOutOfMemoryException where the GPU has no more and its cache is empty
  static Workspace atOnce(Gpu gpu, long bytes) {
    try {
      return new Workspace(gpu, gpu.allocator().allocate(bytes), bytes);
    } catch (Allocator.OutOfMemory _) {
      gpu.allocator().emptyCache();
    }
    try {
      return new Workspace(gpu, gpu.allocator().allocate(bytes), bytes);
    } catch (Allocator.OutOfMemory e) {
      throw outOfMemory(gpu, bytes, e);
    }
  }

  /// [#atOnce], null where that throws.
  static @Nullable Workspace ifThereIsRoom(Gpu gpu, long bytes) {
    try {
      return atOnce(gpu, bytes);
    } catch (DeviceOutOfMemoryException _) {
      return null;
    }
  }

  private static DeviceOutOfMemoryException outOfMemory(Gpu gpu, long bytes, Allocator.OutOfMemory e) {
    return new DeviceOutOfMemoryException("Out of memory on " + gpu.device() + ": an operation needs " + bytes
        + " bytes of working memory (" + e.getMessage() + "). Close MemoryScopes earlier or use a smaller batch");
  }

  long address() {
    return address;
  }

  @Override
  public void close() {
    gpu.allocator().free(address, bytes);
  }
}
