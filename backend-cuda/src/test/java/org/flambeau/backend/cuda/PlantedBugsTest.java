package org.flambeau.backend.cuda;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.flambeau.backend.cuda.binding.SimulatedDriver;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;
import org.junit.platform.launcher.listeners.SummaryGeneratingListener;

/// The op table on the simulated GPU finds bugs that are put into kernels: another process runs [SimulatedConformanceTest] for one operation
/// with a changed source before the right one on its class path.
class PlantedBugsTest {
  /// One line that is wrong.
  ///
  /// @param operation of the op table, one whose kernel it is in
  /// @param told what a failing check says
  private record Bug(String name, String source, String right, String wrong, String operation, String told) {
    @Override
    public String toString() {
      return name;
    }
  }

  @TempDir private Path folder;

  @BeforeAll
  static void install() throws Exception {
    SimulatedDriver.install();
  }

  private static Stream<Bug> bugs() {
    return Stream.of(
        new Bug("an element too many", "elementwise.cu", "i < n; i += step) out[i]", "i <= n; i += step) out[i]", "expm1",
            "after a block of"),
        new Bug("packs where there are none", "elementwise.cu", "i < packs; i += step", "i < n / N; i += step", "expm1",
            "MISALIGNED_ADDRESS"),
        new Bug("more threads than the kernel is compiled for", "reduce.cu",
            "__launch_bounds__(THREADS) reduce(", "__launch_bounds__(THREADS / 2) reduce(", "norm", "LAUNCH_OUT_OF_RESOURCES"),
        new Bug("a barrier too few", "reduce.cu", "    __syncthreads();\n    if (lane < half) shared[slot]",
            "    if (lane < half) shared[slot]", "norm", "expected"),
        new Bug("a read of what nobody wrote", "reduce.cu", "      shared[slot] = gathered[k];",
            "      if (lane > 0) shared[slot] = gathered[k];",
            "norm", "expected"));
  }

  @ParameterizedTest
  @MethodSource("bugs")
  void theOpTableFindsIt(Bug bug) throws Exception {
    String right = source(bug.source);
    assertEquals(2, right.split(Pattern.quote(bug.right), -1).length, "the line to change stands in " + bug.source + " once");
    Path changed = Files.createDirectories(folder.resolve("org/flambeau/backend/cuda")).resolve(bug.source);
    Files.writeString(changed, right);
    assertEquals(0, run(bug.operation).status, "without a bug");
    Files.writeString(changed, right.replace(bug.right, bug.wrong));
    Ended suite = run(bug.operation);
    assertEquals(1, suite.status, suite.output);
    assertTrue(suite.output.contains(bug.told), suite.output);
  }

  private static String source(String name) throws IOException {
    try (InputStream in = Objects.requireNonNull(PlantedBugsTest.class.getResourceAsStream(name))) {
      return new String(in.readAllBytes(), UTF_8);
    }
  }

  private record Ended(int status, String output) {}

  private Ended run(String operation) throws Exception {
    Process suite = new ProcessBuilder(List.of(Path.of(System.getProperty("java.home"), "bin/java").toString(), "-ea",
        "--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED", "-Dflambeau.testkit.operations=" + operation, "-cp",
        folder + ":" + System.getProperty("java.class.path"), Suite.class.getName())).redirectErrorStream(true).start();
    String output = new String(suite.getInputStream().readAllBytes(), UTF_8);
    return new Ended(suite.waitFor(), output);
  }

  /// What the other process does: ends with 0 where all checks pass, 1 where one fails, 2 where there was none.
  static final class Suite {
    private Suite() {}

    public static void main(String[] arguments) {
      var summary = new SummaryGeneratingListener();
      LauncherFactory.create().execute(LauncherDiscoveryRequestBuilder.request()
          .selectors(DiscoverySelectors.selectClass(SimulatedConformanceTest.class)).build(), summary);
      summary.getSummary().getFailures().forEach(failure -> System.out.println(failure.getException()));
      long failed = summary.getSummary().getTestsFailedCount();
      System.exit(failed > 0 ? 1 : summary.getSummary().getTestsSucceededCount() > 0 ? 0 : 2);
    }
  }
}
