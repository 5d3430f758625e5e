package org.flambeau.backend.cpu.onednn;

import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.flambeau.DType;
import org.flambeau.backend.cpu.onednn.Plan.Operand;
import org.flambeau.backend.cpu.onednn.Plan.Role;
import org.flambeau.spi.ConvSpec;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// Plans for a convolution and its gradients.
///
/// Images go as they lie where channels are innermost, else in the blocked layout that the kernel asks for: two reorders
/// by oneDNN's own threads cost less than what its kernels for plain layouts do inside. Where the kernel skips pixels, the reorder
/// would bring them for nothing, so there, too, images go as they lie, except in bfloat16, for which plain layouts have no fast kernel.
final class ConvolutionPlans implements AutoCloseable {
  private final Descriptors descriptors = new Descriptors();
  private final Arena arena = Arena.ofConfined();
  private final Strided x;
  private final Strided weight;
  private final Strided out;
  private final boolean skipsPixels;
  private final long geometry;

  ConvolutionPlans(Strided x, Strided weight, Strided out, ConvSpec spec) {
    this.x = x;
    this.weight = weight;
    this.out = out;
    this.skipsPixels = x.dtype() == DType.FLOAT32 && spec.strideH() > weight.size(weight.rank() - 2)
        && spec.strideW() > weight.size(weight.rank() - 1);
    long padEndH = padEnd(2, spec.strideH(), spec.padH(), spec.dilationH());
    long padEndW = padEnd(3, spec.strideW(), spec.padW(), spec.dilationW());
    this.geometry = arena.allocateFrom(ValueLayout.JAVA_LONG, spec.strideH(), spec.strideW(), spec.dilationH() - 1, spec.dilationW() - 1,
        spec.padH(), spec.padW(), padEndH, padEndW).address();
  }

  /// The padding after the image that fits the result's size exactly, less than the one before where the last step does not fit.
  private long padEnd(int dim, int stride, int padding, int dilation) {
    return (out.size(dim) - 1) * stride + dilation * (weight.size(weight.rank() - 4 + dim) - 1) + 1 - x.size(dim) - padding;
  }

  /// The weight (o, c/groups, h, w) as (groups, o/groups, c/groups, h, w) where there are several.
  static Strided grouped(Strided weight, int groups) {
    if (groups == 1) {
      return weight;
    }
    long outputs = weight.size(0) / groups;
    return weight.with(weight.offset(), new long[] {groups, outputs, weight.size(1), weight.size(2), weight.size(3)},
        new long[] {outputs * weight.stride(0), weight.stride(0), weight.stride(1), weight.stride(2), weight.stride(3)});
  }

  Plan forward(@Nullable Strided bias) {
    long row = bias == null ? 0 : descriptors.of(bias);
    long primitive = Dnnl.convolution(true, image(x), descriptors.any(weight), row, image(out), geometry, descriptors.attributes());
    Operand[] operands = {
      operand(Dnnl.ARG_DST, Role.OUTPUT, out), operand(Dnnl.ARG_SRC, Role.INPUT, x), operand(Dnnl.ARG_WEIGHTS, Role.WEIGHTS, weight),
      new Operand(Dnnl.ARG_BIAS, Role.INPUT, row)
    };
    return Plan.of(primitive, descriptors, bias == null ? Arrays.copyOf(operands, 3) : operands);
  }

  Plan backwardInput() {
    long hint = hint();
    long primitive = hint == 0 ? 0 : Dnnl.convolutionBackwardData(image(x), descriptors.any(weight), image(out), geometry, hint,
        descriptors.attributes());
    return Plan.of(primitive, descriptors, operand(Dnnl.ARG_DIFF_SRC, Role.OUTPUT, x), operand(Dnnl.ARG_DIFF_DST, Role.INPUT, out),
        operand(Dnnl.ARG_WEIGHTS, Role.WEIGHTS, weight));
  }

  Plan backwardWeight() {
    long hint = hint();
    long primitive = hint == 0 ? 0 : Dnnl.convolutionBackwardWeights(image(x), descriptors.any(weight), image(out), geometry, hint,
        descriptors.attributes());
    return Plan.of(primitive, descriptors, operand(Dnnl.ARG_DIFF_WEIGHTS, Role.OUTPUT, weight), operand(Dnnl.ARG_DIFF_DST, Role.INPUT, out),
        operand(Dnnl.ARG_SRC, Role.INPUT, x));
  }

  private long hint() {
    return descriptors.hint(Dnnl.convolution(true, image(x), descriptors.any(weight), 0, image(out), geometry, descriptors.attributes()));
  }

  private long image(Strided operand) {
    boolean channelsInnermost = operand.stride(1) == 1 && operand.size(1) > 1;
    return channelsInnermost || skipsPixels ? descriptors.of(operand) : descriptors.any(operand);
  }

  private Operand operand(int argument, Role role, Strided operand) {
    return new Operand(argument, role, descriptors.of(operand));
  }

  @Override
  public void close() {
    descriptors.close();
    arena.close();
  }
}
