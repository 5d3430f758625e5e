package org.flambeau.internal.compile;

import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import org.flambeau.Device;
import org.flambeau.GradMode;
import org.flambeau.Tensor;
import org.flambeau.internal.Backends;
import org.flambeau.internal.CastCache;
import org.flambeau.internal.ThreadState;
import org.flambeau.internal.memory.ScopeMembers;
import org.flambeau.internal.memory.Scopes;
import org.flambeau.spi.FusedOp;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// Makes a [Program] of a computation by doing it once.
public final class Tracing {
  /// What a computation gave, and how to do it again or why that cannot be done.
  public record Traced(Tensor result, @Nullable Program program, @Nullable String refusal) {}

  private Tracing() {}

  /// Whether this thread is writing down a computation now.
  public static boolean isTracing() {
    return ThreadState.current().tracer != null;
  }

  /// Does `computation`, a function of `inputs` and of what it has at hand, without recording it for gradients.
  ///
  /// The program takes for constant all that the computation reads besides the inputs. What the host does in between, as a function of
  /// sizes say, is not part of it.
  public static Traced trace(Tensor[] inputs, Supplier<Tensor> computation) {
    ThreadState thread = ThreadState.current();
    Recorder recorder = new Recorder(Arrays.asList(inputs));
    CastCache outside = thread.casts;
    CastCache inside = outside == null ? null : new CastCache(outside.dtype());
    ScopeMembers scope = Scopes.openInner(thread);
    thread.casts = inside; // casts of parameters are part of the program, to be done once
    try (var _ = GradMode.noGrad()) {
      Tensor[] result = new Tensor[1];
      Backends.trace(recorder, () -> result[0] = computation.get());
      Traced traced = compile(recorder, inputs, result[0]);
      scope.passOn(result[0].strided().storage());
      return traced;
    } finally {
      thread.casts = outside;
      if (inside != null) {
        inside.close();
      }
      Scopes.close(thread, scope);
    }
  }

  private static Traced compile(Recorder recorder, Tensor[] inputs, Tensor result) {
    View out = recorder.refusal() == null ? recorder.read(result.strided()) : null;
    String refusal = recorder.refusal();
    if (out == null || refusal != null) {
      return new Traced(result, null, refusal);
    }
    List<Instruction> recorded = Simplification.dropUnread(recorder.instructions(), out.buffer());
    List<Storage> constants = constants(recorded, out);
    constants.forEach(Scopes::escape);
    List<Instruction> instructions = Simplification.foldConstants(recorded);
    Device device = result.device();
    if (instructions.stream().anyMatch(each -> !each.device().equals(device))) {
      return new Traced(result, null, "it computes on several devices");
    }
    instructions = Fusion.fuse(instructions, out.buffer());
    if (inputs.length > 0 && Backends.kernels(device).supports(FusedOp.CHAIN, inputs[0].strided())) {
      instructions = Chaining.join(instructions, out.buffer());
    }
    instructions = List.copyOf(Simplification.dropUnread(instructions, out.buffer()));
    List<Strided> operands = Arrays.stream(inputs).map(Tensor::strided).toList();
    return new Traced(result, new Program(device, instructions, out, operands, constants), null);
  }

  /// What the instructions, and the caller, read that was there before.
  private static List<Storage> constants(List<Instruction> instructions, View out) {
    Set<Storage> constants = Collections.newSetFromMap(new IdentityHashMap<>());
    for (Instruction each : instructions) {
      each.operands().forEach(view -> addConstant(view, constants));
    }
    addConstant(out, constants);
    return List.copyOf(constants);
  }

  private static void addConstant(View view, Set<Storage> constants) {
    if (view.buffer().origin() instanceof Buffer.Constant(Storage storage)) {
      constants.add(storage);
    }
  }
}
