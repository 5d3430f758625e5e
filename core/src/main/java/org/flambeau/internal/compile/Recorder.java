package org.flambeau.internal.compile;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.flambeau.Device;
import org.flambeau.Tensor;
import org.flambeau.internal.Tracer;
import org.flambeau.internal.Tracers;
import org.flambeau.internal.memory.DeviceMemory;
import org.flambeau.spi.Kernels;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// Writes down the kernels that a thread calls, and which memory each of them reads and writes. The kernels run as ever.
///
/// What cannot be repeated with other operands, values that went to the host above all, does not stop the computation: it is remembered, as
/// [#refusal()].
final class Recorder implements Tracer {
  private final List<Instruction> instructions = new ArrayList<>();
  private final Map<Storage, Buffer> buffers = new IdentityHashMap<>();
  private final Set<Storage> made = Collections.newSetFromMap(new IdentityHashMap<>());
  private final Map<Device, RecordingKernels> kernels = new HashMap<>();
  private final List<Strided> inputs = new ArrayList<>();
  private final Set<Storage> premises = Collections.newSetFromMap(new IdentityHashMap<>());
  private @Nullable String refusal;

  /// @param inputs in memory apart from each other
  Recorder(List<Tensor> inputs) {
    for (int i = 0; i < inputs.size(); i++) {
      Strided x = inputs.get(i).strided();
      this.inputs.add(x);
      buffers.put(x.storage(), Buffer.input(i, x.storage()));
    }
  }

  /// Why this cannot be repeated, or null.
  @Nullable String refusal() {
    return refusal;
  }

  List<Instruction> instructions() {
    return instructions;
  }

  /// What the host has read that was there before.
  Set<Storage> premises() {
    return premises;
  }

  /// Whether `storage` was allocated meanwhile.
  boolean hasMade(Storage storage) {
    return made.contains(storage);
  }

  void refuse(String why) {
    if (refusal == null) {
      refusal = why;
    }
  }

  @Override
  public Kernels over(Device device, Kernels inner) {
    RecordingKernels known = kernels.get(device);
    if (known == null || known.inner() != inner) {
      known = new RecordingKernels(this, device, inner);
      kernels.put(device, known);
    }
    return known;
  }

  @Override
  public void allocated(Storage storage) {
    made.add(storage);
  }

  @Override
  public void readByHost(Storage storage) {
    if (isPremise(storage)) {
      premises.add(storage);
    } else {
      refuse(RecordingKernels.HOST);
    }
  }

  /// Whether what is in `storage` was there before, and nobody changes it unseen.
  private boolean isPremise(Storage storage) {
    Buffer buffer = buffers.get(storage);
    return !made.contains(storage) && (buffer == null || buffer.isConstant()) && !storage.isExposed() && !Tracers.isFromElsewhere(storage);
  }

  /// Whether all of `operands` were there before; they are premises then.
  boolean takes(Collection<Tensor> operands) {
    List<Storage> storages = operands.stream().map(operand -> operand.strided().storage()).toList();
    boolean all = storages.stream().allMatch(this::isPremise);
    if (all) {
      premises.addAll(storages);
    }
    return all;
  }

  @Override
  public void openedToHost(Storage storage) {
    refuse(RecordingKernels.HOST);
  }

  /// Runs and writes down a call that reads and writes these operands.
  void issue(RecordingKernels by, Instruction.Call call, Strided[] writes, @Nullable Strided[] reads, boolean updates,
      Instruction.Effect effect) {
    List<@Nullable View> from = new ArrayList<>();
    if (refusal == null) {
      for (Strided read : reads) {
        from.add(read == null ? null : read(read));
      }
      if (updates) {
        Arrays.stream(writes).map(this::read).forEach(from::add);
      }
    }
    try {
      call.run(by.inner(), writes, reads);
    } catch (RuntimeException e) {
      refuse("an operation in it was refused"); // which it may have caught, to take another way
      throw e;
    }
    if (refusal == null) {
      List<View> to = Arrays.stream(writes).map(write -> write(write, updates)).toList();
      instructions.add(new Instruction(by.device(), call, to, Collections.unmodifiableList(from), effect));
    }
  }

  /// `x` as an operand.
  View read(Strided x) {
    Storage storage = x.storage();
    Buffer buffer = buffers.computeIfAbsent(storage, Buffer::constant);
    if (buffer.isConstant() && Tracers.isFromElsewhere(storage)) {
      refuse("it computes on several threads");
    }
    if (buffer.origin() instanceof Buffer.Input(int index) && !isWithin(x, inputs.get(index))) {
      refuse("its operand is a part of what it reads besides");
    }
    return View.of(buffer, x);
  }

  private static boolean isWithin(Strided part, Strided whole) {
    return part.numel() == 0 || whole.numel() > 0 && start(part) >= start(whole) && end(part) <= end(whole);
  }

  private static long start(Strided x) {
    return x.offset() * x.dtype().size();
  }

  private static long end(Strided x) {
    return Strided.end(x.offset(), x.sizes(), x.strides()) * x.dtype().size();
  }

  private View write(Strided out, boolean updates) {
    Storage storage = out.storage();
    Buffer buffer = buffers.get(storage);
    if (!made.contains(storage)) {
      refuse("it changes in place what was there before");
    } else if (buffer == null || !updates && View.isWhole(out)) {
      buffer = Buffer.temporary(storage.device(), storage.bytes());
      buffers.put(storage, buffer);
    } else if (!buffer.isTemporary()) {
      refuse("it changes in place what the host has written");
    }
    return View.of(buffer == null ? Buffer.constant(storage) : buffer, out);
  }

  /// `out` holds values that the host has put there; they stay what they are.
  void hostWrote(RecordingKernels by, Strided out) {
    if (refusal != null) {
      return;
    }
    if (!made.contains(out.storage()) || !View.isWhole(out)) {
      refuse("it changes in place what was there before");
      return;
    }
    Storage own = DeviceMemory.of(out.device()).allocateUnscoped(out.storage().bytes());
    by.inner().copy(View.of(Buffer.constant(own), out).in(own), out);
    made.add(own);
    buffers.put(out.storage(), Buffer.constant(own));
  }
}
