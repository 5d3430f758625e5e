package org.flambeau.backend.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.flambeau.spi.Allocator;
import org.flambeau.spi.NativeMemory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class CpuAllocatorTest {
  static Stream<CpuAllocator.Source> sources() {
    Stream<CpuAllocator.Source> everywhere = Stream.of(new ArenaMemory());
    return System.getProperty("os.name").startsWith("Linux") ? Stream.concat(everywhere, Stream.of(new LinuxMemory())) : everywhere;
  }

  @ParameterizedTest
  @MethodSource("sources")
  void blocksAreAlignedAndApart(CpuAllocator.Source source) throws Allocator.OutOfMemory {
    CpuAllocator allocator = new CpuAllocator(source, Long.MAX_VALUE);
    TreeMap<Long, Long> blocks = new TreeMap<>();
    Random random = new Random(1);
    for (int i = 0; i < 400; i++) {
      long bytes = 1 + (long) Math.exp(random.nextDouble() * 15);
      long address = allocator.allocate(bytes);
      assertEquals(0, address % 64, "alignment");
      NativeMemory.ALL.set(NativeMemory.BYTE, address, (byte) 1);
      NativeMemory.ALL.set(NativeMemory.BYTE, address + bytes - 1, (byte) 1);
      var before = blocks.floorEntry(address);
      var after = blocks.ceilingEntry(address);
      assertTrue(before == null || before.getKey() + before.getValue() <= address, "overlaps the block before");
      assertTrue(after == null || address + bytes <= after.getKey(), "overlaps the block after");
      blocks.put(address, bytes);
    }
    blocks.forEach(allocator::free);
    allocator.emptyCache();
    assertEquals(0, allocator.reservedBytes());
  }

  @ParameterizedTest
  @MethodSource("sources")
  void aFreedBlockIsUsedAgain(CpuAllocator.Source source) throws Allocator.OutOfMemory {
    CpuAllocator allocator = new CpuAllocator(source, Long.MAX_VALUE);
    for (long bytes : new long[] {5000, 100_000, 3_000_000, 20_000_000}) {
      long first = allocator.allocate(bytes);
      allocator.free(first, bytes);
      assertEquals(first, allocator.allocate(bytes - 8), bytes + " bytes");
    }
  }

  @ParameterizedTest
  @MethodSource("sources")
  void aSmallRequestDoesNotWasteALargeBlock(CpuAllocator.Source source) throws Allocator.OutOfMemory {
    CpuAllocator allocator = new CpuAllocator(source, Long.MAX_VALUE);
    long large = allocator.allocate(64 << 20);
    allocator.free(large, 64 << 20);
    long small = allocator.allocate(2 << 20);
    assertTrue(small < large || small >= large + (64 << 20));
  }

  @ParameterizedTest
  @MethodSource("sources")
  void beyondTheLimitIsOutOfMemory(CpuAllocator.Source source) throws Allocator.OutOfMemory {
    CpuAllocator allocator = new CpuAllocator(source, 16 << 20);
    long block = allocator.allocate(12 << 20);
    Allocator.OutOfMemory refused = assertThrows(Allocator.OutOfMemory.class, () -> allocator.allocate(8 << 20));
    assertTrue(refused.toString().contains("limit is 16777216"), refused.toString());
    allocator.free(block, 12 << 20);
    allocator.emptyCache();
    allocator.free(allocator.allocate(8 << 20), 8 << 20);
  }

  @ParameterizedTest
  @MethodSource("sources")
  void emptyingTheCacheKeepsBlocksInUse(CpuAllocator.Source source) throws Allocator.OutOfMemory {
    CpuAllocator allocator = new CpuAllocator(source, Long.MAX_VALUE);
    long kept = allocator.allocate(6000);
    long freed = allocator.allocate(6000);
    allocator.free(freed, 6000);
    long reserved = allocator.reservedBytes();
    allocator.emptyCache();
    assertEquals(reserved, allocator.reservedBytes(), "the slab holds a block in use, so it stays");
    NativeMemory.ALL.set(NativeMemory.LONG, kept, 42);
    allocator.free(kept, 6000);
    allocator.emptyCache();
    assertEquals(0, allocator.reservedBytes());
  }

  @Test
  void manyThreadsNeverShareABlock() throws InterruptedException {
    CpuAllocator allocator = new CpuAllocator(new ArenaMemory(), Long.MAX_VALUE);
    Set<Long> inUse = ConcurrentHashMap.newKeySet();
    Set<String> wrong = ConcurrentHashMap.newKeySet();
    List<Thread> threads = new ArrayList<>();
    for (int t = 0; t < 4; t++) {
      threads.add(Thread.ofPlatform().start(() -> {
        try {
          for (int i = 0; i < 5000; i++) {
            long bytes = 5000 + i % 7 * 1000;
            long address = allocator.allocate(bytes);
            if (!inUse.add(address)) {
              wrong.add(Long.toHexString(address) + " twice");
            }
            inUse.remove(address);
            allocator.free(address, bytes);
          }
        } catch (Allocator.OutOfMemory e) {
          wrong.add(e.getMessage());
        }
      }));
    }
    for (Thread thread : threads) {
      thread.join();
    }
    assertEquals(Set.of(), wrong);
  }
}
