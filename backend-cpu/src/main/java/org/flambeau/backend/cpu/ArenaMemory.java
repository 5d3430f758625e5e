package org.flambeau.backend.cpu;

import java.lang.foreign.Arena;
import java.util.concurrent.ConcurrentHashMap;

/// Memory from the Java runtime, on any platform.
final class ArenaMemory implements CpuAllocator.Source {
  private static final long PAGE = 4096;

  private final ConcurrentHashMap<Long, Arena> arenas = new ConcurrentHashMap<>();

  @Override
  public long map(long bytes) {
    Arena arena = Arena.ofShared();
    try {
      long address = arena.allocate(bytes, PAGE).address();
      arenas.put(address, arena);
      return address;
    } catch (OutOfMemoryError e) {
      arena.close();
      return 0;
    }
  }

  @Override
  public void unmap(long address, long bytes) {
    Arena arena = arenas.remove(address);
    if (arena == null) {
      throw new IllegalStateException("[allocator] no block at " + Long.toHexString(address));
    }
    arena.close();
  }
}
