package org.flambeau.backend.cuda;

import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.flambeau.backend.cuda.binding.Driver;
import org.flambeau.spi.Allocator;

/// Asks the driver for each block and gives it back at once. Slow, since giving back waits for the device, but on the simulated GPU a
/// block's end is then the end of what a kernel may touch: for finding kernels that reach too far. A real one has mapped far more than was
/// asked for; there `compute-sanitizer` finds them, for which it has to see each block, so this is of use to it too.
final class DirectAllocator implements Allocator {
  private final Gpu gpu;
  private final AtomicLong reserved = new AtomicLong();
  /// What graphs that are not closed write to when they are replayed.
  private final ConcurrentHashMap<Long, Capture> recorded = new ConcurrentHashMap<>();

  DirectAllocator(Gpu gpu) {
    this.gpu = gpu;
  }

  @Override
  public int heapThreshold() {
    return 0;
  }

  @Override
  public long allocate(long bytes) throws OutOfMemory {
    if (bytes == 0) {
      return 0;
    }
    gpu.makeCurrent();
    long address = Driver.memAlloc(bytes);
    reserved.addAndGet(bytes);
    Capture capture = gpu.capture();
    if (capture != null) {
      recorded.put(address, capture);
    }
    return address;
  }

  @Override
  public void free(long address, long bytes) {
    if (address == 0) {
      return;
    }
    while (!isSetAside(address, bytes) && !gpu.unlessRecording(() -> giveBack(address, bytes))) {
      Thread.onSpinWait(); // another thread began or ended a capture between the two
    }
  }

  private boolean isSetAside(long address, long bytes) {
    Capture now = gpu.captureOfAnyThread();
    Capture capture = now != null ? now : recorded.get(address);
    return capture != null && capture.setAside(() -> free(address, bytes));
  }

  private void giveBack(long address, long bytes) {
    recorded.remove(address);
    Driver.memFree(address);
    reserved.addAndGet(-bytes);
  }

  @Override
  public void emptyCache() {}

  @Override
  public long reservedBytes() {
    return reserved.get();
  }
}
