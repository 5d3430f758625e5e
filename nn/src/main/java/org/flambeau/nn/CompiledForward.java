package org.flambeau.nn;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.flambeau.Autocast;
import org.flambeau.CudaGraph;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.GradMode;
import org.flambeau.MatmulPrecision;
import org.flambeau.Tensor;
import org.flambeau.internal.compile.Program;
import org.flambeau.internal.compile.Tracing;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The programs of a compiled module: one for each kind of operands that it was called with.
final class CompiledForward {
  private static final Logger LOG = LoggerFactory.getLogger(CompiledForward.class);
  /// As many as PyTorch compiles for one function before it stops.
  private static final int MOST_PROGRAMS = 8;
  /// How many programs in a row may be made of which none is ever run.
  private static final int MOST_IN_VAIN = 8;

  /// What an operand looks like.
  ///
  /// @param onHost whether operations take it as a number
  private record Operand(DType dtype, Device device, long[] sizes, long[] strides, boolean onHost) {
    static Operand of(Tensor x) {
      return new Operand(x.dtype(), x.device(), x.sizes(), x.strides(), x.strided().isHostScalar());
    }

    @Override
    public boolean equals(@Nullable Object other) {
      return other instanceof Operand(DType otherDtype, Device otherDevice, long[] otherSizes, long[] otherStrides, boolean otherOnHost)
          && dtype == otherDtype && device.equals(otherDevice) && onHost == otherOnHost && Arrays.equals(sizes, otherSizes)
          && Arrays.equals(strides, otherStrides);
    }

    @Override
    public int hashCode() {
      return 31 * (31 * dtype.hashCode() + Arrays.hashCode(sizes)) + Arrays.hashCode(strides);
    }

    @Override
    public String toString() {
      return dtype.label() + Arrays.toString(sizes) + " on " + device;
    }
  }

  /// All that a program depends on besides the module and the operands' values.
  private record Signature(List<Operand> operands, @Nullable DType autocast, MatmulPrecision products, MatmulPrecision convolutions) {
    static Signature of(Tensor[] inputs) {
      return new Signature(Arrays.stream(inputs).map(Operand::of).toList(), Autocast.isEnabled() ? Autocast.dtype() : null,
          MatmulPrecision.current(), MatmulPrecision.forConvolutions());
    }
  }

  /// What the module was at a call, and the program that was made of it, or null where there is none.
  ///
  /// @param postponed whether there may be one, if the module is still the same at the next call
  private record Compilation(ModuleState of, @Nullable Program program, boolean postponed) {
    boolean isRight(Module module) {
      return of.isStill(module) && (program == null || program.isRight());
    }
  }

  private final Map<Signature, Compilation> compilations = new ConcurrentHashMap<>();
  private final Set<String> said = ConcurrentHashMap.newKeySet();
  /// How many programs were made since one was run.
  private final AtomicInteger inVain = new AtomicInteger();

  /// Calls `module`, whose `forward` with all around it is `eager`.
  Tensor call(Module module, Tensor[] inputs, Supplier<Tensor> eager) {
    if (GradMode.isEnabled() || CudaGraph.isCapturing() || Tracing.isTracing()) {
      return eager.get();
    }
    Signature signature = Signature.of(inputs);
    Compilation known = compilations.get(signature);
    boolean right = known != null && known.isRight(module);
    if (known != null && right && !known.postponed) {
      return known.program == null ? eager.get() : run(known.program, inputs);
    }
    if (!right) {
      compilations.values().removeIf(each -> !each.isRight(module)); // it would keep memory for nothing
      if (compilations.size() >= MOST_PROGRAMS) {
        say(module, "was compiled for " + MOST_PROGRAMS + " kinds of operands; all others run eagerly");
        return eager.get();
      }
      if (inVain.getPlain() >= MOST_IN_VAIN) {
        say(module, "runs eagerly while its parameters, buffers or modules change from call to call");
        compilations.put(signature, new Compilation(ModuleState.of(module), null, true));
        return eager.get();
      }
    }
    return compile(module, signature, inputs, eager);
  }

  private Tensor run(Program program, Tensor[] inputs) {
    if (inVain.getPlain() != 0) {
      inVain.setPlain(0);
    }
    return program.run(inputs);
  }

  /// Does the call, and writes down how it is done again.
  private Tensor compile(Module module, Signature signature, Tensor[] inputs, Supplier<Tensor> eager) {
    ModuleState before = ModuleState.of(module);
    if (before.isHooked()) {
      compilations.put(signature, new Compilation(before, null, false));
      say(module, "runs eagerly: it has hooks, which a program would leave out");
      return eager.get();
    }
    if (!areApart(inputs) || Arrays.stream(inputs).anyMatch(before::sharesMemoryWith)) {
      return eager.get(); // the next operands may be told apart from each other and from parameters, these cannot be
    }
    Tracing.Traced traced = Tracing.trace(inputs, eager);
    Program program = traced.program();
    inVain.incrementAndGet();
    compilations.put(signature, new Compilation(before, program, false));
    if (program == null) {
      say(module, "runs eagerly: " + traced.refusal());
    } else {
      LOG.debug("{} compiled for {}: {} kernels, {} of them chains, {} bytes of temporaries", module.name(), signature.operands(),
          program.kernelCalls(), program.chains(), program.temporaryBytes());
    }
    return traced.result();
  }

  private static boolean areApart(Tensor[] inputs) {
    return Arrays.stream(inputs).map(input -> input.strided().storage()).distinct().count() == inputs.length;
  }

  private void say(Module module, String what) {
    if (said.add(what)) {
      LOG.warn("The compiled {} {}", module.name(), what);
    }
  }
}
