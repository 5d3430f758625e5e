package org.flambeau.cli;

import static org.flambeau.cli.Command.flambeau;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.flambeau.cli.training.Tree;
import org.flambeau.nn.StateDict;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FinetuneCommandTest {
  @TempDir private Path folder;

  private Command finetune(Path data, Path out, String... more) {
    List<String> arguments = new ArrayList<>(List.of("finetune", "--data", data.toString(), "--out", out.toString(), "--image-size", "32",
        "--batch-size", "4"));
    arguments.addAll(List.of(more));
    return flambeau(arguments.toArray(String[]::new));
  }

  @Test
  void itLearnsAFolderOfImagesAndPredictUsesWhatItLearnt() throws Exception {
    Path data = Pictures.folder(folder.resolve("data"), 8, 1), out = folder.resolve("run");

    var run = finetune(data, out, "--weights", "none", "--epochs", "3");

    assertEquals(0, run.status(), run.err());
    assertTrue(run.out().startsWith("""
        class folders: learning from 19 images of 3 classes, evaluating on 5
        resnet18 with 11,178,051 parameters, of which 11,178,051 learn
        epoch 1/3  loss"""), run.out());
    assertEquals(List.of("best.pth", "curves.png", "last.pth", "log.csv", "model.pth", "model.safetensors"), names(out));
    assertEquals(4, Files.readAllLines(out.resolve("log.csv")).size());
    assertEquals(bits(out.resolve("model.pth")).size(), bits(out.resolve("model.safetensors")).size());

    Path image = data.resolve("red/0.png");
    var guess = flambeau("predict", "--checkpoint", out.resolve("best.pth").toString(), "--top", "2", image.toString());
    assertEquals(0, guess.status(), guess.err());
    List<String> lines = guess.out().lines().toList();
    assertEquals(image.toString(), lines.getFirst());
    assertEquals(3, lines.size());
    assertTrue(lines.get(1).matches(" +\\d+\\.\\d\\d%  (red|green|blue)"), guess.out());
  }

  private static List<String> names(Path out) throws Exception {
    try (Stream<Path> files = Files.list(out)) {
      return files.map(file -> file.getFileName().toString()).filter(name -> !name.startsWith("events.out.tfevents.")).sorted().toList();
    }
  }

  private static List<byte[]> bits(Path state) {
    return StateDict.load(state).values().stream()
        .map(tensor -> tensor.contiguous().toSegment().toArray(ValueLayout.JAVA_BYTE))
        .toList();
  }

  @Test
  void aFrozenBackboneStaysAsItIsInTheFileToTheBit() throws Exception {
    Path data = Pictures.folder(folder.resolve("data"), 4, 2), first = folder.resolve("first"), second = folder.resolve("second");
    String rate = "1e-4"; // norms over two images, as the last batch has them, blow up at larger ones
    assertEquals(0, finetune(data, first, "--weights", "none", "--epochs", "1", "--lr", rate).status());

    var run = finetune(data, second, "--weights", first.resolve("model.pth").toString(), "--epochs", "2", "--freeze-backbone", "--classes",
        "red,blue", "--lr", rate);

    assertEquals(0, run.status(), run.err());
    assertTrue(run.out().contains("of which 1,026 learn"), run.out());
    StateDict before = StateDict.load(first.resolve("model.pth")),
        after = StateDict.load(second.resolve("model.safetensors"));
    assertEquals(before.keySet(), after.keySet());
    after.forEach((name, tensor) -> {
      if (!name.startsWith("fc.")) {
        assertArrayEquals(Objects.requireNonNull(before.get(name)).contiguous().toSegment().toArray(ValueLayout.JAVA_BYTE),
            tensor.contiguous().toSegment().toArray(ValueLayout.JAVA_BYTE), name);
      }
    });
    assertEquals(2, Objects.requireNonNull(after.get("fc.weight")).size(0));
    assertEquals(List.of("red", "blue"), Tree.load(second.resolve("best.pth")).tree("description").texts("classes"));
  }

  @Test
  void aResumedRunEndsInTheSameBitsAsOneThatWasNotStopped() throws Exception {
    Path data = Pictures.folder(folder.resolve("data"), 4, 3), whole = folder.resolve("whole"), parts = folder.resolve("parts");
    assertEquals(0, finetune(data, whole, "--weights", "none", "--augment", "shift", "--epochs", "2").status());
    assertEquals(0, finetune(data, parts, "--weights", "none", "--augment", "shift", "--epochs", "1").status());

    var resumed = finetune(data, parts, "--weights", "none", "--augment", "shift", "--epochs", "2", "--resume", "--workers", "0");

    assertEquals(0, resumed.status(), resumed.err());
    assertEquals(-1, Files.mismatch(whole.resolve("model.safetensors"), parts.resolve("model.safetensors")));
    assertEquals(3, Files.readAllLines(parts.resolve("log.csv")).size());

    var other = finetune(data, parts, "--weights", "none", "--augment", "flip", "--epochs", "3", "--resume");
    assertEquals(2, other.status());
    assertEquals(
        "flambeau: the run in " + parts + " was started with --augment shift, not flip: give the same, or another --out without --resume\n",
        other.err());
    var again = finetune(data, parts, "--weights", "none", "--epochs", "3");
    assertEquals("flambeau: " + parts + " holds a run: add --resume to go on with it, or give another --out\n", again.err());
  }

  @Test
  void aRunInMixedPrecisionSaysSoAndGoesOnInThatAlone() throws Exception {
    Path data = Pictures.folder(folder.resolve("data"), 4, 3), out = folder.resolve("run");

    var half = finetune(data, out, "--weights", "none", "--epochs", "1", "--amp=float16");
    var brain = finetune(data, folder.resolve("brain"), "--weights", "none", "--epochs", "1", "--amp", "--lr", "0.001");

    assertEquals(0, half.status(), half.err());
    assertTrue(half.out().contains("learn; autocast to float16\nepoch 1/1  loss"), half.out());
    assertTrue(half.out().contains("  loss scale "), half.out());
    assertTrue(Files.readAllLines(out.resolve("log.csv")).getLast().matches("(.*,){7}\\d+\\.\\d,\\d+,.*,.*"));
    assertEquals(0, brain.status(), brain.err());
    assertTrue(brain.out().contains("learn; autocast to bfloat16\n"), brain.out());
    assertEquals(
        "flambeau: the run in " + out + " was started with --amp float16, not none: give the same, or another --out without --resume\n",
        finetune(data, out, "--weights", "none", "--epochs", "2", "--resume").err());
    var resumed = finetune(data, out, "--weights", "none", "--epochs", "2", "--resume", "--amp=float16");
    assertEquals(0, resumed.status(), resumed.err());
    var refused = finetune(data, folder.resolve("other"), "--amp=float64");
    assertEquals(2, refused.status());
    assertTrue(refused.err().startsWith("flambeau: Invalid value for option '--amp': expected bfloat16 or float16, got float64\n"),
        refused.err());
  }

  @Test
  void filesOfMnistAreKnownAndImagesChosenByClassAndSeed() throws Exception {
    Path data = Pictures.idx(folder.resolve("data"), 80, 30);

    var run = finetune(data, folder.resolve("run"), "--weights", "none", "--epochs", "1", "--classes", "5-9", "--per-class", "1",
        "--skip-samples", "10", "--val-samples", "5");

    assertEquals(0, run.status(), run.err());
    assertTrue(run.out().startsWith("IDX files: learning from 5 images of 5 classes, evaluating on 5\n"), run.out());
    assertEquals(List.of("5", "6", "7", "8", "9"), Tree.load(folder.resolve("run/best.pth")).tree("description").texts("classes"));
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
    "--epochs 0 | --epochs must be at least 1, got 0",
    "--lr -1 | --lr must be positive, got -1.0",
    "--lr NaN | --lr must be positive, got NaN",
    "--optimizer adam --momentum 0.5 | --momentum is for sgd: leave it out with adam",
    "--train-samples 3 --per-class 1 | --train-samples and --per-class contradict each other: give one",
    "--val-fraction 1.5 | --val-fraction must lie between 0 and 1, got 1.5",
    "--weights none --keep-head | --keep-head needs --weights to keep the head of",
    "--weights absent.pth | --weights: expected none, default or a .pth or .safetensors file, but there is no file absent.pth",
    "--model vit_b_16 | vit_b_16 takes images of 224 by 224 alone: leave out --image-size",
    "--resume | --resume: there is no OUT/last.pth to go on from",
    "--device cuda:x | --device: expected cpu, cuda, cuda:N or best, got cuda:x",
    "--weights none --classes red,pink | --classes: there is no class pink; the 3 classes are blue, green, red",
    "--weights none --classes red | --classes names red alone: there is nothing to tell it from",
    "--weights none --per-class 9 | class blue has 2 images to choose from, fewer than 9: lower --per-class",
    "--weights none --train-samples 100 | --train-samples asks for 100 images, there are 7",
    "--weights none --warmup 100 | --warmup 100 is longer than the run, which has 6 steps"})
  void whatMakesNoSenseIsRefusedInOneSentenceBeforeAnythingIsWritten(String options, String message) throws Exception {
    Path data = Pictures.folder(folder.resolve("data"), 3, 4), out = folder.resolve("run");

    var run = finetune(data, out, options.split(" "));

    assertEquals(2, run.status());
    assertEquals("flambeau: " + message.replace("OUT", out.toString()) + "\n", run.err());
    assertFalse(Files.exists(out));
  }

  @Test
  void anEmptyClassFolderAndAFolderWithoutImagesAreRefused() throws Exception {
    Path data = Pictures.folder(folder.resolve("data"), 2, 5), empty = Files.createDirectory(folder.resolve("empty"));
    Files.createDirectory(data.resolve("violet"));

    var gap = finetune(data, folder.resolve("run"), "--weights", "none");
    var nothing = finetune(empty, folder.resolve("run"), "--weights", "none");

    assertEquals(1, gap.status());
    assertTrue(gap.err().startsWith("flambeau: Found no valid file for the classes violet."), gap.err());
    assertEquals(2, nothing.status());
    assertTrue(nothing.err().startsWith("flambeau: found no images in " + empty), nothing.err());
    assertFalse(Files.exists(folder.resolve("run")));
  }
}
