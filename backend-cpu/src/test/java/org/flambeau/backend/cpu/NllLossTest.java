package org.flambeau.backend.cpu;

import static org.flambeau.backend.cpu.TestMemory.reals;
import static org.flambeau.backend.cpu.TestMemory.zeros;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Random;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NllLossTest {
  private static final int CLASSES = 5;
  private static final int IGNORED = 2;

  private static Strided random(DType dtype, long... sizes) {
    Random random = new Random(1);
    return reals(zeros(dtype, sizes), i -> random.nextGaussian());
  }

  private static Strided targets(long... sizes) {
    return reals(zeros(DType.INT64, sizes), i -> i * 7 % CLASSES);
  }

  /// Scores of images, whose classes lie outermost, of few places and of several tiles, with weights and without.
  @ParameterizedTest
  @CsvSource({"FLOAT32, 3, true", "FLOAT32, 2500, true", "FLOAT32, 40000, false", "FLOAT64, 1500, true", "BFLOAT16, 1500, false"})
  void readsWhatEachTargetNames(DType dtype, int places, boolean weighted) {
    Strided x = random(dtype, 2, CLASSES, places);
    Strided target = targets(2, places);
    Strided weight = weighted ? reals(zeros(dtype, CLASSES), i -> 0.5 + i) : null;
    Strided losses = zeros(dtype, 2, places);
    Strided total = zeros(dtype);
    NllLoss.forward(org.flambeau.Reduction.NONE, losses, total, x, target, weight, IGNORED);
    double[] scores = reals(x);
    double[] given = reals(losses);
    double sum = 0;
    double counted = 0;
    for (int i = 0; i < 2 * places; i++) {
      int label = i * 7 % CLASSES;
      double count = label == IGNORED ? 0 : weighted ? 0.5 + label : 1;
      double loss = count * -scores[(i / places * CLASSES + label) * places + i % places];
      assertEquals(loss, given[i], 1e-6 * Math.abs(loss), "place " + i);
      sum += loss;
      counted += count;
    }
    double precision = dtype == DType.BFLOAT16 ? 1 / 256.0 : 1e-6;
    assertEquals(counted, reals(total)[0], precision * counted);
    assertEquals(sum, reduced(org.flambeau.Reduction.SUM, x, target, weight), precision * Math.abs(sum));
    assertEquals(sum / counted, reduced(org.flambeau.Reduction.MEAN, x, target, weight), precision * Math.abs(sum / counted));
  }

  private static double reduced(org.flambeau.Reduction reduction, Strided x, Strided target, @Nullable Strided weight) {
    Strided out = zeros(x.dtype());
    NllLoss.forward(reduction, out, zeros(x.dtype()), x, target, weight, IGNORED);
    return reals(out)[0];
  }

  @Test
  void aSingleSampleHasNoPlaces() {
    assertEquals(-3,
        reduced(org.flambeau.Reduction.MEAN, reals(zeros(DType.FLOAT32, CLASSES), i -> i), reals(zeros(DType.INT64), i -> 3), null));
  }

  @Test
  void aClassThatIsNotThereIsNamed() {
    Strided x = random(DType.FLOAT32, 4, CLASSES);
    Strided target = reals(zeros(DType.INT64, 4), i -> i + 2);
    assertEquals("Target 5 is out of bounds.",
        assertThrows(IndexOutOfBoundsException.class, () -> reduced(org.flambeau.Reduction.SUM, x, target, null)).getMessage());
  }

  @Test
  void withoutClassesOnlyTargetsThatAreIgnoredArePossible() {
    Strided x = Strided.contiguous(new Storage(Device.CPU, 64, 0), DType.FLOAT32, new long[] {4, 0});
    Strided ignored = reals(zeros(DType.INT64, 4), i -> IGNORED);
    assertEquals(0, reduced(org.flambeau.Reduction.SUM, x, ignored, zeros(DType.FLOAT32, 0)));
    assertEquals(Double.NaN, reduced(org.flambeau.Reduction.MEAN, x, ignored, null));
    assertEquals("Target 0 is out of bounds.",
        assertThrows(IndexOutOfBoundsException.class, () -> reduced(org.flambeau.Reduction.SUM, x, targets(4), null)).getMessage());
  }
}
