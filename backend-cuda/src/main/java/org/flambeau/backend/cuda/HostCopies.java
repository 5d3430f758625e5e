package org.flambeau.backend.cuda;

import static org.flambeau.spi.NativeMemory.ALL;

import java.lang.foreign.MemorySegment;
import org.flambeau.BackendException;
import org.flambeau.backend.cuda.binding.Driver;

/// Copies between a GPU and any memory of the host by way of two pinned buffers for each direction, one of which is filled or emptied while
/// the other is on its way.
///
/// Each direction has a lock of its own: who brings a loss to the host waits for the whole step, and nobody who brings the next batch
/// to the GPU should wait for that.
final class HostCopies {
  private static final long BUFFER = 4 << 20;

  private final Gpu gpu;
  private final Buffers there = new Buffers();
  private final Buffers back = new Buffers();

  /// Those of one direction, made when they are first needed, and their lock.
  private static final class Buffers {
    private final long[] addresses = new long[2];
    /// Of each buffer's last copy.
    private final long[] events = new long[2];

    void prepare() {
      for (int i = 0; i < addresses.length; i++) {
        if (addresses[i] == 0) {
          addresses[i] = Driver.memHostAlloc(BUFFER);
          events[i] = Driver.eventCreate(false);
        }
      }
    }
  }

  HostCopies(Gpu gpu) {
    this.gpu = gpu;
  }

  /// Copies host bytes to the GPU, in the order of the current stream; `from` may be reused when this returns.
  void toDevice(long to, MemorySegment from, long bytes) {
    gpu.refuseInCapture(
        "copies values of the host, which a replay would copy again: make the tensor before, and copy into it before each replay");
    long stream = gpu.stream();
    synchronized (there) {
      gpu.makeCurrent();
      there.prepare();
      int turn = 0;
      try {
        for (long done = 0; done < bytes; turn ^= 1) {
          long part = Math.min(BUFFER, bytes - done);
          Driver.eventSynchronize(there.events[turn]);
          MemorySegment.copy(from, done, ALL, there.addresses[turn], part);
          Driver.memcpyHtoDAsync(to + done, there.addresses[turn], part, stream);
          Driver.eventRecord(there.events[turn], stream);
          done += part;
        }
      } catch (BackendException e) {
        throw Gpu.fault(e);
      }
    }
  }

  /// Copies bytes of the GPU to the host and returns when they are there.
  void toHost(MemorySegment to, long from, long bytes) {
    gpu.refuseInCapture("brings values to the host, which waits for the GPU: do it after the replay");
    long stream = gpu.stream();
    synchronized (back) {
      gpu.makeCurrent();
      back.prepare();
      long asked = 0;
      long arrived = 0;
      try {
        for (int turn = 0; arrived < bytes; turn ^= 1) {
          for (; asked < bytes && asked < arrived + 2 * BUFFER; asked += BUFFER) {
            int slot = (int) (asked / BUFFER) & 1;
            Driver.eventSynchronize(back.events[slot]);
            Driver.memcpyDtoHAsync(back.addresses[slot], from + asked, Math.min(BUFFER, bytes - asked), stream);
            Driver.eventRecord(back.events[slot], stream);
          }
          long part = Math.min(BUFFER, bytes - arrived);
          Driver.eventSynchronize(back.events[turn]);
          MemorySegment.copy(ALL, back.addresses[turn], to, arrived, part);
          arrived += part;
        }
      } catch (BackendException e) {
        throw Gpu.fault(e);
      }
    }
    gpu.complaints().check(true);
  }
}
