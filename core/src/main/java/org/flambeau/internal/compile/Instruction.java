package org.flambeau.internal.compile;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.flambeau.Device;
import org.flambeau.spi.Activation;
import org.flambeau.spi.Chain;
import org.flambeau.spi.ConvSpec;
import org.flambeau.spi.Epilogue;
import org.flambeau.spi.Kernels;
import org.flambeau.spi.Pointwise;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// One call of a kernel.
///
/// @param writes what it leaves, or changes
/// @param reads its operands, null where there is none, and what it changes
/// @param effect what it does besides
record Instruction(Device device, Call call, List<View> writes, List<@Nullable View> reads, Effect effect) {
  /// What a call does besides computing its results.
  enum Effect {
    NONE,
    /// It may refuse its operands by their values: an index out of range, a division by zero.
    CHECKS,
    /// It draws random numbers: it leaves something else each time.
    DRAWS
  }

  /// How the kernel is called.
  @FunctionalInterface
  interface Call {
    void run(Kernels kernels, Strided[] writes, @Nullable Strided[] reads);
  }

  /// An element-wise function.
  record Elementwise(Pointwise function) implements Call {
    @Override
    public void run(Kernels kernels, Strided[] writes, @Nullable Strided[] reads) {
      function.run(kernels, writes[0], given(reads));
    }
  }

  /// Several of them in one.
  record Chained(Chain chain) implements Call {
    @Override
    public void run(Kernels kernels, Strided[] writes, @Nullable Strided[] reads) {
      kernels.chain(chain, writes[0], given(reads));
    }
  }

  /// A convolution of x, weight and, if given, what its epilogue has: scale, bias, residual.
  record Convolution(ConvSpec spec, Activation activation) implements Call {
    static final int X = 0;
    static final int WEIGHT = 1;
    static final int SCALE = 2;
    static final int BIAS = 3;
    static final int RESIDUAL = 4;

    @Override
    public void run(Kernels kernels, Strided[] writes, @Nullable Strided[] reads) {
      Epilogue epilogue = new Epilogue(reads[SCALE], reads[BIAS], reads[RESIDUAL], activation);
      if (epilogue.isPlain()) {
        kernels.conv2d(writes[0], given(reads[X]), given(reads[WEIGHT]), reads[BIAS], spec);
      } else {
        kernels.fusedConv2d(writes[0], given(reads[X]), given(reads[WEIGHT]), epilogue, spec);
      }
    }
  }

  /// A batch norm of x by mean, 1/√(var + eps), weight, bias and a residual; the last three may be missing.
  record Normalization(Activation activation) implements Call {
    static final int X = 0;
    static final int MEAN = 1;
    static final int RSTD = 2;
    static final int WEIGHT = 3;
    static final int BIAS = 4;
    static final int RESIDUAL = 5;

    @Override
    public void run(Kernels kernels, Strided[] writes, @Nullable Strided[] reads) {
      kernels.batchNormApply(writes[0], given(reads[X]), given(reads[MEAN]), given(reads[RSTD]), reads[WEIGHT], reads[BIAS],
          reads[RESIDUAL],
          activation);
    }
  }

  /// x·weightᵀ + bias, which may be missing.
  record LinearMap(Activation activation) implements Call {
    @Override
    public void run(Kernels kernels, Strided[] writes, @Nullable Strided[] reads) {
      kernels.linear(writes[0], given(reads[0]), given(reads[1]), reads[2], activation);
    }
  }

  /// An operand that is always there.
  static Strided given(@Nullable Strided operand) {
    return Objects.requireNonNull(operand);
  }

  /// Some operands that are always there.
  static Strided[] given(@Nullable Strided[] operands, int first, int end) {
    return given(Arrays.copyOfRange(operands, first, end));
  }

  /// Operands that are always there.
  static Strided[] given(@Nullable Strided[] operands) {
    for (Strided operand : operands) {
      given(operand);
    }
    @SuppressWarnings("NullAway") // none is null
    Strided[] all = operands;
    return all;
  }

  /// The same kernel by another call, on other operands.
  Instruction with(Call other, List<@Nullable View> otherReads) {
    return new Instruction(device, other, writes, otherReads, effect);
  }

  /// The same with another result.
  Instruction into(View out) {
    return new Instruction(device, call, List.of(out), reads, effect);
  }

  /// Its only result.
  View out() {
    return writes.getFirst();
  }

  /// The operands that are there.
  List<View> operands() {
    List<View> present = new ArrayList<>();
    for (View read : reads) {
      if (read != null) {
        present.add(read);
      }
    }
    return present;
  }
}
