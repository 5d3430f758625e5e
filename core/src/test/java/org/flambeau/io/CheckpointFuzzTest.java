package org.flambeau.io;

import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.Objects;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Checkpoints with bytes changed at random are read or refused: no other exception, no end of memory, no endless loop.
@Timeout(300) // of what would not end
class CheckpointFuzzTest {
  private static final byte[] OPCODES = Pickles
      .bytes("(.GJKMNQRTUX]abcehjqrstu)}\u0081\u0085\u0086\u0087\u0088\u0089\u008a\u008b\u008c\u008d"
          + "\u008f\u0090\u0091\u0093\u0094\u0095");
  private static final byte[][] NUMBERS = {{0}, {1}, {-1}, {127}, {-128}, {0, 0, 0, -128}, {-1, -1, -1, 127}, {-1, -1, -1, -1},
    {-1, -1, -1, -1, -1, -1, -1, 127}, {-1, -1, -1, -1, -1, -1, -1, -1}, {0, 0, 0, 0, 1}};

  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource({"zip.pth, 500", "nochecksums.pth, 2000", "protocol5.pth, 200", "legacy.pth, 2000", "tar.pth, 2000",
    "dtypes.safetensors, 2000"})
  void aFile(String name, int rounds) throws IOException {
    byte[] whole = Files.readAllBytes(TorchFileTest.reference(name));
    fuzz(name, whole, rounds, mutated -> mutated);
  }

  /// Within a zip whose checksums fit, so that the reader sees what was changed.
  @ParameterizedTest
  @CsvSource({"zip.pth, 1500", "protocol5.pth, 1500"})
  void thePickleOfAZip(String name, int rounds) throws IOException {
    MappedFile source = MappedFile.open(TorchFileTest.reference(name));
    ZipArchive archive = ZipArchive.open(source);
    String[] records = new String[archive.names().size() * 2];
    int count = 0;
    int pickle = -1;
    for (String record : archive.names()) {
      records[count++] = record;
      pickle = record.endsWith("/data.pkl") ? count : pickle;
      records[count++] = Pickles.latin(Objects.requireNonNull(archive.get(record)).toArray(ValueLayout.JAVA_BYTE));
    }
    int at = pickle;
    fuzz(name, Pickles.bytes(records[at]), rounds, mutated -> {
      String[] changed = records.clone();
      changed[at] = Pickles.latin(mutated);
      return Pickles.zip(changed);
    });
  }

  private interface Wrapping {
    byte[] around(byte[] mutated);
  }

  private void fuzz(String name, byte[] whole, int rounds, Wrapping wrapping) throws IOException {
    Consumer<Path> reader = name.endsWith(".pth") ? TorchFile::load : CheckpointFuzzTest::readSafetensors;
    Path file = folder.resolve(name);
    int refused = 0;
    for (int seed = 0; seed < rounds; seed++) {
      Files.write(file, wrapping.around(mutate(whole, new Random(seed))));
      try {
        reader.accept(file);
      } catch (CheckpointException e) {
        refused++;
      } catch (Throwable e) {
        fail(String.format(Locale.ROOT, "%s with seed %d", name, seed), e);
      }
      Files.delete(file);
    }
    if (refused < rounds / 10) {
      fail("expected mutations to do harm, got " + refused + " of " + rounds + " files refused");
    }
  }

  private static void readSafetensors(Path file) {
    try (var safetensors = Safetensors.open(file)) {
      safetensors.entries();
    }
  }

  private static byte[] mutate(byte[] whole, Random random) {
    byte[] bytes = whole.clone();
    for (int changes = 1 + random.nextInt(4); changes > 0; changes--) {
      int at = random.nextInt(bytes.length);
      switch (random.nextInt(7)) {
        case 0 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
        case 1 -> bytes[at] = (byte) random.nextInt(256);
        case 2 -> bytes[at] = OPCODES[random.nextInt(OPCODES.length)];
        case 3 -> bytes = Arrays.copyOf(bytes, at + 1);
        case 4 -> {
          byte[] number = NUMBERS[random.nextInt(NUMBERS.length)];
          System.arraycopy(number, 0, bytes, at, Math.min(number.length, bytes.length - at));
        }
        case 5 -> {
          int from = random.nextInt(bytes.length);
          System.arraycopy(bytes, from, bytes, at, Math.min(random.nextInt(64), bytes.length - Math.max(from, at)));
        }
        default -> { // cuts a few bytes out, or inserts some
          int count = random.nextInt(16);
          byte[] tail = Arrays.copyOfRange(bytes, random.nextBoolean() ? Math.min(bytes.length, at + count) : Math.max(0, at - count),
              bytes.length);
          byte[] joined = Arrays.copyOf(bytes, at + tail.length + 1);
          System.arraycopy(tail, 0, joined, at, tail.length);
          bytes = joined;
        }
      }
    }
    return bytes;
  }
}
