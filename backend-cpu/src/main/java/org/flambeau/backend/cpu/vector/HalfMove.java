package org.flambeau.backend.cpu.vector;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static org.flambeau.backend.cpu.vector.FloatMath.SPECIES;
import static org.flambeau.spi.NativeMemory.ALL;

import java.lang.invoke.MethodHandles;
import java.util.List;
import java.util.Map;
import jdk.incubator.vector.FloatVector;
import org.flambeau.DType;
import org.flambeau.backend.cpu.BFloat16Lanes;
import org.flambeau.backend.cpu.Inliner;

/// float16 or bfloat16 to and from floats, copied for each with its loads and stores in the place of [#widened] and [#round].
final class HalfMove implements LaneMove {
  static LaneMove of(DType dtype) {
    return Inliner.specialize(MethodHandles.lookup(), LaneMove.class, HalfMove.class, List.of(lanes(dtype)),
        Map.of("widened", "load", "round", "store"), dtype);
  }

  /// Where the loads and stores of a half precision are.
  static Class<?> lanes(DType dtype) {
    return switch (dtype) {
      case FLOAT16 -> Float16Lanes.class;
      case BFLOAT16 -> BFloat16Lanes.class;
      default -> throw new IllegalArgumentException("[lanes] expected a half precision, got " + dtype.label());
    };
  }

  @Override
  public int lanes() {
    return SPECIES.length();
  }

  @Override
  public void load(long from, long tile, int n) {
    for (int i = 0; i < n; i += SPECIES.length()) {
      widened(from + 2L * i).intoMemorySegment(ALL, tile + 4L * i, LITTLE_ENDIAN);
    }
  }

  @Override
  public void store(long tile, long to, int n) {
    for (int i = 0; i < n; i += SPECIES.length()) {
      round(FloatVector.fromMemorySegment(SPECIES, ALL, tile + 4L * i, LITTLE_ENDIAN), to + 2L * i);
    }
  }

  static FloatVector widened(long from) {
    throw new AssertionError("[conversion] the template has no load");
  }

  static void round(FloatVector x, long to) {
    throw new AssertionError("[conversion] the template has no store");
  }
}
