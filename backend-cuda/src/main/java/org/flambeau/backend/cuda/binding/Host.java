package org.flambeau.backend.cuda.binding;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// What of a machine decides where libraries are looked for.
///
/// @param properties the system properties
/// @param variables the environment
/// @param root the folder that absolute paths of the system start from, `/`
public record Host(Map<?, ?> properties, Map<String, String> variables, Path root) {
  static final String PROPERTY = "flambeau.cuda.path";
  static final String VARIABLE = "FLAMBEAU_CUDA_PATH";
  /// The line of a virtual environment's pyvenv.cfg that says where the interpreter is that made it.
  private static final Pattern VENV_HOME = Pattern.compile("home\\s*=\\s*(\\S.*?)\\s*");

  /// Folders that the system's loader needs no configuration for, and those that containers are given the driver in.
  private static final List<String> DEFAULTS = List.of("/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib",
      "/usr/lib/wsl/lib", "/usr/local/nvidia/lib64", "/usr/local/nvidia/lib");

  /// Folders of one origin, in the order in which they are looked into.
  ///
  /// @param note why there are none
  public record Place(String origin, List<Path> folders, String note) {
    @Override
    public String toString() {
      return origin + ": " + (folders.isEmpty() ? note : String.join(", ", folders.stream().map(Path::toString).toList()));
    }
  }

  public static Host local() {
    return new Host(System.getProperties(), System.getenv(), Path.of("/"));
  }

  /// Where a library is looked for, first to last. The driver belongs to the system: nobody else may bring one, but who names a
  /// folder himself.
  public List<Place> places(Library library) {
    Place property = named(PROPERTY, property(PROPERTY));
    Place variable = named(VARIABLE, variables.get(VARIABLE));
    if (library == Library.DRIVER) {
      return List.of(property, variable, system());
    }
    return List.of(property, variable, python(), home("CUDA_HOME"), home("CUDA_PATH"), system(), installed());
  }

  /// A named folder may hold the libraries themselves, a toolkit, or Python packages.
  private Place named(String origin, @Nullable String value) {
    List<Path> folders = new ArrayList<>();
    for (Path folder : paths(value)) {
      folders.add(folder);
      folders.addAll(toolkit(folder));
      folders.addAll(wheels(folder));
    }
    return place(origin, folders, value == null || value.isEmpty() ? "not set" : "nothing at " + value);
  }

  private Place home(String variable) {
    String value = variables.get(variable);
    List<Path> folders = paths(value).stream().flatMap(home -> toolkit(home).stream()).toList();
    return place(variable, folders, value == null || value.isEmpty() ? "not set" : "no lib64 or lib in " + value);
  }

  /// The wheels of NVIDIA in the Python installations that an own virtual environment, Conda, PYTHONPATH, the user's home and the
  /// `python3` of PATH show, wherever links lead from there. No Python is started for it.
  private Place python() {
    Set<Path> sites = new LinkedHashSet<>();
    Set<Path> pythons = new LinkedHashSet<>();
    for (String variable : List.of("VIRTUAL_ENV", "CONDA_PREFIX")) {
      paths(variables.get(variable)).forEach(prefix -> follow(prefix.resolve("bin/python3"), pythons));
    }
    pythons.forEach(python -> sites.addAll(sites(prefix(python))));
    sites.addAll(paths(variables.get("PYTHONPATH")));
    paths(property("user.home")).forEach(home -> sites.addAll(sites(home.resolve(".local"))));
    for (Path folder : paths(variables.get("PATH"))) {
      if (Files.exists(folder.resolve("python3"))) {
        follow(folder.resolve("python3"), pythons);
      }
    }
    pythons.forEach(python -> sites.addAll(sites(prefix(python))));
    sites.addAll(sites(root.resolve("usr/local"))); // where Debian's own Python has what is installed beside the system's packages
    sites.add(root.resolve("usr/lib/python3/dist-packages"));
    List<Path> folders = new ArrayList<>(sites.stream().flatMap(site -> wheels(site).stream()).toList());
    paths(variables.get("CONDA_PREFIX")).forEach(prefix -> folders.add(prefix.resolve("lib")));
    return place("Python packages", folders, "no nvidia/*/lib in " + (sites.isEmpty() ? "any" : sites.toString()));
  }

  /// Adds an interpreter, the files that it is a link to one after the other, and the interpreter that each virtual environment on the way
  /// was made from.
  private static void follow(Path python, Set<Path> pythons) {
    Path file = python.normalize();
    if (!pythons.add(file)) {
      return;
    }
    for (String line : lines(prefix(file).resolve("pyvenv.cfg"))) {
      Matcher home = VENV_HOME.matcher(line);
      if (home.matches()) {
        follow(Path.of(home.group(1), "python3"), pythons);
      }
    }
    try {
      follow(file.resolveSibling(Files.readSymbolicLink(file)), pythons);
    } catch (IOException | UnsupportedOperationException _) {
      // it is no link
    }
  }

  /// The installation of an interpreter, which is in its `bin`.
  private static Path prefix(Path python) {
    return python.resolve("../..").normalize();
  }

  private static List<Path> sites(Path prefix) {
    List<Path> sites = new ArrayList<>();
    for (Path version : matching(prefix.resolve("lib"), "python3*")) {
      sites.add(version.resolve("site-packages"));
      sites.add(version.resolve("dist-packages"));
    }
    return sites.stream().filter(Files::isDirectory).toList();
  }

  /// Since CUDA 13 all wheels share one folder; before, and for cuDNN, each has one of its own.
  private static List<Path> wheels(Path site) {
    List<Path> folders = new ArrayList<>();
    for (Path unified : matching(site.resolve("nvidia"), "cu1[0-9]")) {
      folders.add(unified.resolve("lib"));
    }
    for (Path single : matching(site.resolve("nvidia"), "*")) {
      folders.add(single.resolve("lib"));
    }
    return existing(folders);
  }

  private static List<Path> toolkit(Path home) {
    return existing(List.of(home.resolve("lib64"), home.resolve("lib"), home.resolve("targets/x86_64-linux/lib")));
  }

  /// Where the system's loader looks, by the same sources as itself.
  private Place system() {
    List<Path> folders = new ArrayList<>(paths(variables.get("LD_LIBRARY_PATH")));
    List<Path> configurations = new ArrayList<>(matching(root.resolve("etc/ld.so.conf.d"), "*.conf"));
    configurations.add(root.resolve("etc/ld.so.conf"));
    for (Path file : configurations) {
      lines(file).stream().map(String::strip).filter(line -> line.startsWith("/")).map(this::absolute).forEach(folders::add);
    }
    DEFAULTS.forEach(folder -> folders.add(absolute(folder)));
    return place("system's loader", folders, "none of its folders exists");
  }

  private Place installed() {
    List<Path> folders = new ArrayList<>();
    for (Path home : matching(root.resolve("usr/local"), "cuda*").reversed()) {
      folders.addAll(toolkit(home));
    }
    return place("/usr/local/cuda*", folders, "there is none");
  }

  private Path absolute(String path) {
    return root.resolve(path.substring(1));
  }

  private @Nullable String property(String name) {
    return properties.get(name) instanceof String value ? value : null;
  }

  private static Place place(String origin, List<Path> folders, String note) {
    return new Place(origin, existing(folders), note);
  }

  private static List<Path> existing(List<Path> folders) {
    return folders.stream().distinct().filter(Files::isDirectory).toList();
  }

  private static List<Path> paths(@Nullable String value) {
    return value == null
        ? List.of()
        : Arrays.stream(value.split(":")).filter(part -> !part.isBlank()).map(part -> Path.of(part).toAbsolutePath()).toList();
  }

  /// What a folder holds by that name, in the order of names; empty where it cannot be read.
  static List<Path> matching(Path folder, String glob) {
    List<Path> found = new ArrayList<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, glob)) {
      files.forEach(found::add);
    } catch (IOException e) {
      return List.of();
    }
    Collections.sort(found);
    return found;
  }

  private static List<String> lines(Path file) {
    try {
      return Files.readAllLines(file);
    } catch (IOException e) {
      return List.of();
    }
  }
}
