package org.flambeau.testkit.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.flambeau.Device;
import org.flambeau.MemoryStats;

/// A process of its own for a soak, with a Java heap of fixed size that was touched at the start: what it grows by is native memory.
public final class SoakProcess {
  private static final Path PAGES = Path.of("/proc/self/statm");

  private SoakProcess() {}

  /// Runs the `main` of `soak`, prints what it tells of itself, and fails where its exit status is not 0.
  public static void run(Class<?> soak, String... arguments) {
    assumeTrue(Files.exists(PAGES), "resident memory can be read on Linux only");
    List<String> command = new ArrayList<>(
        List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xms512m", "-Xmx512m",
            "-XX:+AlwaysPreTouch", "--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED", "-cp",
            System.getProperty("java.class.path"), soak.getName()));
    command.addAll(List.of(arguments));
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      int status = process.waitFor();
      output.lines().filter(line -> line.startsWith("soak ")).forEach(System.out::println);
      assertEquals(0, status, output);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  /// Bytes in use after collections, until they are `target` or stop changing.
  public static long settled(long target) throws InterruptedException {
    long last = Long.MAX_VALUE;
    for (int round = 0; round < 20; round++) {
      System.gc();
      Thread.sleep(50);
      long now = MemoryStats.of(Device.CPU).current();
      if (now == target || round > 5 && now == last) {
        return now;
      }
      last = now;
    }
    return last;
  }

  /// Of the process, without blocks that are cached for reuse.
  public static long resident() throws IOException {
    MemoryStats.emptyCache(Device.CPU);
    return Long.parseLong(Files.readString(PAGES).split(" ")[1]) * 4096;
  }
}
