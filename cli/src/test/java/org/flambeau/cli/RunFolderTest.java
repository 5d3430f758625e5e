package org.flambeau.cli;

import static org.flambeau.cli.Command.flambeau;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A run and what others have done to its folder.
class RunFolderTest {
  @TempDir private Path folder;

  private Command finetune(Path data, Path out, String... more) {
    List<String> arguments = new ArrayList<>(List.of("finetune", "--data", data.toString(), "--out", out.toString(), "--weights", "none",
        "--image-size", "32", "--batch-size", "4", "--epochs", "1"));
    arguments.addAll(List.of(more));
    return flambeau(arguments.toArray(String[]::new));
  }

  @Test
  void belongsToOneRunAtATime() throws Exception {
    Path data = Pictures.folder(folder.resolve("data"), 3, 1), out = folder.resolve("run");
    try (var _ = RunFolder.open(out)) {
      var second = finetune(data, out);

      assertEquals(2, second.status());
      assertEquals("flambeau: another run is writing to " + out + ": wait for its end, or give another --out\n", second.err());
    }
    assertEquals(0, out.toFile().list().length);
    RunFolder.open(out).close();
  }

  @Test
  void isClearedOfWhatARunThatWasKilledHadBegunToWrite() throws Exception {
    Path half = Files.writeString(folder.resolve(".last.pth.0123456789abcdef.tmp"), "half"),
        other = Files.writeString(folder.resolve(".mine.tmp"), "whole");

    RunFolder.open(folder).close();

    assertFalse(Files.exists(half));
    assertTrue(Files.exists(other));
  }

  @Test
  void thatCannotBeMadeIsSaid() throws Exception {
    Path file = Files.writeString(folder.resolve("file"), "");

    var error = assertThrows(Exception.class, () -> RunFolder.open(file.resolve("run")));

    assertTrue(String.valueOf(error.getMessage()).startsWith("--out " + file.resolve("run") + " cannot be written to: "), error.toString());
  }

  @Test
  void isCompletedByTheSameCommandWhereTheRunWasKilledAtItsVeryEnd() throws Exception {
    Path data = Pictures.folder(folder.resolve("data"), 3, 1), out = folder.resolve("run");
    assertEquals(0, finetune(data, out).status());
    byte[] model = Files.readAllBytes(out.resolve("model.safetensors"));
    Files.delete(out.resolve("model.safetensors"));

    var resumed = finetune(data, out, "--resume");

    assertEquals(0, resumed.status(), resumed.err());
    assertTrue(resumed.out().contains("\nbest: epoch 1"), resumed.out());
    assertEquals(-1, Arrays.mismatch(model, Files.readAllBytes(out.resolve("model.safetensors"))));
  }

  @Test
  void isNotGoneOnWithFromOtherImages() throws Exception {
    Path data = Pictures.folder(folder.resolve("data"), 3, 1), out = folder.resolve("run");
    assertEquals(0, finetune(data, out).status());
    Files.delete(data.resolve("red/0.png"));

    var resumed = finetune(data, out, "--resume");

    assertEquals(2, resumed.status());
    assertEquals(
        "flambeau: the run in " + out + " was started with 7 images of the classes [blue, green, red] to learn from, now there are "
            + "6 of [blue, green, red]: give the same, or another --out without --resume\n",
        resumed.err());
  }
}
