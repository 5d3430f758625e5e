package org.flambeau.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.Generator;
import org.flambeau.MemoryScope;
import org.flambeau.Tensor;
import org.flambeau.vision.RandomChoice;
import org.flambeau.vision.Transform;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Batches are mixed as torchvision's MixUp and CutMix mix them, to the bit, by the same random numbers.
class MixingTest {
  static List<String> goldens() {
    try (var reader = new BufferedReader(new InputStreamReader(
        Objects.requireNonNull(MixingTest.class.getResourceAsStream("mixing.txt")), StandardCharsets.US_ASCII))) {
      return reader.lines().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @ParameterizedTest
  @MethodSource("goldens")
  void isTorchvisions(String golden) {
    String[] part = golden.split(";");
    String[] parameters = part[1].split(",");
    double alpha = Double.parseDouble(parameters[0]);
    int classes = Integer.parseInt(parameters[1]);
    Transform<Batch, Batch> mix = switch (part[0]) {
      case "MixUp" -> new MixUp(classes, alpha);
      case "CutMix" -> new CutMix(classes, alpha);
      default -> new RandomChoice<>(new MixUp(classes, alpha), new CutMix(classes, alpha));
    };
    String[] batch = part[2].split(",");
    long[] sizes = Arrays.stream(batch).limit(4).mapToLong(Long::parseLong).toArray();
    Generator random = Generator.create(Device.CPU).manualSeed(Long.parseLong(part[3]));
    String results = IntStream.range(0, 3).mapToObj(_ -> mix.apply(batch(classes, batch[4].equals("labels"), sizes), random))
        .flatMap(mixed -> Stream.of(crc(mixed.input()), crc(mixed.target()))).collect(Collectors.joining(" "));
    assertEquals(part[4], results);
    assertEquals(Integer.parseInt(part[5]), Tensor.randint(random, DType.INT64, 0, 1000, 1).toLong());
  }

  /// The same as in the script that made the goldens.
  private static Batch batch(int classes, boolean labels, long... sizes) {
    Tensor images = Tensor.arange(Arrays.stream(sizes).reduce(1, (a, b) -> a * b)).mul(37).remainder(256).div(256).reshape(sizes);
    return new Batch(images, labels
        ? Tensor.arange(sizes[0]).remainder(classes)
        : Tensor.arange(sizes[0] * classes).mul(11).remainder(16).div(16).reshape(sizes[0], classes));
  }

  private static String crc(Tensor tensor) {
    ByteBuffer bytes = ByteBuffer.allocate(Float.BYTES * (int) tensor.numel()).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(tensor.toFloatArray());
    CRC32 crc = new CRC32();
    crc.update(bytes.array());
    return String.format(Locale.ROOT, "%08x:", crc.getValue())
        + LongStream.of(tensor.sizes()).mapToObj(Long::toString).collect(Collectors.joining("x"));
  }

  @Test
  void theBatchOfALoaderStaysAsItIs() {
    Tensor inputs = Tensor.arange(48).to(DType.FLOAT32).reshape(4, 3, 2, 2);
    for (Batch batch : DataLoader.of(TensorDataset.of(inputs, Tensor.arange(4))).batchSize(4))
      try (var _ = MemoryScope.open()) {
        new CutMix(4).apply(batch);
        new MixUp(4).apply(batch);
        assertEquals(inputs.toString(), batch.input().toString());
      }
  }

  @Test
  void whatCannotBeMixedIsSaid() {
    Batch batch = batch(3, true, 2, 1, 4, 4);
    assertEquals("[CutMix] expected images (n, c, h, w) and labels (n) or probabilities (n, 3), got [4, 4] and [2]",
        assertThrows(IllegalArgumentException.class, () -> new CutMix(3).apply(new Batch(Tensor.ones(4, 4), batch.target()))).getMessage());
    assertEquals("[MixUp] expected images (n, c, h, w) and labels (n) or probabilities (n, 3), got [2, 1, 4, 4] and [2, 4]",
        assertThrows(IllegalArgumentException.class, () -> new MixUp(3).apply(new Batch(batch.input(), Tensor.ones(2, 4)))).getMessage());
    assertEquals("[MixUp] expected classes from 1 and an alpha above 0, got 3 and 0.0",
        assertThrows(IllegalArgumentException.class, () -> new MixUp(3, 0)).getMessage());
    assertThrows(IllegalArgumentException.class, () -> new RandomChoice<Batch, Batch>(List.of()));
  }
}
