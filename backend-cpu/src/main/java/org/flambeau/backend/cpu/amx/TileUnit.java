package org.flambeau.backend.cpu.amx;

import org.flambeau.backend.cpu.PairLayouts;
import org.flambeau.backend.cpu.Vectorization;
import org.jspecify.annotations.Nullable;

/// What computes with tiles of bfloat16: the products, and how their factors get there.
public record TileUnit(BlockProduct products, PairLayouts layouts) {
  /// The processor's, or null where the operating system or the JVM has no way to it. Whether the processor has one is to be known before.
  public static final @Nullable TileUnit PRESENT = find();

  private static @Nullable TileUnit find() {
    PairLayouts layouts = Vectorization.PRESENT == null ? null : Vectorization.PRESENT.pairLayouts();
    return layouts == null || AmxProduct.PRESENT == null ? null : new TileUnit(AmxProduct.PRESENT, layouts);
  }
}
