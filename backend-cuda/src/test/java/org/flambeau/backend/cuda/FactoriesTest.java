package org.flambeau.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.flambeau.CudaGraph;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.Tensor;
import org.flambeau.backend.cuda.binding.SimulatedDriver;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/// What is asked for on the GPU is made there, by kernels alone.
class FactoriesTest {
  private static Device cuda;

  @BeforeAll
  static void install() throws Exception {
    SimulatedDriver.install();
    cuda = Device.cuda(0);
  }

  @Test
  void factoriesGiveThereWhatTheyGiveOnTheCpu() {
    List<Function<Device, Tensor>> factories = List.of(d -> Tensor.arange(d, DType.INT64, 0, 7, 2),
        d -> Tensor.arange(d, DType.FLOAT32, -1, 1, 1.0 / 3), d -> Tensor.linspace(d, DType.FLOAT32, -1, 2, 7),
        d -> Tensor.linspace(d, DType.FLOAT64, 3, 4, 1), d -> Tensor.eye(d, DType.BFLOAT16, 3, 4),
        d -> Tensor.full(d, DType.FLOAT16, 2.5, 2, 3));
    for (Function<Device, Tensor> factory : factories) {
      Tensor expected = factory.apply(Device.CPU);
      Tensor made = factory.apply(cuda);
      assertEquals(cuda, made.device());
      assertEquals(expected.dtype(), made.dtype());
      assertArrayEquals(expected.sizes(), made.sizes());
      assertTrue(expected.equal(made.to(Device.CPU)), made::toString);
    }
  }

  /// A copy from the host could not be.
  @Test
  void whatCountsPositionsCanBeCaptured() {
    Tensor x = Tensor.of(new float[][] {{3, 1, 2}, {4, 6, 5}}).to(cuda);
    List<Function<Tensor, Tensor>> operations = List.of(t -> t.flip(1), t -> t.cummax(1).indices(), t -> t.mode(1, false).indices());
    List<Tensor> captured = new ArrayList<>();
    for (Function<Tensor, Tensor> operation : operations) {
      captured.add(operation.apply(x));
    }
    try (CudaGraph graph = CudaGraph.capture(() -> {
      captured.clear();
      operations.forEach(operation -> captured.add(operation.apply(x)));
    })) {
      x.copy_(Tensor.of(new float[][] {{1, 2, 3}, {9, 8, 7}}));
      graph.replay();
      for (int i = 0; i < operations.size(); i++) {
        assertTrue(operations.get(i).apply(x).equal(captured.get(i)), captured.get(i)::toString);
      }
    }
  }
}
