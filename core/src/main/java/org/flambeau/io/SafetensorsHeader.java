package org.flambeau.io;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.LongStream;
import org.flambeau.DType;
import org.flambeau.internal.text.Shapes;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.TokenStreamFactory;
import tools.jackson.core.json.JsonFactory;

/// The JSON of a safetensors file, checked against the bytes that follow it.
///
/// @param tensors in the order of their bytes
record SafetensorsHeader(Map<String, String> metadata, List<Tensor> tensors) {
  /// What the reference library allows.
  static final int MAX_BYTES = 100_000_000;

  /// More dimensions than any tensor has that is not an attack.
  private static final int MAX_RANK = 64;

  private static final String METADATA = "__metadata__";

  private static final JsonFactory JSON = JsonFactory.builder()
      .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
      .disable(TokenStreamFactory.Feature.CANONICALIZE_PROPERTY_NAMES)
      .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(16).build())
      .build();

  /// By name, narrowest first: the reverse of the order in which the reference library lays tensors out.
  private static final Map<String, DType> DTYPES = new LinkedHashMap<>();
  private static final Map<DType, String> NAMES = new LinkedHashMap<>();

  static {
    DTYPES.put("BOOL", DType.BOOL);
    DTYPES.put("U8", DType.UINT8);
    DTYPES.put("I8", DType.INT8);
    DTYPES.put("I16", DType.INT16);
    DTYPES.put("F16", DType.FLOAT16);
    DTYPES.put("BF16", DType.BFLOAT16);
    DTYPES.put("I32", DType.INT32);
    DTYPES.put("F32", DType.FLOAT32);
    DTYPES.put("F64", DType.FLOAT64);
    DTYPES.put("I64", DType.INT64);
    DTYPES.forEach((name, dtype) -> NAMES.put(dtype, name));
  }

  /// A tensor as the header tells of it; its bytes are those from `begin` to `end` behind the header.
  record Tensor(String name, String dtype, long[] shape, long begin, long end) {}

  static @Nullable DType dtype(String name) {
    return DTYPES.get(name);
  }

  static Collection<String> dtypes() {
    return DTYPES.keySet();
  }

  /// @throws IllegalArgumentException where a size is negative or the product does not fit a `long`
  static long byteSize(DType dtype, long[] shape) {
    long bytes = dtype.size();
    for (long size : shape) {
      long high = Math.multiplyHigh(bytes, size);
      bytes *= size;
      if (size < 0 || high != 0 || bytes < 0) {
        throw new IllegalArgumentException("[safetensors] shape " + Shapes.tuple(shape) + " of " + dtype + " is not a number of bytes");
      }
    }
    return bytes;
  }

  // Reading

  /// @param dataBytes how many bytes follow the header in the file
  static SafetensorsHeader parse(Path file, byte[] json, long dataBytes) {
    if (json.length == 0 || json[0] != '{') {
      throw new CheckpointException(file, "expected a safetensors header that begins with {, got "
          + (json.length == 0 ? "an empty one" : "byte 0x" + Integer.toHexString(json[0] & 0xff)));
    }
    // A decoder of one's own reports malformed UTF-8, where a charset's would replace it.
    var text = new InputStreamReader(new ByteArrayInputStream(json), StandardCharsets.UTF_8.newDecoder());
    try (JsonParser parser = JSON.createParser(ObjectReadContext.empty(), text)) {
      return new Reader(file, parser).read().checked(file, dataBytes);
    } catch (JacksonException e) {
      throw new CheckpointException(file, "expected a safetensors header of valid JSON, got "
          + (e.getCause() instanceof CharacterCodingException ? "bytes that are not UTF-8" : "an error: " + e.getOriginalMessage()), e);
    }
  }

  private SafetensorsHeader checked(Path file, long dataBytes) {
    long last = 0;
    for (Tensor tensor : tensors) {
      if (tensor.begin() != last || tensor.end() < tensor.begin()) {
        throw new CheckpointException(file, "expected the bytes of tensor \"" + tensor.name() + "\" to begin at " + last
            + ", where the last one ended, got [" + tensor.begin() + ", " + tensor.end() + "]");
      }
      checkSpan(file, tensor);
      last = tensor.end();
    }
    if (last != dataBytes) {
      throw new CheckpointException(file, "expected " + last + " bytes of tensors behind the header, got " + dataBytes);
    }
    return this;
  }

  /// Whether shape and span agree. Of a dtype that we do not know nothing will be read, and nothing can be said.
  private static void checkSpan(Path file, Tensor tensor) {
    DType dtype = dtype(tensor.dtype());
    if (dtype == null) {
      return;
    }
    long expected;
    try {
      expected = byteSize(dtype, tensor.shape());
    } catch (IllegalArgumentException e) {
      throw new CheckpointException(file, "tensor \"" + tensor.name() + "\": " + e.getMessage(), e);
    }
    long bytes = tensor.end() - tensor.begin();
    if (bytes != expected) {
      throw new CheckpointException(file, "expected " + expected + " bytes for tensor \"" + tensor.name() + "\" of " + tensor.dtype()
          + " and shape " + Shapes.tuple(tensor.shape()) + ", got " + bytes);
    }
  }

  /// A recursive descent over the three kinds of object; the parser itself refuses duplicate keys and deep nesting.
  private record Reader(Path file, JsonParser parser) {
    SafetensorsHeader read() {
      Map<String, String> metadata = Map.of();
      var tensors = new ArrayList<Tensor>();
      expect(parser.nextToken(), JsonToken.START_OBJECT, "the header");
      for (String key; (key = nextKey("the header")) != null;) {
        parser.nextToken();
        if (key.equals(METADATA)) {
          metadata = readMetadata();
        } else {
          tensors.add(readTensor(key));
        }
      }
      if (parser.nextToken() != null) {
        throw new CheckpointException(file, "expected nothing but spaces behind the header's object, got " + found());
      }
      tensors.sort(Comparator.comparingLong(Tensor::begin).thenComparingLong(Tensor::end));
      return new SafetensorsHeader(metadata, List.copyOf(tensors));
    }

    private Map<String, String> readMetadata() {
      expect(parser.currentToken(), JsonToken.START_OBJECT, METADATA);
      var metadata = new LinkedHashMap<String, String>();
      for (String key; (key = nextKey(METADATA)) != null;) {
        expect(parser.nextToken(), JsonToken.VALUE_STRING, METADATA + "'s \"" + key + "\"");
        String value = parser.getString();
        if (!isUnicode(value)) { // of names the parser says so itself
          throw new CheckpointException(file, "expected Unicode strings in the header, got half of a surrogate pair");
        }
        metadata.put(key, value);
      }
      return Collections.unmodifiableMap(metadata);
    }

    private Tensor readTensor(String name) {
      String what = "tensor \"" + name + "\"";
      String dtype = null;
      long[] shape = null;
      long[] offsets = null;
      expect(parser.currentToken(), JsonToken.START_OBJECT, what);
      for (String key; (key = nextKey(what)) != null;) {
        parser.nextToken();
        switch (key) {
          case "dtype" -> {
            expect(parser.currentToken(), JsonToken.VALUE_STRING, "the dtype of " + what);
            dtype = parser.getString();
          }
          case "shape" -> shape = readNumbers("the shape of " + what);
          case "data_offsets" -> offsets = readNumbers("the data_offsets of " + what);
          default -> parser.skipChildren(); // as the reference library does
        }
      }
      if (dtype == null || shape == null || offsets == null || offsets.length != 2) {
        throw new CheckpointException(file, "expected a dtype, a shape and two data_offsets for " + what + ", got "
            + (dtype == null ? "no dtype" : shape == null ? "no shape" : offsets == null ? "no data_offsets"
                : offsets.length + " data_offsets"));
      }
      return new Tensor(name, dtype, shape, offsets[0], offsets[1]);
    }

    private long[] readNumbers(String what) {
      expect(parser.currentToken(), JsonToken.START_ARRAY, what);
      var numbers = LongStream.builder();
      int count = 0;
      while (parser.nextToken() != JsonToken.END_ARRAY) {
        expect(parser.currentToken(), JsonToken.VALUE_NUMBER_INT, "a number in " + what);
        long number = parser.getLongValue();
        if (number < 0) {
          throw new CheckpointException(file, "expected numbers of at least 0 in " + what + ", got " + number);
        }
        if (++count > MAX_RANK) {
          throw new CheckpointException(file, "expected at most " + MAX_RANK + " numbers in " + what + ", got more");
        }
        numbers.add(number);
      }
      return numbers.build().toArray();
    }

    private @Nullable String nextKey(String what) {
      if (parser.nextToken() == JsonToken.END_OBJECT) {
        return null;
      }
      expect(parser.currentToken(), JsonToken.PROPERTY_NAME, "a key of " + what);
      return parser.currentName();
    }

    private void expect(@Nullable JsonToken token, JsonToken expected, String what) {
      if (token != expected) {
        throw new CheckpointException(file, "expected " + describe(expected) + " for " + what + ", got " + found());
      }
    }

    private String found() {
      JsonToken token = parser.currentToken();
      return token == null ? "the end of the header" : describe(token);
    }

    private static String describe(JsonToken token) {
      return switch (token) {
        case START_OBJECT -> "an object";
        case START_ARRAY -> "an array";
        case VALUE_STRING -> "a string";
        case PROPERTY_NAME -> "a name";
        case VALUE_NUMBER_INT -> "an integer";
        default -> token.asString() == null ? token.toString() : token.asString();
      };
    }
  }

  // Writing

  /// By falling alignment, so that all data is aligned, then by name. Within one alignment dtypes keep the reference library's order.
  static List<Safetensors.Entry> sorted(Collection<Safetensors.Entry> entries) {
    List<String> order = List.copyOf(DTYPES.keySet()).reversed();
    return entries.stream()
        .sorted(Comparator.<Safetensors.Entry>comparingInt(entry -> order.indexOf(NAMES.get(entry.dtype())))
            .thenComparing(entry -> entry.name().getBytes(StandardCharsets.UTF_8), Arrays::compareUnsigned))
        .toList();
  }

  /// The header of `entries` in this order, padded with spaces to a multiple of 8 bytes.
  static byte[] write(List<Safetensors.Entry> entries, Map<String, String> metadata) {
    var bytes = new ByteArrayOutputStream();
    var names = new HashSet<String>();
    try (JsonGenerator json = JSON.createGenerator(ObjectWriteContext.empty(), bytes)) {
      json.writeStartObject();
      if (!metadata.isEmpty()) {
        json.writeName(METADATA).writeStartObject();
        new TreeMap<>(metadata).forEach((key, value) -> json.writeStringProperty(writable(key), writable(value)));
        json.writeEndObject();
      }
      long begin = 0;
      for (Safetensors.Entry entry : entries) {
        if (!names.add(entry.name()) || entry.name().equals(METADATA)) {
          throw new IllegalArgumentException("[safetensors] expected names that differ and are not " + METADATA + ", got \""
              + entry.name() + "\"");
        }
        long end = Math.addExact(begin, entry.data().byteSize());
        json.writeName(writable(entry.name())).writeStartObject();
        json.writeStringProperty("dtype", NAMES.get(entry.dtype()));
        json.writeName("shape").writeArray(entry.shape(), 0, entry.shape().length);
        json.writeName("data_offsets").writeArray(new long[] {begin, end}, 0, 2);
        json.writeEndObject();
        begin = end;
      }
      json.writeEndObject();
    }
    while (bytes.size() % Long.BYTES != 0) {
      bytes.write(' ');
    }
    if (bytes.size() > MAX_BYTES) {
      throw new IllegalArgumentException("[safetensors] expected a header of at most " + MAX_BYTES + " bytes, got " + bytes.size());
    }
    return bytes.toByteArray();
  }

  /// The generator would escape half of a surrogate pair, which no reader takes.
  private static String writable(String text) {
    if (!isUnicode(text)) {
      throw new IllegalArgumentException("[safetensors] expected Unicode strings, got half of a surrogate pair in \"" + text + "\"");
    }
    return text;
  }

  private static boolean isUnicode(String text) {
    return StandardCharsets.UTF_8.newEncoder().canEncode(text);
  }
}
