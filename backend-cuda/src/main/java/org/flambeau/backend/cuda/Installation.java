package org.flambeau.backend.cuda;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.flambeau.BackendException;
import org.flambeau.backend.cuda.binding.CublasLt;
import org.flambeau.backend.cuda.binding.Cudnn;
import org.flambeau.backend.cuda.binding.Driver;
import org.flambeau.backend.cuda.binding.Libraries;
import org.flambeau.backend.cuda.binding.Library;
import org.flambeau.backend.cuda.binding.Nvrtc;
import org.jspecify.annotations.Nullable;

/// What of CUDA this machine has.
///
/// @param devices how many GPUs are usable
/// @param problem where there are none, what keeps them from being used, as one sentence with the remedy
/// @param facts all that can be found out, one fact a line; opens what was found in order to ask for its version
record Installation(int devices, String problem, Supplier<List<String>> facts) {
  static Installation look() {
    return look(Libraries::shared);
  }

  static Installation look(Supplier<Libraries> looking) {
    String platform = System.getProperty("os.name") + " " + System.getProperty("os.arch");
    if (!platform.toLowerCase(Locale.ROOT).equals("linux amd64")) {
      String problem = "CUDA is supported on Linux x86-64, this is " + platform;
      return new Installation(0, problem, () -> List.of("why: " + problem));
    }
    Libraries libraries = looking.get();
    List<String> devices = new ArrayList<>();
    String problem = problem(libraries, devices);
    return new Installation(problem == null ? devices.size() : 0, problem == null ? "" : problem, () -> {
      List<String> facts = new ArrayList<>();
      if (problem != null) {
        facts.add("why: " + problem);
      }
      facts.addAll(devices);
      facts.addAll(libraries.log());
      facts.addAll(versions(libraries));
      return facts;
    });
  }

  private static @Nullable String problem(Libraries libraries, List<String> devices) {
    String driver = libraries.problem(Library.DRIVER);
    if (driver != null) {
      return driver;
    }
    try {
      Driver.init();
      for (int i = 0; i < Driver.deviceCount(); i++) {
        devices.add("cuda:" + i + ": " + describe(Driver.device(i)));
      }
      var missing = Stream.of(Library.values()).map(libraries::problem).filter(Objects::nonNull).findFirst();
      if (missing.isPresent()) {
        return missing.get();
      }
      int cudnnMajor = Cudnn.cudaVersion() / 1000;
      return cudnnMajor != libraries.cudaMajor() ? mismatch(libraries, cudnnMajor) : devices.isEmpty() ? "the driver sees no GPU" : null;
    } catch (BackendException | LinkageError e) {
      return complaint(e);
    }
  }

  /// A binding that cannot be made fails while its class is initialised, and whenever that class is asked again.
  private static String complaint(Throwable e) {
    Throwable cause = e.getCause();
    return cause != null && e instanceof LinkageError ? complaint(cause) : String.valueOf(e.getMessage());
  }

  private static List<String> versions(Libraries libraries) {
    List<String> versions = new ArrayList<>();
    version(libraries, Library.NVRTC, () -> Libraries.version(Nvrtc.version()) + ", compiles for "
        + Arrays.stream(Nvrtc.architectures()).mapToObj(sm -> "sm_" + sm).collect(Collectors.joining(", ")), versions);
    version(libraries, Library.CUBLAS_LT, CublasLt::version, versions);
    version(libraries, Library.CUDNN, () -> Cudnn.version() + ", made for CUDA " + Cudnn.cudaVersion() / 1000, versions);
    return versions;
  }

  private static void version(Libraries libraries, Library library, Supplier<String> version, List<String> versions) {
    if (libraries.problem(library) != null) {
      return;
    }
    try {
      versions.add(library + " version: " + version.get());
    } catch (BackendException | LinkageError e) {
      versions.add(library + " version: unknown; " + complaint(e));
    }
  }

  /// The names of cuDNN's files do not tell for which CUDA it was made.
  private static String mismatch(Libraries libraries, int cudnnMajor) {
    return "cuDNN " + Cudnn.version() + " at " + libraries.file(Library.CUDNN) + " was made for CUDA " + cudnnMajor
        + ", but NVRTC and cuBLASLt are of CUDA " + libraries.cudaMajor() + "; install it with `pip install nvidia-cudnn-cu"
        + libraries.cudaMajor() + "`";
  }

  private static String describe(int device) {
    return String.format(Locale.ROOT, "%s, sm_%d%d, %d multiprocessors, %.1f GiB", Driver.deviceName(device),
        Driver.deviceAttribute(Driver.COMPUTE_CAPABILITY_MAJOR, device), Driver.deviceAttribute(Driver.COMPUTE_CAPABILITY_MINOR, device),
        Driver.deviceAttribute(Driver.MULTIPROCESSOR_COUNT, device), Driver.deviceTotalMem(device) / 0x1p30);
  }
}
