package org.flambeau.backend.cpu.amx;

/// The elements of a kernel that a phase of both dimensions sees, in parts, each of what lies side by side in memory: neighbours in a line, with all
/// channels of each.
final class Taps {
  private static final int SIDE = BlockProduct.SIDE;
  private static final long STEP_BYTES = (long) SIDE * SIDE * Short.BYTES;

  final Dimension.Phase down;
  final Dimension.Phase across;
  /// Elements of a part.
  final int width;
  final int parts;
  /// Steps of a product for a part.
  final long steps;
  private final int partsOfLine;
  /// Steps for an element of the kernel.
  private final long blocks;

  /// @param channels of what is read, blocks of 32
  Taps(Dimension.Phase down, Dimension.Phase across, long channels) {
    this.down = down;
    this.across = across;
    int columns = across.elements().length;
    width = across.seesNeighbours() ? columns : 1;
    partsOfLine = columns == 0 ? 0 : columns / width;
    parts = down.elements().length * partsOfLine;
    blocks = channels / SIDE;
    steps = width * blocks;
  }

  /// Which of the phase's elements down a part is of.
  int line(int part) {
    return part / partsOfLine;
  }

  /// Which of its elements across comes first.
  int column(int part) {
    return part % partsOfLine * width;
  }

  /// Bytes of the kernel for 32 results.
  long bytes() {
    return parts * steps * STEP_BYTES;
  }

  /// Where among them the pairs of element `i` of a part begin for a block of 32 channels.
  long at(int part, int i, long block) {
    return (part * steps + i * blocks + block) * STEP_BYTES;
  }
}
