package org.flambeau.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.LongStream;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ImagePartsTest {
  private static final int IMAGES = 5;
  private static final int CHANNELS = 7;
  private static final int PLANE = 6;
  private static final int ALL = IMAGES * CHANNELS * PLANE;

  /// (n, c, h, w) of bytes, with channels last or not.
  private static Strided images(boolean last, long h, long w) {
    long[] sizes = {IMAGES, CHANNELS, h, w};
    long[] strides = last ? new long[] {CHANNELS * h * w, 1, CHANNELS * w, CHANNELS} : Strided.contiguousStrides(sizes);
    return Strided.of(new Storage(Device.CPU, new byte[(int) Strided.numel(sizes)]), DType.UINT8, 0, sizes, strides);
  }

  /// The places in memory of an operand's planes, one after the other.
  private static List<Long> planes(Strided x) {
    return LongStream.range(0, x.size(0)).boxed()
        .flatMap(n -> LongStream.range(0, x.size(1)).mapToObj(c -> x.offset() + n * x.stride(0) + c * x.stride(1))).toList();
  }

  @ParameterizedTest
  @ValueSource(ints = {PLANE, 2 * PLANE, 3 * PLANE + 1, CHANNELS * PLANE - 1, CHANNELS * PLANE, 3 * CHANNELS * PLANE, ALL - 1, ALL})
  void eachPlaneOfEachOperandIsInOnePartThatIsNotTooLarge(int most) {
    for (boolean last : new boolean[] {false, true}) {
      Strided out = images(last, 2, 3);
      Strided in = images(!last, 4, 5);
      List<Long> written = new ArrayList<>();
      List<Long> read = new ArrayList<>();

      ImageParts.forEach("pool2d", most, parts -> {
        Strided to = Objects.requireNonNull(parts[0]);
        assertTrue(to.numel() <= most, () -> "a part of sizes " + to);
        assertNull(parts[1]);
        written.addAll(planes(to));
        read.addAll(planes(Objects.requireNonNull(parts[2])));
      }, out, null, in);

      assertEquals(planes(out), written);
      assertEquals(planes(in), read);
    }
  }

  @Test
  void aChannelThatIsTooLargeIsRefusedByName() {
    var refusal = assertThrows(IllegalArgumentException.class,
        () -> ImageParts.forEach("interpolate", PLANE - 1, parts -> {}, images(false, 2, 3)));

    assertEquals("[interpolate] expected at most 5 elements in each channel of an image, got one of sizes [2, 3]", refusal.getMessage());
  }
}
