package org.flambeau.internal.memory;

import java.lang.StackWalker.StackFrame;
import java.util.Comparator;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;

/// Which code holds a device's memory: remembers where large blocks were allocated, for the message when none is left.
final class LargeBlocks {
  private static final long LEAST = 1 << 20;
  private static final int SHOWN = 5;
  private static final StackWalker WALKER = StackWalker.getInstance();

  private record Block(long bytes, String site) {}

  private record Holding(long bytes, long blocks) {
    Holding plus(Holding other) {
      return new Holding(bytes + other.bytes, blocks + other.blocks);
    }
  }

  private final Map<Long, Block> blocks = new ConcurrentHashMap<>();

  void allocated(long address, long bytes) {
    if (bytes >= LEAST) {
      blocks.put(address, new Block(bytes, site()));
    }
  }

  void freed(long address, long bytes) {
    if (bytes >= LEAST) {
      blocks.remove(address);
    }
  }

  /// The first frame that is not this library's.
  private static String site() {
    return WALKER.walk(frames -> frames.filter(frame -> !frame.getClassName().startsWith("org.flambeau.")).findFirst()
        .map(StackFrame::toString).orElse("the library itself"));
  }

  /// The places that hold most, one a line.
  String describe() {
    Map<String, Holding> bySite = blocks.values().stream()
        .collect(Collectors.toMap(Block::site, block -> new Holding(block.bytes, 1), Holding::plus));
    return bySite.entrySet().stream().sorted(Comparator.comparingLong(entry -> -entry.getValue().bytes)).limit(SHOWN)
        .map(entry -> "\n  " + Bytes.show(entry.getValue().bytes) + " in " + entry.getValue().blocks + " blocks allocated at "
            + entry.getKey())
        .collect(Collectors.joining());
  }
}
