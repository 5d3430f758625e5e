package org.flambeau.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.flambeau.Device;
import org.flambeau.internal.Backends;
import org.flambeau.spi.Backend;
import picocli.CommandLine.Command;

@Command(name = "doctor", description = "Tells what this machine offers, what was found where, and what each backend will use.")
final class DoctorCommand extends FlambeauCommand {
  /// The libraries that backends load, by the beginnings of their files' names.
  private static final List<String> LIBRARIES = List.of("libdnnl", "libgomp", "libcuda", "libcublas", "libcudnn", "libnvrtc", "libnccl");

  @Override
  protected int run() {
    print("machine", Machine.facts());
    Map<Device.Type, Backend> backends = StreamSupport.stream(Backends.all().spliterator(), false)
        .collect(Collectors.toMap(Backend::type, backend -> backend));
    for (Device.Type type : Device.Type.values()) {
      Backend backend = backends.get(type);
      print("backend " + type, backend == null
          ? Map.of("devices", "none: there is no such backend on the module path")
          : facts(backend));
    }
    print("native libraries", nativeLibraries());
    print("folders", folders());
    return 0;
  }

  private void print(String title, Map<String, String> facts) {
    out().println(title);
    int width = facts.keySet().stream().mapToInt(String::length).max().orElse(0);
    facts.forEach((name, value) -> out().println(("  " + name + " ".repeat(width - name.length()) + "  " + value).stripTrailing()));
    out().println();
  }

  /// A backend reports one fact a line, most of them as `name: value`.
  private static Map<String, String> facts(Backend backend) {
    Map<String, String> facts = new LinkedHashMap<>();
    facts.put("devices", String.valueOf(backend.deviceCount()));
    for (String line : backend.report().lines().toList()) {
      int colon = line.indexOf(": ");
      facts.merge(colon < 0 ? "" : line.substring(0, colon), line.substring(colon < 0 ? 0 : colon + 2),
          (first, next) -> first + "; " + next);
    }
    return facts;
  }

  /// What the process has mapped, which no search path can contradict.
  private static Map<String, String> nativeLibraries() {
    Map<String, String> loaded = new LinkedHashMap<>();
    for (String line : Machine.lines("/proc/self/maps")) {
      int slash = line.indexOf('/');
      if (slash < 0) {
        continue;
      }
      Path file = Path.of(line.substring(slash));
      String name = String.valueOf(file.getFileName());
      if (LIBRARIES.stream().anyMatch(name::startsWith)) {
        loaded.put(name, file.toString());
      }
    }
    return loaded.isEmpty() ? Map.of("none", "computed in Java alone") : loaded;
  }

  private static Map<String, String> folders() {
    Map<String, String> folders = new LinkedHashMap<>();
    Path cache = folder("XDG_CACHE_HOME", Path.of(System.getProperty("user.home"), ".cache"));
    folders.put("cache", describe(cache.resolve("flambeau")));
    folders.put("torch hub", describe(folder("TORCH_HOME", cache.resolve("torch")).resolve("hub/checkpoints")));
    folders.put("temporary", System.getProperty("java.io.tmpdir"));
    return folders;
  }

  private static Path folder(String variable, Path otherwise) {
    String set = System.getenv(variable);
    return set == null || set.isEmpty() ? otherwise : Path.of(set);
  }

  private static String describe(Path folder) {
    if (!Files.isDirectory(folder)) {
      return folder + ", which does not exist yet";
    }
    try (Stream<Path> files = Files.list(folder)) {
      List<String> names = files.map(file -> String.valueOf(file.getFileName())).sorted().toList();
      return folder + ", which holds " + (names.isEmpty() ? "nothing" : String.join(", ", names));
    } catch (IOException e) {
      return folder + ", which cannot be read: " + e.getMessage();
    }
  }
}
