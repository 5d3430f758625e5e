package org.flambeau.cli;

import static org.flambeau.cli.Command.flambeau;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.flambeau.cli.training.Tree;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/// What a run leaves that something from outside ends: Ctrl-C, a disk without room.
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "needs kill and ulimit")
class StoppedRunTest {
  @TempDir private Path folder;

  private static String[] finetune(Path data, Path out, String... more) {
    List<String> arguments = new ArrayList<>(List.of("finetune", "--data", data.toString(), "--out", out.toString(), "--weights", "none",
        "--image-size", "32", "--batch-size", "4"));
    arguments.addAll(List.of(more));
    return arguments.toArray(String[]::new);
  }

  private static void succeeds(String... arguments) {
    var run = flambeau(arguments);
    assertEquals(0, run.status(), run.err());
  }

  /// Ctrl-C in the middle of a run: it saves, says how to go on, and what goes on ends in the same bits as a run that nobody stopped.
  @Test
  void ctrlCSavesAndLeavesAndTheRunGoesOnAsIfNothingHadBeen() throws Exception {
    Path data = Pictures.folder(folder.resolve("data"), 6, 6), out = folder.resolve("run"), whole = folder.resolve("whole"),
        log = folder.resolve("log"), err = folder.resolve("err");
    String[] options = {"--epochs", "5", "--augment", "shift", "--optimizer", "adamw", "--scheduler", "cosine", "--warmup", "3"};
    // what a shell started in the background ignores the signal, and so would its children
    List<String> command = new ArrayList<>(List.of("env", "--default-signal=INT"));
    command.addAll(Command.line(finetune(data, out, options)));
    Process process = new ProcessBuilder(command).redirectOutput(log.toFile()).redirectError(err.toFile()).start();
    try {
      for (int waited = 0; waited < 6000 && process.isAlive() && !Files.readString(log).contains("epoch 1/"); waited++) {
        Thread.sleep(20);
      }
      new ProcessBuilder("kill", "-INT", Long.toString(process.pid())).start().waitFor();
      assertTrue(process.waitFor(2, TimeUnit.MINUTES), "it did not end");
    } finally {
      process.destroyForcibly();
    }
    assertEquals(130, process.exitValue(), Files.readString(err));
    assertTrue(Files.readString(err).contains("flambeau: stopped; the same command with --resume goes on"), Files.readString(err));
    assertTrue(Tree.load(out.resolve("last.pth")).tree("position").whole("steps") >= 4);

    succeeds(Stream.concat(Stream.of(finetune(data, out, options)), Stream.of("--resume")).toArray(String[]::new));

    succeeds(finetune(data, whole, options));
    assertEquals(-1, Files.mismatch(whole.resolve("model.safetensors"), out.resolve("model.safetensors")));
  }

  /// The limit of a process on the size of its files stands for a disk that is full in the middle of a checkpoint.
  @Test
  void aFullDiskEndsTheRunInOneSentenceAndLeavesTheLastGoodCheckpoint() throws Exception {
    Path data = Pictures.folder(folder.resolve("data"), 3, 7), out = folder.resolve("run"), before = folder.resolve("before.pth"),
        log = folder.resolve("log"), err = folder.resolve("err");
    succeeds(finetune(data, out, "--epochs", "1"));
    Path last = out.resolve("last.pth");
    Files.copy(last, before);
    List<String> names = names(out);
    List<String> command = new ArrayList<>(List.of("sh", "-c", "ulimit -f " + (Files.size(last) - 100_000) / 512 + "; exec \"$@\"", "sh"));
    command.addAll(Command.line(finetune(data, out, "--epochs", "2", "--resume")));

    Process process = new ProcessBuilder(command).redirectOutput(log.toFile()).redirectError(err.toFile()).start();
    try {
      assertTrue(process.waitFor(2, TimeUnit.MINUTES), "it did not end");
    } finally {
      process.destroyForcibly();
    }

    List<String> said = Files.readAllLines(err).stream().filter(line -> line.startsWith("flambeau")).toList();
    assertEquals(List.of("flambeau: " + last + ": could not be written: File too large"), said,
        () -> said + " at exit " + process.exitValue());
    assertEquals(1, process.exitValue());
    assertFalse(Files.readString(err).contains("\tat "), "a stack trace");
    assertEquals(-1, Files.mismatch(before, last));
    assertEquals(names, names(out));

    succeeds(finetune(data, out, "--epochs", "2", "--resume"));
    assertEquals(2, Tree.load(last).tree("position").trees("history").size());
  }

  private static List<String> names(Path out) throws IOException {
    try (Stream<Path> files = Files.list(out)) {
      return files.map(file -> file.getFileName().toString()).filter(name -> !name.startsWith("events.out.tfevents.")).sorted().toList();
    }
  }
}
