package org.flambeau.backend.cuda;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;
import org.flambeau.BackendException;
import org.flambeau.backend.cuda.binding.Libraries;
import org.flambeau.backend.cuda.binding.Nvrtc;

/// NVRTC at work on the `.cu` files of this package, for GPUs of one compute capability.
final class KernelCompiler {
  /// What sources may include.
  private static final Map<String, String> HEADERS = read("attention.cuh", "complaint.cuh", "functors.cuh", "philox.cuh", "rows.cuh",
      "space.cuh", "special.cuh", "tensors.cuh", "types.cuh");
  /// Sources none of whose products and sums become one operation that rounds once.
  private static final Set<String> UNCONTRACTED = Set.of("elementwise.cu");
  /// So that instances, their arguments and what is generated need no qualifiers.
  private static final String SUFFIX = "\nusing namespace flambeau;\n";

  private final int capability;
  private final List<String> options;

  /// @param capability as in 90 for sm_90
  KernelCompiler(int capability) {
    this.capability = capability;
    this.options = List.of(architecture(capability), "--std=c++17", "--extra-device-vectorization");
  }

  /// As in 90 for sm_90.
  int capability() {
    return capability;
  }

  /// Machine code for the GPU where this NVRTC knows it, else the newest intermediate code, which the driver compiles.
  private static String architecture(int capability) {
    int[] known = Nvrtc.architectures();
    int newest = Arrays.stream(known).filter(sm -> sm <= capability).max()
        .orElseThrow(() -> new BackendException("[cuda] NVRTC " + Libraries.version(Nvrtc.version()) + " compiles for sm_"
            + Arrays.stream(known).min().orElseThrow() + " and newer, but this GPU is sm_" + capability
            + ": install NVRTC, cuBLASLt and cuDNN of an older CUDA"));
    return "--gpu-architecture=" + (newest == capability ? "sm_" : "compute_") + newest;
  }

  private List<String> options(String source, String... further) {
    Stream<String> own = UNCONTRACTED.contains(source) ? Stream.of("--fmad=false") : Stream.empty();
    return Stream.of(options.stream(), own, Stream.of(further)).flatMap(each -> each).toList();
  }

  /// Names all that goes into an instance.
  ///
  /// @param generated what follows on the source
  String key(String source, String generated, String instance) {
    return KernelCache.key(text(source) + generated, HEADERS, instance, options(source), Nvrtc.version());
  }

  KernelCache.Entry compile(String source, String generated, String instance) {
    try (var program = compile(source, generated, List.of(instance))) {
      byte[] image = options.getFirst().contains("=sm_") ? program.cubin() : program.ptx();
      return new KernelCache.Entry(program.loweredName(instance), image);
    }
  }

  /// A source with these instances of its templates.
  ///
  /// @param generated what follows on the source
  /// @param further options
  Nvrtc.Program compile(String source, String generated, Collection<String> instances, String... further) {
    var program = new Nvrtc.Program(text(source) + generated, source, HEADERS);
    try {
      instances.forEach(program::addNameExpression);
      program.compile(options(source, further));
      return program;
    } catch (RuntimeException e) {
      program.close();
      throw e;
    }
  }

  private static String text(String source) {
    return Objects.requireNonNull(read(source).get(source)) + SUFFIX;
  }

  private static Map<String, String> read(String... files) {
    Map<String, String> texts = new LinkedHashMap<>();
    for (String file : files) {
      try (InputStream in = KernelCompiler.class.getResourceAsStream(file)) {
        if (in == null) {
          throw new IllegalArgumentException("[cuda] expected a kernel source of this module, got " + file);
        }
        texts.put(file, new String(in.readAllBytes(), StandardCharsets.UTF_8));
      } catch (IOException e) {
        throw new UncheckedIOException("[cuda] the kernel source " + file + " cannot be read", e);
      }
    }
    return texts;
  }
}
