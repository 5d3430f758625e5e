package org.flambeau.backend.cuda.binding;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import org.flambeau.Device;
import org.flambeau.MemoryStats;

/// The driver and the compiler of `src/test/cuda`, which stand for those of a GPU: built by g++ when they are first needed and kept under
/// `target` by the content of their sources.
public final class SimulatedDriver {
  private static final Path SOURCES = Path.of("src/test/cuda");

  private static final SortedMap<String, List<String>> SOURCES_OF = new TreeMap<>(Map.of(
      "libcuda.so.1", List.of("libcuda.cpp", "memory.cpp", "modules.cpp", "processor.cpp", "streams.cpp"),
      "libnvrtc.so.13", List.of("libnvrtc.cpp"),
      "libnvrtc-builtins.so.13.0", List.of(),
      "libcublasLt.so.13", List.of("libcublaslt.cpp"),
      "libcudnn.so.9", List.of("libcudnn.cpp", "cudnnlegacy.cpp")));

  /// Kernels are compiled a thousand times and run briefly. Accesses that are not aligned, which this machine allows, and elements that an array does
  /// not have end them.
  private static final List<String> KERNELS = List.of("-std=c++17", "-O1", "-w", "-march=x86-64-v3", "-fPIC", "-fvisibility=hidden",
      "-fsanitize=alignment,bounds", "-fno-sanitize-recover=all");

  private static final List<String> LIBRARY = List.of("-std=c++17", "-O2", "-g", "-march=x86-64-v3", "-Wall", "-Wextra", "-Werror", "-fPIC",
      "-shared", "-fvisibility=hidden", "-ftls-model=initial-exec", "-DSIMULATED_KERNEL_OPTIONS=\"" + String.join("\",\"", KERNELS) + "\"");

  private static boolean installed;

  private SimulatedDriver() {}

  /// Makes this process find the simulated driver before any other; must come before anybody asks for a library.
  public static void install() throws IOException, InterruptedException {
    requireCompiler();
    Path folder = build();
    System.setProperty(Host.PROPERTY, folder.toString());
    System.setProperty("flambeau.cuda.kernelCache", folder.resolve("kernels").toString()); // they are for no GPU
    if (installed) {
      System.gc();
      for (int gpu = 0; gpu < 2; gpu++) {
        MemoryStats.emptyCache(Device.cuda(gpu)); // what earlier tests of the process left is in the way of those that ask the driver itself
      }
    }
    installed = true;
  }

  /// Makes real libraries of this process find a driver that does nothing, where there is none: enough to plan, not to compute.
  public static void loadIdle(Path folder) throws IOException, InterruptedException {
    if (Libraries.shared().problem(Library.DRIVER) != null) {
      requireCompiler();
      finish(library(folder, "libcuda.so.1", List.of(SOURCES.resolve("idle.cpp"))));
      SymbolLookup _ = SymbolLookup.libraryLookup(folder.resolve("libcuda.so.1"), Arena.global());
    }
  }

  /// In which order the threads of a kernel run where nothing orders them.
  public enum Order {
    FORWARD(0), REVERSE(1), RANDOM(2);

    private final int code;

    Order(int code) {
      this.code = code;
    }
  }

  public static void order(Order order) {
    assertEquals(0, call("simulatedOrder", order.code));
  }

  /// How much memory each GPU has, 1 GiB at first.
  public static void memory(long bytes) {
    assertEquals(0, call("simulatedMemory", bytes));
  }

  /// Until it is closed, GPUs have less memory than at first.
  public interface Shortage extends AutoCloseable {
    @Override
    void close();
  }

  /// Leaves GPUs `free` bytes beside what the current one uses now.
  public static Shortage shortage(long free) {
    memory(Driver.memGetInfo().total() - Driver.memGetInfo().free() + free);
    return () -> memory(1L << 30);
  }

  /// What the last kernel that was ended did wrong, as in `kernel f, block (0, 0, 0), thread (3, 0, 0): reads …`; empty where none was.
  public static String fault() {
    var function = function("simulatedFault", JAVA_LONG);
    return Native.text(Native.callLong(() -> (long) function.invokeExact()));
  }

  /// Makes a driver usable again after a fault, as only a new process does elsewhere.
  public static void reset() {
    assertEquals(0, call("simulatedReset"));
  }

  /// Calls a function of the driver that the backend has no use for; all of its arguments are numbers or addresses.
  public static int call(String name, long... arguments) {
    MemoryLayout[] layouts = new MemoryLayout[arguments.length];
    Arrays.fill(layouts, JAVA_LONG);
    var function = function(name, JAVA_INT, layouts);
    return Native.call(() -> (int) function.invokeWithArguments(Arrays.stream(arguments).boxed().toArray()));
  }

  /// What a computation takes.
  ///
  /// @param kernels of the backend's own
  /// @param calls of cuBLASLt and cuDNN
  public record Work(long kernels, long calls) {}

  /// What `computation` issues to the GPU, copies aside.
  public static Work work(Runnable computation) {
    Work before = new Work(count(Library.DRIVER, "simulatedLaunches"), count(Library.DRIVER, "simulatedLibraryCalls"));
    computation.run();
    return new Work(count(Library.DRIVER, "simulatedLaunches") - before.kernels,
        count(Library.DRIVER, "simulatedLibraryCalls") - before.calls);
  }

  private static long count(Library library, String name) {
    var function = Native.function(Libraries.shared().open(library), name, JAVA_LONG);
    return Native.callLong(() -> (long) function.invokeExact());
  }

  /// How many plans of cuDNN's were made so far.
  public static long cudnnPlans() {
    return count(Library.CUDNN, "simulatedPlans");
  }

  /// For how many graphs cuDNN was asked for plans so far.
  public static long cudnnGraphs() {
    return count(Library.CUDNN, "simulatedGraphs");
  }

  /// How many of cuDNN's descriptors, of either API, were not destroyed yet.
  public static long cudnnDescriptors() {
    return count(Library.CUDNN, "simulatedDescriptors");
  }

  /// What cuDNN refuses from now on: every plan or none, and of its legacy API the algorithms with these numbers.
  public static void cudnnRefuses(boolean plans, int... algorithms) {
    int bits = Arrays.stream(algorithms).reduce(0, (all, algorithm) -> all | 1 << algorithm);
    var function = Native.function(Libraries.shared().open(Library.CUDNN), "simulatedRefusals", JAVA_INT, JAVA_INT, JAVA_INT);
    assertEquals(0, Native.call(() -> (int) function.invokeExact(plans ? 1 : 0, bits)));
  }

  /// The kinds of cuDNN's descriptors, as its header numbers them, that it says not to support from now on.
  public static void cudnnSupportsNo(int... kinds) {
    var function = Native.function(Libraries.shared().open(Library.CUDNN), "simulatedUnsupported", JAVA_INT, JAVA_LONG);
    long bits = Arrays.stream(kinds).mapToLong(kind -> 1L << kind).reduce(0, (all, bit) -> all | bit);
    assertEquals(0, Native.call(() -> (int) function.invokeExact(bits)));
  }

  /// The engines of cuDNN whose plans fail from now on, with CUDNN_STATUS_EXECUTION_FAILED.
  public static void cudnnFails(int... engines) {
    cudnnFailsWith(5000, engines);
  }

  /// The engines of cuDNN whose plans fail from now on, with that status.
  public static void cudnnFailsWith(int status, int... engines) {
    set("simulatedFailures", Arrays.stream(engines).reduce(0, (all, engine) -> all | 1 << engine), status);
  }

  /// How much longer than they do the engines of cuDNN take by the events' clock from now on, from engine 0 on.
  public static void cudnnTakes(int... milliseconds) {
    for (int engine = 0; engine < 8; engine++) {
      set("simulatedDelay", engine, engine < milliseconds.length ? milliseconds[engine] : 0);
    }
  }

  /// How long cuDNN takes to make a plan from now on.
  public static void cudnnPlansFor(int milliseconds) {
    set("simulatedPlanning", milliseconds);
  }

  /// The engine of cuDNN whose plan was executed last.
  public static long cudnnEngine() {
    return count(Library.CUDNN, "simulatedEngine");
  }

  /// How often a handle of cuDNN was given a stream.
  public static long cudnnStreams() {
    return count(Library.CUDNN, "simulatedStreams");
  }

  private static void set(String name, int... values) {
    MemoryLayout[] layouts = new MemoryLayout[values.length];
    Arrays.fill(layouts, JAVA_INT);
    var function = Native.function(Libraries.shared().open(Library.CUDNN), name, JAVA_INT, layouts);
    assertEquals(0, Native.call(() -> (int) function.invokeWithArguments(Arrays.stream(values).boxed().toArray())));
  }

  /// How often algorithms of cuDNN's legacy API were asked what they need.
  public static long cudnnQuestions() {
    return count(Library.CUDNN, "simulatedQuestions");
  }

  /// How many algorithms cuBLASLt proposes for each product, of which each is much faster than the one before.
  public static void proposals(int count) {
    var function = Native.function(Libraries.shared().open(Library.CUBLAS_LT), "simulatedProposals", JAVA_INT, JAVA_INT);
    assertEquals(0, Native.call(() -> (int) function.invokeExact(count)));
  }

  /// Which of the algorithms that it proposes cuBLASLt does not do after all from now on.
  public static void refuseProposals(int... proposals) {
    int bits = Arrays.stream(proposals).reduce(0, (all, proposal) -> all | 1 << proposal);
    var function = Native.function(Libraries.shared().open(Library.CUBLAS_LT), "simulatedRefused", JAVA_INT, JAVA_INT);
    assertEquals(0, Native.call(() -> (int) function.invokeExact(bits)));
  }

  /// Which of them was used last.
  public static int proposal() {
    var function = Native.function(Libraries.shared().open(Library.CUBLAS_LT), "simulatedProposal", JAVA_INT);
    return Native.call(() -> (int) function.invokeExact());
  }

  private static MethodHandle function(String name, MemoryLayout result, MemoryLayout... parameters) {
    return Native.function(Libraries.shared().open(Library.DRIVER), name, result, parameters);
  }

  private static void requireCompiler() {
    boolean compiler = List.of(System.getenv("PATH").split(":")).stream().anyMatch(folder -> Files.isExecutable(Path.of(folder, "g++")));
    assumeTrue(compiler, "there is no g++ on PATH to build the simulated driver with");
  }

  private static synchronized Path build() throws IOException, InterruptedException {
    Path all = Files.createDirectories(Path.of("target", "simulated").toAbsolutePath());
    Path folder = all.resolve(Long.toHexString(content()));
    if (!Files.exists(folder)) {
      Path building = Files.createTempDirectory(all, "building");
      List<Process> compilers = new ArrayList<>();
      for (var library : SOURCES_OF.entrySet()) {
        compilers.add(library(building, library.getKey(), library.getValue().stream().map(SOURCES::resolve).toList()));
      }
      compilers.add(precompiled(building));
      for (Process compiler : compilers) {
        finish(compiler);
      }
      publish(building, folder);
    }
    return folder;
  }

  /// Builds a further library beside them, of one source, and opens it: libraries that link `file` find it then.
  public static synchronized void open(String file, Path source) throws IOException, InterruptedException {
    var content = new CRC32();
    content.update(Files.readAllBytes(source));
    Path all = Files.createDirectories(Path.of("target", "simulated").toAbsolutePath());
    Path folder = all.resolve(Long.toHexString(content.getValue()));
    if (!Files.exists(folder)) {
      Path building = Files.createTempDirectory(all, "building");
      finish(library(building, file, List.of(source), "-Wl,--default-symver"));
      publish(building, folder);
    }
    System.load(folder.resolve(file).toString());
  }

  private static long content() throws IOException {
    var content = new CRC32();
    try (Stream<Path> files = Files.list(SOURCES)) {
      for (Path file : files.sorted().toList()) {
        content.update(Files.readAllBytes(file));
      }
    }
    content.update((LIBRARY.toString() + KERNELS + SOURCES_OF).getBytes(UTF_8));
    return content.getValue();
  }

  private static Process library(Path folder, String file, List<Path> sources, String... options) throws IOException {
    List<String> command = new ArrayList<>(LIBRARY);
    command.addAll(List.of(options));
    command.addAll(List.of("-Wl,-soname," + file, "-x", "c++", "-o", folder.resolve(file).toString()));
    command.addAll(sources.isEmpty() ? List.of("/dev/null") : sources.stream().map(Path::toString).toList());
    return compiler(command);
  }

  /// What is included before each kernel.
  private static Process precompiled(Path folder) throws IOException {
    for (String file : List.of("gpu.h", "math.cuh", "kernel.h")) {
      Files.copy(SOURCES.resolve(file), folder.resolve(file));
    }
    List<String> command = new ArrayList<>(KERNELS);
    command.addAll(List.of("-x", "c++-header", "-o", folder.resolve("gpu.h.gch").toString(), folder.resolve("gpu.h").toString()));
    return compiler(command);
  }

  private static Process compiler(List<String> arguments) throws IOException {
    return new ProcessBuilder(Stream.concat(Stream.of("g++"), arguments.stream()).collect(Collectors.toList())).redirectErrorStream(true)
        .start();
  }

  private static void finish(Process compiler) throws IOException, InterruptedException {
    String messages = new String(compiler.getInputStream().readAllBytes(), UTF_8);
    assertEquals(0, compiler.waitFor(), messages);
  }

  /// Another process may have been faster.
  private static void publish(Path built, Path folder) throws IOException {
    try {
      Files.move(built, folder, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      if (!Files.exists(folder)) {
        throw e;
      }
    }
  }
}
