package org.flambeau.cli;

import static org.flambeau.cli.Command.flambeau;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// `bench --peer` beside a peer that is no PyTorch but speaks as its script does.
class BenchPeerTest {
  @TempDir private Path folder;

  /// A program that says what it is, then answers each comparison with `fingerprint` and each request of times with half a second, all of
  /// it done backwards.
  private String peer(String fingerprint) throws IOException {
    return program("echo a warning of some module; echo '@answer {\"torch\": \"none\"}'; while read line; do case $line in "
        + "*calls*) echo '@answer {\"seconds\": [0.5]}';; *) echo '@answer {\"variant\": \"backwards\", \"fingerprint\": ["
        + fingerprint + "]}';; esac; done");
  }

  private String program(String script) throws IOException {
    Path file = Files.writeString(folder.resolve("peer"), "#!/bin/sh\n" + script + "\n");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwx------"));
    return file.toString();
  }

  @Test
  void aPeerIsTimedInTurnsAndStandsInTheTableAndInTheFile() throws Exception {
    Path json = folder.resolve("measured.json");

    var run = flambeau("bench", "ops", "add of 10, in place", "--runs", "2", "--peer=" + peer("0.0, 0.0, 0.0"), "--json", json.toString());

    assertEquals(0, run.status(), run.err());
    assertTrue(run.out().lines().anyMatch(line -> line.matches("add of 10, in place +.* 500.0 ms backwards +0.00")), run.out());
    assertTrue(run.out().contains("\npeer: {\"torch\": \"none\"}"), run.out());
    assertTrue(Files.readString(json).contains("\"peer_seconds\":0.5,\"peer_variant\":\"backwards\",\"ratio\":"), Files.readString(json));
  }

  @Test
  void timesOfAPeerWithOtherResultsAreNotTaken() throws Exception {
    Path json = folder.resolve("measured.json");

    var run = flambeau("bench", "ops", "add of 10, in place", "--peer=" + peer("0.5, 0.5, 0.0"), "--json", json.toString());

    assertEquals(1, run.status());
    assertTrue(run.err().startsWith("flambeau: add of 10, in place: results differ, so times mean nothing: "), run.err());
    assertFalse(Files.exists(json));
  }

  @Test
  void aPeerThatEndsOrIsNotThereIsToldOf() throws Exception {
    String silent = program("exit 3");
    assertEquals("flambeau: --peer " + silent + " has ended: it needs torch, and torchvision for models; what it said stands above\n",
        flambeau("bench", "ops", "add of 10, in place", "--peer=" + silent).err());
    var missing = flambeau("bench", "ops", "add of 10, in place", "--peer=" + folder.resolve("nothing"));
    assertEquals(1, missing.status());
    assertTrue(missing.err().startsWith("flambeau: --peer " + folder.resolve("nothing") + " cannot be started: "), missing.err());
  }

  @Test
  void aFolderForTheMeasurementsIsAskedForBeforeAnythingIsMeasured() {
    var run = flambeau("bench", "ops", "add of 10, in place", "--json", folder.resolve("no/such.json").toString());

    assertEquals(2, run.status());
    assertEquals("flambeau: --json " + folder.resolve("no/such.json") + ": there is no such folder\n", run.err());
  }

  @Test
  void sizesThatDoNotFitAreMisuse() {
    var run = flambeau("bench", "train", "--model", "resnet18", "--batch", "1", "--image-size", "32", "--runs", "1", "--warmup", "0");

    assertEquals(2, run.status());
    assertTrue(run.err().startsWith("flambeau: these sizes do not fit: "), run.err());
  }

  /// In training, a batch norm refuses one value per channel.
  @Test
  void aFrozenBackboneEvaluates() {
    var run = flambeau("bench", "finetune", "--model", "resnet18", "--batch", "1", "--image-size", "32", "--runs", "1", "--warmup", "0");

    assertEquals(0, run.status(), run.err());
  }

  @Test
  void anOperationThatIsNotThereIsMisuse() {
    var run = flambeau("bench", "ops", "nothing of the kind");

    assertEquals(2, run.status());
    assertTrue(run.err().startsWith("flambeau: no operation has one of [nothing of the kind] in its name; there are matmul "), run.err());
  }
}
