package org.flambeau.backend.cpu.amx;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The machine code is what its listing says.
final class AmxProductTest {
  @TempDir private Path folder;

  @Test
  void isWhatAnAssemblerMakesOfItsListing() throws IOException, InterruptedException {
    assumeTrue(System.getProperty("os.arch").equals("amd64") && runs("as", "--version") && runs("objcopy", "--version"),
        "GNU as and objcopy for x86-64 are here");
    Path source = Files.writeString(folder.resolve("code.s"), AmxProduct.LISTING.lines()
        .map(line -> line.substring(Math.min(line.length(), AmxProduct.CODE_COLUMNS))).collect(Collectors.joining("\n", "", "\n")));
    Path object = folder.resolve("code.o");
    Path code = folder.resolve("code");

    assertEquals(0, run("as", source.toString(), "-o", object.toString()));
    assertEquals(0, run("objcopy", "-O", "binary", "-j", ".text", object.toString(), code.toString()));

    assertArrayEquals(Files.readAllBytes(code), AmxProduct.code());
  }

  private static boolean runs(String... command) throws InterruptedException {
    try {
      return run(command) == 0;
    } catch (IOException e) {
      return false;
    }
  }

  private static int run(String... command) throws IOException, InterruptedException {
    return new ProcessBuilder(command).redirectOutput(ProcessBuilder.Redirect.DISCARD).redirectError(ProcessBuilder.Redirect.INHERIT)
        .start()
        .waitFor();
  }
}
