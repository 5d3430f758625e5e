package org.flambeau.internal.compile;

import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.flambeau.Device;
import org.flambeau.internal.memory.DeviceMemory;
import org.flambeau.spi.Kernels;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// Memory for the temporaries of one run of a program, with the operands of all its instructions laid out in it. One run uses it at a time.
final class Frame {
  /// An operand in memory that each run brings along.
  private record Loose(@Nullable Strided[] operands, int position, View view) {}

  private final List<Instruction> instructions;
  private final Storage block;
  private final Map<Buffer, Storage> storages = new IdentityHashMap<>();
  private final Strided[][] writes;
  private final @Nullable Strided[][] reads;
  private final List<Loose> loose = new ArrayList<>();

  Frame(List<Instruction> instructions, Device device, MemoryPlan plan, Buffer result) {
    this.instructions = instructions;
    DeviceMemory memory = DeviceMemory.of(device);
    block = memory.allocateUnscoped(Math.max(plan.bytes(), memory.heapThreshold() + 1));
    writes = new Strided[instructions.size()][];
    reads = new Strided[instructions.size()][];
    for (int i = 0; i < writes.length; i++) {
      Instruction each = instructions.get(i);
      writes[i] = new Strided[each.writes().size()];
      reads[i] = new Strided[each.reads().size()];
      place(each.writes(), writes[i], memory, plan, result);
      place(each.reads(), reads[i], memory, plan, result);
    }
  }

  private void place(List<? extends @Nullable View> views, @Nullable Strided[] operands, DeviceMemory memory, MemoryPlan plan,
      Buffer result) {
    for (int k = 0; k < operands.length; k++) {
      View view = views.get(k);
      if (view != null) {
        switch (view.buffer().origin()) {
          case Buffer.Constant(Storage storage) -> operands[k] = view.in(storage);
          case Buffer.Temporary() when view.buffer() != result ->
            operands[k] = view.in(storages.computeIfAbsent(view.buffer(), buffer -> storage(buffer, memory, plan)));
          default -> loose.add(new Loose(operands, k, view));
        }
      }
    }
  }

  private Storage storage(Buffer buffer, DeviceMemory memory, MemoryPlan plan) {
    long offset = plan.offset(buffer);
    return offset < 0 ? memory.allocateUnscoped(buffer.bytes()) : new Storage(block.device(), block.address() + offset, buffer.bytes());
  }

  /// Gives the program's operands and its result, if that has memory of its own, their places.
  ///
  /// @param shifts by how many elements further than when the program was made each input begins
  void bind(Storage[] inputs, long[] shifts, @Nullable Storage result) {
    for (Loose each : loose) {
      each.operands[each.position] = switch (each.view.buffer().origin()) {
        case Buffer.Input(int index) -> each.view.in(inputs[index], shifts[index]);
        default -> each.view.in(Objects.requireNonNull(result));
      };
    }
  }

  /// Forgets them.
  void release() {
    for (Loose each : loose) {
      each.operands[each.position] = null;
    }
  }

  void run(Kernels kernels) {
    try {
      for (int i = 0; i < writes.length; i++) {
        instructions.get(i).call().run(kernels, writes[i], reads[i]);
        for (Strided write : writes[i]) {
          write.storage().bumpVersion(); // what a kernel keeps of an operand's content is no longer right
        }
      }
    } finally {
      Reference.reachabilityFence(block);
    }
  }
}
