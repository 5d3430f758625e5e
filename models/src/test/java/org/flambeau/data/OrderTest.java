package org.flambeau.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.Generator;
import org.flambeau.Random;
import org.flambeau.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// The orders of samplers, loaders and splits are PyTorch's, and leave the generator where PyTorch leaves it.
class OrderTest {
  static List<String> goldens() {
    try (var reader = new BufferedReader(new InputStreamReader(
        Objects.requireNonNull(OrderTest.class.getResourceAsStream("orders.txt")), StandardCharsets.US_ASCII))) {
      return reader.lines().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @ParameterizedTest
  @MethodSource("goldens")
  void isPyTorchs(String golden) {
    String[] part = golden.split(";");
    String[] arguments = part[1].split(",");
    int n = Integer.parseInt(arguments[0]);
    boolean given = part[2].equals("True");
    // what runs before within PyTorch's script goes on with the same generator
    Generator generator = given ? generatorBefore(part[0], n) : Generator.defaultOf(Device.CPU);
    Random.manualSeed(switch (part[0]) {
      case "sampler" -> 5;
      case "replacement" -> 6;
      case "loader" -> 7;
      case "weighted" -> 9;
      case "subset" -> 10;
      default -> 8;
    });
    Generator chosen = given ? generator : null;
    String order = switch (part[0]) {
      case "sampler" -> show(2, () -> indices(RandomSampler.of(n).generator(chosen)));
      case "replacement" -> show(2, () -> indices(RandomSampler.withReplacement(n, 70).generator(chosen)));
      case "loader" -> {
        DataLoader loader = DataLoader.of(numbers(n)).batchSize(Integer.parseInt(arguments[1])).dropLast(arguments[2].equals("True"))
            .shuffle(true);
        DataLoader own = chosen == null ? loader : loader.generator(chosen);
        yield show(3, () -> read(own));
      }
      case "weighted" -> {
        double[] weights = IntStream.rangeClosed(1, n).mapToDouble(i -> i * 7 % 11 / 4.0).toArray();
        int draws = Integer.parseInt(arguments[1]);
        WeightedRandomSampler sampler = arguments[2].equals("True") ? WeightedRandomSampler.of(weights, draws)
            : WeightedRandomSampler.withoutReplacement(weights, draws);
        yield show(2, () -> indices(sampler.generator(chosen)));
      }
      case "subset" -> {
        SubsetRandomSampler sampler = SubsetRandomSampler.of(LongStream.range(0, n).map(i -> 3 * i).toArray());
        yield show(2, () -> indices(sampler.generator(chosen)));
      }
      default -> split(n, Arrays.copyOfRange(arguments, 1, arguments.length), generator);
    };
    assertEquals(part[3], order);
    assertEquals(Integer.parseInt(part[4]), Tensor.randint(generator, DType.INT64, 0, 1000, 1).toLong(), "the generator's next number");
  }

  private static Generator generatorBefore(String what, int n) {
    long seed = switch (what) {
      case "sampler", "replacement" -> 11;
      case "loader" -> 12;
      case "weighted" -> 14;
      case "subset" -> 15;
      default -> 13;
    };
    Generator generator = Generator.create(Device.CPU).manualSeed(seed);
    if (what.equals("replacement")) {
      show(2, () -> indices(RandomSampler.of(n).generator(generator)));
      Tensor.randint(generator, DType.INT64, 0, 1000, 1);
    }
    return generator;
  }

  private static String show(int epochs, Supplier<LongStream> epoch) {
    return IntStream.range(0, epochs).mapToObj(_ -> join(epoch.get())).collect(Collectors.joining("|"));
  }

  private static String join(LongStream indices) {
    return indices.mapToObj(Long::toString).collect(Collectors.joining(","));
  }

  private static LongStream indices(Sampler sampler) {
    List<Long> indices = new ArrayList<>();
    sampler.iterator().forEachRemaining((long index) -> indices.add(index));
    assertEquals(sampler.size(), indices.size());
    return indices.stream().mapToLong(Long::longValue);
  }

  private static LongStream read(DataLoader loader) {
    List<Long> read = new ArrayList<>();
    long batches = 0;
    for (Batch batch : loader) {
      Arrays.stream(batch.target().toLongArray()).forEach(read::add);
      batches++;
    }
    assertEquals(loader.size(), batches);
    return read.stream().mapToLong(Long::longValue);
  }

  private static String split(int n, String[] parts, Generator generator) {
    boolean fractions = parts[0].contains(".");
    List<Dataset> split = fractions ? numbers(n).randomSplit(generator, Stream.of(parts).mapToDouble(Double::parseDouble).toArray())
        : numbers(n).randomSplit(generator, Stream.of(parts).mapToLong(Long::parseLong).toArray());
    return split.stream().map(part -> join(LongStream.range(0, part.size()).map(i -> part.get(i).target().toLong())))
        .collect(Collectors.joining("|"));
  }

  static Dataset numbers(int n) {
    return TensorDataset.of(Tensor.arange(n), Tensor.arange(n));
  }

  /// As in `for a, b in zip(one, other)` after `torch.manual_seed(9)`.
  @Test
  void twoLoadersSideBySideDrawInTurns() {
    Random.manualSeed(9);
    DataLoader loader = DataLoader.of(numbers(6)).batchSize(3).shuffle(true);
    StringBuilder read = new StringBuilder();
    try (BatchIterator one = loader.iterator(); BatchIterator other = loader.iterator()) {
      while (one.hasNext() && other.hasNext()) {
        for (BatchIterator each : List.of(one, other)) {
          read.append(Arrays.toString(each.next().target().toLongArray()));
        }
      }
    }
    assertEquals("[0, 3, 2][4, 5, 1][5, 4, 1][3, 0, 2]", read.toString());
    assertEquals(493, Tensor.randint(0, 1000).toLong(), "the generator's next number");
  }

  /// One that goes on from a generator's state reads what is left, with any number of workers.
  @Test
  void anEpochIsTheSameFromTheSameStateWithAnyNumberOfWorkers() {
    double[] weights = {1, 0, 3, 2, 0.5, 8};
    for (Sampler sampler : List.of(WeightedRandomSampler.of(weights, 20), WeightedRandomSampler.withoutReplacement(weights, 5),
        SubsetRandomSampler.of(5, 3, 1, 2))) {
      DataLoader loader = DataLoader.of(numbers(6)).batchSize(3).sampler(sampler);
      Random.manualSeed(3);
      String _ = join(read(loader));
      byte[] state = Generator.defaultOf(Device.CPU).getState();
      String rest = show(2, () -> read(loader));
      for (int workers = 1; workers < 4; workers++) {
        DataLoader parallel = loader.workers(workers);
        Generator.defaultOf(Device.CPU).setState(state);
        assertEquals(rest, show(2, () -> read(parallel)));
      }
    }
  }

  @Test
  void weightsThatSayNothingAreRefused() {
    assertRefused("expected weights that are finite and not negative, got -1.0", () -> WeightedRandomSampler.of(new double[] {1, -1}, 2));
    assertRefused("expected weights that are finite and not negative, got NaN",
        () -> WeightedRandomSampler.of(new double[] {Double.NaN}, 2));
    assertRefused("expected a weight above 0, got [0.0, 0.0]", () -> WeightedRandomSampler.of(new double[2], 2));
    assertRefused("num_samples should be a positive integer value, but got num_samples=0",
        () -> WeightedRandomSampler.of(new double[] {1}, 0));
    assertRefused("cannot sample num_samples=3 of 2 weights without replacement: draw fewer, or with replacement",
        () -> WeightedRandomSampler.withoutReplacement(new double[] {1, 2}, 3));
  }

  private static void assertRefused(String message, Executable sampler) {
    assertEquals("[WeightedRandomSampler] " + message, assertThrows(IllegalArgumentException.class, sampler).getMessage());
  }

  @Test
  void aSamplerOfNothingAndABadSplitAreRefused() {
    assertEquals("[RandomSampler] num_samples should be a positive integer value, but got num_samples=0: is the dataset empty?",
        assertThrows(IllegalArgumentException.class, () -> RandomSampler.of(0)).getMessage());
    assertEquals(
        "[randomSplit] Sum of input lengths does not equal the length of the input dataset! [3, 4] add up to 7, the dataset has 10",
        assertThrows(IllegalArgumentException.class, () -> numbers(10).randomSplit(3, 4)).getMessage());
    assertThrows(IndexOutOfBoundsException.class, () -> numbers(10).subset(3, 10));
  }
}
