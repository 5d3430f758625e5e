package org.flambeau.backend.cuda.binding;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32;

/// The libcuda of `src/test/cuda`, built by g++ when it is first needed and kept under `target` by the content of its source.
public final class SimulatedDriver {
  private static final Path SOURCE = Path.of("src/test/cuda/libcuda.cpp");
  private static final List<String> COMPILER = List.of("g++", "-std=c++17", "-O1", "-g", "-Wall", "-Wextra", "-fPIC", "-shared",
      "-fvisibility=hidden", "-Wl,-soname,libcuda.so.1");

  private SimulatedDriver() {}

  /// Makes this process find the simulated driver before any other; must come before anybody asks for a library. Each test class runs in
  /// a process of its own.
  public static void install() throws IOException, InterruptedException {
    boolean compiler = List.of(System.getenv("PATH").split(":")).stream().anyMatch(folder -> Files.isExecutable(Path.of(folder, "g++")));
    assumeTrue(compiler, "there is no g++ on PATH to build the simulated driver with");
    System.setProperty(Host.PROPERTY, build().toString());
  }

  private static Path build() throws IOException, InterruptedException {
    var content = new CRC32();
    content.update(Files.readAllBytes(SOURCE));
    content.update(COMPILER.toString().getBytes(UTF_8));
    Path folder = Files.createDirectories(Path.of("target", "simulated", Long.toHexString(content.getValue())).toAbsolutePath());
    Path library = folder.resolve("libcuda.so.1");
    if (!Files.exists(library)) {
      Path built = Files.createTempFile(folder, "libcuda", ".so");
      var process = new ProcessBuilder(new ArrayList<>(COMPILER));
      process.command().addAll(List.of("-o", built.toString(), SOURCE.toString()));
      var run = process.redirectErrorStream(true).start();
      String messages = new String(run.getInputStream().readAllBytes(), UTF_8);
      assertEquals(0, run.waitFor(), messages);
      Files.move(built, library, StandardCopyOption.ATOMIC_MOVE);
    }
    return folder;
  }
}
