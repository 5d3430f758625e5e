package org.flambeau.internal.compile;

import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/// Which instructions of a list, by their numbers, write and read each buffer.
final class Uses {
  private final Map<Buffer, List<Integer>> writers = new IdentityHashMap<>();
  private final Map<Buffer, List<Integer>> readers = new IdentityHashMap<>();

  Uses(List<Instruction> instructions) {
    for (int i = 0; i < instructions.size(); i++) {
      for (View write : instructions.get(i).writes()) {
        note(writers, write.buffer(), i);
      }
      for (View read : instructions.get(i).operands()) {
        note(readers, read.buffer(), i);
      }
    }
  }

  private static void note(Map<Buffer, List<Integer>> uses, Buffer buffer, int instruction) {
    List<Integer> known = uses.computeIfAbsent(buffer, _ -> new ArrayList<>());
    if (known.isEmpty() || known.getLast() != instruction) {
      known.add(instruction);
    }
  }

  /// In ascending order, each once.
  List<Integer> writers(Buffer buffer) {
    return writers.getOrDefault(buffer, List.of());
  }

  /// In ascending order, each once.
  List<Integer> readers(Buffer buffer) {
    return readers.getOrDefault(buffer, List.of());
  }

  /// The only instruction that writes `buffer`, or -1.
  int onlyWriter(Buffer buffer) {
    return writers(buffer).size() == 1 ? writers(buffer).getFirst() : -1;
  }

  /// The only instruction that reads `buffer`, or -1.
  int onlyReader(Buffer buffer) {
    return readers(buffer).size() == 1 ? readers(buffer).getFirst() : -1;
  }

  /// Whether anything writes `buffer` after instruction `from` and before `to`.
  boolean isWrittenBetween(Buffer buffer, int from, int to) {
    return writers(buffer).stream().anyMatch(writer -> writer > from && writer < to);
  }
}
