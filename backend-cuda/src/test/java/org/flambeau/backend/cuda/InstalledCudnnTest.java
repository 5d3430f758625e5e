package org.flambeau.backend.cuda;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.backend.cuda.CudnnOperation.Direction;
import org.flambeau.backend.cuda.binding.Cudnn;
import org.flambeau.backend.cuda.binding.CudnnLegacy;
import org.flambeau.backend.cuda.binding.CudnnLegacy.Kind;
import org.flambeau.backend.cuda.binding.CudnnLegacy.Pass;
import org.flambeau.backend.cuda.binding.Libraries;
import org.flambeau.backend.cuda.binding.Library;
import org.flambeau.backend.cuda.binding.SimulatedDriver;
import org.flambeau.spi.Activation;
import org.flambeau.spi.ConvSpec;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/// The real cuDNN, where it is installed or FLAMBEAU_CUDA_PATH names it, is asked for plans for an H200 that is only described to it: neither
/// a GPU nor a driver that does anything is needed.
class InstalledCudnnTest {
  private static final String H200 = """
      {"maxGridSize": [2147483647, 65535, 65535], "maxBlockSize": [1024, 1024, 64], "regsPerBlock": 65536, "multiProcessorCount": 132,
       "smCountOrigin": 0, "warpSize": 32, "maxSharedMemoryPerBlock": 49152, "maxSharedMemoryPerBlockOptin": 232448,
       "reservedSharedMemoryPerBlock": 1024, "maxRegistersPerSM": 65536, "maxCtasPerSM": 32, "maxThreadsPerBlock": 1024,
       "maxThreadsPerSM": 2048, "pciDeviceId": 0, "isTccDriver": 0, "supportCoopLaunch": 1, "totalGlobalMem": 150754820096,
       "smClockRateKHz": 1980000, "memClockRateKHz": 3201000, "l2CacheSize": 62914560, "cudaDeviceId": 0, "deviceVer": 900,
       "driverVer": 13000, "deviceName": "NVIDIA H200"}""";

  private static @Nullable Described described;

  /// A GPU by its properties.
  private record Described(CudnnDescriptor properties) implements CudnnProposals.Target {
    private static final int DEVICE_PROPERTIES = 38;
    private static final int HEURISTICS_PROPERTIES = 204;
    private static final int PLAN_PROPERTIES = 407;
    private static final int JSON = 2702;
    private static final int CHAR = 24;

    static Described of(String json) {
      CudnnDescriptor properties = new CudnnDescriptor(DEVICE_PROPERTIES);
      try (Arena arena = Arena.ofConfined()) {
        byte[] text = json.getBytes(UTF_8);
        Cudnn.setAttribute(properties.address(), JSON, CHAR, text.length, arena.allocateFrom(ValueLayout.JAVA_BYTE, text).address());
      }
      return new Described(properties.finish());
    }

    @Override
    public void nameFor(CudnnDescriptor graph) {}

    @Override
    public void nameForHeuristics(CudnnDescriptor heuristics) {
      heuristics.set(HEURISTICS_PROPERTIES, properties);
    }

    @Override
    public void nameForPlan(CudnnDescriptor plan) {
      plan.set(PLAN_PROPERTIES, properties);
    }
  }

  @BeforeAll
  static void describe(@TempDir Path folder) throws Exception {
    String problem = Libraries.shared().problem(Library.CUDNN);
    assumeTrue(problem == null, problem);
    SimulatedDriver.loadIdle(folder);
    described = Described.of(H200);
  }

  @AfterAll
  static void forget() {
    if (described != null) {
      described.properties.close();
    }
  }

  private static boolean hasPlan(CudnnRequest request) {
    try (var proposals = CudnnProposals.of(Objects.requireNonNull(described), request);
        CudnnPlan plan = proposals.next(_ -> true, true)) {
      return plan != null;
    }
  }

  /// A convolution of ResNet18 or ViT-B/16 on images of 224 × 224.
  record Layer(int channels, int image, int out, int kernel, int stride, int pad, int groups) {
    Convolutions.Request request(Direction direction, DType dtype, boolean exact, boolean channelsLast, boolean biased, long batch) {
      return mixed(direction, dtype, exact, channelsLast, channelsLast, channelsLast, biased, batch);
    }

    /// Each tensor in an order of its own, as where a model has channels last and its weights or a gradient have not.
    Convolutions.Request mixed(Direction direction, DType dtype, boolean exact, boolean lastInX, boolean lastInWeight, boolean lastInY,
        boolean biased, long batch) {
      ConvSpec spec = new ConvSpec(stride, stride, pad, pad, 1, 1, groups);
      long size = ConvSpec.outputSize(image, kernel, stride, pad, 1);
      return new Convolutions.Request(direction, dtype, exact, lying(lastInX, batch, channels, image, image),
          lying(lastInWeight, out, channels / groups, kernel, kernel), lying(lastInY, batch, out, size, size),
          biased ? lying(lastInY, 1, out, 1, 1) : null, null, Activation.NONE, spec);
    }

    /// With bias, perhaps residual, and ReLU.
    Convolutions.Request fused(DType dtype, boolean exact, boolean channelsLast, boolean adds, long batch) {
      var plain = request(Direction.FORWARD, dtype, exact, channelsLast, true, batch);
      return new Convolutions.Request(Direction.FORWARD, dtype, exact, plain.x(), plain.weight(), plain.y(), plain.bias(),
          adds ? plain.y() : null, Activation.RELU, plain.spec());
    }

    private static CudnnLayout lying(boolean channelsLast, long... sizes) {
      long c = sizes[1];
      long h = sizes[2];
      long w = sizes[3];
      return new CudnnLayout(sizes, channelsLast ? new long[] {c * h * w, 1, c * w, c} : Strided.contiguousStrides(sizes), 16);
    }
  }

  private static Stream<Layer> layers() {
    return Stream.of(
        new Layer(3, 224, 64, 7, 2, 3, 1),
        new Layer(64, 56, 64, 3, 1, 1, 1),
        new Layer(64, 56, 128, 3, 2, 1, 1),
        new Layer(64, 56, 128, 1, 2, 0, 1),
        new Layer(128, 28, 128, 3, 1, 1, 1),
        new Layer(128, 28, 256, 3, 2, 1, 1),
        new Layer(128, 28, 256, 1, 2, 0, 1),
        new Layer(256, 14, 256, 3, 1, 1, 1),
        new Layer(256, 14, 512, 3, 2, 1, 1),
        new Layer(256, 14, 512, 1, 2, 0, 1),
        new Layer(512, 7, 512, 3, 1, 1, 1),
        new Layer(3, 224, 768, 16, 16, 0, 1),
        // no model's: channels that no tensor core likes, groups, one channel each
        new Layer(5, 9, 7, 3, 2, 1, 1),
        new Layer(32, 14, 64, 3, 1, 1, 4),
        new Layer(32, 14, 32, 3, 1, 1, 32));
  }

  @ParameterizedTest
  @MethodSource("layers")
  void everyLayerHasPlansForItselfAndItsGradients(Layer layer) {
    List<Convolutions.Request> without = new ArrayList<>();
    for (Direction direction : Direction.values()) {
      for (DType dtype : List.of(DType.FLOAT32, DType.BFLOAT16, DType.FLOAT16, DType.FLOAT64)) {
        for (long batch : new long[] {1, 8, 32}) {
          for (int variant = 0; variant < 8; variant++) {
            boolean exact = (variant & 1) != 0;
            boolean channelsLast = (variant & 2) != 0;
            boolean biased = (variant & 4) != 0;
            if (exact && dtype != DType.FLOAT32 || biased && direction != Direction.FORWARD) {
              continue;
            }
            var request = layer.request(direction, dtype, exact, channelsLast, biased, batch);
            if (!hasPlan(request)) {
              without.add(request);
            }
          }
        }
      }
    }
    assertEquals(List.of(), without);
  }

  /// What lies otherwise than its engine wants it, the engine brings into order itself.
  @ParameterizedTest
  @MethodSource("layers")
  void everyLayerHasPlansForTensorsInDifferentOrders(Layer layer) {
    List<Convolutions.Request> without = new ArrayList<>();
    for (Direction direction : Direction.values()) {
      for (DType dtype : List.of(DType.FLOAT32, DType.BFLOAT16, DType.FLOAT16, DType.FLOAT64)) {
        for (int variant = 0; variant < 16; variant++) {
          boolean special = (variant & 8) != 0;
          var request = layer.mixed(direction, dtype, special && dtype == DType.FLOAT32, (variant & 1) != 0, (variant & 2) != 0,
              (variant & 4) != 0, special && direction == Direction.FORWARD, 8);
          if (!hasPlan(request)) {
            without.add(request);
          }
        }
      }
    }
    assertEquals(List.of(), without);
  }

  @ParameterizedTest
  @MethodSource("layers")
  void everyLayerHasPlansThatAddTheResidualAndApplyRelu(Layer layer) {
    List<Convolutions.Request> without = new ArrayList<>();
    for (DType dtype : List.of(DType.FLOAT32, DType.BFLOAT16, DType.FLOAT16)) {
      for (long batch : new long[] {1, 8, 32}) {
        for (int variant = 0; variant < 8; variant++) {
          boolean exact = (variant & 1) != 0;
          if (exact && dtype != DType.FLOAT32) {
            continue;
          }
          var request = layer.fused(dtype, exact, (variant & 2) != 0, (variant & 4) != 0, batch);
          if (!hasPlan(request)) {
            without.add(request);
          }
        }
      }
    }
    assertEquals(List.of(), without);
  }

  @Test
  void aResultOfHalfPrecisionMayLieAtAnyPlace() {
    var plain = new Layer(64, 56, 64, 3, 1, 1, 1).fused(DType.BFLOAT16, false, true, true, 1);
    var odd = new CudnnLayout(plain.y().sizes(), plain.y().strides(), 2);
    assertTrue(hasPlan(new Convolutions.Request(Direction.FORWARD, plain.dtype(), false, plain.x(), plain.weight(), odd, plain.bias(), odd,
        Activation.RELU, plain.spec())));
  }

  /// All that the legacy API can be asked without a GPU.
  @Test
  void theLegacyApiHasEveryPassAndTakesItsDescriptors() {
    int half = CudnnOperation.code(DType.BFLOAT16);
    long tensor = Kind.TENSOR.create();
    long filter = Kind.FILTER.create();
    long convolution = Kind.CONVOLUTION.create();
    for (int format = 0; format < 2; format++) {
      CudnnLegacy.setTensor(tensor, format, half, 8, 64, 56, 56);
      CudnnLegacy.setFilter(filter, format, half, 128, 32, 3, 3);
    }
    CudnnLegacy.setConvolution(convolution, new ConvSpec(2, 2, 1, 1, 1, 1, 2), CudnnOperation.code(DType.FLOAT32), 1);
    Kind.TENSOR.destroy(tensor);
    Kind.FILTER.destroy(filter);
    Kind.CONVOLUTION.destroy(convolution);
    assertDoesNotThrow(Pass::values, "each pass is bound");
  }

  /// How heads lie: one after the other, or as a projection to queries, keys and values, each 768 wide, leaves them.
  private static CudnnLayout heads(boolean packed, long batch, long rows) {
    long step = packed ? 3L * 12 * 64 : 12 * 64;
    return new CudnnLayout(new long[] {batch, 12, rows, 64}, new long[] {rows * step, 64, step, 1}, 16);
  }

  /// ViT-B/16's, and one whose keys are no multiple of anything.
  @ParameterizedTest
  @CsvSource({"8, 197, 197", "2, 5, 77"})
  void attentionHasPlansForItselfAndItsGradients(long batch, long queries, long keys) {
    assumeTrue(Cudnn.versionNumber() >= CudnnAttention.CUDNN, () -> "cuDNN " + Cudnn.version() + " is too old");
    var perRow = new CudnnLayout(new long[] {batch, 12, queries, 1}, new long[] {12 * queries, queries, 1, 1}, 16);
    List<AttentionGraph.Request> without = new ArrayList<>();
    for (int variant = 0; variant < 8; variant++) {
      DType dtype = (variant & 1) == 0 ? DType.BFLOAT16 : DType.FLOAT16;
      boolean causal = (variant & 2) != 0;
      boolean packed = (variant & 4) != 0;
      CudnnLayout q = heads(packed, batch, queries);
      CudnnLayout k = heads(packed, batch, keys);
      CudnnLayout out = heads(false, batch, queries);
      CudnnLayout gradK = heads(false, batch, keys);
      for (var request : List.of(new AttentionGraph.Forward(dtype, causal, q, k, k, out, perRow),
          new AttentionGraph.Backward(dtype, causal, q, k, k, out, perRow, out, out, gradK, gradK, perRow))) {
        if (!hasPlan(request)) {
          without.add(request);
        }
      }
    }
    assertEquals(List.of(), without);
  }

  /// The first half of ViT-B/16's MLP, and one of odd sizes at odd places.
  @ParameterizedTest
  @CsvSource({"197, 768, 3072, 256", "1576, 768, 3072, 256", "6304, 768, 3072, 256", "331, 337, 307, 4"})
  void aLinearMapAndGeluHaveAPlan(long m, long k, long n, long address) {
    List<CudnnRequest> without = new ArrayList<>();
    for (DType dtype : List.of(DType.BFLOAT16, DType.FLOAT16, DType.FLOAT32)) {
      var request = CudnnProducts.LinearGelu.of(at(address, dtype, m, n), at(address, dtype, m, k), at(address, dtype, n, k),
          at(address, dtype, n));
      if (!hasPlan(request)) {
        without.add(request);
      }
    }
    assertEquals(List.of(), without);
  }

  private static Strided at(long address, DType dtype, long... sizes) {
    return Strided.contiguous(new Storage(Device.CPU, address, Strided.numel(sizes) * dtype.size()), dtype, sizes);
  }

  /// The simulated cuDNN has none, too.
  @Test
  void aLinearMapAndGeluOfFloat64OrOfAMatrixThatLiesScatteredHasNoPlan() {
    Strided out = at(256, DType.BFLOAT16, 40, 48);
    Strided weight = at(256, DType.BFLOAT16, 48, 24);
    Strided bias = at(256, DType.BFLOAT16, 48);
    Strided scattered = at(256, DType.BFLOAT16, 40, 48).with(0, new long[] {40, 24}, new long[] {48, 2});
    assertFalse(hasPlan(CudnnProducts.LinearGelu.of(out, scattered, weight, bias)));
    assertTrue(hasPlan(CudnnProducts.LinearGelu.of(out, at(256, DType.BFLOAT16, 40, 24), weight, bias)));
    assertFalse(hasPlan(CudnnProducts.LinearGelu.of(at(256, DType.FLOAT64, 40, 48), at(256, DType.FLOAT64, 40, 24),
        at(256, DType.FLOAT64, 48, 24), at(256, DType.FLOAT64, 48))));
  }
}
