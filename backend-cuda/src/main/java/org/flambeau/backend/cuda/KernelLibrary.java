package org.flambeau.backend.cuda;

import java.util.List;
import java.util.NavigableMap;
import java.util.NavigableSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.flambeau.backend.cuda.binding.Driver;

/// The kernels of one GPU: instances of the templates in this package's `.cu` files, compiled by NVRTC when they are first needed and kept
/// on disk from then on.
///
/// One instance at a time, since a program uses few of the thousands that there could be: some 0.2 s each at first, and nothing later.
final class KernelLibrary {
  private final KernelCompiler compiler;
  private final Runnable makeCurrent;
  private final KernelCache cache = KernelCache.ofUser();
  private final ConcurrentHashMap<String, Kernel> kernels = new ConcurrentHashMap<>();
  private final List<Declared> declared = new CopyOnWriteArrayList<>();

  private record Declared(String source, Supplier<Stream<String>> instances) {}

  KernelLibrary(Gpu gpu) {
    this(new KernelCompiler(gpu.computeCapability()), gpu::makeCurrent);
  }

  /// @param makeCurrent is called before a kernel is loaded
  KernelLibrary(KernelCompiler compiler, Runnable makeCurrent) {
    this.compiler = compiler;
    this.makeCurrent = makeCurrent;
  }

  /// Of the GPU, as in 90 for sm_90.
  int computeCapability() {
    return compiler.capability();
  }

  /// Says what somebody may ask for.
  void declare(String source, Supplier<Stream<String>> instances) {
    declared.add(new Declared(source, instances));
  }

  /// One kernel, which is compiled when it is first needed.
  Supplier<Kernel> single(String source, String instance) {
    declare(source, () -> Stream.of(instance));
    return () -> get(source, instance);
  }

  /// All instances that were declared, by the source that they are of.
  NavigableMap<String, NavigableSet<String>> instances() {
    NavigableMap<String, NavigableSet<String>> all = new TreeMap<>();
    declared.forEach(each -> each.instances.get().forEach(all.computeIfAbsent(each.source, _ -> new TreeSet<>())::add));
    return all;
  }

  /// The instance of a template in namespace flambeau, as in `dense<ADD, float32, float32>`, of a source, as in `elementwise.cu`.
  Kernel get(String source, String instance) {
    return get(source, "", instance);
  }

  /// The instance of a template for what is generated: arguments of the template that the source does not have.
  Kernel get(String source, String generated, String instance) {
    return kernels.computeIfAbsent(source + ": " + instance + generated, _ -> load(new KernelRequest(source, generated, instance)));
  }

  private Kernel load(KernelRequest request) {
    request.note();
    KernelCache.Entry entry = prepare(request);
    makeCurrent.run();
    return new Kernel(request.toString(), Driver.moduleGetFunction(Driver.moduleLoadData(entry.image()), entry.symbol()));
  }

  /// Sees to it that a kernel is on disk.
  KernelCache.Entry prepare(KernelRequest request) {
    return cache.get(compiler.key(request.source(), request.generated(), request.instance()),
        () -> compiler.compile(request.source(), request.generated(), request.instance()));
  }
}
