package org.flambeau.backend.cuda;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.NavigableSet;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.flambeau.BackendException;
import org.flambeau.backend.cuda.binding.Libraries;
import org.flambeau.backend.cuda.binding.Library;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Compiles kernels for GPUs that are elsewhere, into the folder that `flambeau.cuda.kernelCache` names. It needs NVRTC, of the version that is
/// there, and no GPU; without NVRTC it says so and is content.
///
/// Arguments: the compute capability, as in 90; seconds to spend; files of instances that programs asked for
/// (`-Dflambeau.cuda.kernelList=FILE` writes one), which come first. As long as there is time, all others follow, those of small families first.
public final class KernelFill {
  private static final Logger LOG = LoggerFactory.getLogger(KernelFill.class);

  private KernelFill() {}

  public static void main(String[] arguments) throws IOException {
    String problem = Libraries.shared().problem(Library.NVRTC);
    if (problem != null) {
      LOG.info("No kernels are compiled ahead: {}", problem);
      return;
    }
    KernelLibrary library = new KernelLibrary(new KernelCompiler(Integer.parseInt(arguments[0])), () -> {});
    Instant end = Instant.now().plus(Duration.ofSeconds(Integer.parseInt(arguments[1])));
    Set<KernelRequest> requests = new LinkedHashSet<>();
    for (String file : List.of(arguments).subList(2, arguments.length)) {
      Files.readAllLines(Path.of(file)).forEach(line -> requests.add(KernelRequest.of(line)));
    }
    int asked = requests.size();
    requests.addAll(declared(library));
    LOG.info("{} of {} kernels are compiled, of which programs asked for {}", fill(library, requests, end), requests.size(), asked);
  }

  /// Everything that the families of kernels declare when they are made, for which they need no GPU.
  @SuppressWarnings("NullAway")
  private static List<KernelRequest> declared(KernelLibrary library) {
    var _ = new CudaKernels(null, library);
    List<KernelRequest> all = new ArrayList<>();
    library.instances().entrySet().stream().sorted(Comparator.comparingInt(source -> source.getValue().size())).forEach(source -> {
      NavigableSet<String> instances = source.getValue();
      instances.forEach(instance -> all.add(new KernelRequest(source.getKey(), "", instance)));
    });
    return all;
  }

  /// How many there are in the end.
  private static int fill(KernelLibrary library, Set<KernelRequest> requests, Instant end) {
    AtomicInteger compiled = new AtomicInteger();
    try (ExecutorService threads = Executors.newFixedThreadPool(Runtime.getRuntime().availableProcessors())) {
      for (KernelRequest request : requests) {
        threads.execute(() -> {
          try {
            if (Instant.now().isBefore(end)) {
              library.prepare(request);
              compiled.incrementAndGet();
            }
          } catch (BackendException e) {
            LOG.warn("{} cannot be compiled, so that it is left out: {}", request, e.getMessage());
          }
        });
      }
    }
    return compiled.get();
  }
}
