package org.flambeau.testkit.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.flambeau.Device;
import org.flambeau.Tensor;
import org.flambeau.io.Safetensors;

/// What PyTorch computed, as the scripts in `goldens/` have written it down.
final class NnGoldens {
  private static final String DEVICE = "flambeau.testkit.nn.device";
  private static final Map<String, Safetensors.Entry> ENTRIES = new TreeMap<>();

  static {
    for (String file : List.of("averaging", "functional", "init", "lbfgs", "modules", "optimizers", "schedulers")) {
      Safetensors opened = open(file);
      for (String name : opened.names()) {
        ENTRIES.put(name, opened.get(name));
      }
    }
  }

  private NnGoldens() {}

  private static Safetensors open(String name) {
    try (InputStream in = Objects.requireNonNull(NnGoldens.class.getResourceAsStream(name + ".safetensors"))) {
      Path file = Files.createTempFile(name, ".safetensors");
      file.toFile().deleteOnExit();
      Files.copy(in, file, StandardCopyOption.REPLACE_EXISTING);
      return Safetensors.open(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Where they are brought to, and where tests compute that can do so elsewhere than on the CPU.
  static Device device() {
    return Device.parse(System.getProperty(DEVICE, "cpu"));
  }

  static Tensor get(String name) {
    Safetensors.Entry entry = Objects.requireNonNull(ENTRIES.get(name), name);
    return Tensor.copySegment(entry.data(), entry.dtype(), entry.shape()).to(device());
  }

  /// What PyTorch prints, by key, as `name.tsv` has it.
  static Map<String, String> texts(String name) {
    Map<String, String> texts = new TreeMap<>();
    lines(name + ".tsv").stream().map(line -> line.split("\t")).forEach(parts -> texts.put(parts[0], parts[1].replace("\\n", "\n")));
    return texts;
  }

  static List<String> lines(String resource) {
    try (InputStream in = Objects.requireNonNull(NnGoldens.class.getResourceAsStream(resource))) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static boolean has(String name) {
    return ENTRIES.containsKey(name);
  }

  /// The names of all cases, which are those that have a result `y` and a gradient `g`.
  static Set<String> cases() {
    Set<String> cases = new TreeSet<>();
    for (String name : ENTRIES.keySet()) {
      if (name.endsWith("/g")) {
        cases.add(name.substring(0, name.length() - 2));
      }
    }
    return cases;
  }

  /// Asserts sizes, dtype, and that no element is off by more than `tolerance`, relative to the larger of it and 1.
  static void assertClose(Tensor expected, Tensor actual, double tolerance, String what) {
    assertArrayEquals(expected.sizes(), actual.sizes(), what);
    assertEquals(expected.dtype(), actual.dtype(), what);
    double[] theirs = expected.toDoubleArray();
    double[] ours = actual.toDoubleArray();
    for (int i = 0; i < theirs.length; i++) {
      assertEquals(theirs[i], ours[i], tolerance * Math.max(1, Math.abs(theirs[i])), what + " at " + i);
    }
  }
}
