package org.flambeau.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Supplier;
import org.flambeau.Autocast;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.GradMode;
import org.flambeau.MatmulPrecision;
import org.flambeau.MemoryScope;
import org.flambeau.Random;
import org.flambeau.Tensor;
import org.flambeau.backend.cuda.binding.SimulatedDriver;
import org.flambeau.backend.cuda.binding.SimulatedDriver.Work;
import org.flambeau.models.ResNet;
import org.flambeau.models.VisionTransformer;
import org.flambeau.nn.Dropout;
import org.flambeau.nn.Embedding;
import org.flambeau.nn.Linear;
import org.flambeau.nn.Module;
import org.flambeau.nn.Sequential;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Compiled models on the simulated GPU: from the third call on a graph is replayed, which computes what the model does uncompiled.
class CompiledModelsTest {
  /// A copy of the operand to where the graph reads it, and one of the result to the caller.
  private static final Work REPLAY = new Work(2, 0);

  enum Model {
    RESNET(() -> ResNet.resnet18(10)),
    VISION_TRANSFORMER(() -> new VisionTransformer(
        VisionTransformer.Options.B_16.imageSize(32).patchSize(8).layers(2).heads(2).hidden(32).mlp(64).numClasses(5)));

    private final Supplier<Module> make;

    Model(Supplier<Module> make) {
      this.make = make;
    }

    Module make(DType dtype) {
      Random.manualSeed(5);
      Module model = make.get();
      for (int i = 0; this == RESNET && i < 2; i++) {
        Tensor _ = model.call(Tensor.randn(4, 3, 32, 32)); // so that the statistics are somebody's
      }
      model.eval();
      model.requiresGrad_(false);
      return model.to(cuda).to(dtype);
    }
  }

  private static Device cuda;

  @BeforeAll
  static void install() throws Exception {
    SimulatedDriver.install();
    MatmulPrecision.setForConvolutions(MatmulPrecision.HIGHEST);
    cuda = Device.cuda(0);
  }

  @AfterAll
  static void restore() {
    MatmulPrecision.setForConvolutions(MatmulPrecision.HIGH);
  }

  private static Tensor images(DType dtype, int count) {
    return Tensor.randn(count, 3, 32, 32).to(dtype).to(cuda);
  }

  private static Tensor call(Module model, Tensor x) {
    try (var _ = GradMode.noGrad()) {
      return model.call(x);
    }
  }

  private static void assertNear(Tensor expected, Tensor actual) {
    assertEquals(expected.dtype(), actual.dtype());
    assertArrayEquals(expected.to(DType.FLOAT32).toFloatArray(), actual.to(DType.FLOAT32).toFloatArray(),
        expected.dtype() == DType.FLOAT32 ? 1e-5f : 0.05f);
  }

  /// Calls `model` on other images each time, the first of which it compiles for, and gives what the last call takes of the GPU.
  private static Work agreeing(Module model, Module eager, DType dtype, int count) {
    Work[] last = new Work[1];
    for (int i = 0; i < 4; i++) {
      Tensor x = images(dtype, count);
      Tensor expected = call(eager, x);
      Tensor[] result = new Tensor[1];
      last[0] = SimulatedDriver.work(() -> result[0] = call(model, x));
      assertNear(expected, result[0]);
    }
    return last[0];
  }

  @ParameterizedTest
  @EnumSource
  void replaysWhatItComputesUncompiled(Model kind) {
    Module model = kind.make(DType.FLOAT32);
    Module eager = kind.make(DType.FLOAT32);
    model.compile();

    assertEquals(REPLAY, agreeing(model, eager, DType.FLOAT32, 2));
    assertEquals(REPLAY, agreeing(model, eager, DType.FLOAT32, 3), "another number of images");
  }

  @ParameterizedTest
  @EnumSource
  void seesAChangedParameter(Model kind) {
    Module model = kind.make(DType.FLOAT32);
    Module eager = kind.make(DType.FLOAT32);
    model.compile();
    agreeing(model, eager, DType.FLOAT32, 2);

    for (Module each : new Module[] {model, eager}) {
      each.parameters().forEach(parameter -> parameter.mul_(0.9));
    }

    assertEquals(REPLAY, agreeing(model, eager, DType.FLOAT32, 2));
  }

  @ParameterizedTest
  @EnumSource
  void replaysInHalfPrecision(Model kind) {
    Module model = kind.make(DType.BFLOAT16);
    model.compile();

    assertEquals(REPLAY, agreeing(model, kind.make(DType.BFLOAT16), DType.BFLOAT16, 2));
  }

  @ParameterizedTest
  @EnumSource
  void replaysUnderAutocast(Model kind) {
    Module model = kind.make(DType.FLOAT32);
    Module eager = kind.make(DType.FLOAT32);
    model.compile();
    for (int region = 0; region < 2; region++) {
      try (var _ = Autocast.open(DType.BFLOAT16)) {
        assertEquals(REPLAY, agreeing(model, eager, DType.FLOAT32, 2));
      }
      agreeing(model, eager, DType.FLOAT32, 2);
    }
  }

  @ParameterizedTest
  @EnumSource
  void resultsAreTheCallersAlsoInsideOfAScope(Model kind) {
    Module model = kind.make(DType.FLOAT32);
    Module eager = kind.make(DType.FLOAT32);
    model.compile();
    List<Tensor> images = new ArrayList<>();
    List<Tensor> kept = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      images.add(images(DType.FLOAT32, 2));
      try (MemoryScope scope = MemoryScope.open()) {
        kept.add(scope.keep(call(model, images.getLast())));
      }
    }

    for (int i = 0; i < 5; i++) {
      assertNear(call(eager, images.get(i)), kept.get(i));
    }
  }

  @Test
  void drawsWhatItWouldDrawUncompiled() {
    Module model = new Sequential(new Linear(8, 40), new Dropout(0.5));
    model.to(cuda);
    Tensor x = Tensor.randn(3, 8).to(cuda);
    float[][] drawn = new float[5][];
    for (boolean compiled : new boolean[] {false, true}) {
      model.compile(compiled);
      Random.manualSeed(9);
      for (int i = 0; i < drawn.length; i++) {
        float[] result = call(model, x).toFloatArray();
        if (compiled) {
          assertArrayEquals(drawn[i], result, 1e-6f);
        }
        drawn[i] = result;
      }
    }
  }

  @Test
  void aWrongIndexIsReportedWhenSomebodyWaitsAndTheGraphGoesOn() {
    Module model = new Embedding(5, 3);
    model.to(cuda);
    model.compile();
    Tensor right = Tensor.of(1L, 4L).to(cuda);
    float[] expected = {};
    for (int i = 0; i < 4; i++) {
      expected = call(model, right).toFloatArray();
    }
    Tensor wrong = call(model, Tensor.of(1L, 7L).to(cuda));

    String complaint = String.valueOf(assertThrows(IndexOutOfBoundsException.class, wrong::toFloatArray).getMessage());

    assertTrue(complaint.contains("index 7 is out of bounds for dimension 0 with size 5"), complaint);
    assertArrayEquals(expected, call(model, right).toFloatArray());
  }

  /// Graphs are recorded one after the other, whoever compiles meanwhile.
  @Test
  void threadsThatCompileAtOnceAllReplay() throws Exception {
    Module model = Model.VISION_TRANSFORMER.make(DType.FLOAT32);
    Module eager = Model.VISION_TRANSFORMER.make(DType.FLOAT32);
    model.compile();
    try (var threads = Executors.newFixedThreadPool(4)) {
      List<Callable<Void>> work = new ArrayList<>();
      for (int t = 0; t < 4; t++) {
        int count = 1 + t;
        work.add(() -> {
          agreeing(model, eager, DType.FLOAT32, count);
          return null;
        });
      }
      for (Future<Void> each : threads.invokeAll(work)) {
        each.get();
      }
    }
    for (int count = 1; count <= 4; count++) {
      assertEquals(REPLAY, agreeing(model, eager, DType.FLOAT32, count));
    }
  }
}
