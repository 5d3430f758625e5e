package org.flambeau.internal.ops;

import static org.flambeau.autograd.Derivative.fixing;
import static org.flambeau.autograd.Derivative.joint;
import static org.flambeau.autograd.Derivative.result;
import static org.flambeau.autograd.Derivative.saves;
import static org.flambeau.autograd.Derivative.term;
import static org.flambeau.internal.text.Shapes.list;

import java.util.Arrays;
import java.util.stream.Collectors;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.MemoryFormat;
import org.flambeau.Tensor;
import org.flambeau.autograd.Derivative;
import org.flambeau.autograd.Saved;
import org.flambeau.internal.Backends;
import org.flambeau.spi.Activation;
import org.flambeau.spi.BinaryOp;
import org.flambeau.spi.ConvSpec;
import org.flambeau.spi.Epilogue;
import org.flambeau.spi.FusedOp;
import org.flambeau.spi.Kernels;
import org.flambeau.spi.Strided;
import org.flambeau.spi.UnaryOp;
import org.jspecify.annotations.Nullable;

/// Convolutions over rows and columns, or over one row, with their transposes.
///
/// One kernel convolves and two compute its gradients; as the operation is linear in both operands, the gradients of the
/// gradients are those three again, and the transposed convolution is the gradient for the input.
public final class Convolutions {
  /// @param activation of the sum: none or ReLU
  private record Fused(ConvSpec spec, Activation activation) {}

  // the operands of FUSED
  private static final int X = 0;
  private static final int WEIGHT = 1;
  private static final int SCALE = 2;
  private static final int BIAS = 3;
  private static final int RESIDUAL = 4;

  private static final Op<ConvSpec> CONV = Op.of("conv2d", Derivative.of("ConvolutionBackward0",
      fixing(saves(0), term(saves(1), (g, s, spec) -> backwardInput(g, s.input(1), s.sizes(0), spec))),
      fixing(saves(1), term(saves(0), (g, s, spec) -> backwardWeight(g, s.input(0), ofWeight(s), spec))),
      fixing(saves(0, 1), term((g, _, _) -> sumButChannels(g)))));
  private static final Op<Fused> FUSED = Op.of("conv2d_add_relu", joint("ConvolutionAddReluBackward0",
      needed -> ((needed & (saves(X) | saves(SCALE))) == 0 ? 0 : saves(WEIGHT))
          | ((needed & (saves(WEIGHT) | saves(SCALE))) == 0 ? 0 : saves(X))
          | ((needed & (saves(X) | saves(WEIGHT))) == 0 ? 0 : saves(SCALE)) | result(0),
      Convolutions::backward));
  private static final Op<ConvSpec> TRANSPOSE = Op.of("conv_transpose2d", ofBackwardInput("ConvolutionBackward0"));
  private static final Op<ConvSpec> BACKWARD_INPUT = Op.of("conv2d_backward_input", ofBackwardInput("ConvolutionBackwardBackward0"));
  private static final Op<ConvSpec> BACKWARD_WEIGHT = Op.of("conv2d_backward_weight", Derivative.of("ConvolutionBackwardBackward0",
      term(saves(1), (g, s, spec) -> convolve(s.input(1), g, null, spec)),
      term(saves(0), (g, s, spec) -> backwardInput(s.input(0), g, s.sizes(1), spec))));

  private Convolutions() {}

  private static Derivative<ConvSpec> ofBackwardInput(String node) {
    return Derivative.of(node,
        fixing(saves(0), term(saves(1), (g, s, spec) -> convolve(g, s.input(1), null, spec))),
        fixing(saves(1), term(saves(0), (g, s, spec) -> backwardWeight(s.input(0), g, ofWeight(s), spec))),
        fixing(saves(0, 1), term((g, _, _) -> sumButChannels(g))));
  }

  private static Tensor sumButChannels(Tensor g) {
    return g.dim() == 4 ? g.sum(0, 2, 3) : g.sum(0, 2);
  }

  // ---- forward ----

  /// The convolution of images (n, c, h, w) or one image (c, h, w) with a weight (o, c/groups, kh, kw).
  public static Tensor conv2d(Tensor x, Tensor weight, @Nullable Tensor bias, ConvSpec spec) {
    AutocastPolicy policy = AutocastPolicy.of("conv2d", x);
    if (policy != null) {
      return policy.run(c -> conv2d(c[0], c[1], c[2], spec), x, weight, bias);
    }
    return checkedConv("conv2d", 2, x, weight, bias, spec);
  }

  /// The convolution of rows (n, c, l) or one row (c, l) with a weight (o, c/groups, k); `spec` slides along columns.
  public static Tensor conv1d(Tensor x, Tensor weight, @Nullable Tensor bias, ConvSpec spec) {
    AutocastPolicy policy = AutocastPolicy.of("conv1d", x);
    if (policy != null) {
      return policy.run(c -> conv1d(c[0], c[1], c[2], spec), x, weight, bias);
    }
    return checkedConv("conv1d", 1, x, weight, bias, spec);
  }

  private static Tensor checkedConv(String op, int spatial, Tensor x, Tensor weight, @Nullable Tensor bias, ConvSpec spec) {
    checkRank(op, spatial, x, weight);
    if (x.dim() == spatial + 1) {
      return checkedConv(op, spatial, x.unsqueeze(0), weight, bias, spec).squeeze(0);
    }
    check(op, x, weight, bias, spec);
    return convolve(x, weight, bias, spec);
  }

  private static void check(String op, Tensor x, Tensor weight, @Nullable Tensor bias, ConvSpec spec) {
    checkSizes(op, x, weight, bias, spec);
    checkDtypes(op, x, weight, bias);
  }

  private static void checkSizes(String op, Tensor x, Tensor weight, @Nullable Tensor bias, ConvSpec spec) {
    checkSpec(op, spec);
    long[] w = weight.sizes();
    if (w[0] < spec.groups() || w[0] % spec.groups() != 0) {
      throw new IllegalArgumentException(
          "[" + op + "] Given groups=" + spec.groups() + ", expected weight to be divisible by " + spec.groups()
              + " at dimension 0, but got weight of size [" + list(w) + "] instead");
    }
    if (x.size(1) != w[1] * spec.groups()) {
      throw new IllegalArgumentException("[" + op + "] Given groups=" + spec.groups() + ", weight of size " + list(w) + ", expected input"
          + list(x.sizes()) + " to have " + w[1] * spec.groups() + " channels, but got " + x.size(1) + " channels instead");
    }
    checkBias(op, "", w, w[0], bias);
    checkKernelFits(op, x, weight, spec);
  }

  /// activation(scale·[#conv2d] without bias + bias + residual) with an activation that is none or ReLU, in one kernel where the backend has it and
  /// the residual needs neither broadcasting nor a cast. A scale for each channel may have more precision than x, and then bias has it, too.
  public static Tensor fusedConv2d(Tensor x, Tensor weight, @Nullable Tensor scale, @Nullable Tensor bias, @Nullable Tensor residual,
      Activation activation, ConvSpec spec) {
    AutocastPolicy policy = AutocastPolicy.of("conv2d", x);
    if (policy != null) {
      return scale == null
          ? policy.run(c -> fusedConv2d(c[0], c[1], null, c[2], residual, activation, spec), x, weight, bias)
          : policy.run(c -> fusedConv2d(c[0], c[1], scale, bias, residual, activation, spec), x, weight);
    }
    checkRank("conv2d", 2, x, weight);
    if (x.dim() == 4) {
      check("conv2d", x, weight, scale == null ? bias : null, spec);
      checkScaled(weight, scale, bias);
      long[] sizes = outputSizes(x, weight, spec);
      boolean fits = residual == null || residual.dtype() == x.dtype() && Arrays.equals(residual.sizes(), sizes);
      if (fits && (scale == null || areScaled(weight))) {
        Fused fused = new Fused(spec, activation);
        return FUSED.run(fused, x.dtype(), layout(sizes, x, weight), x.device(), new @Nullable Tensor[] {x, weight, scale, bias, residual},
            (k, out) -> compute(k, out, x.strided(), weight.strided(), new Epilogue(strided(scale), strided(bias), strided(residual),
                activation), spec));
      }
    }
    return Op.scoped("conv2d_add_relu", () -> {
      Tensor y = scale == null ? conv2d(x, weight, bias, spec) : scaled(conv2d(x, weight, null, spec), scale, bias);
      Tensor sum = residual == null ? y : y.add(residual);
      return activation == Activation.RELU ? sum.relu() : sum;
    });
  }

  /// Whether [#fusedConv2d] with `weight` had better be given a scale than a weight that was scaled before.
  public static boolean areScaled(Tensor weight) {
    return Backends.kernels(weight.device()).supports(FusedOp.SCALED_CONV2D, weight.strided());
  }

  /// Of how many images at a time the convolution's result is as small as their device wants it: at least one.
  public static long imagesInCache(Tensor x, Tensor weight, ConvSpec spec) {
    checkSizes("conv2d", x, weight, null, spec);
    long[] sizes = outputSizes(x, weight, spec);
    sizes[0] = 1;
    long bytes = Strided.numel(sizes) * AutocastPolicy.dtypeOf("conv2d", x).size();
    return Math.max(1, Backends.kernels(x.device()).bytesInCache() / Math.max(1, bytes));
  }

  private static Tensor scaled(Tensor y, Tensor scale, @Nullable Tensor bias) {
    Tensor product = y.mul(scale.view(-1, 1, 1));
    return (bias == null ? product : product.add(bias.view(-1, 1, 1))).to(y.dtype());
  }

  private static @Nullable Strided strided(@Nullable Tensor tensor) {
    return tensor == null ? null : tensor.strided();
  }

  /// The transpose of [#conv2d] as a linear map: each element of x (n, c, h, w) spreads the weight (c, o/groups, kh, kw)
  /// over the result, which has `outputPadH` rows and `outputPadW` columns more than the least that fit.
  public static Tensor convTranspose2d(Tensor x, Tensor weight, @Nullable Tensor bias, ConvSpec spec, int outputPadH, int outputPadW) {
    AutocastPolicy policy = AutocastPolicy.of("conv_transpose2d", x);
    if (policy != null) {
      return policy.run(c -> convTranspose2d(c[0], c[1], c[2], spec, outputPadH, outputPadW), x, weight, bias);
    }
    String op = "conv_transpose2d";
    checkRank(op, 2, x, weight);
    if (x.dim() == 3) {
      return convTranspose2d(x.unsqueeze(0), weight, bias, spec, outputPadH, outputPadW).squeeze(0);
    }
    checkSpec(op, spec);
    long[] w = weight.sizes();
    if (x.size(1) != w[0]) {
      throw new IllegalArgumentException("[" + op + "] Given transposed=1, weight of size " + list(w) + ", expected input" + list(x.sizes())
          + " to have " + w[0] + " channels, but got " + x.size(1) + " channels instead");
    }
    checkBias(op, "transposed=1, ", w, w[1] * spec.groups(), bias);
    if (outputPadH < 0 || outputPadW < 0) {
      throw new IllegalArgumentException("[" + op + "] negative output_padding is not supported");
    }
    if (outputPadH >= Math.max(spec.strideH(), spec.dilationH()) || outputPadW >= Math.max(spec.strideW(), spec.dilationW())) {
      throw new IllegalArgumentException("[" + op + "] output padding must be smaller than either stride or dilation, but got "
          + "output_padding_height: " + outputPadH + " output_padding_width: " + outputPadW + " stride_height: " + spec.strideH()
          + " stride_width: " + spec.strideW() + " dilation_height: " + spec.dilationH() + " dilation_width: " + spec.dilationW());
    }
    checkDtypes(op, x, weight, bias);
    long h = (x.size(2) - 1) * spec.strideH() - 2L * spec.padH() + spec.dilationH() * (w[2] - 1) + outputPadH + 1;
    long width = (x.size(3) - 1) * spec.strideW() - 2L * spec.padW() + spec.dilationW() * (w[3] - 1) + outputPadW + 1;
    if (h < 1 || width < 1) {
      throw new IllegalArgumentException("[" + op + "] Given input size per channel: (" + x.size(2) + " x " + x.size(3)
          + "). Calculated output size per channel: (" + h + " x " + width + "). Output size is too small");
    }
    int rows = outputPadH / spec.strideH();
    int columns = outputPadW / spec.strideW();
    Tensor in = rows + columns == 0 ? x : Padding.constant(x, new long[] {0, columns, 0, rows}, 0); // what the result is a convolution to
    return spread(TRANSPOSE, in, weight, bias, new long[] {x.size(0), w[1] * spec.groups(), h, width}, spec);
  }

  /// What `padding="same"` stands for along one dimension: the zeros on both sides, and those that only the end gets.
  public record SamePadding(int both, int atEnd) {
    public static SamePadding of(long kernel, int dilation) {
      int total = Math.toIntExact(dilation * (kernel - 1));
      return new SamePadding(total / 2, total % 2);
    }
  }

  // ---- kernels ----

  private static Tensor convolve(Tensor x, Tensor weight, @Nullable Tensor bias, ConvSpec spec) {
    long[] sizes = outputSizes(x, weight, spec);
    Strided in = image(x.strided());
    Strided kernel = image(weight.strided());
    Strided row = bias == null ? null : bias.strided();
    return CONV.run(spec, x.dtype(), layout(sizes, x, weight), x.device(), new @Nullable Tensor[] {x, weight, bias},
        (k, out) -> k.conv2d(image(out), in, kernel, row, spec));
  }

  private static long[] outputSizes(Tensor x, Tensor weight, ConvSpec spec) {
    long[] sizes = x.sizes();
    int last = sizes.length - 1;
    sizes[1] = weight.size(0);
    sizes[last] = ConvSpec.outputSize(sizes[last], weight.size(last), spec.strideW(), spec.padW(), spec.dilationW());
    if (last == 3) {
      sizes[2] = ConvSpec.outputSize(sizes[2], weight.size(2), spec.strideH(), spec.padH(), spec.dilationH());
    }
    return sizes;
  }

  private static void compute(Kernels k, Strided out, Strided x, Strided weight, Epilogue epilogue, ConvSpec spec) {
    if (k.supports(FusedOp.CONV2D, x)) {
      k.fusedConv2d(out, x, weight, epilogue, spec);
      return;
    }
    k.conv2d(out, x, weight, epilogue.bias(), spec);
    if (epilogue.residual() != null) {
      k.binary(BinaryOp.ADD, out, out, epilogue.residual());
    }
    if (epilogue.activation() == Activation.RELU) {
      k.unary(UnaryOp.RELU, out, out);
    }
  }

  private static @Nullable Tensor[] backward(@Nullable Tensor[] grads, Saved s, Fused fused) {
    @Nullable Tensor[] gradients = new Tensor[RESIDUAL + 1];
    Tensor grad = grads[0];
    if (grad != null) {
      Tensor sum = fused.activation == Activation.RELU ? Unary.reluBackward(grad, s.result()) : grad;
      gradients[BIAS] = s.needs(BIAS) ? sumButChannels(sum).to(s.dtype(BIAS)) : null;
      gradients[RESIDUAL] = s.needs(RESIDUAL) ? sum : null;
      if (s.needs(SCALE)) { // y = Σ w·x: what w·∂/∂w sums over a channel is y·∂/∂y
        Tensor weight = s.input(WEIGHT);
        gradients[SCALE] = backwardWeight(sum, s.input(X), Layout.contiguous(weight.sizes()), fused.spec).to(s.dtype(SCALE)).mul(weight)
            .sum(1, 2, 3);
      }
      if (s.needs(X) || s.needs(WEIGHT)) {
        Tensor scale = s.inputOrNull(SCALE);
        Tensor g = scale == null ? sum : sum.mul(scale.view(-1, 1, 1)).to(sum.dtype());
        gradients[X] = s.needs(X) ? backwardInput(g, s.input(WEIGHT), s.sizes(X), fused.spec) : null;
        gradients[WEIGHT] = s.needs(WEIGHT) ? backwardWeight(g, s.input(X), ofWeight(s), fused.spec) : null;
      }
    }
    return gradients;
  }

  private static Tensor backwardInput(Tensor grad, Tensor weight, long[] sizes, ConvSpec spec) {
    return spread(BACKWARD_INPUT, grad, weight, null, sizes, spec);
  }

  private static Tensor spread(Op<ConvSpec> op, Tensor grad, Tensor weight, @Nullable Tensor bias, long[] sizes, ConvSpec spec) {
    Strided g = image(grad.strided());
    Strided kernel = image(weight.strided());
    return op.run(spec, grad.dtype(), layout(sizes, grad, weight), grad.device(), new @Nullable Tensor[] {grad, weight, bias},
        (k, out) -> {
          k.conv2dBackwardInput(image(out), g, kernel, spec);
          if (bias != null) {
            k.binary(BinaryOp.ADD, out, out, perChannel(bias.strided(), out.sizes()));
          }
        });
  }

  /// As the weight lies, which is where its gradient goes, whatever the images are.
  private static Layout ofWeight(Saved s) {
    return Layout.of(s.isChannelsLast(1) ? MemoryFormat.CHANNELS_LAST : MemoryFormat.CONTIGUOUS, s.sizes(1));
  }

  private static Tensor backwardWeight(Tensor grad, Tensor x, Layout layout, ConvSpec spec) {
    Strided g = image(grad.strided());
    Strided in = image(x.strided());
    return BACKWARD_WEIGHT.run(spec, grad.dtype(), layout, grad.device(), grad, x,
        (k, out) -> k.conv2dBackwardWeight(image(out), g, in, spec));
  }

  /// Rows as images of one row: kernels know images only.
  private static Strided image(Strided x) {
    if (x.rank() == 4) {
      return x;
    }
    long[] sizes = {x.size(0), x.size(1), 1, x.size(2)};
    return x.with(x.offset(), sizes, new long[] {x.stride(0), x.stride(1), x.size(2) * x.stride(2), x.stride(2)});
  }

  /// Channels-last where one of the operands is, as in PyTorch.
  private static Layout layout(long[] sizes, Tensor a, Tensor b) {
    return Layout.isChannelsLast(a.strided()) || Layout.isChannelsLast(b.strided()) ? Layout.channelsLast(sizes) : Layout.contiguous(sizes);
  }

  /// A vector with one element for each channel, repeated over all else of `sizes`.
  static Strided perChannel(Strided vector, long[] sizes) {
    long[] strides = new long[sizes.length];
    strides[1] = vector.stride(0);
    return vector.with(vector.offset(), sizes, strides);
  }

  // ---- checks ----

  public static void checkRank(String op, int spatial, Tensor x, Tensor weight) {
    if (x.dim() != spatial + 1 && x.dim() != spatial + 2) {
      throw new IllegalArgumentException(
          "[" + op + "] Expected " + (spatial + 1) + "D (unbatched) or " + (spatial + 2) + "D (batched) input to "
              + op + ", but got input of size: " + list(x.sizes()));
    }
    if (weight.dim() != spatial + 2) {
      throw new IllegalArgumentException(
          "[" + op + "] expected a weight of " + (spatial + 2) + " dimensions (out channels, in channels / groups, "
              + (spatial == 2 ? "rows, columns" : "length") + "), but got weight of size " + list(weight.sizes()));
    }
  }

  private static void checkSpec(String op, ConvSpec spec) {
    if (spec.padH() < 0 || spec.padW() < 0) {
      throw new IllegalArgumentException("[" + op + "] negative padding is not supported");
    }
    if (spec.strideH() < 1 || spec.strideW() < 1) {
      throw new IllegalArgumentException("[" + op + "] non-positive stride is not supported");
    }
    if (spec.dilationH() < 1 || spec.dilationW() < 1) {
      throw new IllegalArgumentException("[" + op + "] dilation should be greater than zero, but got [" + spec.dilationH() + ", "
          + spec.dilationW() + "]");
    }
    if (spec.groups() < 1) {
      throw new IllegalArgumentException("[" + op + "] non-positive groups is not supported");
    }
  }

  private static void checkBias(String op, String kind, long[] weight, long channels, @Nullable Tensor bias) {
    if (bias != null && (bias.dim() != 1 || bias.size(0) != channels)) {
      throw new IllegalArgumentException("[" + op + "] Given " + kind + "weight of size " + list(weight)
          + ", expected bias to be 1-dimensional with " + channels + " elements, but got bias of size " + list(bias.sizes()) + " instead");
    }
  }

  private static void checkKernelFits(String op, Tensor x, Tensor weight, ConvSpec spec) {
    int spatial = x.dim() - 2;
    long[] padded = new long[spatial];
    long[] kernel = new long[spatial];
    boolean fits = true;
    for (int d = 0; d < spatial; d++) {
      boolean rows = d == spatial - 2;
      padded[d] = x.size(2 + d) + 2L * (rows ? spec.padH() : spec.padW());
      kernel[d] = (rows ? spec.dilationH() : spec.dilationW()) * (weight.size(2 + d) - 1) + 1;
      fits &= padded[d] >= kernel[d];
    }
    if (!fits) {
      throw new IllegalArgumentException("[" + op + "] Calculated padded input size per channel: (" + times(padded) + "). Kernel size: ("
          + times(kernel) + "). Kernel size can't be greater than actual input size");
    }
  }

  private static String times(long[] sizes) {
    return Arrays.stream(sizes).mapToObj(Long::toString).collect(Collectors.joining(" x "));
  }

  /// A scale and the bias beside it are both of the weight's dtype or, beside halves, both of float32.
  private static void checkScaled(Tensor weight, @Nullable Tensor scale, @Nullable Tensor bias) {
    if (scale == null) {
      return;
    }
    DType wide = DType.promote(weight.dtype(), DType.FLOAT32);
    for (Tensor vector : bias == null ? new Tensor[] {scale} : new Tensor[] {scale, bias}) {
      boolean fits = vector.dtype() == scale.dtype() && (vector.dtype() == wide || vector.dtype() == weight.dtype());
      if (vector.dim() != 1 || vector.size(0) != weight.size(0) || !fits) {
        throw new IllegalArgumentException("[conv2d] expected a scale and a bias both of " + wide.label() + " or both of "
            + weight.dtype().label() + " with sizes [" + weight.size(0) + "], but got " + vector.dtype().label() + " with sizes "
            + list(vector.sizes()));
      }
    }
  }

  private static void checkDtypes(String op, Tensor x, Tensor weight, @Nullable Tensor bias) {
    DType dtype = Promotion.requireFloat(op, x);
    if (weight.dtype() != dtype) {
      throw new IllegalArgumentException("[" + op + "] expected a weight of the input's dtype " + dtype.label() + ", but got "
          + weight.dtype().label() + ": cast one with to(dtype)");
    }
    if (bias != null && bias.dtype() != dtype) {
      throw new IllegalArgumentException("[" + op + "] Input type (" + dtype.label() + ") and bias type (" + bias.dtype().label()
          + ") should be the same");
    }
    Device _ = Binary.device(op, x, weight, bias);
  }
}
