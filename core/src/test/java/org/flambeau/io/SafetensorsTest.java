package org.flambeau.io;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.flambeau.DType;
import org.flambeau.io.Safetensors.Entry;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Files of the reference library were made by core/src/test/goldens/safetensors_files.py.
class SafetensorsTest {
  @TempDir Path folder;

  @Test
  void readsWhatTheReferenceLibraryWrote() throws IOException {
    try (var file = Safetensors.open(reference("dtypes"))) {
      List<Entry> expected = everyDType();
      assertEquals(Map.of("format", "pt \"é\""), file.metadata());
      assertEquals(expected.size(), file.names().size());
      for (Entry entry : expected) {
        assertSame(entry, file.get(entry.name()));
      }
    }
  }

  @Test
  void writesTheBytesOfTheReferenceLibraryInWhateverOrderEntriesCome() throws IOException {
    List<Entry> entries = new ArrayList<>(everyDType());
    var random = new Random(3);
    for (int i = 0; i < 5; i++) {
      Collections.shuffle(entries, random);
      Path file = folder.resolve("ours.safetensors");
      Safetensors.save(file, entries, Map.of("format", "pt \"é\""));
      assertArrayEquals(Files.readAllBytes(reference("dtypes")), Files.readAllBytes(file));
    }
    Path nothing = folder.resolve("nothing.safetensors");
    Safetensors.save(nothing, List.of());
    assertArrayEquals(Files.readAllBytes(reference("nothing")), Files.readAllBytes(nothing));
  }

  @Test
  void refusesADTypeOfOthersOnlyWhenThatTensorIsAskedFor() throws IOException {
    Path path = reference("foreign");
    try (var file = Safetensors.open(path)) {
      assertEquals(List.of("known", "uint16", "float8"), List.copyOf(file.names()));
      assertSame(entry("known", DType.FLOAT32, floats(1, 2), 2), file.get("known"));
      assertMessage(path + ": tensor \"float8\" has dtype F8_E4M3, expected one of BOOL, U8, I8, I16, F16, BF16, I32, F32, F64, I64",
          () -> file.get("float8"));
      assertThrows(CheckpointException.class, file::entries);
    }
  }

  @Test
  void namesTheTensorsThereAreWhenOneIsMissing() throws IOException {
    Path path = reference("foreign");
    try (var file = Safetensors.open(path)) {
      assertMessage(path + ": expected a tensor \"fc.weight\", got 3 tensors of other names: known, uint16, float8",
          () -> file.get("fc.weight"));
    }
  }

  @Test
  void namesComeInTheOrderOfTheirBytes() {
    Path file = folder.resolve("order.safetensors");
    Safetensors.save(file, List.of(entry("b", DType.UINT8, new byte[1], 1), entry("c", DType.INT64, new byte[8], 1),
        entry("a", DType.UINT8, new byte[1], 1)));
    try (var opened = Safetensors.open(file)) {
      assertEquals(List.of("c", "a", "b"), List.copyOf(opened.names()));
      assertEquals(List.of("c", "a", "b"), opened.entries().stream().map(Entry::name).toList());
    }
  }

  @Test
  void dataLargerThanTheWriteBufferSurvives() {
    byte[] data = new byte[3_000_001];
    new Random(1).nextBytes(data);
    Entry large = entry("large", DType.UINT8, data, data.length);
    Path file = folder.resolve("large.safetensors");
    Safetensors.save(file, List.of(large));
    try (var opened = Safetensors.open(file)) {
      assertSame(large, opened.get("large"));
    }
  }

  @Test
  void dataOfAnySegmentIsWritten() {
    Path file = folder.resolve("segments.safetensors");
    try (Arena confined = Arena.ofConfined()) {
      MemorySegment values = confined.allocateFrom(ValueLayout.JAVA_FLOAT, 1, 2);
      Safetensors.save(file, List.of(new Entry("array", DType.FLOAT32, new long[] {2}, MemorySegment.ofArray(new float[] {1, 2})),
          new Entry("confined", DType.FLOAT32, new long[] {2}, values)));
    }
    try (var opened = Safetensors.open(file)) {
      assertSame(entry("array", DType.FLOAT32, floats(1, 2), 2), opened.get("array"));
      assertSame(entry("confined", DType.FLOAT32, floats(1, 2), 2), opened.get("confined"));
    }
  }

  @Test
  void closingEndsTheMappingUnlessTheArenaIsTheCallers() throws IOException {
    var file = Safetensors.open(reference("foreign"));
    MemorySegment data = file.get("known").data();
    file.close();
    assertThrows(IllegalStateException.class, () -> data.get(ValueLayout.JAVA_BYTE, 0));

    try (Arena arena = Arena.ofConfined()) {
      MemorySegment longer;
      try (var lent = Safetensors.open(reference("foreign"), arena)) {
        longer = lent.get("known").data();
      }
      assertEquals(2f, longer.get(ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), 4));
    }
  }

  @Test
  void aFailedSaveLeavesTheOldFileAndNothingElse() throws IOException {
    Path file = folder.resolve("kept.safetensors");
    Entry good = entry("a", DType.UINT8, new byte[] {7}, 1);
    Safetensors.save(file, List.of(good));
    MemorySegment freed;
    try (Arena arena = Arena.ofConfined()) {
      freed = arena.allocate(1);
    }
    assertThrows(IllegalStateException.class,
        () -> Safetensors.save(file, List.of(new Entry("a", DType.UINT8, new long[] {1}, freed))));
    assertThrows(CheckpointException.class, () -> Safetensors.save(folder.resolve("no/such/folder"), List.of(good)));
    try (var opened = Safetensors.open(file); var files = Files.list(folder)) {
      assertSame(good, opened.get("a"));
      assertEquals(List.of(file), files.toList());
    }
  }

  @Test
  void saveRefusesWhatNoReaderCouldTellApart() {
    Path file = folder.resolve("refused.safetensors");
    Entry a = entry("a", DType.UINT8, new byte[1], 1);
    assertAll(
        () -> assertThrows(IllegalArgumentException.class, () -> Safetensors.save(file, List.of(a, a))),
        () -> assertThrows(IllegalArgumentException.class,
            () -> Safetensors.save(file, List.of(entry("__metadata__", DType.UINT8, new byte[1], 1)))),
        () -> assertThrows(IllegalArgumentException.class,
            () -> Safetensors.save(file, List.of(entry("\ud800", DType.UINT8, new byte[1], 1)))),
        () -> assertThrows(IllegalArgumentException.class, () -> entry("a", DType.FLOAT32, new byte[5], 1)),
        () -> assertThrows(IllegalArgumentException.class, () -> entry("a", DType.FLOAT32, new byte[4], -1, -1)),
        () -> assertThrows(IllegalArgumentException.class, () -> entry("a", DType.FLOAT32, new byte[0], 1L << 62, 4)),
        () -> assertTrue(Files.notExists(file)));
  }

  private static List<Entry> everyDType() {
    return List.of(
        entry("bool", DType.BOOL, new byte[] {1, 0, 1}, 3),
        entry("uint8", DType.UINT8, new byte[] {0, 7, -1}, 3),
        entry("int8", DType.INT8, new byte[] {-128, 0, 127}, 3),
        entry("int16", DType.INT16, little(6).putShort(Short.MIN_VALUE).putShort((short) 1).putShort(Short.MAX_VALUE).array(), 3),
        entry("int32", DType.INT32, little(12).putInt(Integer.MIN_VALUE).putInt(1).putInt(Integer.MAX_VALUE).array(), 3),
        entry("int64", DType.INT64, little(24).putLong(Long.MIN_VALUE).putLong(1).putLong(Long.MAX_VALUE).array(), 3),
        entry("float16", DType.FLOAT16, little(6).putShort(half(1.5f)).putShort(half(-2)).putShort(half(65504)).array(), 3),
        entry("bfloat16", DType.BFLOAT16, little(6).putShort(brain(1.5f)).putShort(brain(-2)).putShort((short) 0x7f62).array(), 3),
        entry("float32", DType.FLOAT32, floats(1.5f, -2, 3e38f), 1, 3),
        entry("float64", DType.FLOAT64, little(24).putDouble(1.5).putDouble(-2).putDouble(1e300).array(), 3),
        entry("scalar", DType.FLOAT32, floats(42)),
        entry("empty", DType.FLOAT32, new byte[0], 0, 3),
        entry("names \"\\\n\té漢\ud83d\udd25\ufb01", DType.UINT8, new byte[] {1}, 1),
        entry("\ud83d\udd25", DType.UINT8, new byte[] {2}, 1),
        entry("\ufb01", DType.UINT8, new byte[] {3}, 1));
  }

  private static Entry entry(String name, DType dtype, byte[] data, long... shape) {
    return new Entry(name, dtype, shape, MemorySegment.ofArray(data));
  }

  private static byte[] floats(float... values) {
    ByteBuffer bytes = little(4 * values.length);
    bytes.asFloatBuffer().put(values);
    return bytes.array();
  }

  private static ByteBuffer little(int bytes) {
    return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static short half(float value) {
    return Float.floatToFloat16(value);
  }

  private static short brain(float exact) {
    return (short) (Float.floatToRawIntBits(exact) >>> 16);
  }

  private static void assertSame(Entry expected, Entry actual) {
    assertAll(
        () -> assertEquals(expected.name(), actual.name()),
        () -> assertEquals(expected.dtype(), actual.dtype()),
        () -> assertArrayEquals(expected.shape(), actual.shape()),
        () -> assertArrayEquals(expected.data().toArray(ValueLayout.JAVA_BYTE), actual.data().toArray(ValueLayout.JAVA_BYTE),
            expected.name()));
  }

  private static void assertMessage(String expected, Runnable action) {
    assertEquals(expected, assertThrows(CheckpointException.class, action::run).getMessage());
  }

  private Path reference(String name) throws IOException {
    Path copy = folder.resolve("reference-" + name + ".safetensors");
    try (var in = SafetensorsTest.class.getResourceAsStream(name + ".safetensors")) {
      Files.write(copy, in.readAllBytes());
    }
    return copy;
  }
}
