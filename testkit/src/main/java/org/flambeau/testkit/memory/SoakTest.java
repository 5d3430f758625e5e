package org.flambeau.testkit.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Native memory returns to where it started, and the process does not grow: [Soak] in a process of its own.
final class SoakTest {
  @ParameterizedTest
  @ValueSource(strings = {"scoped", "unscoped"})
  void tens_of_thousands_of_graphs_leave_no_memory_behind(String how) throws IOException, InterruptedException {
    assumeTrue(Files.exists(Path.of("/proc/self/statm")), "resident memory can be read on Linux only");
    Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xms512m", "-Xmx512m",
        "-XX:+AlwaysPreTouch", "--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED", "-cp",
        System.getProperty("java.class.path"), Soak.class.getName(), how).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    int status = process.waitFor();
    output.lines().filter(line -> line.startsWith("soak ")).forEach(System.out::println);
    assertEquals(0, status, output);
  }
}
