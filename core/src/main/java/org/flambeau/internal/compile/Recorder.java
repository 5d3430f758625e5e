package org.flambeau.internal.compile;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.flambeau.Device;
import org.flambeau.Tensor;
import org.flambeau.internal.Tracer;
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
  private @Nullable String refusal;

  Recorder(List<Tensor> inputs) {
    for (int i = 0; i < inputs.size(); i++) {
      Storage storage = inputs.get(i).strided().storage();
      if (buffers.put(storage, Buffer.input(i, storage)) != null) {
        refuse("two of its operands share memory");
      }
    }
  }

  /// Why this cannot be repeated, or null.
  @Nullable String refusal() {
    return refusal;
  }

  List<Instruction> instructions() {
    return instructions;
  }

  /// What has been there all along and was read.
  List<Storage> constants() {
    return buffers.entrySet().stream().filter(entry -> entry.getValue().isConstant()).map(Map.Entry::getKey).toList();
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
  public void touchedByHost() {
    refuse("it brings values to the host");
  }

  /// Runs and writes down a call that reads and writes these operands.
  void issue(RecordingKernels by, Instruction.Call call, Strided[] writes, @Nullable Strided[] reads, boolean updates, boolean repeatable) {
    List<@Nullable View> from = new ArrayList<>();
    if (refusal == null) {
      for (Strided read : reads) {
        from.add(read == null ? null : read(read));
      }
      if (updates) {
        Arrays.stream(writes).map(this::read).forEach(from::add);
      }
    }
    call.run(by.inner(), writes, reads);
    if (refusal == null) {
      List<View> to = Arrays.stream(writes).map(write -> write(write, updates)).toList();
      instructions.add(new Instruction(by.device(), call, to, Collections.unmodifiableList(from), repeatable));
    }
  }

  /// `x` as an operand.
  View read(Strided x) {
    return View.of(buffers.computeIfAbsent(x.storage(), Buffer::constant), x);
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
    buffers.put(out.storage(), Buffer.constant(own));
  }
}
