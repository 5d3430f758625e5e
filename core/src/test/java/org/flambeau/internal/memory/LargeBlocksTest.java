package org.flambeau.internal.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/// The library and the JDK lie between a program, here the one that runs the tests, and the memory that it asks for.
class LargeBlocksTest {
  @Test
  void theProgramIsToldOfItsOwnCode() {
    LargeBlocks blocks = new LargeBlocks();
    blocks.allocated(1, 3 << 20, "add");
    blocks.allocated(2, 3 << 20, "add");
    blocks.allocated(3, 1 << 20, "");
    blocks.allocated(4, 1000, "small");
    blocks.freed(1, 3 << 20);

    String[] lines = blocks.describe().strip().split("\n");

    assertEquals(2, lines.length);
    assertTrue(lines[0].startsWith("3.0 MiB in 1 blocks allocated at ") && lines[0].endsWith(", by add"), lines[0]);
    for (String line : lines) {
      assertTrue(line.contains("org.junit."), line);
    }
  }
}
