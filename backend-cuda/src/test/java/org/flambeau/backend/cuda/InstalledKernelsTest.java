package org.flambeau.backend.cuda;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static org.junit.jupiter.api.DynamicContainer.dynamicContainer;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.NavigableSet;
import java.util.Objects;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.flambeau.backend.cuda.binding.Libraries;
import org.flambeau.backend.cuda.binding.Library;
import org.flambeau.backend.cuda.binding.Nvrtc;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/// The real NVRTC, where it is installed or FLAMBEAU_CUDA_PATH names it, compiles every kernel that the backend could ask for without a
/// warning, and says of none that it spills more than `spills.txt` gives a reason for. Neither a GPU nor a driver is needed, but six to twelve minutes of a core
/// for each generation of GPUs.
///
/// - `-Dflambeau.nvrtc.architectures=75,80,90,100,120`: the generations; Hopper's alone unless told otherwise;
/// - `-Dflambeau.nvrtc.sources=reduce.cu,sort.cu`: the sources, all unless told otherwise.
class InstalledKernelsTest {
  private static final List<String> ARCHITECTURES = listed("flambeau.nvrtc.architectures", "90");
  private static final List<String> SOURCES = listed("flambeau.nvrtc.sources", "");
  /// Instances that are compiled together, so that a source is not read anew for each.
  private static final int BATCH = 32;
  private static final Pattern REPORT = Pattern.compile("Function properties for (\\w+)\n\\D*(\\d+) bytes stack frame, "
      + "(\\d+) bytes spill stores, (\\d+) bytes spill loads\n\\D*Used (\\d+) registers");

  /// But of constants that these instances happen not to need.
  private static final Pattern WARNING = Pattern.compile(".*warning #(?!177-D).*");

  /// What an instance takes of a GPU, in bytes of a thread's and in registers.
  private record Use(int stack, int spillStores, int spillLoads, int registers) {
    int spills() {
      return Math.max(spillStores, spillLoads);
    }
  }

  private static List<String> listed(String property, String otherwise) {
    return Stream.of(System.getProperty(property, otherwise).split(",")).filter(word -> !word.isEmpty()).toList();
  }

  @TestFactory
  Stream<DynamicContainer> everyKernelCompilesWithoutSpills() throws IOException {
    String problem = Libraries.shared().problem(Library.NVRTC);
    assumeTrue(problem == null, problem);
    List<Allowance> allowances = allowances();
    return ARCHITECTURES.stream().map(Integer::valueOf).map(capability -> dynamicContainer("sm_" + capability, isKnown(capability)
        ? compiled(capability, allowances)
        : Stream.of(dynamicTest("is unknown", () -> assumeTrue(false, "NVRTC " + Nvrtc.version() + " does not know sm_" + capability)))));
  }

  private static boolean isKnown(int capability) {
    return Arrays.stream(Nvrtc.architectures()).anyMatch(known -> known == capability);
  }

  private static Stream<DynamicTest> compiled(int capability, List<Allowance> allowances) {
    var compiler = new KernelCompiler(capability);
    return instances(compiler).entrySet().stream().filter(source -> SOURCES.isEmpty() || SOURCES.contains(source.getKey()))
        .map(source -> dynamicTest(source.getKey() + ": " + source.getValue().size() + " kernels", () -> {
          NavigableMap<String, Use> uses = compile(compiler, source.getKey(), List.copyOf(source.getValue()));
          String summary = "sm_" + capability + " " + source.getKey() + ": " + summary(uses.values());
          System.out.println(summary);
          Map<String, Use> spills = new LinkedHashMap<>();
          uses.forEach((instance, use) -> {
            String name = "sm_" + capability + " " + source.getKey() + " " + instance;
            int most = allowances.stream().filter(each -> each.isFor(name)).mapToInt(Allowance::bytes).max().orElse(0);
            if (use.spills() > most) {
              spills.put(name, use);
            }
          });
          assertEquals(Map.of(), spills, summary);
        }));
  }

  private static String summary(Iterable<Use> uses) {
    List<Use> all = new ArrayList<>();
    uses.forEach(all::add);
    return all.size() + " kernels, " + all.stream().filter(use -> use.spills() > 0).count() + " spill, at most "
        + all.stream().mapToInt(Use::registers).max().orElse(0) + " registers and " + all.stream().mapToInt(Use::stack).max().orElse(0)
        + " bytes of stack";
  }

  /// All that the families of kernels declare when they are made, for which they need no GPU.
  @SuppressWarnings("NullAway")
  private static NavigableMap<String, NavigableSet<String>> instances(KernelCompiler compiler) {
    var library = new KernelLibrary(compiler, () -> {});
    var _ = new CudaKernels(null, library);
    return library.instances();
  }

  private static NavigableMap<String, Use> compile(KernelCompiler compiler, String source, List<String> instances) {
    NavigableMap<String, Use> uses = new TreeMap<>();
    IntStream.range(0, Math.ceilDiv(instances.size(), BATCH)).parallel()
        .mapToObj(batch -> report(compiler, source, instances.subList(batch * BATCH, Math.min(instances.size(), (batch + 1) * BATCH))))
        .forEachOrdered(uses::putAll);
    return uses;
  }

  private static Map<String, Use> report(KernelCompiler compiler, String source, List<String> instances) {
    try (var program = compiler.compile(source, "", instances, "--ptxas-options=-v")) {
      Map<String, Use> bySymbol = new LinkedHashMap<>();
      String log = program.log();
      assertEquals(List.of(), log.lines().filter(line -> WARNING.matcher(line).matches()).distinct().toList(), log);
      Matcher report = REPORT.matcher(log);
      while (report.find()) {
        int[] numbers = IntStream.rangeClosed(2, 5).map(group -> Integer.parseInt(report.group(group))).toArray();
        bySymbol.put(report.group(1), new Use(numbers[0], numbers[1], numbers[2], numbers[3]));
      }
      Map<String, Use> uses = new LinkedHashMap<>();
      for (String instance : instances) {
        Use use = bySymbol.get(program.loweredName(instance));
        assertNotNull(use, () -> "no report on " + instance + " in\n" + log);
        uses.put(instance, use);
      }
      return uses;
    }
  }

  /// What the kernels with such names may spill.
  private record Allowance(Pattern names, int bytes) {
    /// Of a line as in `sm_75 8 sort.cu sortTiles<*, Kept<Narrow>>`, where * stands for any text.
    static Allowance of(String line) {
      String[] parts = line.split(" ", 3);
      String names = Stream.of((parts[0] + " " + parts[2]).split("\\*", -1)).map(Pattern::quote).collect(Collectors.joining(".*"));
      return new Allowance(Pattern.compile(names), Integer.parseInt(parts[1]));
    }

    boolean isFor(String name) {
      return names.matcher(name).matches();
    }
  }

  /// What begins with # gives the reason of the lines that follow.
  private static List<Allowance> allowances() throws IOException {
    try (InputStream in = Objects.requireNonNull(InstalledKernelsTest.class.getResourceAsStream("spills.txt"))) {
      return new String(in.readAllBytes(), UTF_8).lines().filter(line -> !line.startsWith("#") && !line.isBlank()).map(Allowance::of)
          .toList();
    }
  }
}
