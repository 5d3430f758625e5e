package org.flambeau;

import org.flambeau.internal.memory.DeviceMemory;

/// The native memory of one device, in bytes, at one moment. Storages of at most 4 KiB on the CPU live in the Java heap
/// and are not counted.
///
/// @param current in use by tensors
/// @param peak the most that was in use at once since the start, or since [#resetPeak]
/// @param reserved held from the device, in use or cached for reuse
public record MemoryStats(long current, long peak, long reserved) {
  public static MemoryStats of(Device device) {
    DeviceMemory memory = DeviceMemory.of(device);
    long current = memory.allocatedBytes();
    return new MemoryStats(current, memory.peakBytes(), memory.reservedBytes());
  }

  /// Starts a new measurement of the peak.
  public static void resetPeak(Device device) {
    DeviceMemory.of(device).resetPeak();
  }

  /// Gives cached blocks that no tensor uses back to the device.
  public static void emptyCache(Device device) {
    DeviceMemory.of(device).emptyCache();
  }
}
