package org.flambeau.backend.cuda;

import static org.flambeau.spi.NativeMemory.ALL;

import java.lang.foreign.MemorySegment;
import org.flambeau.BackendException;
import org.flambeau.backend.cuda.binding.Driver;

/// Copies between a GPU and any memory of the host by way of two pinned buffers, one of which is filled or emptied while the other is on
/// its way.
final class HostCopies {
  private static final long BUFFER = 4 << 20;

  private final Gpu gpu;
  private final long[] buffers = new long[2];
  private final long[] events = new long[2];

  HostCopies(Gpu gpu) {
    this.gpu = gpu;
  }

  /// Copies host bytes to the GPU, in the order of the current stream; `from` may be reused when this returns.
  synchronized void toDevice(long to, MemorySegment from, long bytes) {
    gpu.refuseInCapture(
        "copies values of the host, which a replay would copy again: make the tensor before, and copy into it before each replay");
    prepare();
    long stream = gpu.stream();
    int turn = 0;
    for (long done = 0; done < bytes; turn ^= 1) {
      long part = Math.min(BUFFER, bytes - done);
      Driver.eventSynchronize(events[turn]);
      MemorySegment.copy(from, done, ALL, buffers[turn], part);
      Driver.memcpyHtoDAsync(to + done, buffers[turn], part, stream);
      Driver.eventRecord(events[turn], stream);
      done += part;
    }
  }

  /// Copies bytes of the GPU to the host and returns when they are there.
  synchronized void toHost(MemorySegment to, long from, long bytes) {
    gpu.refuseInCapture("brings values to the host, which waits for the GPU: do it after the replay");
    prepare();
    long stream = gpu.stream();
    long asked = 0;
    long arrived = 0;
    try {
      for (int turn = 0; arrived < bytes; turn ^= 1) {
        for (; asked < bytes && asked < arrived + 2 * BUFFER; asked += BUFFER) {
          int slot = (int) (asked / BUFFER) & 1;
          Driver.eventSynchronize(events[slot]);
          Driver.memcpyDtoHAsync(buffers[slot], from + asked, Math.min(BUFFER, bytes - asked), stream);
          Driver.eventRecord(events[slot], stream);
        }
        long part = Math.min(BUFFER, bytes - arrived);
        Driver.eventSynchronize(events[turn]);
        MemorySegment.copy(ALL, buffers[turn], to, arrived, part);
        arrived += part;
      }
    } catch (BackendException e) {
      throw Gpu.fault(e);
    }
    gpu.complaints().check(true);
  }

  private void prepare() {
    gpu.makeCurrent();
    for (int i = 0; i < buffers.length; i++) {
      if (buffers[i] == 0) {
        buffers[i] = Driver.memHostAlloc(BUFFER);
        events[i] = Driver.eventCreate(false);
      }
    }
  }
}
