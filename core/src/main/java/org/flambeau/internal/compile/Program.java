package org.flambeau.internal.compile;

import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReference;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.Tensor;
import org.flambeau.internal.Backends;
import org.flambeau.internal.ThreadState;
import org.flambeau.internal.memory.DeviceMemory;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// A computation that was written down once and is done again on other operands of the same layouts.
///
/// Temporaries lie in one block of memory, which is kept; the result is new each time. Runs may be at the same time.
public final class Program {
  /// What was there when the program was made, and how often it had been changed. What was exposed then, each run reads itself.
  private record Premise(Storage storage, int version, boolean exposed) {
    static Premise of(Storage storage) {
      return new Premise(storage, storage.version(), storage.isExposed());
    }

    boolean holds() {
      return storage.version() == version && storage.isExposed() == exposed && storage.isOpen();
    }
  }

  private final Device device;
  private final List<Instruction> instructions;
  private final View result;
  private final long[] inputOffsets;
  private final List<Premise> premises;
  private final MemoryPlan plan;
  private final AtomicReference<@Nullable Frame> idle = new AtomicReference<>();
  private final int returned;
  private final @Nullable GraphReplay graph;

  /// @param premises what was there before, and must stay as it is
  /// @param returned which of the inputs the result is itself, or -1
  Program(Device device, List<Instruction> instructions, View result, List<Strided> inputs, Collection<Storage> premises, int returned) {
    this.returned = returned;
    this.device = device;
    this.instructions = instructions;
    this.result = result;
    this.inputOffsets = inputs.stream().mapToLong(Strided::offset).toArray();
    this.premises = premises.stream().map(Premise::of).toList();
    this.plan = new MemoryPlan(instructions, result.buffer(), DeviceMemory.of(device).heapThreshold());
    this.graph = device.type() == Device.Type.CUDA && result.buffer().isTemporary() ? new GraphReplay(this, inputs) : null;
  }

  /// Whether what it takes as constant is what it was.
  public boolean isRight() {
    for (int i = 0; i < premises.size(); i++) {
      if (!premises.get(i).holds()) {
        return false;
      }
    }
    return true;
  }

  /// How many kernels a run calls.
  public int kernelCalls() {
    return instructions.size();
  }

  /// How many of them compute several element-wise functions.
  public int chains() {
    return (int) instructions.stream().filter(each -> each.call() instanceof Instruction.Chained).count();
  }

  /// How many bytes the temporaries of a run share.
  public long temporaryBytes() {
    return plan.bytes();
  }

  /// Runs it on operands of the dtypes, sizes, strides and device of those that it was made with.
  public Tensor run(Tensor... inputs) {
    List<Storage> held = new ArrayList<>(inputs.length);
    try {
      for (Tensor input : inputs) {
        hold(input.strided().storage(), held);
      }
      for (Premise premise : premises) {
        hold(premise.storage, held);
      }
      Strided[] operands = strided(inputs);
      Strided out = graph == null ? run(operands) : graph.run(operands);
      return returned < 0 ? Tensor.wrap(out, ThreadState.current()) : inputs[returned];
    } catch (IndexOutOfBoundsException e) {
      throw named(e, new IndexOutOfBoundsException("[compiled] " + e.getMessage()));
    } catch (ArithmeticException e) {
      throw named(e, new ArithmeticException("[compiled] " + e.getMessage()));
    } finally {
      held.forEach(Storage::release);
      Reference.reachabilityFence(inputs);
    }
  }

  private static void hold(Storage storage, List<Storage> held) {
    if (storage.isCounted()) {
      storage.retain();
      held.add(storage);
    }
  }

  private static RuntimeException named(RuntimeException e, RuntimeException named) {
    if (String.valueOf(e.getMessage()).startsWith("[")) {
      return e;
    }
    named.initCause(e);
    return named;
  }

  private static Strided[] strided(Tensor[] tensors) {
    Strided[] all = new Strided[tensors.length];
    for (int i = 0; i < all.length; i++) {
      all[i] = tensors[i].strided();
    }
    return all;
  }

  /// Runs it kernel by kernel.
  Strided run(Strided[] inputs) {
    Storage own = result.buffer().isTemporary() ? newResult() : null;
    Frame frame = takeFrame();
    try {
      bind(frame, inputs, own);
      frame.run(Backends.kernels(device));
    } finally {
      giveBack(frame);
    }
    return switch (result.buffer().origin()) {
      case Buffer.Constant(Storage storage) -> result.in(isPremise(storage) ? storage : copyOf(storage));
      case Buffer.Input(int index) -> result.in(inputs[index].storage(), inputs[index].offset() - inputOffsets[index]);
      case Buffer.Temporary() -> result.in(Objects.requireNonNull(own));
    };
  }

  private boolean isPremise(Storage storage) {
    return premises.stream().anyMatch(premise -> premise.storage == storage);
  }

  /// What was computed once, for a caller who may change it.
  private Storage copyOf(Storage storage) {
    Storage copy = newResult();
    long[] bytes = {storage.bytes()};
    Backends.kernels(device).copy(Strided.contiguous(copy, DType.UINT8, bytes), Strided.contiguous(storage, DType.UINT8, bytes));
    return copy;
  }

  Device device() {
    return device;
  }

  View result() {
    return result;
  }

  /// Memory for temporaries that no other run has: what the last one left, if there is some.
  Frame takeFrame() {
    Frame frame = idle.getAndSet(null);
    return frame != null ? frame : new Frame(instructions, device, plan, result.buffer());
  }

  /// For the next run.
  void giveBack(Frame frame) {
    frame.release();
    idle.set(frame);
  }

  Storage newResult() {
    return DeviceMemory.of(device).allocate(result.buffer().bytes(), DType.UINT8, ThreadState.current());
  }

  void bind(Frame frame, Strided[] inputs, @Nullable Storage own) {
    Storage[] storages = new Storage[inputs.length];
    long[] shifts = new long[inputs.length];
    for (int i = 0; i < inputs.length; i++) {
      storages[i] = inputs[i].storage();
      shifts[i] = inputs[i].offset() - inputOffsets[i];
    }
    frame.bind(storages, shifts, own);
  }
}
