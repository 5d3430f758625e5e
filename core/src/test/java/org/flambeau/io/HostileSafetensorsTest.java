package org.flambeau.io;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import org.flambeau.io.Safetensors.Entry;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// No file, however made, leads to anything but a tensor or a [CheckpointException] that says what is wrong with it.
class HostileSafetensorsTest {
  @TempDir Path folder;

  /// `bytes` follow the header; the message is the one behind the file's name.
  @ParameterizedTest
  @CsvSource(delimiter = ';', quoteCharacter = '`', textBlock = """
      {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}; 3; expected 4 bytes of tensors behind the header, got 3
      {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}; 5; expected 4 bytes of tensors behind the header, got 5
      {}; 1; expected 0 bytes of tensors behind the header, got 1
      {"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}; 8; expected the bytes of tensor "a" to begin at 0, where the last one ended, got [4, 8]
      {"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}; 6; expected the bytes of tensor "b" to begin at 4, where the last one ended, got [2, 6]
      {"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}; 4; expected the bytes of tensor "b" to begin at 4, where the last one ended, got [0, 4]
      {"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[5,9]}}; 9; expected the bytes of tensor "b" to begin at 4, where the last one ended, got [5, 9]
      {"a":{"dtype":"Q9","shape":[4],"data_offsets":[0,-4]}}; 0; expected numbers of at least 0 in the data_offsets of tensor "a", got -4
      {"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[0],"data_offsets":[4,3]}}; 4; expected the bytes of tensor "b" to begin at 4, where the last one ended, got [4, 3]
      {"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}; 8; expected 12 bytes for tensor "a" of F32 and shape (3,), got 8
      {"a":{"dtype":"F32","shape":[],"data_offsets":[0,0]}}; 0; expected 4 bytes for tensor "a" of F32 and shape (), got 0
      {"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}; 0; tensor "a": [safetensors] shape (4611686018427387904, 4) of torch.float32 is not a number of bytes
      {"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}}; 0; tensor "a": [safetensors] shape (4294967296, 4294967296) of torch.uint8 is not a number of bytes
      {"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}; 4; expected numbers of at least 0 in the shape of tensor "a", got -1
      {"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}; 4; expected an integer for a number in the shape of tensor "a", got VALUE_NUMBER_FLOAT
      {"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}; 4; expected a dtype, a shape and two data_offsets for tensor "a", got 1 data_offsets
      {"a":{"dtype":"F32","data_offsets":[0,4]}}; 4; expected a dtype, a shape and two data_offsets for tensor "a", got no shape
      {"a":{"shape":[1],"data_offsets":[0,4]}}; 4; expected a dtype, a shape and two data_offsets for tensor "a", got no dtype
      {"a":{"dtype":5,"shape":[1],"data_offsets":[0,4]}}; 4; expected a string for the dtype of tensor "a", got an integer
      {"a":[]}; 0; expected an object for tensor "a", got an array
      {"__metadata__":{"a":1}}; 0; expected a string for __metadata__'s "a", got an integer
      {"__metadata__":"a"}; 0; expected an object for __metadata__, got a string
      {"__metadata__":{"a":"\\ud800"}}; 0; expected Unicode strings in the header, got half of a surrogate pair
      {"__metadata__":{"a":"\\udc00"}}; 0; expected Unicode strings in the header, got half of a surrogate pair
      {"__metadata__":{"a":"\\ud800x"}}; 0; expected Unicode strings in the header, got half of a surrogate pair
      {} {}; 0; expected nothing but spaces behind the header's object, got an object
      [1]; 0; expected a safetensors header that begins with {, got byte 0x5b
      `  {}`; 0; expected a safetensors header that begins with {, got byte 0x20
      ``; 0; expected a safetensors header that begins with {, got an empty one
      """)
  void aHeaderThatLiesIsRefused(String header, int bytes, String message) throws IOException {
    Path file = write(header.getBytes(StandardCharsets.UTF_8), new byte[bytes]);
    assertEquals(file + ": " + message, refusal(file));
  }

  /// The JSON parser words these.
  @ParameterizedTest
  @CsvSource(delimiter = ';', quoteCharacter = '`', textBlock = """
      {"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}; Duplicate
      {"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\\u0061":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}; Duplicate
      {"a":{"dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0]}}; Duplicate
      {"__metadata__":{"a":"b","a":"b"}}; Duplicate
      {"a":{"dtype":"U8","shape":[99999999999999999999],"data_offsets":[0,0]}}; out of range
      {"a":{"x":[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]}}; nesting depth
      {"a"; end-of-input
      {"\\ud800":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}; surrogate
      {"\\udc00":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}; surrogate
      {"a":NaN}; NaN
      {}x; Unrecognized token
      """)
  void aHeaderThatIsNotStrictJsonIsRefused(String header, String part) throws IOException {
    Path file = write(header.getBytes(StandardCharsets.UTF_8), new byte[0]);
    String message = refusal(file);
    assertTrue(message.startsWith(file + ": expected a safetensors header of valid JSON, got an error: ") && message.contains(part),
        message);
  }

  @Test
  void aHeaderThatIsNotUtf8IsRefused() throws IOException {
    for (String malformed : List.of("ff", "c0af", "eda080", "f8888080", "e282")) {
      byte[] header = "{\"@@@@\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}".getBytes(StandardCharsets.UTF_8);
      byte[] bytes = HexFormat.of().parseHex(malformed);
      System.arraycopy(bytes, 0, header, 2, bytes.length);
      Path file = write(header, new byte[0]);
      assertEquals(file + ": expected a safetensors header of valid JSON, got bytes that are not UTF-8", refusal(file));
    }
  }

  @Test
  void aRankBeyondAnyTensorsIsRefused() throws IOException {
    String ones = "1" + ",1".repeat(64);
    Path file = write(("{\"a\":{\"dtype\":\"U8\",\"shape\":[" + ones + "],\"data_offsets\":[0,1]}}").getBytes(StandardCharsets.UTF_8),
        new byte[1]);
    assertEquals(file + ": expected at most 64 numbers in the shape of tensor \"a\", got more", refusal(file));
  }

  @Test
  void aHeaderLengthBeyondTheFileOrTheLimitIsRefused() throws IOException {
    for (long length : new long[] {3, 100_000_001, 1L << 40, Long.MAX_VALUE, -1, Long.MIN_VALUE}) {
      Path file = folder.resolve("length");
      Files.write(file, ByteBuffer.allocate(10).order(ByteOrder.LITTLE_ENDIAN).putLong(length).put((byte) '{').put((byte) '}').array());
      assertEquals(file + ": expected a safetensors header of at most 2 bytes in a file of 10, got a length of "
          + Long.toUnsignedString(length), refusal(file));
    }
  }

  @Test
  void whatIsNoFileOfThatKindIsRefused() throws IOException {
    Path empty = Files.createFile(folder.resolve("empty"));
    assertEquals(empty + ": expected a safetensors file, which has at least 8 bytes, got 0", refusal(empty));
    assertEquals(folder.resolve("absent") + ": no such file", refusal(folder.resolve("absent")));
    assertTrue(refusal(folder).startsWith(folder + ": "));
  }

  @Test
  void booleansOtherThanZeroAndOneAreRefused() throws IOException {
    Path file = write("{\"a\":{\"dtype\":\"BOOL\",\"shape\":[3],\"data_offsets\":[0,3]}}".getBytes(StandardCharsets.UTF_8),
        new byte[] {0, 1, 2});
    try (var opened = Safetensors.open(file)) {
      String message = assertThrows(CheckpointException.class, () -> opened.get("a")).getMessage();
      assertEquals(file + ": tensor \"a\": expected booleans of 0 or 1, got 2 at element 2", message);
    }
  }

  @Test
  void twoThousandMutationsReadOrAreRefused() throws IOException {
    var random = new Random(20_26);
    int read = 0;
    int refused = 0;
    for (String name : List.of("dtypes", "foreign", "nothing", "dtypes")) {
      byte[] original;
      try (var in = HostileSafetensorsTest.class.getResourceAsStream(name + ".safetensors")) {
        original = in.readAllBytes();
      }
      for (int i = 0; i < 500; i++) {
        byte[] mutated = original;
        for (int edits = random.nextInt(1, 4); edits > 0; edits--) {
          mutated = mutate(mutated, random);
        }
        Path file = Files.write(folder.resolve("mutated"), mutated);
        try (var opened = Safetensors.open(file)) {
          long bytes = 0;
          for (String tensor : opened.names()) {
            bytes += touch(opened, tensor);
          }
          assertTrue(bytes <= mutated.length);
          read++;
        } catch (CheckpointException e) {
          assertTrue(message(e).startsWith(file + ": "), message(e));
          refused++;
        }
      }
    }
    assertEquals(2_000, read + refused);
    assertTrue(read > 100 && refused > 100, read + " read, " + refused + " refused");
  }

  private static long touch(Safetensors opened, String tensor) {
    try {
      Entry entry = opened.get(tensor);
      return entry.data().toArray(ValueLayout.JAVA_BYTE).length;
    } catch (CheckpointException e) {
      assertTrue(message(e).contains("has dtype") || message(e).contains("booleans"), message(e));
      return 0;
    }
  }

  private static byte[] mutate(byte[] bytes, Random random) {
    int at = random.nextInt(bytes.length);
    byte[] out = bytes.clone();
    switch (random.nextInt(7)) {
      case 0 -> out[at] = (byte) random.nextInt(256);
      case 1 -> out[at] ^= (byte) (1 << random.nextInt(8));
      case 2 -> out = Arrays.copyOf(out, random.nextInt(1, bytes.length + 1));
      case 3 -> out = Arrays.copyOf(out, bytes.length + random.nextInt(1, 20));
      case 4 -> out[random.nextInt(Math.min(9, bytes.length))] = (byte) random.nextInt(256);
      case 5 -> changeADigit(out, at);
      default -> { // moves a piece over another
        int length = random.nextInt(Math.min(40, bytes.length - at) + 1);
        System.arraycopy(bytes, at, out, random.nextInt(bytes.length - length + 1), length);
      }
    }
    return out;
  }

  private static void changeADigit(byte[] bytes, int from) {
    var digits = new ArrayList<Integer>();
    for (int i = 8; i < bytes.length; i++) {
      if ('0' <= bytes[i] && bytes[i] <= '9') {
        digits.add(i);
      }
    }
    if (!digits.isEmpty()) {
      int at = digits.get(from % digits.size());
      bytes[at] = (byte) ('0' + (bytes[at] - '0' + 1 + from % 9) % 10);
    }
  }

  private Path write(byte[] header, byte[] data) throws IOException {
    var bytes = ByteBuffer.allocate(8 + header.length + data.length).order(ByteOrder.LITTLE_ENDIAN);
    return Files.write(folder.resolve("hostile"), bytes.putLong(header.length).put(header).put(data).array());
  }

  private static String refusal(Path file) {
    return message(assertThrows(CheckpointException.class, () -> Safetensors.open(file).close()));
  }

  private static String message(CheckpointException e) {
    return Objects.requireNonNull(e.getMessage());
  }
}
