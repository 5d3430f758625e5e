package org.flambeau.cli;

import static org.flambeau.cli.Command.flambeau;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class MainTest {
  @Test
  void anUnknownFlagIsMisuseAndTheNearestOneIsSuggested() {
    var run = flambeau("doctor", "--debgu");

    assertEquals(2, run.status());
    assertEquals("", run.out());
    assertEquals("""
        flambeau: Unknown option: '--debgu'
        Did you mean: --debug?
        See: flambeau doctor --help
        """, run.err());
  }

  @Test
  void everyCommandExplainsItself() {
    for (String command : Main.commandLine().getSubcommands().keySet()) {
      var run = flambeau(command, "--help");

      assertEquals(0, run.status(), run.err());
      assertTrue(run.out().startsWith("Usage: flambeau " + command), run.out());
      assertTrue(run.out().lines().allMatch(line -> line.length() <= 120), run.out());
    }
  }

  @Test
  void doctorTellsOfMachineBackendsAndFolders() {
    var run = flambeau("doctor");

    assertEquals(0, run.status(), run.err());
    for (String title : new String[] {"machine", "backend cpu", "backend cuda", "native libraries", "folders"}) {
      assertTrue(run.out().lines().anyMatch(title::equals), () -> title + " in\n" + run.out());
    }
    assertTrue(run.out().contains(Runtime.version().toString()), run.out());
    assertTrue(run.out().contains("matrix products and convolutions"), run.out());
  }
}
