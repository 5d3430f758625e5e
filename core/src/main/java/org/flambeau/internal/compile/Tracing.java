package org.flambeau.internal.compile;

import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import org.flambeau.Device;
import org.flambeau.DeviceOutOfMemoryException;
import org.flambeau.GradMode;
import org.flambeau.Tensor;
import org.flambeau.internal.Backends;
import org.flambeau.internal.CastCache;
import org.flambeau.internal.ThreadState;
import org.flambeau.internal.Tracer;
import org.flambeau.internal.Tracers;
import org.flambeau.internal.memory.ScopeMembers;
import org.flambeau.internal.memory.Scopes;
import org.flambeau.spi.FusedOp;
import org.flambeau.spi.Kernels;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// Makes a [Program] of a computation by doing it once.
public final class Tracing {
  /// What a computation gave, and how to do it again or why that cannot be done.
  public record Traced(Tensor result, @Nullable Program program, @Nullable String refusal) {}

  /// Looks away.
  private enum Blind implements Tracer {
    INSTANCE;

    @Override
    public Kernels over(Device device, Kernels kernels) {
      return kernels;
    }

    @Override
    public void allocated(Storage storage) {}

    @Override
    public void readByHost(Storage storage) {}

    @Override
    public void openedToHost(Storage storage) {}
  }

  private Tracing() {}

  /// Whether this thread is writing down a computation now.
  public static boolean isTracing() {
    return ThreadState.current().tracer != null;
  }

  /// Does `work`, a function of `operands` alone whose result the caller keeps.
  ///
  /// It is no part of what this thread is writing down, if that found the operands there: what comes of it is there then, too, and is shared
  /// by all programs that read it.
  public static <T> T apart(Collection<Tensor> operands, Supplier<T> work) {
    ThreadState thread = ThreadState.current();
    Tracer tracer = thread.tracer;
    if (!(tracer instanceof Recorder recorder) || !recorder.takes(operands)) {
      return work.get();
    }
    thread.tracer = Blind.INSTANCE;
    try {
      return work.get();
    } finally {
      thread.tracer = tracer;
    }
  }

  /// Does `computation`, a function of `inputs` and of what it has at hand.
  ///
  /// The program takes for constant all that the computation reads besides the inputs. What the host does in between, as a function of
  /// sizes say, is not part of it.
  ///
  /// @param inputs in memory apart from each other
  public static Traced trace(Tensor[] inputs, Supplier<Tensor> computation) {
    ThreadState thread = ThreadState.current();
    if (thread.scope == null) {
      return traceHere(thread, inputs, computation);
    }
    ScopeMembers scope = Scopes.openInner(thread);
    try {
      Traced traced = traceHere(thread, inputs, computation);
      scope.passOn(traced.result().strided().storage());
      return traced;
    } finally {
      Scopes.close(thread, scope);
    }
  }

  private static Traced traceHere(ThreadState thread, Tensor[] inputs, Supplier<Tensor> computation) {
    Recorder recorder = new Recorder(Arrays.asList(inputs));
    CastCache outside = thread.casts;
    CastCache inside = outside == null ? null : new CastCache(outside.dtype());
    thread.casts = inside; // casts of parameters are part of the program, to be done once
    try {
      Tensor[] result = new Tensor[1];
      Tracers.trace(recorder, () -> {
        result[0] = computation.get();
        if (result[0].requiresGrad() && Arrays.stream(inputs).noneMatch(input -> input == result[0])) {
          recorder.refuse("it records gradients");
        }
        recorder.read(result[0].strided());
      });
      try (var _ = GradMode.noGrad()) {
        return compile(recorder, inputs, result[0]);
      } catch (DeviceOutOfMemoryException _) {
        return new Traced(result[0], null, "there is no memory left for a program");
      } catch (RuntimeException e) { // the result is there, whatever became of the program
        return new Traced(result[0], null, "no program could be made of it: " + e);
      }
    } finally {
      thread.casts = outside;
      if (inside != null) {
        inside.close();
      }
    }
  }

  private static Traced compile(Recorder recorder, Tensor[] inputs, Tensor result) {
    if (recorder.refusal() != null) {
      return new Traced(result, null, recorder.refusal());
    }
    View out = recorder.read(result.strided());
    Device device = result.device();
    List<Instruction> recorded = Simplification.dropUnread(recorder.instructions(), out.buffer());
    Set<Storage> premises = constants(recorded, out);
    for (Storage storage : List.copyOf(premises)) {
      if (recorder.hasMade(storage)) { // and the host has put something there
        Scopes.escape(storage);
        premises.remove(storage);
      }
    }
    premises.addAll(recorder.premises());
    List<Instruction> instructions = Simplification.foldConstants(recorded);
    if (instructions.stream().anyMatch(each -> !each.device().equals(device))) {
      return new Traced(result, null, "it computes on several devices");
    }
    instructions = Fusion.fuse(instructions, out.buffer());
    if (Backends.kernels(device).supports(FusedOp.CHAIN, result.strided())) {
      instructions = Chaining.join(instructions, out.buffer());
    }
    instructions = List.copyOf(Simplification.dropUnread(instructions, out.buffer()));
    List<Strided> operands = Arrays.stream(inputs).map(Tensor::strided).toList();
    return new Traced(result, new Program(device, instructions, out, operands, premises, Arrays.asList(inputs).indexOf(result)), null);
  }

  /// What the instructions, and the caller, read that was there before.
  private static Set<Storage> constants(List<Instruction> instructions, View out) {
    Set<Storage> constants = Collections.newSetFromMap(new IdentityHashMap<>());
    for (Instruction each : instructions) {
      each.operands().forEach(view -> addConstant(view, constants));
    }
    addConstant(out, constants);
    return constants;
  }

  private static void addConstant(View view, Set<Storage> constants) {
    if (view.buffer().origin() instanceof Buffer.Constant(Storage storage)) {
      constants.add(storage);
    }
  }
}
