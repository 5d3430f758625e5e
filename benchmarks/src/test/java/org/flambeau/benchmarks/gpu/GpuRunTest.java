package org.flambeau.benchmarks.gpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.ZipFile;
import org.flambeau.cli.bench.Json;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Whole runs on the CPU, beside a PyTorch that is a few lines of shell.
class GpuRunTest {
  private static final String ANSWERS = "*) echo '@answer {\"milliseconds\":2.5}' ;;";

  @TempDir private Path folder;

  /// @param cases what it does about a question
  private Process run(String cases, String... arguments) throws IOException {
    Path python = folder.resolve("python");
    Files.writeString(python, "#!/bin/sh\necho hello >&2\nwhile read -r question; do\ncase $question in\n" + cases + "\nesac\ndone\n");
    assertTrue(python.toFile().setExecutable(true));
    List<String> command = new ArrayList<>(
        List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "--add-modules=jdk.incubator.vector",
            "--enable-native-access=ALL-UNNAMED", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp",
            System.getProperty("java.class.path"), GpuRun.class.getName(), "--device=cpu", "--out=" + folder, "--python=" + python));
    command.addAll(List.of(arguments));
    return new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(folder.resolve("output").toFile()).start();
  }

  private String output() throws IOException {
    return Files.readString(folder.resolve("output"));
  }

  private void assertEnds(int status, Process run) throws IOException, InterruptedException {
    assertTrue(run.waitFor(10, TimeUnit.MINUTES), "it does not end");
    assertEquals(status, run.exitValue(), output());
  }

  private Map<?, ?> models() throws IOException {
    return (Map<?, ?>) Objects.requireNonNull(Json.readObject(Files.readString(folder.resolve("results.json"))).get("models"));
  }

  private Map<?, ?> row() throws IOException {
    return (Map<?, ?>) ((List<?>) Objects.requireNonNull(models().get("rows"))).getFirst();
  }

  private Set<String> logs() throws IOException {
    try (ZipFile zip = new ZipFile(folder.resolve("logs.zip").toFile())) {
      return zip.stream().map(Object::toString).collect(Collectors.toSet());
    }
  }

  private static final String[] TINY = {"--models=vit_tiny", "--size=16", "--batches=2", "--precisions=amp", "--seconds=0.01"};

  private static String[] tiny(String... further) {
    return Stream.concat(Stream.of(TINY), Stream.of(further)).toArray(String[]::new);
  }

  @Test
  void aModelIsTimedInEachFormBesideThePeer() throws Exception {
    assertEnds(0, run(ANSWERS, tiny("models", "--minutes=9")));

    assertEquals(Set.of("name", "flambeau", "flambeau compiled", "pytorch", "pytorch compile"), row().keySet());
    String report = Files.readString(folder.resolve("results.md"));
    assertTrue(report.contains("| vit_tiny inference 2 amp 16 | ") && report.contains(" | 2.500 | "), report);
    assertTrue(logs().contains("pytorch.log"), output());
  }

  @Test
  void whoHangsHasAnEndAndTheOthersAnswersAreKept() throws Exception {
    assertEnds(0, run("versions) echo '@answer {\"torch\":\"0\"}' ;;\n*) sleep 600 ;;", tiny("models", "--minutes=0.5")));

    assertEquals(Map.of("error", Results.NOT_RUN), row().get("pytorch compile"));
    assertEquals(Map.of("vit_tiny 2 amp 16", Map.of("error", Results.NOT_RUN)), models().get("comparisons"));
  }

  @Test
  void aRunThatIsToldToEndLeavesWhatItHas() throws Exception {
    Process run = run("'time compile'*) kill -TERM $PPID; sleep 600 ;;\n" + ANSWERS, tiny("models", "--minutes=9"));

    assertEnds(143, run);
    assertTrue(row().containsKey("flambeau compiled"), output());
    assertTrue(logs().contains("pytorch.log"), output());
  }
}
