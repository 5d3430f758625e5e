package org.flambeau.testkit.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.flambeau.Random;
import org.flambeau.Tensor;
import org.flambeau.nn.AdaptiveAvgPool1d;
import org.flambeau.nn.AdaptiveAvgPool2d;
import org.flambeau.nn.AdaptiveMaxPool2d;
import org.flambeau.nn.AvgPool1d;
import org.flambeau.nn.AvgPool2d;
import org.flambeau.nn.BatchNorm1d;
import org.flambeau.nn.BatchNorm2d;
import org.flambeau.nn.BatchNorm3d;
import org.flambeau.nn.CELU;
import org.flambeau.nn.CircularPad2d;
import org.flambeau.nn.ConstantPad2d;
import org.flambeau.nn.Conv1d;
import org.flambeau.nn.Conv2d;
import org.flambeau.nn.ConvOptions;
import org.flambeau.nn.ConvTranspose2d;
import org.flambeau.nn.CosineSimilarity;
import org.flambeau.nn.Dropout;
import org.flambeau.nn.Dropout2d;
import org.flambeau.nn.ELU;
import org.flambeau.nn.Embedding;
import org.flambeau.nn.Flatten;
import org.flambeau.nn.Functional;
import org.flambeau.nn.Functional.InterpolationMode;
import org.flambeau.nn.Functional.PaddingMode;
import org.flambeau.nn.GELU;
import org.flambeau.nn.GLU;
import org.flambeau.nn.GroupNorm;
import org.flambeau.nn.Hardsigmoid;
import org.flambeau.nn.Hardswish;
import org.flambeau.nn.Hardtanh;
import org.flambeau.nn.Identity;
import org.flambeau.nn.InstanceNorm1d;
import org.flambeau.nn.InstanceNorm2d;
import org.flambeau.nn.LayerNorm;
import org.flambeau.nn.LeakyReLU;
import org.flambeau.nn.Linear;
import org.flambeau.nn.LogSigmoid;
import org.flambeau.nn.LogSoftmax;
import org.flambeau.nn.MaxPool1d;
import org.flambeau.nn.MaxPool2d;
import org.flambeau.nn.Mish;
import org.flambeau.nn.Module;
import org.flambeau.nn.ModuleDict;
import org.flambeau.nn.ModuleList;
import org.flambeau.nn.MultiheadAttention;
import org.flambeau.nn.PReLU;
import org.flambeau.nn.PixelShuffle;
import org.flambeau.nn.PoolOptions;
import org.flambeau.nn.RMSNorm;
import org.flambeau.nn.ReLU;
import org.flambeau.nn.ReLU6;
import org.flambeau.nn.ReflectionPad2d;
import org.flambeau.nn.ReplicationPad2d;
import org.flambeau.nn.SELU;
import org.flambeau.nn.Sequential;
import org.flambeau.nn.SiLU;
import org.flambeau.nn.Sigmoid;
import org.flambeau.nn.Softmax;
import org.flambeau.nn.Softmin;
import org.flambeau.nn.Softplus;
import org.flambeau.nn.Softsign;
import org.flambeau.nn.StochasticDepth;
import org.flambeau.nn.Tanh;
import org.flambeau.nn.Threshold;
import org.flambeau.nn.Unflatten;
import org.flambeau.nn.Upsample;
import org.flambeau.nn.ZeroPad2d;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Layers begin, compute, learn and print as PyTorch's do.
final class LayersTest {
  private static final long[] IMAGE = {2, 4, 7, 6}, ROWS = {3, 8}, LINE = {2, 4, 9}, VOLUME = {2, 3, 4, 2, 5};

  private record Case(Supplier<Module> layer, long[] sizes) {}

  private static final Map<String, Case> CASES = new LinkedHashMap<>();
  private static final Map<String, String> TEXTS = NnGoldens.texts("modules");

  private static void layer(String key, long[] sizes, Supplier<Module> layer) {
    CASES.put(key, new Case(layer, sizes));
  }

  static {
    layer("linear", ROWS, () -> new Linear(8, 3));
    layer("linear_no_bias", ROWS, () -> new Linear(8, 3, false));
    layer("conv1d", LINE, () -> new Conv1d(4, 6, 3, ConvOptions.of().stride(2).padding(1)));
    layer("conv2d", IMAGE, () -> new Conv2d(4, 6, 3));
    layer("conv2d_options", IMAGE,
        () -> new Conv2d(4, 6, 3, 2, ConvOptions.of().stride(1, 2).padding(1, 2).dilation(2, 1).groups(2), false));
    layer("conv1d_reflect", LINE, () -> new Conv1d(4, 2, 3, ConvOptions.of().padding(2).stride(2).paddingMode(PaddingMode.REFLECT)));
    layer("conv1d_circular_same", LINE,
        () -> new Conv1d(4, 2, 4, ConvOptions.of().samePadding(true).paddingMode(PaddingMode.CIRCULAR)));
    layer("conv2d_reflect", IMAGE,
        () -> new Conv2d(4, 2, 3, ConvOptions.of().stride(2).padding(1, 2).paddingMode(PaddingMode.REFLECT), false));
    layer("conv2d_replicate_same", IMAGE,
        () -> new Conv2d(4, 2, 4, 3, ConvOptions.of().samePadding(true).paddingMode(PaddingMode.REPLICATE), true));
    layer("conv2d_circular", IMAGE,
        () -> new Conv2d(4, 2, 3, ConvOptions.of().padding(1).dilation(2).groups(2).paddingMode(PaddingMode.CIRCULAR)));
    layer("conv2d_same", IMAGE, () -> new Conv2d(4, 2, 3, ConvOptions.of().samePadding(true)));
    layer("conv_transpose2d", IMAGE, () -> new ConvTranspose2d(4, 2, 3, ConvOptions.of().stride(2).padding(1).outputPadding(1)));
    layer("batch_norm1d", ROWS, () -> new BatchNorm1d(8));
    layer("batch_norm2d", IMAGE, () -> new BatchNorm2d(4));
    layer("batch_norm2d_average", IMAGE, () -> new BatchNorm2d(4, 1e-3, null, false, true));
    layer("batch_norm2d_untracked", IMAGE, () -> new BatchNorm2d(4, 1e-5, 0.1, true, false));
    layer("batch_norm3d", VOLUME, () -> new BatchNorm3d(3));
    layer("instance_norm1d", LINE, () -> new InstanceNorm1d(4));
    layer("instance_norm2d", IMAGE, () -> new InstanceNorm2d(4));
    layer("instance_norm2d_affine", IMAGE, () -> new InstanceNorm2d(4, 1e-3, 0.3, true, true));
    layer("instance_norm2d_unbatched", new long[] {4, 7, 6}, () -> new InstanceNorm2d(4, 1e-5, 0.1, true, false));
    layer("layer_norm", ROWS, () -> new LayerNorm(8, 1e-6));
    layer("layer_norm_no_bias", ROWS, () -> new LayerNorm(new long[] {8}, 1e-5, true, false));
    layer("layer_norm_plain", IMAGE, () -> new LayerNorm(new long[] {7, 6}, 1e-5, false));
    layer("rms_norm", ROWS, () -> new RMSNorm(8));
    layer("rms_norm_eps", ROWS, () -> new RMSNorm(8, 1e-5));
    layer("rms_norm_plain", IMAGE, () -> new RMSNorm(new long[] {7, 6}, 1e-3, false));
    layer("group_norm", IMAGE, () -> new GroupNorm(2, 4));
    layer("dropout", ROWS, () -> new Dropout(0.25));
    layer("dropout2d", IMAGE, Dropout2d::new);
    layer("stochastic_depth", ROWS, () -> new StochasticDepth(0.5));
    layer("max_pool2d", IMAGE, () -> new MaxPool2d(PoolOptions.kernel(3).stride(2).padding(1)));
    layer("max_pool2d_options", IMAGE, () -> new MaxPool2d(PoolOptions.kernel(3, 2).ceilMode(true)));
    layer("avg_pool2d", IMAGE, () -> new AvgPool2d(2));
    layer("max_pool1d", LINE, () -> new MaxPool1d(3));
    layer("max_pool1d_options", LINE, () -> new MaxPool1d(PoolOptions.kernel(3).stride(2).padding(1).ceilMode(true)));
    layer("avg_pool1d", LINE, () -> new AvgPool1d(PoolOptions.kernel(3).stride(2).padding(1)));
    layer("adaptive_avg_pool1d", LINE, () -> new AdaptiveAvgPool1d(4));
    layer("adaptive_avg_pool2d", IMAGE, () -> new AdaptiveAvgPool2d(1, 1));
    layer("adaptive_avg_pool2d_square", IMAGE, () -> new AdaptiveAvgPool2d(2));
    layer("adaptive_max_pool2d", IMAGE, () -> new AdaptiveMaxPool2d(2, 3));
    layer("adaptive_max_pool2d_square", IMAGE, () -> new AdaptiveMaxPool2d(3));
    layer("flatten", IMAGE, Flatten::new);
    layer("unflatten", IMAGE, () -> new Unflatten(1, 2, 2));
    layer("zero_pad2d", IMAGE, () -> new ZeroPad2d(2));
    layer("constant_pad2d", IMAGE, () -> new ConstantPad2d(1, 2, 0, -1, 2.5));
    layer("reflection_pad2d", IMAGE, () -> new ReflectionPad2d(1, 2, 0, 3));
    layer("replication_pad2d", IMAGE, () -> new ReplicationPad2d(1, 2, 0, 3));
    layer("circular_pad2d", IMAGE, () -> new CircularPad2d(1));
    layer("identity", ROWS, Identity::new);
    layer("relu", ROWS, ReLU::new);
    layer("relu_inplace", ROWS, () -> new Sequential(new Linear(8, 8), new ReLU(true)));
    layer("relu6", ROWS, ReLU6::new);
    layer("gelu", ROWS, GELU::new);
    layer("gelu_tanh", ROWS, () -> new GELU(true));
    layer("silu", ROWS, SiLU::new);
    layer("sigmoid", ROWS, Sigmoid::new);
    layer("tanh", ROWS, Tanh::new);
    layer("softplus", ROWS, Softplus::new);
    layer("leaky_relu", ROWS, LeakyReLU::new);
    layer("celu", ROWS, () -> new CELU(0.7));
    layer("selu", ROWS, SELU::new);
    layer("prelu", ROWS, PReLU::new);
    layer("prelu_features", ROWS, () -> new PReLU(8));
    layer("prelu_channels", IMAGE, () -> new PReLU(4, 0.1));
    layer("threshold", ROWS, () -> new Threshold(0.1, 20));
    layer("pixel_shuffle", IMAGE, () -> new PixelShuffle(2));
    layer("elu", ROWS, ELU::new);
    layer("hardtanh", ROWS, Hardtanh::new);
    layer("hardswish", ROWS, Hardswish::new);
    layer("hardsigmoid", ROWS, Hardsigmoid::new);
    layer("mish", ROWS, Mish::new);
    layer("log_sigmoid", ROWS, LogSigmoid::new);
    layer("softsign", ROWS, Softsign::new);
    layer("glu", ROWS, GLU::new);
    layer("softmax", ROWS, () -> new Softmax(1));
    layer("softmin", ROWS, () -> new Softmin(1));
    layer("log_softmax", ROWS, () -> new LogSoftmax(-1));
    layer("upsample", IMAGE, () -> new Upsample(2, InterpolationMode.NEAREST));
    layer("upsample_linear", LINE, () -> new Upsample(3, InterpolationMode.LINEAR));
    layer("upsample_bilinear", IMAGE, () -> new Upsample(1.5, InterpolationMode.BILINEAR));
    layer("upsample_trilinear", VOLUME, () -> new Upsample(2, InterpolationMode.TRILINEAR));
    layer("sequential", ROWS,
        () -> new Sequential(new Linear(8, 4), new Sequential(new Tanh(), new Linear(4, 4)), new Sequential()));
    layer("sequential_empty", ROWS, Sequential::new);
  }

  private static Case layer(String key) {
    return Objects.requireNonNull(CASES.get(key));
  }

  static Stream<String> cases() {
    return CASES.keySet().stream();
  }

  @ParameterizedTest
  @MethodSource("cases")
  void a_layer_prints_as_in_pytorch(String key) {
    assertEquals(TEXTS.get(key), layer(key).layer.get().toString());
  }

  @ParameterizedTest
  @MethodSource("cases")
  void a_layer_begins_and_computes_as_in_pytorch(String key) {
    Case layerCase = layer(key);
    Random.manualSeed(3);
    Module layer = layerCase.layer.get();
    Tensor x = Tensor.randn(layerCase.sizes).requiresGrad_(true);
    Tensor y = layer.call(x);
    NnGoldens.assertClose(NnGoldens.get(key + "/train/y"), y, 1e-5, key + " in training");
    y.mul(y).sum().backward();
    NnGoldens.assertClose(NnGoldens.get(key + "/d"), Objects.requireNonNull(x.grad()), 1e-4, key + "'s gradient");
    NnGoldens.assertClose(NnGoldens.get(key + "/eval/y"), layer.eval().call(x.detach()), 1e-5, key + " in evaluation");
  }

  @Test
  void containers_and_tables_print_as_in_pytorch() {
    assertEquals(TEXTS.get("module_list"), new ModuleList(new ReLU(), new Linear(1, 2), new Linear(1, 2), new Linear(1, 2),
        new Sequential(new ReLU()), new Sequential(new ReLU())).toString());
    assertEquals(TEXTS.get("embedding"), new Embedding(10, 3, -8).toString());
    assertEquals(TEXTS.get("multihead_attention"), new MultiheadAttention(8, 2).toString());
    assertEquals(TEXTS.get("module_dict"), new ModuleDict().put("act", new ReLU()).put("head", new Linear(1, 2)).toString());
    assertEquals(TEXTS.get("module_dict_empty"), new ModuleDict().toString());
    assertEquals(TEXTS.get("cosine_similarity"), new CosineSimilarity().toString());
  }

  @Test
  void a_module_dict_keeps_its_order_where_a_module_takes_anothers_place() {
    ModuleDict dict = new ModuleDict().put("act", new ReLU()).put("head", new Linear(1, 2));
    Module tanh = new Tanh();
    dict.put("act", tanh);
    assertEquals(List.of("act", "head"), List.copyOf(dict.namedChildren().keySet()));
    assertSame(tanh, dict.get("act"));
    assertEquals(dict.toString(), new ModuleDict(dict.namedChildren()).toString());
  }

  @Test
  void cosine_similarity_is_its_function() {
    Tensor x = Tensor.randn(3, 4), y = Tensor.randn(3, 4);
    NnGoldens.assertClose(Functional.cosineSimilarity(x, y), new CosineSimilarity().call(x, y), 0, "along dimension 1");
    NnGoldens.assertClose(Functional.cosineSimilarity(x, y, 0, 0.1), new CosineSimilarity(0, 0.1).call(x, y), 0, "along dimension 0");
  }

  @Test
  void instance_norm_moves_its_running_statistics_but_counts_no_batches() {
    var norm = new InstanceNorm2d(2, 1e-5, 0.5, false, true);
    norm.call(Tensor.of(1f, 3, 10, 14).view(1, 2, 1, 2));
    assertArrayEquals(new double[] {1, 6}, Objects.requireNonNull(norm.runningMean()).toDoubleArray());
    assertArrayEquals(new double[] {1.5, 4.5}, Objects.requireNonNull(norm.runningVar()).toDoubleArray());
    assertEquals(0, Objects.requireNonNull(norm.namedBuffers().get("num_batches_tracked")).toDouble());
  }

  @Test
  void attention_is_pytorchs() {
    Random.manualSeed(3);
    var attention = new MultiheadAttention(8, 2, 0, true, true);
    Tensor q = Tensor.randn(2, 5, 8), k = Tensor.randn(2, 4, 8), v = Tensor.randn(2, 4, 8);
    close("attention/self", attention.call(q));
    close("attention/cross", attention.call(q, k, v));
    close("attention/weights", attention.attendWithWeights(q, k, v, null).weights());
    close("attention/cross", attention.attendWithWeights(q, k, v, null).output());
    close("attention/causal", attention.attend(q, q, q, null, true));
    close("attention/causal", attention.attend(q, q, q, Tensor.ones(5, 5).triu(1).ne(0), false));
    var sequenceFirst = new MultiheadAttention(8, 2, 0, false, false);
    close("attention/sequence_first", sequenceFirst.call(q));
    close("attention/unbatched", sequenceFirst.call(q.select(0, 0), k.select(0, 0), v.select(0, 0)));
  }

  private static void close(String golden, Tensor actual) {
    NnGoldens.assertClose(NnGoldens.get(golden), actual, 1e-5, golden);
  }

  @Test
  void senseless_layers_are_refused() {
    assertEquals("[Conv2d] in_channels and out_channels must be divisible by groups, got 4, 6 and 3",
        assertThrows(IllegalArgumentException.class, () -> new Conv2d(4, 6, 3, ConvOptions.of().groups(3))).getMessage());
    assertEquals("[Conv1d] padding='same' is not supported for strided convolutions",
        assertThrows(IllegalArgumentException.class, () -> new Conv1d(4, 6, 3, ConvOptions.of().samePadding(true).stride(1, 2)))
            .getMessage());
    assertEquals("[Linear] expected in_features >= 0, got -1",
        assertThrows(IllegalArgumentException.class, () -> new Linear(-1, 2)).getMessage());
    assertEquals("[Dropout] dropout probability has to be between 0 and 1, but got 1.5",
        assertThrows(IllegalArgumentException.class, () -> new Dropout(1.5)).getMessage());
    assertEquals("[BatchNorm2d] expected 4D input (got 2D input)",
        assertThrows(IllegalArgumentException.class, () -> new BatchNorm2d(3).call(Tensor.ones(2, 3))).getMessage());
    assertEquals("[Embedding] padding_idx must be within num_embeddings (10), got 10",
        assertThrows(IllegalArgumentException.class, () -> new Embedding(10, 3, 10)).getMessage());
    assertEquals("[MultiheadAttention] embed_dim must be divisible by num_heads, got 8 and 3",
        assertThrows(IllegalArgumentException.class, () -> new MultiheadAttention(8, 3)).getMessage());
    assertEquals("[BatchNorm3d] expected 5D input (got 4D input)",
        assertThrows(IllegalArgumentException.class, () -> new BatchNorm3d(3).call(Tensor.ones(1, 3, 2, 2))).getMessage());
    assertEquals("[InstanceNorm2d] expected 3D or 4D input (got 2D input)",
        assertThrows(IllegalArgumentException.class, () -> new InstanceNorm2d(3).call(Tensor.ones(2, 3))).getMessage());
    assertEquals("[InstanceNorm1d] expected input's size at dim=1 to match num_features (3), but got: 4",
        assertThrows(IllegalArgumentException.class, () -> new InstanceNorm1d(3, 1e-5, 0.1, true, false).call(Tensor.ones(2, 4, 5)))
            .getMessage());
    assertEquals("[ModuleDict] has no module \"b\", but [a]",
        assertThrows(IllegalArgumentException.class, () -> new ModuleDict().put("a", new ReLU()).get("b")).getMessage());
    assertEquals("[CosineSimilarity] expected 2 tensors, got 1",
        assertThrows(IllegalArgumentException.class, () -> new CosineSimilarity().call(Tensor.ones(2, 3))).getMessage());
  }
}
