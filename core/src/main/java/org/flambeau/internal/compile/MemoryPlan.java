package org.flambeau.internal.compile;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Where in one block of memory the temporaries of a program lie, so that those that are needed at the same time lie apart.
///
/// The largest are placed first, each as low as it fits. An element-wise result takes the place of an operand that nobody needs any more.
///
/// Reference: Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020.
final class MemoryPlan {
  /// What addresses are multiples of: more than any kernel's vectors.
  private static final long ALIGNMENT = 512;

  /// Memory for one or more buffers, one after the other, from the first instruction that writes it to the last that uses it.
  private static final class Place {
    final long bytes;
    final int first;
    int last;
    long offset;

    Place(long bytes, int first, int last) {
      this.bytes = bytes;
      this.first = first;
      this.last = last;
    }

    boolean isUsedWith(Place other) {
      return first <= other.last && other.first <= last;
    }

    long end() {
      return offset + (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }
  }

  private final Map<Buffer, Place> places = new IdentityHashMap<>();
  private final long bytes;

  /// @param result is not among the temporaries: the caller gets it
  /// @param leastBytes buffers of no more than that many bytes have memory of their own
  MemoryPlan(List<Instruction> instructions, Buffer result, long leastBytes) {
    Uses uses = new Uses(instructions);
    List<Place> distinct = new ArrayList<>();
    for (int i = 0; i < instructions.size(); i++) {
      Instruction each = instructions.get(i);
      for (View write : each.writes()) {
        Buffer buffer = write.buffer();
        if (buffer.isTemporary() && buffer != result && buffer.bytes() > leastBytes && !places.containsKey(buffer)) {
          int last = lastUse(buffer, i, uses);
          Place taken = takeable(each, write, i, last);
          if (taken == null) {
            taken = new Place(buffer.bytes(), i, last);
            distinct.add(taken);
          }
          places.put(buffer, taken);
        }
      }
    }
    bytes = arrange(distinct);
  }

  private static int lastUse(Buffer buffer, int from, Uses uses) {
    int last = Math.max(from, uses.writers(buffer).getLast());
    return uses.readers(buffer).isEmpty() ? last : Math.max(last, uses.readers(buffer).getLast());
  }

  /// The place of an operand that element-wise instruction `i` is the last to use and that lies as its result does; null if there is none.
  private @Nullable Place takeable(Instruction each, View out, int i, int last) {
    if (each.call() instanceof Instruction.Elementwise || each.call() instanceof Instruction.Chained) {
      for (View read : each.operands()) {
        Place place = places.get(read.buffer());
        if (place != null && place.last == i && read.buffer().bytes() == out.buffer().bytes() && read.liesLike(out)
            && each.operands().stream().allMatch(view -> view.buffer() != read.buffer() || view.isSame(read))) {
          place.last = last;
          return place;
        }
      }
    }
    return null;
  }

  private static long arrange(List<Place> distinct) {
    List<Place> placed = new ArrayList<>();
    long end = 0;
    distinct.sort(Comparator.comparingLong((Place place) -> place.bytes).reversed());
    for (Place place : distinct) {
      List<Place> neighbours = placed.stream().filter(place::isUsedWith).sorted(Comparator.comparingLong(other -> other.offset)).toList();
      for (Place other : neighbours) {
        if (place.end() <= other.offset) {
          break;
        }
        place.offset = Math.max(place.offset, other.end());
      }
      placed.add(place);
      end = Math.max(end, place.end());
    }
    return end;
  }

  /// How large the block is.
  long bytes() {
    return bytes;
  }

  /// Where `buffer` lies in the block, or -1 where it has memory of its own.
  long offset(Buffer buffer) {
    Place place = places.get(buffer);
    return place == null ? -1 : place.offset;
  }
}
