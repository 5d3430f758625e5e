package org.flambeau.backend.cpu;

import java.util.Arrays;
import org.flambeau.DeviceOutOfMemoryException;
import org.flambeau.spi.Allocator;
import org.flambeau.spi.Reclaimable;

/// Memory that a kernel needs beside its operands, given back when it closes.
public final class Workspace implements AutoCloseable {
  private final Allocator allocator;
  private long[] addresses = new long[8];
  private long[] sizes = new long[8];
  private int count;

  public Workspace(Allocator allocator) {
    this.allocator = allocator;
  }

  /// The address of `bytes` bytes of unspecified content, aligned for every kernel.
  public long take(long bytes) {
    long address = allocate(allocator, bytes);
    if (count == addresses.length) {
      addresses = Arrays.copyOf(addresses, 2 * count);
      sizes = Arrays.copyOf(sizes, 2 * count);
    }
    addresses[count] = address;
    sizes[count++] = bytes;
    return address;
  }

  /// Memory that the caller frees.
  public static long allocate(Allocator allocator, long bytes) {
    try {
      return Reclaimable.allocate(allocator, bytes);
    } catch (Allocator.OutOfMemory e) {
      throw new DeviceOutOfMemoryException("[cpu] no memory for a kernel's workspace of " + bytes + " bytes: " + e.getMessage());
    }
  }

  @Override
  public void close() {
    while (count > 0) {
      count--;
      allocator.free(addresses[count], sizes[count]);
    }
  }
}
