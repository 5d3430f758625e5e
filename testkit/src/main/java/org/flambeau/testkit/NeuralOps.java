package org.flambeau.testkit;

import static org.flambeau.testkit.OpInfo.binary;
import static org.flambeau.testkit.OpInfo.op;
import static org.flambeau.testkit.OpInfo.several;
import static org.flambeau.testkit.OpInfo.unary;

import java.util.List;
import java.util.Locale;
import java.util.function.UnaryOperator;
import org.flambeau.DType;
import org.flambeau.Reduction;
import org.flambeau.Selected;
import org.flambeau.Tensor;
import org.flambeau.internal.ops.BatchNorm;
import org.flambeau.internal.ops.Convolutions;
import org.flambeau.internal.ops.Linear;
import org.flambeau.nn.ConvOptions;
import org.flambeau.nn.Functional;
import org.flambeau.nn.Functional.InterpolationMode;
import org.flambeau.nn.Functional.PaddingMode;
import org.flambeau.nn.NormalizedSum;
import org.flambeau.nn.PoolOptions;
import org.flambeau.spi.Activation;
import org.flambeau.spi.ConvSpec;
import org.jspecify.annotations.Nullable;

/// The operations of neural networks.
final class NeuralOps {
  private NeuralOps() {}

  // spotless:off
  static final List<OpInfo> ACTIVATIONS = List.of(
      floating("gelu", Functional::gelu).tolerance(4),
      unary("gelu_tanh", Functional::geluTanh).refuses(() -> Functional.geluTanh(Tensor.of(1)), "[gelu_tanh]", "int32").tolerance(4),
      floating("silu", Functional::silu),
      floating("softplus_default", Functional::softplus).methods("softplus").records("softplus"),
      op("softplus", (x, a) -> Functional.softplus(x.get(0), a.number("beta"), a.number("threshold"))).refuses(() -> Functional.softplus(Tensor.of(1)), "[softplus]", "int32"),
      floating("leaky_relu_default", Functional::leakyRelu).methods("leakyRelu").records("leaky_relu"),
      op("leaky_relu", (x, a) -> Functional.leakyRelu(x.get(0), a.number("slope"))).refuses(() -> Functional.leakyRelu(Tensor.of(1)), "[leaky_relu]", "int32"),
      floating("elu_default", Functional::elu).methods("elu").records("elu"),
      op("elu", (x, a) -> Functional.elu(x.get(0), a.number("alpha"))).refuses(() -> Functional.elu(Tensor.of(1)), "[elu]", "int32"),
      unary("hardtanh_default", Functional::hardtanh).methods("hardtanh").records("hardtanh")
          .refuses(() -> Functional.hardtanh(Tensor.of(true)), "[hardtanh]", "bool"),
      op("hardtanh", (x, a) -> Functional.hardtanh(x.get(0), a.number("low"), a.number("high")))
          .refuses(() -> Functional.hardtanh(Tensor.ones(1), 2, 1), "[hardtanh]", "min_val cannot be greater than max_val"),
      unary("relu6", x -> Functional.relu6(x.mul(4))).refuses(() -> Functional.relu6(Tensor.of(true)), "[relu6]", "bool"),
      floating("hardswish", Functional::hardswish),
      floating("hardsigmoid", Functional::hardsigmoid).tolerance(32),
      floating("mish", Functional::mish).tolerance(4),
      floating("log_sigmoid", Functional::logSigmoid).records("log_sigmoid", "softplus_one"),
      unary("softsign", Functional::softsign).refuses(() -> Functional.softsign(Tensor.of(true)), "[softsign]", "bool"),
      op("celu", (x, a) -> Functional.celu(x.get(0), a.number("alpha"))).refuses(() -> Functional.celu(Tensor.ones(1), 0), "[celu]", "alpha cannot be 0")
          .refuses(() -> Functional.celu(Tensor.of(1), 1), "[celu]", "int32"),
      floating("selu", Functional::selu).records("elu"),
      op("prelu", (x, a) -> Functional.prelu(x.get(0), x.get(1))).refuses(() -> Functional.prelu(Tensor.ones(2, 4), Tensor.ones(3)), "[prelu]", "3", "4")
          .refuses(() -> Functional.prelu(Tensor.ones(2, 3), Tensor.ones(DType.FLOAT64, 1)), "[prelu]", "Type promoting not supported", "float32", "float64")
          .refuses(() -> Functional.prelu(Tensor.ones(2, 3), Tensor.ones(1, 3)), "[prelu]", "scalar or 1D", "(1, 3)")
          .refuses(() -> Functional.prelu(Tensor.of(1, 2), Tensor.of(1)), "[prelu]", "int32"),
      op("threshold", (x, a) -> Functional.threshold(x.get(0), a.number("threshold"), a.number("value"))).refusesNothing("any numbers have an order"),
      op("pixel_shuffle", (x, a) -> Functional.pixelShuffle(x.get(0), a.integer("factor")))
          .refuses(() -> Functional.pixelShuffle(Tensor.ones(6, 2, 2), 2), "[pixel_shuffle]", "divisible", "6"),
      op("glu", (x, a) -> Functional.glu(x.get(0), a.integer("dim"))).refuses(() -> Functional.glu(Tensor.ones(3), 0), "[glu]", "3")
          .refuses(() -> Functional.glu(Tensor.of(1, 2), 0), "[glu]", "int32"),
      op("softmax", (x, a) -> x.get(0).softmax(a.integer("dim"))).records("softmax", "softmax_backward")
          .refuses(() -> Tensor.ones(2).softmax(1), "[softmax]", "Dimension out of range"),
      op("log_softmax", (x, a) -> x.get(0).logSoftmax(a.integer("dim"))).refuses(() -> Tensor.ones(2).logSoftmax(1), "[log_softmax]", "Dimension out of range"),
      op("softmax_dtype", (x, a) -> Functional.softmax(x.get(0), a.integer("dim"), DType.FLOAT64)).methods("softmax").records("softmax", "to")
          .refuses(() -> Functional.softmax(Tensor.ones(2), 1, DType.FLOAT64), "[softmax]", "[-1, 0]", "1"),
      op("log_softmax_dtype", (x, a) -> Functional.logSoftmax(x.get(0), a.integer("dim"), DType.FLOAT64)).methods("logSoftmax").records("log_softmax", "to")
          .refuses(() -> Functional.logSoftmax(Tensor.ones(2), 1, DType.FLOAT64), "[log_softmax]", "[-1, 0]", "1"));

  private static Tensor fused(Tensor x, Tensor weight, @Nullable Tensor scale, Tensor bias, @Nullable Tensor residual, Attributes a) {
    int[] stride = a.integers("stride");
    int[] padding = a.integers("padding");
    return Convolutions.fusedConv2d(x, weight, scale, bias, residual, a.flag("relu") ? Activation.RELU : Activation.NONE,
        new ConvSpec(stride[0], stride[1], padding[0], padding[1], 1, 1, 1));
  }

  static final List<OpInfo> CONVOLUTIONS = List.of(
      op("conv2d", (x, a) -> Functional.conv2d(x.get(0), x.get(1), or(x, 2), conv(a))).tolerance(8).records("conv2d", "conv2d_backward_input", "conv2d_backward_weight")
          .refuses(() -> Functional.conv2d(Tensor.ones(1, 3, 5, 5), Tensor.ones(4, 2, 3, 3), null), "[conv2d]", "2 channels", "3 channels")
          .refuses(() -> Functional.conv2d(Tensor.ones(1, 2, 2, 2), Tensor.ones(4, 2, 3, 3), null), "[conv2d]", "Kernel size can't be greater than actual input size")
          .refuses(() -> Functional.conv2d(Tensor.ones(1, 2), Tensor.ones(4, 2, 3, 3), null), "[conv2d]", "2")
          .refuses(() -> Functional.conv2d(Tensor.ones(1, 2, 5, 5), Tensor.ones(4, 2, 3, 3), Tensor.ones(3)), "[conv2d]", "4", "3")
          .refuses(() -> Functional.conv2d(Tensor.ones(1, 2, 5, 5), Tensor.ones(4, 2, 3, 3), null, ConvOptions.of().stride(0)), "[conv2d]", "non-positive stride is not supported")
          .refuses(() -> Functional.conv2d(Tensor.ones(2, 5), Tensor.ones(4, 2, 3, 3), null, ConvOptions.of().padding(1).paddingMode(PaddingMode.REFLECT)), "[conv2d]", "3D (unbatched) or 4D", "[2, 5]")
          .refuses(() -> Functional.conv2d(Tensor.ones(1, 2, 5, 5), Tensor.ones(DType.FLOAT64, 4, 2, 3, 3), null), "[conv2d]", "float32", "float64"),
      op("conv2d_add_relu", (x, a) -> fused(x.get(0), x.get(1), null, x.get(2), or(x, 3), a)).tolerance(8).methods("conv2d")
          .refuses(() -> Convolutions.fusedConv2d(Tensor.ones(1, 3, 5, 5), Tensor.ones(4, 2, 3, 3), null, null, null, Activation.RELU, new ConvSpec(1, 1, 0, 0, 1, 1, 1)),
              "[conv2d]", "2 channels", "3 channels"),
      op("conv2d_scale_add_relu", (x, a) -> fused(x.get(0), x.get(1), x.get(2), x.get(3), or(x, 4), a)).tolerance(8).methods("conv2d", "conv2d_add_relu")
          .records("conv2d_add_relu").refuses(() -> Convolutions.fusedConv2d(Tensor.ones(1, 2, 5, 5), Tensor.ones(4, 2, 3, 3), Tensor.ones(3), null, null,
              Activation.RELU, new ConvSpec(1, 1, 0, 0, 1, 1, 1)), "[conv2d]", "scale", "[4]", "[3]"),
      op("conv1d", (x, a) -> Functional.conv1d(x.get(0), x.get(1), or(x, 2), ConvOptions.of().stride(a.integer("stride")).padding(a.integer("padding"))))
          .records("conv2d").tolerance(8).refuses(() -> Functional.conv1d(Tensor.ones(1, 3, 5), Tensor.ones(4, 2, 3), null), "[conv1d]", "2 channels", "3 channels")
          .refuses(() -> Functional.conv1d(Tensor.ones(5), Tensor.ones(4, 2, 3), null, ConvOptions.of().samePadding(true)), "[conv1d]", "2D (unbatched) or 3D", "[5]"),
      op("conv_transpose2d", (x, a) -> Functional.convTranspose2d(x.get(0), x.get(1), or(x, 2), conv(a)
          .outputPadding(a.integers("outputPadding")[0], a.integers("outputPadding")[1]))).tolerance(8)
          .refuses(() -> Functional.convTranspose2d(Tensor.ones(1, 3, 5, 5), Tensor.ones(4, 2, 3, 3), null, ConvOptions.of()), "[conv_transpose2d]", "4", "3"),
      op("max_pool2d", (x, a) -> Functional.maxPool2d(x.get(0), pool(a).dilation(a.integers("dilation")[0], a.integers("dilation")[1])))
          .records("max_pool2d", "max_pool2d_backward")
          .refuses(() -> Functional.maxPool2d(Tensor.ones(1, 1, 2, 2), 3), "[max_pool2d]", "too small")
          .refuses(() -> Functional.maxPool2d(Tensor.ones(1, 1, 5, 5), PoolOptions.kernel(2).padding(2)), "[max_pool2d]", "pad should be at most half of"),
      several("max_pool2d_with_indices", (x, a) -> {
        Selected found = Functional.maxPool2dWithIndices(x.get(0), PoolOptions.kernel(a.integer("kernel")));
        return List.of(found.values(), found.indices());
      }).methods("maxPool2dWithIndices", "maxPool2d").records("max_pool2d")
          .refuses(() -> Functional.maxPool2dWithIndices(Tensor.ones(1, 2), PoolOptions.kernel(2)), "[max_pool2d]", "3D or 4D", "[1, 2]"),
      op("avg_pool2d", (x, a) -> Functional.avgPool2d(x.get(0), pool(a).countIncludePad(a.flag("countPadding")))).records("avg_pool2d", "avg_pool2d_backward")
          .refuses(() -> Functional.avgPool2d(Tensor.ones(1, 1, 2, 2), 3), "[avg_pool2d]", "too small"),
      op("max_pool1d", (x, a) -> Functional.maxPool1d(x.get(0), PoolOptions.kernel(a.integer("kernel")).stride(a.integer("stride")).padding(a.integer("padding"))))
          .records("max_pool2d").refuses(() -> Functional.maxPool1d(Tensor.ones(1, 1, 2), PoolOptions.kernel(3)), "too small"),
      op("avg_pool1d", (x, a) -> Functional.avgPool1d(x.get(0), PoolOptions.kernel(a.integer("kernel")).stride(a.integer("stride")).padding(a.integer("padding"))))
          .records("avg_pool2d").refuses(() -> Functional.avgPool1d(Tensor.ones(1, 1, 2), PoolOptions.kernel(3)), "too small"),
      op("adaptive_avg_pool2d", (x, a) -> Functional.adaptiveAvgPool2d(x.get(0), a.integers("sizes")[0], a.integers("sizes")[1]))
          .records("adaptive_avg_pool2d", "adaptive_avg_pool2d_backward")
          .refuses(() -> Functional.adaptiveAvgPool2d(Tensor.ones(2, 2), 1, 1), "[adaptive_avg_pool2d]", "3D or 4D", "[2, 2]"),
      several("adaptive_max_pool2d", (x, a) -> {
        Selected found = Functional.adaptiveMaxPool2d(x.get(0), a.integers("sizes")[0], a.integers("sizes")[1]);
        return List.of(found.values(), found.indices());
      }).refuses(() -> Functional.adaptiveMaxPool2d(Tensor.ones(2, 2), 1, 1), "[adaptive_max_pool2d]", "3D or 4D", "[2, 2]")
          .refuses(() -> Functional.adaptiveMaxPool2d(Tensor.ones(1, 0, 2), 1, 1), "[adaptive_max_pool2d]", "non-zero size", "[1, 0, 2]")
          .refuses(() -> Functional.adaptiveMaxPool2d(Tensor.ones(1, 2, 2), -1, 1), "[adaptive_max_pool2d]", "-1"),
      op("adaptive_avg_pool1d", (x, a) -> Functional.adaptiveAvgPool1d(x.get(0), a.integer("size"))).records("adaptive_avg_pool2d")
          .refuses(() -> Functional.adaptiveAvgPool1d(Tensor.ones(2), 1), "adaptive_avg_pool1d", "[2]"),
      op("pad", (x, a) -> a.text("mode").equals("constant")
          ? Functional.pad(x.get(0), a.number("value"), a.longs("padding"))
          : Functional.pad(x.get(0), PaddingMode.valueOf(a.text("mode").toUpperCase(Locale.ROOT)), a.longs("padding"))).records("constant_pad_nd", "reflection_pad1d", "reflection_pad2d",
              "reflection_pad3d", "replication_pad1d", "replication_pad2d", "replication_pad3d", "circular_pad1d", "circular_pad2d", "circular_pad3d", "border_pad")
          .refuses(() -> Functional.pad(Tensor.ones(2), 1), "[pad]", "Padding length must be divisible by 2", "[1]")
          .refuses(() -> Functional.pad(Tensor.ones(2), 1, 1, 1, 1), "[pad]", "4"),
      op("interpolate", (x, a) -> Functional.interpolate(x.get(0), mode(x.get(0), a), a.flag("alignCorners"),
          a.longs("sizes"))).tolerance(4).records("upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d", "upsample_linear1d", "upsample_linear2d",
              "upsample_linear3d", "upsample_cubic2d", "upsample_nearest1d_backward", "upsample_nearest2d_backward", "upsample_nearest3d_backward",
              "upsample_linear1d_backward", "upsample_linear2d_backward", "upsample_linear3d_backward", "upsample_cubic2d_backward")
          .refuses(() -> Functional.interpolate(Tensor.ones(2, 3), InterpolationMode.NEAREST, 2), "[interpolate]", "got 2D")
          .refuses(() -> Functional.interpolate(Tensor.ones(1, 2, 3, 3), InterpolationMode.NEAREST, 3), "[interpolate]", "[3, 3]", "(3,)")
          .refuses(() -> Functional.interpolate(Tensor.ones(1, 2, 3, 3), InterpolationMode.NEAREST, 0, 3), "[interpolate]", "greater than 0", "[0, 3]")
          .refuses(() -> Functional.interpolate(Tensor.ones(1, 2, 3), InterpolationMode.NEAREST, true, 2), "[interpolate]", "align_corners")
          .refuses(() -> Functional.interpolate(Tensor.ones(1, 2, 3, 3), InterpolationMode.LINEAR, 2, 2), "[interpolate] Got 4D input, but linear mode needs 3D input"),
      op("interpolate_scale", (x, a) -> Functional.interpolateBy(x.get(0), mode(x.get(0), a), a.number("scale")))
          .tolerance(4).methods("interpolateBy", "interpolate").records("upsample_linear2d")
          .refuses(() -> Functional.interpolateBy(Tensor.ones(1, 1, 2, 2), InterpolationMode.NEAREST, 0), "[interpolate]", "[2, 2]", "[0, 0]"));

  static final List<OpInfo> NORMALIZATIONS = List.of(
      op("layer_norm", (x, a) -> Functional.layerNorm(x.get(0), a.longs("sizes"), or(x, 1), or(x, 2), a.number("eps"))).tolerance(16)
          .records("layer_norm", "layer_norm_backward")
          .refuses(() -> Functional.layerNorm(Tensor.ones(2, 3), new long[] {4}, null, null), "[layer_norm]", "[4]", "[2, 3]")
          .refuses(() -> Functional.layerNorm(Tensor.ones(2, 3), new long[] {3}, Tensor.ones(2), null), "[layer_norm]", "2", "3"),
      several("add_layer_norm", (x, a) -> {
        NormalizedSum both = Functional.addLayerNorm(x.get(0), x.get(1), a.longs("sizes"), or(x, 2), or(x, 3), a.number("eps"));
        return List.of(both.sum(), both.normalized());
      }).tolerance(16).records("add_layer_norm", "layer_norm_backward")
          .refuses(() -> Functional.addLayerNorm(Tensor.ones(2, 3), Tensor.ones(3), new long[] {3}, null, null, 1e-5), "[add_layer_norm]", "[2, 3]", "[3]")
          .refuses(() -> Functional.addLayerNorm(Tensor.ones(2, 3), Tensor.ones(2, 3), new long[] {4}, null, null, 1e-5), "[add_layer_norm]", "[4]", "[2, 3]"),
      op("rms_norm", (x, a) -> Functional.rmsNorm(x.get(0), a.longs("sizes"), or(x, 1), a.number("eps") == 0 ? null : Double.valueOf(a.number("eps")))).tolerance(8).records("rms_norm", "rms_norm.half", "rms_norm_backward")
          .refuses(() -> Functional.rmsNorm(Tensor.ones(2, 3), new long[] {4}, null, null), "[rms_norm]", "[*, 4]", "[2, 3]")
          .refuses(() -> Functional.rmsNorm(Tensor.ones(2, 3), new long[] {3}, Tensor.ones(2), null), "[rms_norm]", "weight of shape [2]", "[3]")
          .refuses(() -> Functional.rmsNorm(Tensor.of(1L), new long[] {1}, null, null), "[rms_norm]", "int64"),
      several("batch_norm", (x, a) -> {
        Tensor mean = x.get(1).clone();
        Tensor var = x.get(2).clone();
        return List.of(Functional.batchNorm(x.get(0), mean, var, or(x, 3), or(x, 4), a.flag("training"), a.number("momentum"), a.number("eps")), mean, var);
      }).tolerance(16).records("batch_norm", "batch_norm_apply", "batch_norm_backward", "batch_norm_eval", "batch_norm_evaluate", "batch_norm_statistics")
          .refuses(() -> Functional.batchNorm(Tensor.ones(2, 3), Tensor.ones(2), Tensor.ones(3), null, null, false, 0.1, 1e-5), "[batch_norm]", "running_mean", "3", "2")
          .refuses(() -> Functional.batchNorm(Tensor.ones(1, 3), null, null, null, null, true, 0.1, 1e-5), "[batch_norm]",
              "Expected more than 1 value per channel when training, got input size"),
      op("batch_norm_fresh", (x, a) -> Functional.batchNorm(x.get(0), Tensor.zeros(x.get(0).device(), DType.FLOAT32, 16),
          Tensor.ones(x.get(0).device(), DType.FLOAT32, 16), x.get(1), x.get(2), a.flag("training"), a.number("momentum"), a.number("eps"))).tolerance(16).methods("batchNorm").records("batch_norm")
          .refuses(() -> Functional.batchNorm(Tensor.ones(4, 3), Tensor.zeros(3), Tensor.ones(3), Tensor.ones(2), null, true, 0.1, 1e-5), "[batch_norm]", "weight", "3", "2"),
      several("batch_norm_add_relu", (x, a) -> {
        Tensor mean = x.get(1).clone();
        Tensor var = x.get(2).clone();
        boolean affine = a.flag("affine");
        return List.of(BatchNorm.batchNormAddRelu(x.get(0), mean, var, null, affine ? x.get(3) : null, affine ? x.get(4) : null, or(x, affine ? 5 : 3), a.flag("training"), 0.1, 1e-5), mean, var);
      }).tolerance(16).methods("batchNorm").records("batch_norm_add_relu", "batch_norm_add_relu_eval", "batch_norm_apply", "batch_norm_backward", "batch_norm_evaluate", "batch_norm_statistics")
          .refuses(() -> BatchNorm.batchNormAddRelu(Tensor.ones(2, 3), null, null, null, null, null, Tensor.ones(4, 3), true, 0.1, 1e-5), "[batch_norm_add_relu]", "(2, 3)", "(4, 3)"),
      op("batch_norm_add_relu_fresh", (x, a) -> BatchNorm.batchNormAddRelu(x.get(0), Tensor.zeros(x.get(0).device(), DType.FLOAT32, 16), Tensor.ones(x.get(0).device(), DType.FLOAT32, 16),
          null, x.get(1), x.get(2), or(x, 3), a.flag("training"), 0.1, 1e-5)).tolerance(16).methods("batchNorm").records("batch_norm_add_relu")
          .refuses(() -> BatchNorm.batchNormAddRelu(Tensor.ones(4, 3), null, null, null, Tensor.ones(2), null, null, true, 0.1, 1e-5), "[batch_norm]", "weight", "3", "2"),
      op("batch_norm_stateless", (x, a) -> Functional.batchNorm(x.get(0), null, null, null, null, a.flag("training"), a.number("momentum"), a.number("eps")))
          .tolerance(16).methods("batchNorm").records("batch_norm")
          .refuses(() -> Functional.batchNorm(Tensor.ones(4), null, null, null, null, true, 0.1, 1e-5), "[batch_norm]", "[4]"),
      op("instance_norm", (x, a) -> Functional.instanceNorm(x.get(0), null, null, x.get(1), x.get(2), true, 0.1, a.number("eps"))).tolerance(16).records("batch_norm")
          .refuses(() -> Functional.instanceNorm(Tensor.ones(1, 2, 1), null, null, null, null, true, 0.1, 1e-5), "Expected more than 1 spatial element"),
      op("group_norm", (x, a) -> Functional.groupNorm(x.get(0), a.integer("groups"), or(x, 1), or(x, 2), a.number("eps"))).tolerance(16).records("group_norm", "group_norm_forward", "group_norm_backward", "layer_norm")
          .refuses(() -> Functional.groupNorm(Tensor.ones(2, 3, 4), 2, null, null, 1e-5), "[group_norm]", "divisible by num_groups", "3", "2"),
      op("normalize", (x, a) -> Functional.normalize(x.get(0), a.number("p"), a.integer("dim"), a.number("eps"))).records("norm")
          .refuses(() -> Functional.normalize(Tensor.ones(2, 3), 2, 2, 1e-12), "Dimension out of range"),
      op("cosine_similarity", (x, a) -> Functional.cosineSimilarity(x.get(0), x.get(1), a.integer("dim"), a.number("eps"))).records("norm")
          .refuses(() -> Functional.cosineSimilarity(Tensor.ones(2, 3), Tensor.ones(2, 4)), "3", "4"));

  static final List<OpInfo> LAYERS = List.of(
      op("linear_gelu", (x, _) -> Linear.linearGelu(x.get(0), x.get(1), x.get(2))).tolerance(8).methods("linear", "gelu").records("linear", "gelu", "linear_backward_weight")
          .refuses(() -> Linear.linearGelu(Tensor.ones(2, 3), Tensor.ones(5, 4), Tensor.ones(5)), "[linear]", "mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)"),
      op("linear", (x, _) -> Functional.linear(x.get(0), x.get(1), or(x, 2))).tolerance(8).records("linear", "linear_backward_weight")
          .refuses(() -> Functional.linear(Tensor.ones(2, 3), Tensor.ones(5, 4)), "[linear]", "mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)", "[5, 4]")
          .refuses(() -> Functional.linear(Tensor.ones(2, 4), Tensor.ones(5, 4), Tensor.ones(4)), "[linear]", "[4]", "(5)"),
      op("attention", (x, a) -> Functional.scaledDotProductAttention(x.get(0), x.get(1), x.get(2), null, 0, a.flag("causal"), a.number("scale"))).tolerance(8)
          .methods("scaledDotProductAttention").records("scaled_dot_product_attention", "scaled_dot_product_attention_backward", "safe_softmax")
          .refuses(() -> Functional.scaledDotProductAttention(Tensor.ones(1, 2, 3, 4), Tensor.ones(1, 2, 3, 5), Tensor.ones(1, 2, 3, 5)),
              "(1, 2, 3, 4)", "(1, 2, 5, 3)"),
      op("attention_mask", (x, _) -> Functional.scaledDotProductAttention(x.get(0), x.get(1), x.get(2), x.get(3), 0, false)).tolerance(8)
          .methods("scaledDotProductAttention").records("scaled_dot_product_attention")
          .refuses(() -> Functional.scaledDotProductAttention(Tensor.ones(1, 2, 4), Tensor.ones(1, 3, 4), Tensor.ones(1, 3, 4), Tensor.ones(2, 2), 0, false), "(1, 2, 3)", "(2, 2)"),
      binary("embedding", Functional::embedding)
          .refuses(() -> Functional.embedding(Tensor.of(2L), Tensor.ones(2, 3)), "[embedding]", "index 2 is out of bounds for dimension 0 with size 2")
          .refuses(() -> Functional.embedding(Tensor.of(2f), Tensor.ones(2, 3)), "[embedding]", "float32"),
      op("embedding_padding", (x, a) -> Functional.embedding(x.get(0), x.get(1), a.integer("paddingIdx"))).methods("embedding").records("embedding").rough("matrix", "gives the padding row no gradient")
          .refuses(() -> Functional.embedding(Tensor.of(1L), Tensor.ones(2, 3), 2), "[embedding]", "Padding_idx must be within num_embeddings", "2")
          .refuses(() -> Functional.embedding(Tensor.of(1L), Tensor.ones(2, 3), -3), "[embedding]", "Padding_idx must be within num_embeddings", "-3"),
      op("dropout", (x, a) -> Functional.dropout(x.get(0), a.number("p"), a.flag("training")))
          .refuses(() -> Functional.dropout(Tensor.ones(2), 1.5, true), "[dropout]", "between 0 and 1", "1.5"),
      op("feature_dropout", (x, a) -> Functional.featureDropout(x.get(0), a.number("p"), a.flag("training"))).records("mul")
          .refuses(() -> Functional.featureDropout(Tensor.ones(2), 1.5, true), "[feature_dropout]", "between 0 and 1", "1.5"));

  static final List<OpInfo> LOSSES = List.of(
      op("cross_entropy", (x, a) -> Functional.crossEntropy(x.get(0), x.get(1), or(x, 2), reduction(a), a.integer("ignoreIndex"), a.number("labelSmoothing")))
          .tolerance(8).rough("all ignored", "is NaN").records("cross_entropy", "cross_entropy_backward")
          .refuses(() -> Functional.crossEntropy(Tensor.ones(2, 3), Tensor.of(0L, 3L)), "Target 3 is out of bounds")
          .refuses(() -> Functional.crossEntropy(Tensor.ones(2, 3), Tensor.of(0L)), "[cross_entropy]", "2", "1")
          .refuses(() -> Functional.crossEntropy(Tensor.ones(2, 3), Tensor.of(0, 1)), "[cross_entropy]", "int32"),
      op("nll_loss", (x, a) -> Functional.nllLoss(x.get(0), x.get(1), or(x, 2), reduction(a), a.integer("ignoreIndex"))).records("nll_loss", "nll_loss2d", "nll_loss_backward")
          .refuses(() -> Functional.nllLoss(Tensor.ones(2, 3), Tensor.of(0L, 3L)), "Target 3 is out of bounds")
          .refuses(() -> Functional.nllLoss(Tensor.ones(2, 3, 1), Tensor.zeros(DType.UINT8, 2, 1)), "[nll_loss]", "expected scalar type Long but found uint8"),
      loss("mse_loss", Functional::mseLoss).records("mse_loss", "squared_difference"), loss("l1_loss", Functional::l1Loss),
      op("smooth_l1_loss", (x, a) -> Functional.smoothL1Loss(x.get(0), x.get(1), reduction(a), a.number("beta"))).methods("smoothL1Loss").records("smooth_l1_loss", "smooth_distance")
          .refuses(() -> Functional.smoothL1Loss(Tensor.ones(2), Tensor.ones(2), Reduction.MEAN, -1), "[smooth_l1_loss]", "does not support negative values for beta"),
      op("huber_loss", (x, a) -> Functional.huberLoss(x.get(0), x.get(1), reduction(a), a.number("delta")))
          .refuses(() -> Functional.huberLoss(Tensor.ones(2), Tensor.ones(2), Reduction.MEAN, 0), "[huber_loss]", "does not support non-positive values for delta"),
      op("binary_cross_entropy", (x, a) -> Functional.binaryCrossEntropy(x.get(0), x.get(1), null, reduction(a)))
          .refuses(() -> Functional.binaryCrossEntropy(Tensor.ones(2), Tensor.ones(3)), "[binary_cross_entropy]", "2", "3"),
      op("binary_cross_entropy_with_logits", (x, a) -> Functional.binaryCrossEntropyWithLogits(x.get(0), x.get(1), null, reduction(a), or(x, 2)))
          .refuses(() -> Functional.binaryCrossEntropyWithLogits(Tensor.ones(2), Tensor.ones(3)), "[binary_cross_entropy_with_logits]", "[3]", "[2]"),
      op("kl_div", (x, a) -> Functional.klDiv(x.get(0), x.get(1), reduction(a), a.flag("logTarget"))).methods("klDiv").records("xlogy")
          .refuses(() -> Functional.klDiv(Tensor.ones(2), Tensor.ones(3), Reduction.SUM, false), "2", "3"),
      op("margin_ranking_loss", (x, a) -> Functional.marginRankingLoss(x.get(0), x.get(1), x.get(2), a.number("margin"), reduction(a))).records("mul")
          .refuses(() -> Functional.marginRankingLoss(Tensor.ones(2, 3), Tensor.ones(3), Tensor.ones(2, 3), 0, Reduction.MEAN), "[margin_ranking_loss]", "[2, 3]", "[3]"),
      op("hinge_embedding_loss", (x, a) -> Functional.hingeEmbeddingLoss(x.get(0), x.get(1), a.number("margin"), reduction(a))).records("where")
          .refuses(() -> Functional.hingeEmbeddingLoss(Tensor.ones(2), Tensor.ones(2), 1, Reduction.BATCH_MEAN), "[hinge_embedding_loss]", "batchmean"),
      op("cosine_embedding_loss", (x, a) -> Functional.cosineEmbeddingLoss(x.get(0), x.get(1), x.get(2), a.number("margin"), reduction(a))).tolerance(4).records("where")
          .refuses(() -> Functional.cosineEmbeddingLoss(Tensor.ones(2, 3), Tensor.ones(2, 3), Tensor.ones(2, 3), 0, Reduction.MEAN), "[cosine_embedding_loss]", "0D or 1D target tensor expected")
          .refuses(() -> Functional.cosineEmbeddingLoss(Tensor.ones(3), Tensor.ones(3), Tensor.ones(2), 0, Reduction.MEAN), "[cosine_embedding_loss]", "1D target", "2D input", "[3] and [3]"),
      op("triplet_margin_loss", (x, a) -> Functional.tripletMarginLoss(x.get(0), x.get(1), x.get(2), a.number("margin"), a.number("p"), 1e-6, a.flag("swap"), reduction(a)))
          .tolerance(4).records("norm")
          .refuses(() -> Functional.tripletMarginLoss(Tensor.ones(2, 3), Tensor.ones(3), Tensor.ones(2, 3), 1, 2, 1e-6, false, Reduction.MEAN), "[triplet_margin_loss]", "anchor 2D, positive 1D")
          .refuses(() -> Functional.tripletMarginLoss(Tensor.ones(2), Tensor.ones(2), Tensor.ones(2), 0, 2, 1e-6, false, Reduction.MEAN), "[triplet_margin_loss]", "greater than 0", "0.0"),
      op("poisson_nll_loss", (x, a) -> Functional.poissonNllLoss(x.get(0), x.get(1), a.flag("logInput"), a.flag("full"), 1e-8, reduction(a))).tolerance(4).records("exp", "masked_fill")
          .refuses(() -> Functional.poissonNllLoss(Tensor.ones(2), Tensor.ones(3), true, false, 1e-8, Reduction.MEAN), "[poisson_nll_loss]", "2", "3"),
      op("gaussian_nll_loss", (x, a) -> Functional.gaussianNllLoss(x.get(0), x.get(1), x.get(2), a.flag("full"), 1e-6, reduction(a))).tolerance(4).records("log")
          .waits("", "refuses negative variances, as PyTorch does")
          .refuses(() -> Functional.gaussianNllLoss(Tensor.ones(2), Tensor.ones(2), Tensor.ones(2).neg(), false, 1e-6, Reduction.MEAN), "[gaussian_nll_loss]", "negative")
          .refuses(() -> Functional.gaussianNllLoss(Tensor.ones(2, 3), Tensor.ones(2, 3), Tensor.ones(3), false, 1e-6, Reduction.MEAN), "[gaussian_nll_loss]", "[2, 3]", "[3]"));
  // spotless:on

  private interface Loss {
    Tensor of(Tensor input, Tensor target, Reduction reduction);
  }

  /// A function of float tensors only.
  private static OpInfo floating(String name, UnaryOperator<Tensor> call) {
    return unary(name, call).refuses(() -> call.apply(Tensor.of(1)), "[" + name.replace("_default", "") + "]", "int32");
  }

  private static OpInfo loss(String name, Loss loss) {
    return op(name, (x, a) -> loss.of(x.get(0), x.get(1), reduction(a)))
        .refuses(() -> loss.of(Tensor.ones(2), Tensor.ones(3), Reduction.MEAN), "(2", "(3");
  }

  private static InterpolationMode mode(Tensor x, Attributes a) {
    return switch (a.text("mode")) {
      case "nearest" -> InterpolationMode.NEAREST;
      case "cubic" -> InterpolationMode.BICUBIC;
      default -> List.of(InterpolationMode.LINEAR, InterpolationMode.BILINEAR, InterpolationMode.TRILINEAR).get(x.dim() - 3);
    };
  }

  private static Reduction reduction(Attributes a) {
    return switch (a.text("reduction")) {
      case "none" -> Reduction.NONE;
      case "mean" -> Reduction.MEAN;
      case "sum" -> Reduction.SUM;
      default -> Reduction.BATCH_MEAN;
    };
  }

  private static @Nullable Tensor or(List<Tensor> x, int i) {
    return i < x.size() ? x.get(i) : null;
  }

  private static ConvOptions conv(Attributes a) {
    int[] stride = a.integers("stride");
    int[] padding = a.integers("padding");
    int[] dilation = a.integers("dilation");
    return ConvOptions.of().stride(stride[0], stride[1]).padding(padding[0], padding[1]).dilation(dilation[0], dilation[1])
        .groups(a.integer("groups"));
  }

  private static PoolOptions pool(Attributes a) {
    int[] kernel = a.integers("kernel");
    int[] stride = a.integers("stride");
    int[] padding = a.integers("padding");
    return PoolOptions.kernel(kernel[0], kernel[1]).stride(stride[0], stride[1]).padding(padding[0], padding[1]).ceilMode(a.flag("ceil"));
  }
}
