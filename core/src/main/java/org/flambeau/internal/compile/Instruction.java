package org.flambeau.internal.compile;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.flambeau.Device;
import org.flambeau.spi.Activation;
import org.flambeau.spi.Chain;
import org.flambeau.spi.Conv2d;
import org.flambeau.spi.Kernels;
import org.flambeau.spi.Pointwise;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// One call of a kernel.
///
/// @param writes what it leaves, or changes
/// @param reads its operands, null where there is none, and what it changes
/// @param repeatable whether it leaves the same again from the same operands: not where random numbers are drawn
record Instruction(Device device, Call call, List<View> writes, List<@Nullable View> reads, boolean repeatable) {
  /// How the kernel is called.
  @FunctionalInterface
  interface Call {
    void run(Kernels kernels, Strided[] writes, @Nullable Strided[] reads);
  }

  /// An element-wise function.
  record Elementwise(Pointwise function) implements Call {
    @Override
    public void run(Kernels kernels, Strided[] writes, @Nullable Strided[] reads) {
      function.run(kernels, writes[0], present(reads));
    }
  }

  /// Several of them in one.
  record Chained(Chain chain) implements Call {
    @Override
    public void run(Kernels kernels, Strided[] writes, @Nullable Strided[] reads) {
      kernels.chain(chain, writes[0], present(reads));
    }
  }

  /// A convolution of x, weight and, if given, bias and residual; without the last and an activation it is the plain kernel.
  record Convolution(Conv2d spec, Activation activation) implements Call {
    @Override
    public void run(Kernels kernels, Strided[] writes, @Nullable Strided[] reads) {
      Strided x = Objects.requireNonNull(reads[0]);
      Strided weight = Objects.requireNonNull(reads[1]);
      Strided residual = reads.length < 4 ? null : reads[3];
      if (residual == null && activation == Activation.NONE) {
        kernels.conv2d(writes[0], x, weight, reads[2], spec);
      } else {
        kernels.fusedConv2d(writes[0], x, weight, reads[2], residual, activation, spec);
      }
    }
  }

  /// A batch norm of x by mean, 1/√(var + eps), weight, bias and a residual; the last three may be missing.
  record Normalization(Activation activation) implements Call {
    @Override
    public void run(Kernels kernels, Strided[] writes, @Nullable Strided[] reads) {
      kernels.batchNormApply(writes[0], Objects.requireNonNull(reads[0]), Objects.requireNonNull(reads[1]),
          Objects.requireNonNull(reads[2]),
          reads[3], reads[4], reads[5], activation);
    }
  }

  /// x·weightᵀ + bias, which may be missing.
  record LinearMap(Activation activation) implements Call {
    @Override
    public void run(Kernels kernels, Strided[] writes, @Nullable Strided[] reads) {
      kernels.linear(writes[0], Objects.requireNonNull(reads[0]), Objects.requireNonNull(reads[1]), reads[2], activation);
    }
  }

  private static Strided[] present(@Nullable Strided[] reads) {
    return Arrays.stream(reads).map(Objects::requireNonNull).toArray(Strided[]::new);
  }

  /// The same kernel by another call, on other operands.
  Instruction with(Call other, List<@Nullable View> otherReads) {
    return new Instruction(device, other, writes, otherReads, repeatable);
  }

  /// The same with another result.
  Instruction into(View out) {
    return new Instruction(device, call, List.of(out), reads, repeatable);
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

  boolean reads(Buffer buffer) {
    return operands().stream().anyMatch(view -> view.buffer() == buffer);
  }

  boolean writes(Buffer buffer) {
    return writes.stream().anyMatch(view -> view.buffer() == buffer);
  }
}
