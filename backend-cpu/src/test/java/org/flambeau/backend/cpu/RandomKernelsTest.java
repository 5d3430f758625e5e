package org.flambeau.backend.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.flambeau.DType;
import org.flambeau.spi.Distribution;
import org.flambeau.spi.Strided;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

class RandomKernelsTest {
  /// One test a seed: within it every line goes on from where the line before left the generator.
  @TestFactory
  Stream<DynamicTest> drawsWhatPyTorchDraws() throws IOException {
    List<String> lines;
    try (var reader = new BufferedReader(
        new InputStreamReader(RandomKernelsTest.class.getResourceAsStream("random.txt"), StandardCharsets.US_ASCII))) {
      lines = reader.lines().toList();
    }
    int[] starts = IntStream.range(0, lines.size()).filter(i -> lines.get(i).startsWith("seed;")).toArray();
    return IntStream.range(0, starts.length).mapToObj(k -> {
      int end = k + 1 < starts.length ? starts[k + 1] : lines.size();
      return DynamicTest.dynamicTest(lines.get(starts[k]), () -> replay(lines.subList(starts[k], end)));
    });
  }

  /// Every uniform number there is, as what gives the radius and as what gives the angle.
  @Test
  void normalNumbersAreTheSameOneByOneAndByVectors() {
    float[] one = new float[1 << 12];
    float[] many = new float[one.length];
    int half = BoxMuller.BLOCK / 2;
    for (int first = 0; first < 1 << 24; first += one.length / 2) {
      for (int i = 0; i < one.length; i++) {
        int k = first + i / BoxMuller.BLOCK * half + i % half;
        one[i] = (i / half % 2 == 0 ? k : ~k & 0xffffff) * 0x1p-24f;
      }
      System.arraycopy(one, 0, many, 0, one.length);
      BoxMuller.Numbers.transform(one, one.length, 0, 1);
      BoxMuller.Vectors.transform(many, many.length, 0, 1);
      assertArrayEquals(one, many, "from " + first + " on");
    }
  }

  private static void replay(List<String> lines) {
    Mt19937 generator = new Mt19937(0);
    for (String line : lines) {
      String[] part = line.split(";");
      String name = String.join(" ", Arrays.copyOf(part, part.length - 1));
      byte[] expected = part[0].equals("seed") ? new byte[0] : Base64.getDecoder().decode(part[part.length - 1]);
      switch (part[0]) {
        case "seed" -> generator.seed(Long.parseLong(part[1]));
        case "state" -> assertStateEquals(expected, generator);
        case "permutation" -> {
          Strided out = TestMemory.zeros(DType.INT64, Long.parseLong(part[1]));
          RandomKernels.permutation(out, generator);
          assertArrayEquals(expected, TestMemory.bytes(out), name);
        }
        case "bernoulliTensor" -> {
          Strided out = TestMemory.strided(dtype(part[1]), longs(part[3]), longs(part[4]));
          Strided probability = TestMemory.reals(TestMemory.zeros(dtype(part[2]), longs(part[3])), i -> i % 5 / 4.0);
          RandomKernels.bernoulli(out, probability, generator);
          assertArrayEquals(expected, TestMemory.bytes(out), name);
        }
        default -> {
          Strided out = TestMemory.strided(dtype(part[1]), longs(part[2]), longs(part[3]));
          Distribution distribution = Distribution.valueOf(part[0].toUpperCase(Locale.ROOT));
          RandomKernels.random(distribution, out, generator, Double.parseDouble(part[4]), Double.parseDouble(part[5]));
          boolean elementary = distribution == Distribution.NORMAL || distribution == Distribution.EXPONENTIAL;
          if (elementary && out.dtype() == DType.FLOAT64) {
            assertClose(expected, out, name);
          } else {
            assertArrayEquals(expected, TestMemory.bytes(out), name);
          }
        }
      }
    }
  }

  private static DType dtype(String name) {
    return DType.valueOf(name.toUpperCase(Locale.ROOT));
  }

  private static long[] longs(String text) {
    return Arrays.stream(text.split("x")).mapToLong(Long::parseLong).toArray();
  }

  /// Equal but for the last bits of the cached normal number, which goes through sine and logarithm.
  private static void assertStateEquals(byte[] expected, Mt19937 generator) {
    Mt19937 theirs = new Mt19937(1);
    theirs.restore(expected);
    assertArrayEquals(expected, theirs.save(), "a state survives restore and save");
    byte[] ours = generator.save();
    assertArrayEquals(Arrays.copyOf(expected, 5016), Arrays.copyOf(ours, 5016), "words and position");
    for (int i = 0; i < 3; i++) {
      assertEquals(theirs.nextNormal(), generator.nextNormal(), 1e-14);
    }
    generator.restore(expected);
  }

  /// In float64 the last bit is the mathematics library's; all narrower dtypes agree to the bit.
  private static void assertClose(byte[] expected, Strided out, String name) {
    DoubleBuffer theirs = ByteBuffer.wrap(expected).order(ByteOrder.LITTLE_ENDIAN).asDoubleBuffer();
    DoubleBuffer ours = ByteBuffer.wrap(TestMemory.bytes(out)).order(ByteOrder.LITTLE_ENDIAN).asDoubleBuffer();
    for (int i = 0; i < theirs.capacity(); i++) {
      assertEquals(theirs.get(i), ours.get(i), 1e-14 * Math.max(1, Math.abs(theirs.get(i))), name + ", element " + i);
    }
  }

  @Test
  void aRestoredStateContinuesToTheBit() {
    Mt19937 generator = new Mt19937(3);
    Strided odd = TestMemory.zeros(DType.FLOAT32, 1001);
    RandomKernels.random(Distribution.NORMAL, odd, generator, 0, 1);
    RandomKernels.random(Distribution.NORMAL, TestMemory.zeros(DType.FLOAT32, 3), generator, 0, 1);
    byte[] state = generator.save();
    double[] first = draw(generator);
    generator.restore(state);
    assertArrayEquals(first, draw(generator));
    Mt19937 other = new Mt19937(0);
    other.restore(state);
    assertArrayEquals(first, draw(other));
  }

  private static double[] draw(Mt19937 generator) {
    Strided few = TestMemory.zeros(DType.FLOAT64, 5);
    Strided many = TestMemory.zeros(DType.FLOAT32, 1300);
    RandomKernels.random(Distribution.NORMAL, few, generator, 0, 1);
    RandomKernels.random(Distribution.UNIFORM, many, generator, 0, 1);
    return Stream.of(few, many).map(TestMemory::reals).flatMapToDouble(Arrays::stream).toArray();
  }

  @Test
  void aForeignStateIsRefused() {
    Mt19937 generator = new Mt19937(3);
    assertThrows(IllegalArgumentException.class, () -> generator.restore(new byte[100]));
    assertThrows(IllegalArgumentException.class, () -> generator.restore(new byte[5056]));
  }

  @Test
  void aPermutationHoldsEveryNumberOnce() {
    Strided out = TestMemory.strided(DType.INT64, new long[] {5000}, new long[] {3});
    RandomKernels.permutation(out, new Mt19937(9));
    assertArrayEquals(LongStream.range(0, 5000).toArray(), Arrays.stream(TestMemory.wholes(out)).sorted().toArray());
  }

  @Test
  void aProbabilityOutsideZeroToOneIsRefused() {
    Mt19937 generator = new Mt19937(9);
    Strided out = TestMemory.zeros(DType.FLOAT32, 2);
    Strided p = TestMemory.reals(TestMemory.zeros(DType.FLOAT32, 2), i -> 1.5 * i);
    var thrown = assertThrows(IllegalArgumentException.class, () -> RandomKernels.bernoulli(out, p, generator));
    assertEquals("[bernoulli] a probability must lie between 0 and 1, got 1.5", thrown.getMessage());
    assertThrows(IllegalArgumentException.class, () -> RandomKernels.random(Distribution.BERNOULLI, out, generator, Double.NaN, 0));
  }

  @Test
  void threadsThatShareAGeneratorShareNoNumber() throws InterruptedException {
    int draws = 400;
    int length = 700;
    Mt19937 shared = new Mt19937(11);
    Strided[] drawn = IntStream.range(0, draws).mapToObj(i -> TestMemory.zeros(DType.INT64, length)).toArray(Strided[]::new);
    Thread[] threads = IntStream.range(0, 4).mapToObj(t -> new Thread(() -> {
      for (int i = t; i < draws; i += 4) {
        RandomKernels.random(Distribution.INTEGER, drawn[i], shared, 0, 1L << 50);
      }
    })).toArray(Thread[]::new);
    for (Thread thread : threads) {
      thread.start();
    }
    for (Thread thread : threads) {
      thread.join();
    }
    Strided alone = TestMemory.zeros(DType.INT64, draws, length);
    RandomKernels.random(Distribution.INTEGER, alone, new Mt19937(11), 0, 1L << 50);
    long[][] expected = new long[draws][];
    long[] all = TestMemory.wholes(alone);
    Arrays.setAll(expected, i -> Arrays.copyOfRange(all, i * length, (i + 1) * length));
    long[][] got = Arrays.stream(drawn).map(TestMemory::wholes).toArray(long[][]::new);
    Arrays.sort(expected, Arrays::compare);
    Arrays.sort(got, Arrays::compare);
    assertArrayEquals(expected, got);
  }
}
