package org.flambeau.models;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.flambeau.DType;
import org.flambeau.Random;
import org.flambeau.Tensor;
import org.flambeau.io.Safetensors;
import org.flambeau.nn.Module;
import org.flambeau.nn.StateDict;

/// What torchvision's models print, begin with, compute and learn, as `src/test/goldens/models.py` has written it, and the weights and images that
/// the script fills them with.
final class ModelGoldens {
  private static final int PLACES = 7;

  private ModelGoldens() {}

  static String text(String name) {
    try (InputStream in = Objects.requireNonNull(ModelGoldens.class.getResourceAsStream(name), name)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  static double[] numbers(String name) {
    try (var arena = Arena.ofConfined(); var file = Safetensors.open(path("models.safetensors"), arena)) {
      Safetensors.Entry entry = file.get(name);
      return Tensor.copySegment(entry.data(), entry.dtype(), entry.shape()).toDoubleArray();
    }
  }

  private static Path path(String resource) {
    try {
      return Path.of(Objects.requireNonNull(ModelGoldens.class.getResource(resource), resource).toURI());
    } catch (URISyntaxException e) {
      throw new AssertionError(e);
    }
  }

  /// Of each entry some elements at equal distances, the sum, and the sum of absolute values.
  static double[] sampled(StateDict state) {
    List<Tensor> rows = new ArrayList<>();
    for (Tensor entry : state.values()) {
      Tensor flat = entry.flatten(0, -1).to(DType.FLOAT64);
      long[] places = new long[PLACES];
      for (int i = 0; i < PLACES; i++) {
        places[i] = i * (flat.numel() - 1) / (PLACES - 1);
      }
      rows.add(Tensor.cat(List.of(flat.indexSelect(0, Tensor.of(places)), flat.sum().unsqueeze(0), flat.abs().sum().unsqueeze(0)), 0));
    }
    return Tensor.stack(rows, 0).toDoubleArray();
  }

  private static Tensor uniform(double low, double high, long... sizes) {
    return Tensor.rand(DType.FLOAT64, sizes).mul(high - low).add(low);
  }

  /// Weights under which activations keep their magnitude, and statistics as of a trained model.
  static <M extends Module> M fill(M model) {
    Random.manualSeed(1);
    model.stateDict().forEach((name, entry) -> {
      if (name.endsWith("num_batches_tracked")) {
        return;
      }
      double low = -0.1;
      double high = 0.1;
      if (name.endsWith("running_var") || entry.dim() == 1 && name.endsWith("weight")) {
        low = 0.5;
        high = 1.5;
      } else if (entry.dim() == 2 || entry.dim() == 4) {
        high = Math.sqrt(3.0 / (entry.numel() / (double) entry.size(0)));
        low = -high;
      }
      entry.copy_(uniform(low, high, entry.sizes()));
    });
    return model;
  }

  static Tensor images(int count, int size) {
    Random.manualSeed(2);
    return uniform(-2, 2, count, 3, size, size);
  }

  /// All within `relative` of what is expected, measured by the largest.
  static void assertClose(double[] expected, double[] actual, double relative) {
    double scale = Arrays.stream(expected).map(Math::abs).max().orElseThrow();
    assertArrayEquals(expected, actual, relative * scale);
  }

  /// Of every entry the elements as [#assertClose] says, and the sum measured by that of absolute values.
  static void assertSampledClose(double[] expected, StateDict state, double relative) {
    double[] actual = sampled(state);
    assertEquals(expected.length, actual.length);
    int row = 0;
    for (String name : state.keySet()) {
      double scale = 0;
      for (int i = row; i < row + PLACES; i++) {
        scale = Math.max(scale, Math.abs(expected[i]));
      }
      for (int i = row; i < row + PLACES; i++) {
        assertEquals(expected[i], actual[i], relative * scale, name);
      }
      assertEquals(expected[row + PLACES], actual[row + PLACES], relative * expected[row + PLACES + 1], () -> "the sum of " + name);
      assertEquals(expected[row + PLACES + 1], actual[row + PLACES + 1], relative * expected[row + PLACES + 1], name);
      row += PLACES + 2;
    }
  }
}
