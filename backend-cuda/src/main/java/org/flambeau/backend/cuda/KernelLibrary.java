package org.flambeau.backend.cuda;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import org.flambeau.backend.cuda.binding.Driver;
import org.flambeau.backend.cuda.binding.Nvrtc;

/// The kernels of one GPU: instances of the templates in this package's `.cu` files, compiled by NVRTC when they are first needed and kept
/// on disk from then on.
///
/// One instance at a time, since a program uses few of the thousands that there could be: some 0.2 s each at first, and nothing later.
final class KernelLibrary {
  /// What sources may include.
  private static final Map<String, String> HEADERS = read("complaint.cuh", "functors.cuh", "philox.cuh", "rows.cuh", "space.cuh",
      "special.cuh", "tensors.cuh", "types.cuh");
  /// So that instances, and their arguments, need no qualifiers.
  private static final String SUFFIX = "\nusing namespace flambeau;\n";

  private final Gpu gpu;
  private final List<String> options;
  private final KernelCache cache = KernelCache.ofUser();
  private final ConcurrentHashMap<String, Kernel> kernels = new ConcurrentHashMap<>();

  KernelLibrary(Gpu gpu) {
    this.gpu = gpu;
    this.options = List.of(architecture(gpu.computeCapability()), "--std=c++17", "--extra-device-vectorization");
  }

  /// Machine code for the GPU where this NVRTC knows it, else the newest intermediate code, which the driver compiles.
  private static String architecture(int capability) {
    int[] known = Nvrtc.architectures();
    boolean exact = Arrays.stream(known).anyMatch(sm -> sm == capability);
    int newest = Arrays.stream(known).filter(sm -> sm <= capability).max().orElse(capability);
    return "--gpu-architecture=" + (exact ? "sm_" + capability : "compute_" + newest);
  }

  /// The instance of a template in namespace flambeau, as in `dense<ADD, float32, float32>`, of a source, as in `elementwise.cu`.
  Kernel get(String source, String instance) {
    return kernels.computeIfAbsent(source + ": " + instance, name -> load(name, source, instance));
  }

  private Kernel load(String name, String source, String instance) {
    String text = Objects.requireNonNull(read(source).get(source)) + SUFFIX;
    String key = KernelCache.key(text, HEADERS, instance, options, Nvrtc.version());
    KernelCache.Entry entry = cache.get(key, () -> compile(text, source, instance));
    gpu.makeCurrent();
    return new Kernel(name, Driver.moduleGetFunction(Driver.moduleLoadData(entry.image()), entry.symbol()));
  }

  private KernelCache.Entry compile(String text, String source, String instance) {
    try (var program = new Nvrtc.Program(text, source, HEADERS)) {
      program.addNameExpression(instance);
      program.compile(options);
      byte[] image = options.getFirst().contains("=sm_") ? program.cubin() : program.ptx();
      return new KernelCache.Entry(program.loweredName(instance), image);
    }
  }

  private static Map<String, String> read(String... files) {
    Map<String, String> texts = new LinkedHashMap<>();
    for (String file : files) {
      try (InputStream in = KernelLibrary.class.getResourceAsStream(file)) {
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
