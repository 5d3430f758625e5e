package org.flambeau.backend.cuda.binding;

import java.io.IOException;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.flambeau.BackendException;
import org.jspecify.annotations.Nullable;

/// The libraries of NVIDIA on this machine: where they were looked for, which were chosen, what is missing.
///
/// All are of one major of CUDA, which the driver must serve: of those that are complete, the one whose NVRTC stands first in the order
/// of [Host#places]. Files are found first and opened when they are used, by absolute path, so that no other library of the same name
/// on some search path gets in between.
public final class Libraries {
  private static final Pattern VERSIONED = Pattern.compile(".*\\.so\\.(\\d+)[.\\d]*");

  private final Host host;
  private final Linkage linkage;
  private final int driverVersion;
  private final int cudaMajor;
  private final Map<Library, Path> files = new EnumMap<>(Library.class);
  private final Map<Library, SymbolLookup> open = new EnumMap<>(Library.class);
  private final Map<Library, BackendException> failures = new EnumMap<>(Library.class);

  private Libraries(Host host, Linkage linkage) {
    this.host = host;
    this.linkage = linkage;
    this.driverVersion = askDriver();
    this.cudaMajor = chooseMajor();
    for (Library library : Library.values()) {
      Path file = candidate(library, cudaMajor);
      if (file != null) {
        files.put(library, file);
      }
    }
  }

  private static final class Shared {
    static final Libraries INSTANCE = new Libraries(Host.local(), Linkage.SYSTEM);
  }

  /// Those of this process, looked for at the first call.
  public static Libraries shared() {
    return Shared.INSTANCE;
  }

  /// Those of a machine that looks like `host`.
  public static Libraries of(Host host) {
    return of(host, Linkage.SYSTEM);
  }

  static Libraries of(Host host, Linkage linkage) {
    return new Libraries(host, linkage);
  }

  // ---- finding ----

  private int askDriver() {
    Path file = candidate(Library.DRIVER, 0);
    try {
      return file == null ? 0 : linkage.cudaVersion(link(Library.DRIVER, file));
    } catch (BackendException _) {
      return 0; // why is among the failures
    }
  }

  private int chooseMajor() {
    List<Integer> served = Library.CUDA_MAJORS.stream().filter(major -> driverVersion == 0 || major <= driverVersion / 1000).toList();
    if (served.isEmpty()) {
      return Library.CUDA_MAJORS.getLast();
    }
    return served.stream().min(Comparator.<Integer>comparingLong(this::missing).thenComparingInt(this::rank)).orElseThrow();
  }

  private long missing(int major) {
    return Stream.of(Library.values()).filter(library -> candidate(library, major) == null).count();
  }

  /// How far down the list of folders NVRTC of that major is.
  private int rank(int major) {
    List<Path> folders = folders(Library.NVRTC);
    Path file = candidate(Library.NVRTC, major);
    return file == null ? folders.size() : folders.indexOf(file.getParent());
  }

  private @Nullable Path candidate(Library library, int major) {
    return folders(library).stream().map(folder -> folder.resolve(library.file(major))).filter(file -> file.toFile().isFile()).findFirst()
        .orElse(null);
  }

  private List<Path> folders(Library library) {
    return host.places(library).stream().flatMap(place -> place.folders().stream()).distinct().toList();
  }

  /// Files of the library whatever their version, for saying what was found instead.
  private List<Path> others(Library library) {
    return folders(library).stream().flatMap(folder -> Host.matching(folder, library.stem() + ".*").stream())
        .filter(file -> VERSIONED.matcher(file.toString()).matches()).toList();
  }

  // ---- what came of it ----

  /// The major of CUDA that was chosen.
  public int cudaMajor() {
    return cudaMajor;
  }

  /// What the driver serves, as in 13000; 0 where there is none.
  public int driverVersion() {
    return driverVersion;
  }

  public @Nullable Path file(Library library) {
    return files.get(library);
  }

  /// Why a library cannot be used, as one sentence with its remedy; null where nothing is known against it.
  public synchronized @Nullable String problem(Library library) {
    BackendException failure = failures.get(library);
    if (failure != null) {
      return failure.getMessage() + "; " + library.remedy(cudaMajor);
    }
    if (!files.containsKey(library)) {
      return missing(library);
    }
    if (library == Library.DRIVER && driverVersion / 1000 < Library.CUDA_MAJORS.getLast()) {
      return library + " at " + files.get(library) + " serves CUDA " + version(driverVersion) + " at most, but 12.0 is the oldest that is "
          + "supported; " + library.remedy(cudaMajor);
    }
    return null;
  }

  private String missing(Library library) {
    List<Path> folders = folders(library);
    return library + " was not found: there is no " + library.file(cudaMajor) + " in "
        + (folders.isEmpty() ? "any folder" : folders.stream().map(Path::toString).collect(Collectors.joining(", "))) + instead(library)
        + "; " + library.remedy(cudaMajor);
  }

  private String instead(Library library) {
    String found = others(library).stream().map(file -> file + " is version " + soMajor(file)).distinct()
        .collect(Collectors.joining(", "));
    return found.isEmpty() ? "" : " (" + found + ")";
  }

  private static String soMajor(Path file) {
    var version = VERSIONED.matcher(file.toString());
    return version.matches() ? version.group(1) : "unknown";
  }

  /// What was looked for, where, and what was found, one fact a line.
  public synchronized List<String> log() {
    List<String> log = new ArrayList<>();
    for (Library library : Library.values()) {
      String problem = problem(library);
      Path file = files.get(library);
      if (file == null) {
        log.add(library + ": no " + library.file(cudaMajor) + " where was looked, see below" + instead(library) + "; "
            + library.remedy(cudaMajor));
      } else {
        log.add(library + ": " + (problem == null ? file + resolved(file) : "not usable; " + problem));
      }
    }
    if (driverVersion != 0) {
      log.add("the driver serves: CUDA " + version(driverVersion));
    }
    log.add("CUDA looked for: " + cudaMajor);
    host.places(Library.NVRTC).forEach(place -> log.add("looked in " + place));
    return log;
  }

  /// The file that a link stands for, whose name mostly holds the whole version.
  private static String resolved(Path file) {
    try {
      String name = String.valueOf(file.toRealPath().getFileName());
      return file.endsWith(name) ? "" : " (" + name + ")";
    } catch (IOException e) {
      return " (" + e.getMessage() + ")";
    }
  }

  /// 13000 is `13.0`.
  public static String version(int number) {
    return number / 1000 + "." + number % 1000 / 10;
  }

  // ---- opening ----

  /// The functions of a library, which is opened at the first call, after what it depends on.
  ///
  /// @throws BackendException where it was not found or cannot be opened
  public synchronized SymbolLookup open(Library library) {
    String problem = problem(library);
    Path file = files.get(library);
    if (problem != null || file == null) {
      throw new BackendException("[cuda] " + problem);
    }
    SymbolLookup lookup = open.get(library);
    return lookup != null ? lookup : link(library, file);
  }

  private SymbolLookup link(Library library, Path file) {
    try {
      if (library == Library.CUDNN) {
        open(Library.NVRTC);
        open(Library.CUBLAS_LT);
      }
      companions(library, file).forEach(linkage::open);
      SymbolLookup lookup = linkage.open(file);
      open.put(library, lookup);
      return lookup;
    } catch (BackendException e) {
      failures.put(library, e);
      throw e;
    }
  }

  private List<Path> companions(Library library, Path file) {
    return library.companions().stream().flatMap(stem -> Host.matching(file.resolveSibling(""), stem + "." + cudaMajor + "*").stream())
        .filter(companion -> !companion.toString().contains(".alt.")).toList();
  }
}
