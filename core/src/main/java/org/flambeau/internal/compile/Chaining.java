package org.flambeau.internal.compile;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import org.flambeau.spi.Chain;
import org.flambeau.spi.Pointwise;
import org.jspecify.annotations.Nullable;

/// Joins element-wise instructions whose results only other element-wise instructions of the same sizes read into [Chain]s.
///
/// Each chain ends where its last instruction stood. What it reads must still hold there what it held where it was read before.
final class Chaining {
  private final List<Instruction> instructions;
  private final Uses uses;
  private final Buffer result;
  /// The instructions of each chain, by the one that ends it.
  private final SortedMap<Integer, TreeSet<Integer>> chains = new TreeMap<>();

  private Chaining(List<Instruction> instructions, Buffer result) {
    this.instructions = instructions;
    this.uses = new Uses(instructions);
    this.result = result;
  }

  /// `instructions` with chains in the place of what is joined; `result` is read by the caller.
  static List<Instruction> join(List<Instruction> instructions, Buffer result) {
    return new Chaining(instructions, result).join();
  }

  private List<Instruction> join() {
    for (int i = 0; i < instructions.size(); i++) {
      if (isLink(instructions.get(i))) {
        TreeSet<Integer> links = new TreeSet<>(List.of(i));
        for (Integer end = joinable(links); end != null; end = joinable(links)) {
          links.addAll(chains.remove(end));
        }
        chains.put(i, links);
      }
    }
    List<Instruction> joined = new ArrayList<>();
    TreeSet<Integer> inner = new TreeSet<>();
    chains.values().forEach(links -> inner.addAll(links.headSet(links.last())));
    for (int i = 0; i < instructions.size(); i++) {
      if (!inner.contains(i)) {
        TreeSet<Integer> links = chains.get(i);
        joined.add(links == null || links.size() == 1 ? instructions.get(i) : chain(links));
      }
    }
    return joined;
  }

  /// Copies that cast nothing have faster kernels of their own. Results of rank 0 are numbers of the host to those who read them.
  private static boolean isLink(Instruction each) {
    if (!(each.call() instanceof Instruction.Elementwise(Pointwise function)) || each.out().sizes().length == 0) {
      return false;
    }
    return !(function instanceof Pointwise.Copy) || each.operands().getFirst().dtype() != each.out().dtype();
  }

  /// The end of a chain whose result nobody but `links` reads, and that may move to where they end; null if there is none.
  private @Nullable Integer joinable(TreeSet<Integer> links) {
    for (int link : links) {
      for (View read : instructions.get(link).operands()) {
        int writer = uses.onlyWriter(read.buffer());
        TreeSet<Integer> chain = chains.get(writer);
        if (chain != null && !links.contains(writer) && isRead(instructions.get(writer).out(), links)) {
          TreeSet<Integer> both = new TreeSet<>(links);
          both.addAll(chain);
          if (mayMove(chain, links.last()) && fits(both)) {
            return writer;
          }
        }
      }
    }
    return null;
  }

  /// Whether `links`, and they alone, read what was written as `out`, just as it was written.
  private boolean isRead(View out, TreeSet<Integer> links) {
    Buffer buffer = out.buffer();
    return buffer != result && buffer.isTemporary() && out.hasSizesOf(instructions.get(links.last()).out())
        && links.containsAll(uses.readers(buffer))
        && uses.readers(buffer).stream().flatMap(reader -> instructions.get(reader).operands().stream())
            .allMatch(view -> view.buffer() != buffer || view.isSame(out));
  }

  private boolean mayMove(TreeSet<Integer> chain, int to) {
    return chain.stream().allMatch(link -> instructions.get(link).operands().stream()
        .noneMatch(view -> uses.isWrittenBetween(view.buffer(), chain.last(), to)));
  }

  private boolean fits(TreeSet<Integer> links) {
    View out = instructions.get(links.last()).out();
    List<View> operands = operands(links);
    return links.size() <= Chain.MOST_LINKS && operands.size() <= Chain.MOST_OPERANDS
        && operands.stream().allMatch(view -> view.buffer() != out.buffer() || view.isSame(out));
  }

  /// What `links` read that none of them wrote, each once.
  private List<View> operands(TreeSet<Integer> links) {
    List<View> operands = new ArrayList<>();
    for (int link : links) {
      for (View read : instructions.get(link).operands()) {
        if (!links.contains(uses.onlyWriter(read.buffer())) && operands.stream().noneMatch(read::isSame)) {
          operands.add(read);
        }
      }
    }
    return operands;
  }

  private Instruction chain(TreeSet<Integer> links) {
    List<View> operands = operands(links);
    Map<Integer, Integer> values = new HashMap<>();
    List<Chain.Link> chained = new ArrayList<>();
    for (int link : links) {
      Instruction each = instructions.get(link);
      List<Integer> reads = new ArrayList<>();
      for (View read : each.operands()) {
        Integer value = values.get(uses.onlyWriter(read.buffer()));
        reads.add(value != null ? value : place(read, operands));
      }
      values.put(link, operands.size() + chained.size());
      chained.add(new Chain.Link(((Instruction.Elementwise) each.call()).function(), each.out().dtype(), reads));
    }
    Instruction last = instructions.get(links.last());
    return last.with(new Instruction.Chained(new Chain(operands.size(), chained)), List.copyOf(operands));
  }

  private static int place(View read, List<View> operands) {
    int at = 0;
    while (!operands.get(at).isSame(read)) {
      at++;
    }
    return at;
  }
}
