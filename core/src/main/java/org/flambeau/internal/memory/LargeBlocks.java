package org.flambeau.internal.memory;

import java.lang.StackWalker.StackFrame;
import java.util.Comparator;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/// Which code holds a device's memory: remembers where large blocks were allocated, for the message when none is left.
final class LargeBlocks {
  private static final long LEAST = 1 << 20;
  private static final int SHOWN = 5;
  /// Programs whose sizes always change start anew from here.
  private static final int MOST_KINDS = 10_000;
  private static final StackWalker WALKER = StackWalker.getInstance();
  private static final Pattern OTHERS = Pattern.compile("(?!org\\.flambeau\\.|java\\.|jdk\\.).*");

  /// Blocks of one size that one operation makes: most likely always in the same line, so that the stack, which costs more to walk than most
  /// kernels to run, is looked at once.
  private record Kind(String operation, long bytes) {}

  private record Block(long bytes, String site) {}

  private record Holding(long bytes, long blocks) {
    Holding plus(Holding other) {
      return new Holding(bytes + other.bytes, blocks + other.blocks);
    }
  }

  private final Map<Long, Block> blocks = new ConcurrentHashMap<>();
  private final Map<Kind, String> sites = new ConcurrentHashMap<>();

  void allocated(long address, long bytes, String operation) {
    if (bytes >= LEAST) {
      if (sites.size() > MOST_KINDS) {
        sites.clear();
      }
      blocks.put(address, new Block(bytes, sites.computeIfAbsent(new Kind(operation, bytes), LargeBlocks::site)));
    }
  }

  void freed(long address, long bytes) {
    if (bytes >= LEAST) {
      blocks.remove(address);
    }
  }

  /// The operation, and the first frame that is neither this library's nor the JDK's, which stands between them where it calls back.
  private static String site(Kind kind) {
    String frame = WALKER.walk(frames -> frames.filter(each -> OTHERS.matcher(each.getClassName()).matches()).findFirst()
        .map(StackFrame::toString).orElse("the library itself"));
    return frame + (kind.operation.isEmpty() ? "" : ", by " + kind.operation);
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
