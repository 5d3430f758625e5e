package org.flambeau.benchmarks.gpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The bundle's command, with a Java and Pythons that only tell what they were given.
class BundleTest {
  @TempDir private Path folder;
  private Path bundle = Path.of("");

  @BeforeEach
  void unpack() throws IOException {
    bundle = Files.createDirectories(folder.resolve("flambeau-gpu"));
    Files.copy(Path.of("bundle-run"), bundle.resolve("run"));
    Files.createDirectories(bundle.resolve("peer"));
    Files.copy(Path.of("peer/libraries.py"), bundle.resolve("peer/libraries.py"));
    Files.writeString(bundle.resolve("commit"), "abc");
    script(bundle.resolve("runtime/bin/java"), "echo \"libraries=$FLAMBEAU_CUDA_PATH\"");
    script(folder.resolve("bin/python3"), "echo /of/python3");
  }

  private static Path script(Path file, String text) throws IOException {
    Files.createDirectories(file.resolveSibling(""));
    Files.writeString(file, "#!/bin/sh\n" + text + "\n");
    assertTrue(file.toFile().setExecutable(true));
    return file;
  }

  private String run(Map<String, String> variables, String... command) throws IOException, InterruptedException {
    ProcessBuilder builder = new ProcessBuilder(List.of(command)).redirectError(ProcessBuilder.Redirect.INHERIT);
    builder.environment().remove("FLAMBEAU_CUDA_PATH");
    builder.environment().put("PATH", folder.resolve("bin") + ":" + System.getenv("PATH"));
    builder.environment().putAll(variables);
    Process process = builder.start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    assertEquals(0, process.waitFor());
    return output;
  }

  private String libraries(Map<String, String> variables, String... arguments) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of("bash", bundle.resolve("run").toString()));
    command.addAll(List.of(arguments));
    return run(variables, command.toArray(String[]::new));
  }

  @Test
  void python3IsAskedWhereTheLibrariesAre() throws Exception {
    assertEquals("libraries=/of/python3", libraries(Map.of()));
  }

  @Test
  void thePythonThatIsThePeerIsAskedInItsPlace() throws Exception {
    Path other = script(folder.resolve("other"), "echo /of/another");

    assertEquals("libraries=/of/another", libraries(Map.of(), "models", "--python=" + other));
  }

  @Test
  void whoNamesTheLibrariesIsNotContradicted() throws Exception {
    assertEquals("libraries=/mine", libraries(Map.of("FLAMBEAU_CUDA_PATH", "/mine")));
  }

  @Test
  void aPythonThatFailsOrIsNotThereKeepsNothingFromRunning() throws Exception {
    Path broken = script(folder.resolve("broken"), "echo /half; exit 1");

    assertEquals("libraries=", libraries(Map.of(), "--python=" + broken));
    assertEquals("libraries=", libraries(Map.of(), "--python=" + folder.resolve("none")));
  }

  @Test
  void aPythonTellsOfItsWheelsAndOfTorchWithoutImportingThem() throws Exception {
    Path site = folder.resolve("site");
    for (String each : List.of("nvidia/cudnn/lib", "nvidia/cu13/lib", "nvidia/empty", "torch/lib")) {
      Files.createDirectories(site.resolve(each));
    }
    Files.writeString(site.resolve("torch/__init__.py"), "raise ImportError('too slow')");

    String found = run(Map.of("PYTHONPATH", site.toString(), "PATH", System.getenv("PATH")), "python3",
        Path.of("peer/libraries.py").toString());

    assertEquals(List.of(site.resolve("nvidia/cu13/lib"), site.resolve("nvidia/cudnn/lib"), site.resolve("torch/lib")),
        List.of(found.split(":")).stream().map(Path::of).filter(each -> each.startsWith(site)).toList());
  }
}
