package org.flambeau.build;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.flambeau.backend.cpu.vector.FloatVectorization;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LauncherTest {
  @Test
  void runsAScriptWithItsArgumentsAndKeepsStderrClean(@TempDir Path folder) throws Exception {
    Path script = Files.writeString(folder.resolve("Sum.java"), """
        import module org.flambeau;

        void main(String[] values) {
          IO.println(Tensor.of(Float.parseFloat(values[0]), Float.parseFloat(values[1])).sum());
        }
        """);

    var run = Checkout.run(List.of(Checkout.LAUNCHER, "run", script, "1.5", "2"));

    assertEquals(new Checkout.Run(0, "tensor(3.5000)\n", ""), run);
  }

  @Test
  void asksForEarlyCompilationOfTheLoopsWhereTheyAre(@TempDir Path folder) throws Exception {
    Path script = Files.writeString(folder.resolve("Options.java"), """
        void main() {
          java.lang.management.ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
              .filter(option -> option.contains("Scaling")).forEach(IO::println);
        }
        """);

    assertEquals(new Checkout.Run(0,
        "-XX:CompileCommand=CompileThresholdScaling," + FloatVectorization.class.getPackageName() + ".*::*,0.1\n", ""),
        Checkout.run(List.of(Checkout.LAUNCHER, "run", script)));
  }

  /// Without the annotations that the library is compiled with, javac crashes here.
  @Test
  void compilersSayWhichMethodsThereAre(@TempDir Path folder) throws Exception {
    Path script = Files.writeString(folder.resolve("Loss.java"), """
        import module org.flambeau;

        void main() {
          IO.println(Functional.nllLoss(Tensor.ones(2, 3).relu(), Tensor.ones(2), 3));
        }
        """);

    var run = Checkout.run(List.of(Checkout.LAUNCHER, "run", script));

    assertEquals(1, run.status());
    assertTrue(run.err().contains("no suitable method found for nllLoss(Tensor,Tensor,int)"), run.err());
  }

  /// As in containers, where no locale is set.
  @Test
  void namesFilesInUtf8WhateverTheLocale(@TempDir Path folder) throws Exception {
    Path script = Files.writeString(folder.resolve("List.java"), """
        void main(String[] folder) throws Exception {
          for (var file : java.nio.file.Files.list(java.nio.file.Path.of(folder[0])).toList()) {
            IO.println(file.getFileName().toString().codePoints().boxed().toList());
          }
        }
        """);
    Path images = Files.createDirectory(folder.resolve("кот"));
    Files.writeString(images.resolve("猫"), "");

    assertEquals(new Checkout.Run(0, "[29483]\n", ""),
        Checkout.run(List.of("env", "LC_ALL=C", Checkout.LAUNCHER, "run", script, images)));
  }

  @Test
  void passesTheExitStatusAndStderrOfTheScriptOn(@TempDir Path folder) throws Exception {
    Path script = Files.writeString(folder.resolve("Exit.java"), """
        void main() {
          System.err.print("no newline");
          System.exit(7);
        }
        """);

    assertEquals(new Checkout.Run(7, "", "no newline"), Checkout.run(List.of(Checkout.LAUNCHER, "run", script)));
  }

  @Test
  void doctorRunsOnTheModulePath() throws Exception {
    var run = Checkout.run(List.of(Checkout.LAUNCHER, "doctor"));

    assertEquals(0, run.status(), run.err());
    assertEquals("", run.err());
    assertTrue(run.out().contains("\n  flambeau          0."), run.out());
    assertTrue(run.out().contains("\nbackend cpu\n"), run.out());
  }

  @Test
  void commandsRunOnTheModulePathAndSayInOneLineWhatIsWrong() throws Exception {
    var summary = Checkout.run(List.of(Checkout.LAUNCHER, "summary", "--model", "resnet18", "--input", "1x3x32x32", "--depth", "0"));
    assertEquals("", summary.err());
    assertTrue(summary.out().contains("\nparameters     11,689,512\n"), summary.out());

    var misuse = Checkout.run(List.of(Checkout.LAUNCHER, "finetune", "--data", "nowhere", "--weights", "none"));
    assertEquals(new Checkout.Run(2, "", "flambeau: nowhere is not a folder: there is nothing of that name\n"), misuse);
  }

  @Test
  void tourShowsTitleCodeAndOutput() throws Exception {
    var run = Checkout.run(List.of(Checkout.LAUNCHER, "tour", "2"));

    assertEquals(0, run.status(), run.err());
    assertTrue(run.out().startsWith("2. A polynomial\n"), run.out());
    assertTrue(run.out().contains("\n  y.backward();\n"), run.out());
    assertTrue(run.out().contains("\n  tensor(93.)\n"), run.out());
  }

  @Test
  void saysInOneLineWhatIsWrongWithTheCommand() throws Exception {
    assertEquals(
        new Checkout.Run(2, "",
            "flambeau: unknown command 'fly'; the commands are demo, finetune, predict, bench, summary, doctor, run, tour and java\n"),
        Checkout.run(List.of(Checkout.LAUNCHER, "fly")));
    assertEquals(new Checkout.Run(2, "", "flambeau: cannot read 'Missing.java'\n"),
        Checkout.run(List.of(Checkout.LAUNCHER, "run", "Missing.java")));
  }
}
