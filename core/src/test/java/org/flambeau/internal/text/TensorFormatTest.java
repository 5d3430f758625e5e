package org.flambeau.internal.text;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.flambeau.DType;
import org.flambeau.PrintOptions;
import org.flambeau.internal.text.TensorFormat.Elements;
import org.flambeau.internal.text.TensorFormat.Source;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/// Printed tensors equal PyTorch's to the letter. The cases and their texts were made by core/src/test/goldens/printing.py.
class TensorFormatTest {
  /// `-Dflambeau.printing=more.txt` runs the cases of another file of the script.
  @TestFactory
  List<DynamicTest> printsAsPyTorchDoes() throws IOException {
    String other = System.getProperty("flambeau.printing");
    try (BufferedReader reader = other == null ? golden() : Files.newBufferedReader(Path.of(other))) {
      List<Case> cases = Case.readAll(reader);
      assertTrue(cases.size() > 200, () -> "only " + cases.size() + " cases");
      return cases.stream().map(c -> DynamicTest.dynamicTest(c.title(), c::check)).toList();
    }
  }

  private static BufferedReader golden() {
    return new BufferedReader(new InputStreamReader(TensorFormatTest.class.getResourceAsStream("printing.txt"), StandardCharsets.UTF_8));
  }

  @Test
  void aSummaryReadsOnlyWhatItShows() {
    var reads = new ArrayList<Long>();
    var elements = new Elements() {
      @Override
      public double[] floats(long[] positions) {
        Arrays.stream(positions).forEach(reads::add);
        return new double[positions.length];
      }

      @Override
      public long[] integers(long[] positions) {
        throw new AssertionError("floating elements were read as integers");
      }
    };
    long huge = 1L << 40;
    String text = TensorFormat.format(new Source(DType.FLOAT32, new long[] {huge, 2}, elements, null, false, null), PrintOptions.DEFAULT);
    assertAll(
        () -> assertEquals("""
            tensor([[0., 0.],
                    [0., 0.],
                    [0., 0.],
                    ...,
                    [0., 0.],
                    [0., 0.],
                    [0., 0.]])""", text),
        () -> assertEquals(List.of(0L, 1L, 2L, 3L, 4L, 5L, 2 * huge - 6, 2 * huge - 5, 2 * huge - 4, 2 * huge - 3, 2 * huge - 2,
            2 * huge - 1), reads));
  }

  /// One case of the golden file.
  private record Case(String title, Source source, PrintOptions options, String expected) {
    void check() {
      assertEquals(expected, TensorFormat.format(source, options));
    }

    static List<Case> readAll(BufferedReader reader) {
      var cases = new ArrayList<Case>();
      try {
        String head = reader.readLine();
        while (head != null) {
          String bits = reader.readLine();
          var text = new ArrayList<String>();
          String line;
          while ((line = reader.readLine()) != null && line.startsWith("|")) {
            text.add(line.substring(1));
          }
          cases.add(parse(head, bits, String.join("\n", text)));
          head = line;
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      return cases;
    }

    private static Case parse(String head, String bits, String expected) {
      String[] fields = head.substring(2).split("; ", -1);
      DType dtype = Arrays.stream(DType.values()).filter(d -> d.label().equals(fields[1])).findFirst().orElseThrow();
      long[] sizes = fields[2].isEmpty() ? new long[0] : Arrays.stream(fields[2].split(",")).mapToLong(Long::parseLong).toArray();
      long[] cycle = Arrays.stream(bits.split(" ")).mapToLong(hex -> Long.parseUnsignedLong(hex, 16)).toArray();
      boolean leaf = fields[4].equals("leaf");
      var source = new Source(dtype, sizes, new Cyclic(dtype, cycle), emptyToNull(fields[3]), leaf, leaf ? null : emptyToNull(fields[4]));
      return new Case(head, source, options(fields[5].split(",")), expected);
    }

    private static PrintOptions options(String[] o) {
      long threshold = o[1].equals("inf") ? Long.MAX_VALUE : Long.parseLong(o[1]);
      Boolean sciMode = o[4].equals("None") ? null : Boolean.valueOf(o[4].equals("True"));
      return new PrintOptions(Integer.parseInt(o[0]), threshold, Integer.parseInt(o[2]), Integer.parseInt(o[3]), sciMode);
    }

    private static @Nullable String emptyToNull(String text) {
      return text.isEmpty() ? null : text;
    }
  }

  /// Elements given by their bits, repeated until the tensor is full.
  private record Cyclic(DType dtype, long[] cycle) implements Elements {
    @Override
    public double[] floats(long[] positions) {
      return Arrays.stream(positions).map(this::bits).mapToDouble(bits -> switch (dtype) {
        case FLOAT16 -> Float.float16ToFloat((short) bits);
        case BFLOAT16 -> Float.intBitsToFloat((int) bits << 16);
        case FLOAT32 -> Float.intBitsToFloat((int) bits);
        case FLOAT64 -> Double.longBitsToDouble(bits);
        case BOOL, UINT8, INT8, INT16, INT32, INT64 -> throw new AssertionError(dtype + " was read as floating");
      }).toArray();
    }

    @Override
    public long[] integers(long[] positions) {
      return Arrays.stream(positions).map(this::bits).map(bits -> switch (dtype) {
        case BOOL, UINT8, INT64 -> bits;
        case INT8 -> (byte) bits;
        case INT16 -> (short) bits;
        case INT32 -> (int) bits;
        case FLOAT16, BFLOAT16, FLOAT32, FLOAT64 -> throw new AssertionError(dtype + " was read as integral");
      }).toArray();
    }

    private long bits(long position) {
      return cycle[(int) (position % cycle.length)];
    }
  }
}
