package org.flambeau.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.stream.Stream;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.MemoryFormat;
import org.flambeau.Tensor;
import org.flambeau.autograd.Autograd;
import org.flambeau.backend.cuda.binding.SimulatedDriver;
import org.flambeau.nn.AdaptiveAvgPool2d;
import org.flambeau.nn.AvgPool2d;
import org.flambeau.nn.MaxPool2d;
import org.flambeau.nn.Module;
import org.flambeau.nn.PoolOptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Pools of channels-last images, several channels at once where these lie in packs, beside those of row-major images.
class PoolingTest {
  private static Device cuda;

  @BeforeAll
  static void install() throws Exception {
    SimulatedDriver.install();
    cuda = Device.cuda(0);
  }

  private static Stream<Module> pools() {
    return Stream.of(new MaxPool2d(PoolOptions.kernel(3).stride(2).padding(1)), new MaxPool2d(PoolOptions.kernel(2).stride(1).dilation(2)),
        new AvgPool2d(PoolOptions.kernel(3).stride(2).padding(1)), new AvgPool2d(PoolOptions.kernel(2)), new AdaptiveAvgPool2d(3, 2),
        new AdaptiveAvgPool2d(2, 5));
  }

  /// What comes out and flows back, as rows.
  private static List<double[]> rows(Module pool, Tensor x) {
    Tensor leaf = x.detach().requiresGrad_(true);
    Tensor y = pool.call(leaf);
    boolean last = x.isContiguous(MemoryFormat.CHANNELS_LAST);
    Tensor weight = Tensor.arange(y.numel()).remainder(7).to(cuda).to(x.dtype()).reshape(y.sizes())
        .contiguous(last ? MemoryFormat.CHANNELS_LAST : MemoryFormat.CONTIGUOUS);
    Tensor grad = Autograd.grad(y.mul(weight).sum(), List.of(leaf)).getFirst();
    assertEquals(last, grad.isContiguous(MemoryFormat.CHANNELS_LAST));
    return List.of(y.detach().toDoubleArray(), grad.toDoubleArray());
  }

  /// With a number of channels that packs divide, one that they do not, and channels that begin in the middle of a pack. Sums are added up in the same order, so
  /// that no bit differs.
  @ParameterizedTest
  @MethodSource("pools")
  void channelsLastImagesArePooledAsOthers(Module pool) {
    for (DType dtype : List.of(DType.FLOAT32, DType.BFLOAT16, DType.FLOAT16, DType.FLOAT64)) {
      for (int channels : new int[] {16, 9}) {
        Tensor x = Tensor.randn(2, channels + 1, 7, 6).to(cuda).to(dtype);
        x.select(3, 2).select(2, 1).fill_(Double.NaN);
        for (int from : new int[] {0, 1}) {
          Tensor images = x.contiguous(MemoryFormat.CHANNELS_LAST).narrow(1, from, channels);
          Tensor last = from == 0 ? images.contiguous(MemoryFormat.CHANNELS_LAST) : images;
          List<double[]> expected = rows(pool, images.contiguous());
          assertArrayEquals(expected.getFirst(), pool.call(last).toDoubleArray(), dtype + ", " + channels + " channels from " + from);
          assertArrayEquals(expected.getLast(), rows(pool, images.contiguous(MemoryFormat.CHANNELS_LAST)).getLast());
        }
      }
    }
  }
}
