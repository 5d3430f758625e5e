package org.flambeau.backend.cpu;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.flambeau.spi.Allocator;

/// Caches native memory, since fresh pages cost more to touch than most kernels take.
///
/// Up to 1 MiB, sizes are rounded up to one of four classes per power of two, and blocks of one class are carved from
/// slabs; each class keeps its own stack of free blocks under its own lock. Larger blocks are mapped one by one; a request takes
/// the smallest free one that fits without wasting more than an eighth.
final class CpuAllocator implements Allocator {
  /// Where fresh memory comes from, in whole pages.
  interface Source {
    /// The address of `bytes`, a multiple of the page size, or 0 where there is no more.
    long map(long bytes);

    void unmap(long address, long bytes);
  }

  static final CpuAllocator SHARED = new CpuAllocator(
      System.getProperty("os.name", "").toLowerCase(Locale.ROOT).contains("linux") ? new LinuxMemory() : new ArenaMemory(),
      Long.getLong("flambeau.cpu.memory.limit", Long.MAX_VALUE));

  private static final int ALIGNMENT = 64;
  private static final long LARGEST_SMALL = 1 << 20;
  private static final long SLAB = 2L << 20;
  private static final long PAGE = 4096;
  private static final long HUGE_PAGE = 2L << 20;

  private final Source source;
  private final long limit;
  private final SizeClass[] classes;
  private final Object lock = new Object();
  private long reserved;

  // Large blocks, under the lock.
  private final TreeMap<Long, ArrayList<Long>> freeBySize = new TreeMap<>();
  private final Map<Long, Long> capacities = new HashMap<>();

  CpuAllocator(Source source, long limit) {
    this.source = source;
    this.limit = limit;
    classes = new SizeClass[classOf(LARGEST_SMALL) + 1];
    for (int c = 0; c < classes.length; c++) {
      classes[c] = new SizeClass(sizeOf(c));
    }
  }

  @Override
  public int heapThreshold() {
    return 4096;
  }

  /// 64, 128, 192, 256, 320, 384, 448, 512, 640, …: four to each doubling from 256 on.
  private static int classOf(long bytes) {
    long units = Math.max(1, (bytes + ALIGNMENT - 1) / ALIGNMENT);
    if (units <= 4) {
      return (int) units - 1;
    }
    int log = 63 - Long.numberOfLeadingZeros(units - 1);
    return 4 * (log - 1) + (int) (units - 1 >>> log - 2) - 4;
  }

  private static long sizeOf(int sizeClass) {
    if (sizeClass < 4) {
      return (long) (sizeClass + 1) * ALIGNMENT;
    }
    int log = sizeClass / 4 + 1;
    return (sizeClass % 4 + 5L << log - 2) * ALIGNMENT;
  }

  @Override
  public long allocate(long bytes) throws OutOfMemory {
    return bytes <= LARGEST_SMALL ? classes[classOf(bytes)].take() : takeLarge(bytes);
  }

  @Override
  public void free(long address, long bytes) {
    if (bytes <= LARGEST_SMALL) {
      classes[classOf(bytes)].giveBack(address);
    } else {
      synchronized (lock) {
        Long capacity = capacities.get(address);
        if (capacity == null) {
          throw new IllegalStateException("[allocator] no block of " + bytes + " bytes at " + Long.toHexString(address));
        }
        freeBySize.computeIfAbsent(capacity, size -> new ArrayList<>()).add(address);
      }
    }
  }

  private long takeLarge(long bytes) throws OutOfMemory {
    long unit = bytes >= 4 * HUGE_PAGE ? HUGE_PAGE : PAGE;
    long rounded = (bytes + unit - 1) / unit * unit;
    synchronized (lock) {
      Map.Entry<Long, ArrayList<Long>> best = freeBySize.ceilingEntry(rounded);
      if (best != null && best.getKey() - rounded <= rounded / 8) {
        long address = best.getValue().removeLast();
        if (best.getValue().isEmpty()) {
          freeBySize.remove(best.getKey());
        }
        return address;
      }
    }
    long address = map(rounded);
    synchronized (lock) {
      capacities.put(address, rounded);
    }
    return address;
  }

  private long map(long bytes) throws OutOfMemory {
    synchronized (lock) {
      if (bytes > limit - reserved) {
        throw new OutOfMemory("the limit is " + limit + " bytes, of which " + reserved + " are taken");
      }
      reserved += bytes;
    }
    long address = source.map(bytes);
    if (address == 0) {
      synchronized (lock) {
        reserved -= bytes;
      }
      throw new OutOfMemory("the operating system has no more");
    }
    return address;
  }

  private void unmap(long address, long bytes) {
    source.unmap(address, bytes);
    synchronized (lock) {
      reserved -= bytes;
    }
  }

  @Override
  public void emptyCache() {
    for (SizeClass sizeClass : classes) {
      sizeClass.trim();
    }
    Map<Long, Long> unused = new HashMap<>();
    synchronized (lock) {
      freeBySize.forEach((size, addresses) -> addresses.forEach(address -> unused.put(address, size)));
      freeBySize.clear();
      capacities.keySet().removeAll(unused.keySet());
    }
    unused.forEach(this::unmap);
  }

  @Override
  public long reservedBytes() {
    synchronized (lock) {
      return reserved;
    }
  }

  /// The free blocks of one size.
  private final class SizeClass {
    private final long size;
    private final long slabBytes;
    private final List<Long> slabs = new ArrayList<>();
    private long[] free = new long[16];
    private int count;

    SizeClass(long size) {
      this.size = size;
      // small classes start with little: 16 blocks, at least 64 KiB
      this.slabBytes = Math.min(SLAB, Math.max(16 * size, 64 << 10) + PAGE - 1 & -PAGE);
    }

    synchronized long take() throws OutOfMemory {
      if (count == 0) {
        long slab = map(slabBytes);
        slabs.add(slab);
        for (long at = slabBytes / size - 1; at >= 0; at--) {
          push(slab + at * size);
        }
      }
      return free[--count];
    }

    synchronized void giveBack(long address) {
      push(address);
    }

    private void push(long address) {
      if (count == free.length) {
        free = Arrays.copyOf(free, 2 * count);
      }
      free[count++] = address;
    }

    /// Unmaps the slabs of which every block is free.
    synchronized void trim() {
      if (count == 0) {
        return;
      }
      long[] sorted = Arrays.copyOf(free, count);
      Arrays.sort(sorted);
      long perSlab = slabBytes / size;
      List<Long> unused = new ArrayList<>();
      for (long slab : slabs) {
        int first = position(sorted, slab);
        if (position(sorted, slab + slabBytes) - first == perSlab) {
          unused.add(slab);
        }
      }
      for (long slab : unused) {
        slabs.remove(slab);
        unmap(slab, slabBytes);
      }
      count = 0;
      for (long address : sorted) {
        if (unused.stream().noneMatch(slab -> address >= slab && address < slab + slabBytes)) {
          push(address);
        }
      }
    }

    private static int position(long[] sorted, long address) {
      int at = Arrays.binarySearch(sorted, address);
      return at >= 0 ? at : -at - 1;
    }
  }
}
