package org.flambeau.internal.memory;

import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.DeviceOutOfMemoryException;
import org.flambeau.internal.Backends;
import org.flambeau.internal.ThreadState;
import org.flambeau.internal.Tracers;
import org.flambeau.spi.Allocator;
import org.flambeau.spi.Reclaimable;
import org.flambeau.spi.Storage;

/// Allocates the storages of one device and counts their native bytes.
///
/// Unscoped memory waits for the garbage collector, which does not see native bytes: so their sum has a limit, and who
/// would exceed it first asks the collector for what is unreachable.
public final class DeviceMemory {
  private static final ConcurrentHashMap<Device, DeviceMemory> ALL = new ConcurrentHashMap<>();
  private static final DeviceMemory CPU = new DeviceMemory(Device.CPU);
  private static final long LEAST_LIMIT = 1L << 30;
  private static final long GREATEST_LIMIT = Math.max(LEAST_LIMIT, physicalMemory() / 2);

  private final Device device;
  private final Allocator allocator;
  private final int heapThreshold;
  private final LargeBlocks large = new LargeBlocks();
  /// More than any device has, and few enough to be rounded up.
  private static final long MOST_BYTES = 1L << 60;

  private final AtomicLong allocated = new AtomicLong();
  private final AtomicLong peak = new AtomicLong();
  private final AtomicLong unscoped = new AtomicLong();
  private volatile long unscopedLimit = LEAST_LIMIT;

  private DeviceMemory(Device device) {
    this.device = device;
    this.allocator = Backends.of(device).allocator(device.index());
    this.heapThreshold = allocator.heapThreshold();
  }

  public static DeviceMemory of(Device device) {
    if (device.type() == Device.Type.CPU) {
      return CPU;
    }
    DeviceMemory memory = ALL.get(device);
    return memory != null ? memory : ALL.computeIfAbsent(device, DeviceMemory::new);
  }

  /// A storage of `bytes` with unspecified content (zeros where it rests in a Java array), owned by the thread's scope
  /// or, without one, by whoever can reach it.
  public Storage allocate(long numel, DType dtype, ThreadState thread) {
    return allocate(numel, dtype, thread, "");
  }

  /// [#allocate(long, DType, ThreadState)] for the result of an operation.
  public Storage allocate(long numel, DType dtype, ThreadState thread, String operation) {
    if (numel > MOST_BYTES / dtype.size()) {
      throw new IllegalArgumentException("[size] expected at most 2^60 bytes, got " + numel + " elements of " + dtype.label());
    }
    return allocate(numel * dtype.size(), thread, operation);
  }

  /// A storage of `bytes` with unspecified content that no scope owns: it lives as long as it can be reached.
  public Storage allocateUnscoped(long bytes) {
    ThreadState thread = ThreadState.current();
    ScopeMembers scope = thread.scope;
    thread.scope = null;
    try {
      return allocate(bytes, thread, "");
    } finally {
      thread.scope = scope;
    }
  }

  private Storage allocate(long bytes, ThreadState thread, String operation) {
    ScopeMembers scope = thread.scope;
    Storage storage;
    if (bytes <= heapThreshold) {
      storage = new Storage(device, new byte[(int) bytes]);
    } else {
      if (scope == null) {
        makeRoomUnscoped(bytes);
      }
      storage = new Storage(device, allocateBlock(bytes, operation), bytes);
      if (scope == null) {
        Reclaimer.watch(storage, this);
      }
    }
    if (scope != null) {
      scope.own(storage);
    }
    if (Provenance.TRACING) {
      storage.setProvenance(Provenance.here());
    }
    Tracers.allocated(thread, storage);
    return storage;
  }

  private long allocateBlock(long bytes, String operation) {
    long address;
    try {
      address = Reclaimable.allocate(allocator, bytes);
    } catch (Allocator.OutOfMemory e) {
      throw new DeviceOutOfMemoryException(describe(bytes, e));
    }
    large.allocated(address, bytes, operation);
    long now = allocated.addAndGet(bytes);
    if (now > peak.get()) {
      peak.accumulateAndGet(now, Math::max);
    }
    return address;
  }

  private void makeRoomUnscoped(long bytes) {
    if (unscoped.get() + bytes > unscopedLimit) {
      Reclaimable.drain();
      if (unscoped.get() + bytes > unscopedLimit) {
        Reclaimable.collect(bytes);
        unscopedLimit = Math.clamp(2 * (unscoped.get() + bytes), LEAST_LIMIT, GREATEST_LIMIT);
      }
    }
  }

  void free(long address, long bytes) {
    large.freed(address, bytes);
    allocated.addAndGet(-bytes);
    allocator.free(address, bytes);
  }

  void freeUnscoped(long address, long bytes) {
    unscoped.addAndGet(-bytes);
    free(address, bytes);
  }

  /// From now on the collector frees `storage` if no owner does before.
  public static void watch(Storage storage) {
    Reclaimer.watch(storage, of(storage.device()));
  }

  /// A storage waits for the garbage collector from now on.
  void becameUnscoped(long bytes) {
    unscoped.addAndGet(bytes);
  }

  private String describe(long bytes, Allocator.OutOfMemory cause) {
    String owners = large.describe();
    return "Out of memory on " + device + ": tried to allocate " + Bytes.show(bytes) + ", with " + Bytes.show(allocated.get())
        + " in use by tensors and " + Bytes.show(allocator.reservedBytes()) + " reserved (" + cause.getMessage()
        + "). Close MemoryScopes earlier, use a smaller batch, or call MemoryStats.emptyCache()."
        + (owners.isEmpty() ? "" : " Most is held by:" + owners);
  }

  /// Up to how many bytes a storage rests in a Java array.
  public int heapThreshold() {
    return heapThreshold;
  }

  public long allocatedBytes() {
    Reclaimable.drain();
    return allocated.get();
  }

  public long peakBytes() {
    return peak.get();
  }

  public void resetPeak() {
    peak.set(allocated.get());
  }

  public long reservedBytes() {
    return allocator.reservedBytes();
  }

  public void emptyCache() {
    Reclaimable.drain();
    allocator.emptyCache();
  }

  private static long physicalMemory() {
    return java.lang.management.ManagementFactory.getOperatingSystemMXBean() instanceof com.sun.management.OperatingSystemMXBean os
        ? os.getTotalMemorySize()
        : Runtime.getRuntime().maxMemory();
  }
}
