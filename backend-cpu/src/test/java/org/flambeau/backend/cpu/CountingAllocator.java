package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;

import java.util.concurrent.atomic.AtomicLong;
import org.flambeau.spi.Allocator;

/// The CPU's allocator, with a count of what is out, and NaNs of every dtype in what it hands out.
final class CountingAllocator implements Allocator {
  final AtomicLong live = new AtomicLong();

  @Override
  public int heapThreshold() {
    return CpuAllocator.SHARED.heapThreshold();
  }

  @Override
  public long allocate(long bytes) throws OutOfMemory {
    long address = CpuAllocator.SHARED.allocate(bytes);
    ALL.asSlice(address, bytes).fill((byte) 0xff);
    live.addAndGet(bytes);
    return address;
  }

  @Override
  public void free(long address, long bytes) {
    live.addAndGet(-bytes);
    CpuAllocator.SHARED.free(address, bytes);
  }

  @Override
  public void emptyCache() {
    CpuAllocator.SHARED.emptyCache();
  }

  @Override
  public long reservedBytes() {
    return CpuAllocator.SHARED.reservedBytes();
  }
}
