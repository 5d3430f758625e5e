package org.flambeau.backend.cpu.vector;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static org.flambeau.backend.cpu.vector.FloatMath.SPECIES;
import static org.flambeau.spi.NativeMemory.ALL;

import java.lang.invoke.MethodHandles;
import java.util.List;
import java.util.Map;
import jdk.incubator.vector.FloatVector;
import org.flambeau.backend.cpu.BFloat16Lanes;
import org.flambeau.backend.cpu.Inliner;

/// bfloat16 to and from floats.
final class BFloat16Move implements LaneMove {
  static LaneMove make() {
    return Inliner.specialize(MethodHandles.lookup(), LaneMove.class, BFloat16Move.class, List.of(BFloat16Lanes.class), Map.of(),
        "bfloat16");
  }

  @Override
  public int lanes() {
    return SPECIES.length();
  }

  @Override
  public void load(long from, long tile, int n) {
    for (int i = 0; i < n; i += SPECIES.length()) {
      BFloat16Lanes.load(from + 2L * i).intoMemorySegment(ALL, tile + 4L * i, LITTLE_ENDIAN);
    }
  }

  @Override
  public void store(long tile, long to, int n) {
    for (int i = 0; i < n; i += SPECIES.length()) {
      BFloat16Lanes.store(FloatVector.fromMemorySegment(SPECIES, ALL, tile + 4L * i, LITTLE_ENDIAN), to + 2L * i);
    }
  }
}
