package org.flambeau.testkit;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.flambeau.io.Safetensors;

/// PyTorch's results, which the scripts in `src/main/goldens` have written.
public final class Goldens {
  private static final List<String> FAMILIES = List.of("creation", "unary", "binary", "reductions", "ordering", "shapes", "indexing",
      "linalg",
      "convolution",
      "normalization", "layers", "losses");
  private static final Map<String, List<Sample>> SAMPLES = load();

  private Goldens() {}

  /// All samples, by the name of their operation.
  public static Map<String, List<Sample>> samples() {
    return SAMPLES;
  }

  /// The samples of one operation; none where PyTorch was not asked.
  public static List<Sample> of(String op) {
    return SAMPLES.getOrDefault(op, List.of());
  }

  private static Map<String, List<Sample>> load() {
    Map<String, List<Sample>> samples = new TreeMap<>();
    for (String family : FAMILIES) {
      Safetensors file = Safetensors.open(resource(family + ".safetensors"), Arena.ofAuto());
      Map<String, Map<String, Safetensors.Entry>> parts = new HashMap<>();
      for (Safetensors.Entry entry : file.entries()) {
        int at = entry.name().lastIndexOf('/');
        parts.computeIfAbsent(entry.name().substring(0, at), _ -> new HashMap<>()).put(entry.name().substring(at + 1), entry);
      }
      new TreeMap<>(file.metadata()).forEach((key, attributes) -> {
        Sample sample = new Sample(key, new Attributes(attributes), parts.getOrDefault(key, Map.of()));
        samples.computeIfAbsent(sample.op(), _ -> new ArrayList<>()).add(sample);
      });
    }
    return samples;
  }

  /// A resource of this module as a file, a copy of it where it comes from a jar.
  static Path resource(String name) {
    URL url = Goldens.class.getResource(name);
    if (url == null) {
      throw new IllegalStateException("the resource " + name + " is missing");
    }
    if (url.getProtocol().equals("file")) {
      return Path.of(java.net.URI.create(url.toString()));
    }
    try (InputStream in = url.openStream()) {
      Path copy = Files.createTempFile("flambeau-", "-" + name);
      Files.copy(in, copy, StandardCopyOption.REPLACE_EXISTING);
      copy.toFile().deleteOnExit();
      return copy;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
