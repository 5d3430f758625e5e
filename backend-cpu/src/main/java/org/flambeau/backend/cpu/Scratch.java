package org.flambeau.backend.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// Native memory of a thread's own for intermediate results within one part of one kernel.
public final class Scratch {
  /// Elements of a tile: small enough that the tiles of all operands stay in the first-level cache.
  public static final int TILE = 1024;

  private static final long TILE_BYTES = 8L * TILE;
  static final int TILES = 4;
  private static final int PADDING_BYTES = 6 * 64;
  private static final ThreadLocal<Scratch> CURRENT = ThreadLocal.withInitial(Scratch::new);

  private final MemorySegment tiles = Arena.ofAuto().allocate(TILES * TILE_BYTES + PADDING_BYTES + (long) TILE * Float.BYTES, 64);
  private final long address = tiles.address();
  private MemorySegment rows = tiles.asSlice(0, 0);

  private Scratch() {}

  public static Scratch current() {
    return CURRENT.get();
  }

  /// The tile of operand `k` < 4: room for [#TILE] elements of any compute type.
  public long tile(int k) {
    return address + k * TILE_BYTES;
  }

  /// Room for six vectors.
  public long padding() {
    return address + TILES * TILE_BYTES;
  }

  /// Room for [#TILE] floats that are on their way from one dtype to another.
  public long between() {
    return padding() + PADDING_BYTES;
  }

  /// Room for `bytes` apart from the tiles; its last user's content is lost.
  public long rows(long bytes) {
    if (rows.byteSize() < bytes) {
      rows = Arena.ofAuto().allocate(bytes + (bytes >> 2), 64);
    }
    return rows.address();
  }
}
