package org.flambeau.backend.cuda;

import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Set;
import java.util.TreeSet;
import org.flambeau.backend.cuda.binding.Driver;
import org.flambeau.spi.Allocator;
import org.jspecify.annotations.Nullable;

/// Keeps what is given back for the next who asks, since the driver's own allocation waits for the device.
///
/// Sizes are rounded up to 512 bytes. Blocks of up to 1 MiB come from segments of 2 MiB, larger ones from segments of 20 MiB, and from
/// 10 MiB on from segments of their own, in whole multiples of 2 MiB. The smallest free block that is large enough is taken and, where much
/// would be left over, split; neighbours that are both free become one again.
///
/// A block that was given back may be handed out at once although kernels that use it are still queued: what is issued later to the same
/// stream comes after them.
final class CachingAllocator implements Allocator {
  private static final long ROUNDING = 512;
  private static final long SMALL = 1 << 20;
  private static final long SMALL_SEGMENT = 2 << 20;
  private static final long OWN_SEGMENT = 10 << 20;
  private static final long LARGE_SEGMENT = 20 << 20;
  private static final long SEGMENT_ROUNDING = 2 << 20;

  private static final Comparator<Block> BEST_FIT = Comparator.<Block>comparingLong(block -> block.bytes)
      .thenComparingLong(block -> block.address);

  /// A part of a segment, linked to its neighbours there.
  private static final class Block {
    final Pool pool;
    final long address;
    long bytes;
    @Nullable Block before;
    @Nullable Block after;
    boolean free;

    Block(Pool pool, long address, long bytes) {
      this.pool = pool;
      this.address = address;
      this.bytes = bytes;
    }

    boolean isWholeSegment() {
      return before == null && after == null;
    }
  }

  /// Segments whose blocks are only handed out to those who ask for this pool.
  static final class Pool {
    private final NavigableSet<Block> small = new TreeSet<>(BEST_FIT);
    private final NavigableSet<Block> large = new TreeSet<>(BEST_FIT);
    private int segments;
    private volatile boolean closed;

    /// Nobody will ask for it any more: what is free, and what will be, goes back to the device when the cache is emptied.
    void close() {
      closed = true;
    }

    private NavigableSet<Block> blocks(long bytes) {
      return bytes <= SMALL ? small : large;
    }
  }

  private final Gpu gpu;
  private final Pool general = new Pool();
  /// Those that have segments.
  private final Set<Pool> pools = new HashSet<>();
  private final Map<Long, Block> used = new HashMap<>();
  private long reserved;

  CachingAllocator(Gpu gpu) {
    this.gpu = gpu;
  }

  @Override
  public int heapThreshold() {
    return 0;
  }

  @Override
  public synchronized long allocate(long bytes) throws OutOfMemory {
    if (bytes == 0) {
      return 0;
    }
    long wanted = roundUp(bytes, ROUNDING);
    Capture capture = gpu.capture();
    Pool pool = capture == null ? general : capture.pool();
    NavigableSet<Block> blocks = pool.blocks(wanted);
    Block block = blocks.ceiling(new Block(pool, 0, wanted));
    if (block == null) {
      block = newSegment(pool, wanted);
    } else {
      blocks.remove(block);
    }
    block.free = false;
    if (leavesMuch(block.bytes - wanted, wanted)) {
      split(block, wanted, blocks);
    }
    used.put(block.address, block);
    return block.address;
  }

  private static boolean leavesMuch(long rest, long wanted) {
    return wanted <= SMALL ? rest >= ROUNDING : rest > SMALL;
  }

  private Block newSegment(Pool pool, long wanted) throws OutOfMemory {
    long bytes = wanted <= SMALL ? SMALL_SEGMENT : wanted < OWN_SEGMENT ? LARGE_SEGMENT : roundUp(wanted, SEGMENT_ROUNDING);
    gpu.makeCurrent();
    long address = Driver.memAlloc(bytes);
    reserved += bytes;
    pool.segments++;
    pools.add(pool);
    return new Block(pool, address, bytes);
  }

  private static void split(Block block, long wanted, NavigableSet<Block> blocks) {
    Block rest = new Block(block.pool, block.address + wanted, block.bytes - wanted);
    rest.before = block;
    rest.after = block.after;
    if (rest.after != null) {
      rest.after.before = rest;
    }
    block.after = rest;
    block.bytes = wanted;
    rest.free = true;
    blocks.add(rest);
  }

  @Override
  public synchronized void free(long address, long bytes) {
    if (address == 0) {
      return;
    }
    Block block = used.get(address);
    if (block == null) {
      throw new IllegalStateException("[free] no block that is in use begins at " + Long.toHexString(address));
    }
    Capture capture = gpu.captureOfAnyThread();
    if (capture != null && block.pool != capture.pool() && capture.setAside(() -> free(address, bytes))) {
      return;
    }
    used.remove(address);
    NavigableSet<Block> blocks = block.pool.blocks(roundUp(bytes, ROUNDING));
    Block before = block.before;
    if (before != null && before.free) {
      blocks.remove(before);
      absorb(before, block);
      block = before;
    }
    Block after = block.after;
    if (after != null && after.free) {
      blocks.remove(after);
      absorb(block, after);
    }
    block.free = true;
    blocks.add(block);
  }

  /// Makes one block of two neighbours.
  private static void absorb(Block block, Block after) {
    block.bytes += after.bytes;
    block.after = after.after;
    if (block.after != null) {
      block.after.before = block;
    }
  }

  /// Returns whole segments that are free, but those of graphs that may still be replayed. The driver waits for the device then.
  @Override
  public synchronized void emptyCache() {
    gpu.unlessRecording(this::releaseAll);
  }

  private void releaseAll() {
    for (Pool pool : pools) {
      if (pool == general || pool.closed) {
        release(pool, pool.small);
        release(pool, pool.large);
      }
    }
    pools.removeIf(pool -> pool.segments == 0);
  }

  private void release(Pool pool, NavigableSet<Block> blocks) {
    for (Iterator<Block> each = blocks.iterator(); each.hasNext();) {
      Block block = each.next();
      if (block.isWholeSegment()) {
        Driver.memFree(block.address);
        reserved -= block.bytes;
        pool.segments--;
        each.remove();
      }
    }
  }

  @Override
  public synchronized long reservedBytes() {
    return reserved;
  }

  private static long roundUp(long bytes, long multiple) {
    return (bytes + multiple - 1) / multiple * multiple;
  }
}
