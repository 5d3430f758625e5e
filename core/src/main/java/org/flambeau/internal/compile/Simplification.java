package org.flambeau.internal.compile;

import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import org.flambeau.internal.Backends;
import org.flambeau.internal.memory.DeviceMemory;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// Leaves out what need not be computed again each time: what depends on constants alone is computed once, what nobody reads not at all.
final class Simplification {
  /// The largest result that is kept though it was made from nothing: it takes longer to read than to fill.
  private static final long KEPT_BYTES = 64 << 10;

  private Simplification() {}

  /// `instructions` without those whose results only depend on constants, which are computed now.
  static List<Instruction> foldConstants(List<Instruction> instructions) {
    boolean[] folded = foldable(instructions);
    List<Instruction> rest = new ArrayList<>();
    for (int i = 0; i < instructions.size(); i++) {
      if (folded[i]) {
        computeOnce(instructions.get(i));
      } else {
        rest.add(instructions.get(i));
      }
    }
    return rest;
  }

  private static boolean[] foldable(List<Instruction> instructions) {
    Uses uses = new Uses(instructions);
    boolean[] foldable = new boolean[instructions.size()];
    for (int i = 0; i < foldable.length; i++) {
      Instruction each = instructions.get(i);
      foldable[i] = each.effect() != Instruction.Effect.DRAWS
          && (readsMemory(each) || each.writes().stream().allMatch(view -> view.buffer().bytes() <= KEPT_BYTES));
    }
    for (boolean changed = true; changed;) {
      changed = false;
      for (int i = 0; i < foldable.length; i++) {
        if (foldable[i] && !staysFoldable(instructions.get(i), uses, foldable)) {
          foldable[i] = false;
          changed = true;
        }
      }
    }
    return foldable;
  }

  /// Whether it reads more than numbers.
  private static boolean readsMemory(Instruction instruction) {
    return instruction.operands().stream().anyMatch(view -> view.sizes().length > 0);
  }

  private static boolean staysFoldable(Instruction instruction, Uses uses, boolean[] foldable) {
    for (View read : instruction.operands()) {
      if (!read.buffer().isKnown() && !isFolded(read.buffer(), uses, foldable)) {
        return false;
      }
    }
    return instruction.writes().stream().allMatch(view -> isFolded(view.buffer(), uses, foldable));
  }

  /// Whether what `buffer` holds in the end is computed once, and nobody else reads it before.
  private static boolean isFolded(Buffer buffer, Uses uses, boolean[] foldable) {
    List<Integer> writers = uses.writers(buffer);
    return buffer.isTemporary() && !writers.isEmpty() && writers.stream().allMatch(writer -> foldable[writer])
        && uses.readers(buffer).stream().allMatch(reader -> foldable[reader] || reader > writers.getLast());
  }

  private static void computeOnce(Instruction instruction) {
    for (View write : instruction.writes()) {
      Buffer buffer = write.buffer();
      if (buffer.isTemporary()) {
        buffer.becomeConstant(DeviceMemory.of(buffer.device()).allocateUnscoped(buffer.bytes()));
      }
    }
    Strided[] writes = instruction.writes().stream().map(Simplification::constant).toArray(Strided[]::new);
    @Nullable Strided[] reads = new Strided[instruction.reads().size()];
    for (int i = 0; i < reads.length; i++) {
      View read = instruction.reads().get(i);
      reads[i] = read == null ? null : constant(read);
    }
    instruction.call().run(Backends.kernels(instruction.device()), writes, reads);
    for (Strided write : writes) {
      write.storage().bumpVersion();
    }
  }

  /// A view of a constant as an operand.
  static Strided constant(View view) {
    if (view.buffer().origin() instanceof Buffer.Constant(Storage storage)) {
      return view.in(storage);
    }
    throw new IllegalStateException("[compile] expected a constant");
  }

  /// `instructions` without those whose results nobody reads; `result` is read by the caller.
  static List<Instruction> dropUnread(List<Instruction> instructions, Buffer result) {
    Set<Buffer> read = Collections.newSetFromMap(new IdentityHashMap<>());
    read.add(result);
    List<Instruction> kept = new ArrayList<>();
    for (Instruction each : instructions.reversed()) {
      if (each.effect() != Instruction.Effect.NONE || each.writes().stream().anyMatch(view -> read.contains(view.buffer()))) {
        each.operands().forEach(view -> read.add(view.buffer()));
        kept.add(each);
      }
    }
    return kept.reversed();
  }
}
