package org.flambeau.cli;

import static org.flambeau.cli.Command.flambeau;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.flambeau.cli.training.Tree;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DemoCommandTest {
  @TempDir private Path folder;

  private Command demo(Path data) {
    return flambeau("demo", "--data", data.toString(), "--out", folder.resolve("demo").toString(), "--train-samples", "50", "--epochs", "1",
        "--val-samples", "20");
  }

  @Test
  void itLearnsFromScratchThenANewClassifierOnTheFrozenBackbone() throws Exception {
    Path data = Pictures.idx(folder.resolve("data"), 400, 40), scratch = folder.resolve("demo/scratch"), head = folder.resolve("demo/head");

    var run = demo(data);

    assertEquals(0, run.status(), run.err());
    List<String> lines = run.out().lines().toList();
    assertEquals(2, lines.stream().filter(line -> line.startsWith("$ flambeau finetune --data " + data)).count(), run.out());
    for (String line : List.of("IDX files: learning from 50 images of 10 classes, evaluating on 20",
        "resnet18 with 11,181,642 parameters, of which 11,181,642 learn",
        "IDX files: learning from 100 images of 5 classes, evaluating on 10",
        "resnet18 with 11,179,077 parameters, of which 2,565 learn")) {
      assertTrue(lines.contains(line), () -> line + " in\n" + run.out());
    }
    for (Path stage : List.of(scratch, head)) {
      assertTrue(lines.stream().anyMatch(line -> line.startsWith("best: epoch ") && line.endsWith("; " + stage.resolve("best.pth"))),
          run.out());
      for (String file : List.of("last.pth", "best.pth", "model.pth", "model.safetensors", "log.csv", "curves.png")) {
        assertTrue(Files.size(stage.resolve(file)) > 0, file);
      }
    }
    assertEquals(List.of("5", "6", "7", "8", "9"), Tree.load(head.resolve("best.pth")).tree("description").texts("classes"));

    assertEquals(new Command(2, "", "flambeau: " + folder.resolve("demo") + " holds an earlier demo: remove it, or give another --out\n"),
        demo(data));
  }

  @Test
  void whatEndsTheFirstPartEndsTheDemo() throws Exception {
    var run = demo(Files.createDirectory(folder.resolve("empty")));

    assertEquals(2, run.status());
    assertTrue(run.err().startsWith("flambeau: found no images in "), run.err());
    assertEquals(1, run.out().lines().filter(line -> line.startsWith("$ flambeau")).count(), run.out());
  }
}
