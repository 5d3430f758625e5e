package org.flambeau.benchmarks.gpu;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import org.flambeau.testkit.ConformanceTest;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.UniqueId;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.launcher.Launcher;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/// Holds a device to the entries of the op table that it is asked for by name. Argument: the device.
public final class ConformanceWorker {
  private ConformanceWorker() {}

  public static void main(String[] arguments) throws IOException {
    System.setProperty("flambeau.testkit.devices", arguments[0]);
    System.setProperty("flambeau.testkit.differences", "false"); // that formulas are right shows on the CPU
    Launcher launcher = LauncherFactory.create();
    Answers.serve(arguments[0], (_, operation) -> {
      System.setProperty("flambeau.testkit.operations", operation);
      var request = LauncherDiscoveryRequestBuilder.request().selectors(DiscoverySelectors.selectClass(ConformanceTest.class)).build();
      Results results = new Results();
      launcher.execute(request, results);
      return results.checks.isEmpty() ? Map.of("error", "there is no check of " + operation) : Map.of("checks", results.checks);
    });
  }

  /// What became of each check of the operation.
  private static final class Results implements TestExecutionListener {
    private final Map<String, Map<String, Object>> checks = new LinkedHashMap<>();
    private final Map<TestIdentifier, Long> started = new ConcurrentHashMap<>();

    @Override
    public void executionStarted(TestIdentifier test) {
      started.put(test, System.nanoTime());
    }

    @Override
    public void executionFinished(TestIdentifier test, TestExecutionResult result) {
      boolean failed = result.getStatus() != TestExecutionResult.Status.SUCCESSFUL;
      if (!test.isTest() && !failed) {
        return;
      }
      Map<String, Object> check = new LinkedHashMap<>();
      check.put("status", failed ? "failed" : "passed");
      check.put("seconds", (System.nanoTime() - Objects.requireNonNull(started.get(test))) / 1e9);
      result.getThrowable().ifPresent(e -> check.put("message", String.valueOf(e.getMessage())));
      checks.put(name(test), check);
    }

    /// The method that the test is one of.
    private static String name(TestIdentifier test) {
      return test.getUniqueIdObject().getSegments().stream().filter(segment -> segment.getType().startsWith("test-factory"))
          .map(UniqueId.Segment::getValue).findFirst().orElse(test.getDisplayName()).replaceAll("\\(.*", "").replace('_', ' ');
    }
  }
}
