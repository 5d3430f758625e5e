package org.flambeau.backend.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/// In processes of their own: a library is opened once in a process's life.
final class LinearAlgebrasTest {
  /// Prints what was chosen, and why.
  static final class Choice {
    public static void main(String[] args) {
      LinearAlgebras choice = LinearAlgebras.choose(new CountingAllocator());
      System.out.println(choice.chosen().name() + ": " + choice.reason());
    }
  }

  private static String choice(String... options) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED", "-cp",
        System.getProperty("java.class.path")));
    command.addAll(List.of(options));
    command.add(Choice.class.getName());
    Process process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
    String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor());
    return printed;
  }

  @Test
  void oneDnnIsChosenWhereItCanBeLoaded() throws IOException, InterruptedException {
    assertTrue(choice().startsWith("oneDNN 3."));
  }

  @Test
  void aPropertyForbidsOneDnn() throws IOException, InterruptedException {
    String choice = choice("-Dflambeau.onednn=off");
    assertTrue(choice.startsWith("Vector API (") && choice.contains("-Dflambeau.onednn=off"), choice);
  }

  @Test
  void aFolderWithoutLibrariesIsNamedAsTheReason() throws IOException, InterruptedException {
    String choice = choice("-Dflambeau.onednn.path=/nowhere");
    assertTrue(choice.startsWith("Vector API (") && choice.contains("/nowhere/libgomp.so.1") && choice.contains("no such file"), choice);
  }

  @Test
  void anotherPlatformIsNamedAsTheReason() throws IOException, InterruptedException {
    String choice = choice("-Dos.arch=riscv64");
    assertTrue(choice.startsWith("Vector API (") && choice.contains("Linux riscv64"), choice);
  }
}
