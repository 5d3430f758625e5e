package org.flambeau.cli.bench;

import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryUsage;
import java.util.Collection;
import java.util.List;
import org.flambeau.Device;
import org.flambeau.MemoryStats;
import org.flambeau.spi.Reclaimable;

/// What memory the first calls of a workload need, in bytes.
///
/// @param held what tensors hold before a call that is not the first: parameters, images, gradients, states of the optimizer
/// @param peak the most that they hold during that call
/// @param resident how much the process grew from before the first call to its largest, workspaces and packed weights included; on a GPU, what
///     is reserved there at the end; 0 where the system does not tell
/// @param managed at most this much of it is the JVM's: heap, code and classes; 0 in the peer
record Memory(long held, long peak, long resident, long managed) {
  /// Calls twice: states of an optimizer are made the first time, and weights packed the second. What is unreachable before, such as weights as they
  /// were before they were cast, is collected.
  static Memory measure(Device device, Runnable first, Runnable second) {
    Reclaimable.collect(Long.MAX_VALUE);
    MemoryStats.emptyCache(device);
    Collection<MemoryPoolMXBean> pools = ManagementFactory.getMemoryPoolMXBeans();
    pools.forEach(MemoryPoolMXBean::resetPeakUsage);
    long managed = sum(pools.stream().map(MemoryPoolMXBean::getUsage).toList());
    long before = Resident.startPeak();
    first.run();
    MemoryStats.resetPeak(device);
    long held = MemoryStats.of(device).current();
    second.run();
    MemoryStats after = MemoryStats.of(device);
    managed = sum(pools.stream().map(MemoryPoolMXBean::getPeakUsage).toList()) - managed;
    return device.type() == Device.Type.CPU
        ? new Memory(held, after.peak(), before == 0 ? 0 : Resident.peak() - before, managed)
        : new Memory(held, after.peak(), after.reserved(), 0);
  }

  private static long sum(List<MemoryUsage> usages) {
    return usages.stream().mapToLong(MemoryUsage::getUsed).sum();
  }
}
