package org.flambeau.backend.cpu.gemm;

import java.lang.invoke.MethodHandles;
import java.util.List;
import java.util.Map;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;
import org.flambeau.DType;
import org.flambeau.backend.cpu.Inliner;
import org.flambeau.backend.cpu.Vectorization;

/// The innermost product, of one element type: [#ROWS] rows of the result by three vectors of columns, which is what fits the
/// registers of every vector width with latency hidden (12 sums, 3 columns and 1 broadcast of 16 registers). Without vectors it is [PlainTile].
interface Tile {
  int ROWS = 4;

  /// The tile of a dtype that products are computed in: float32, float64, int32 or int64.
  static Tile of(DType dtype) {
    if (Vectorization.PRESENT == null) {
      return new PlainTile(dtype);
    }
    Class<?> lane = switch (dtype) {
      case FLOAT32 -> float.class;
      case FLOAT64 -> double.class;
      case INT32 -> int.class;
      default -> long.class;
    };
    return Inliner.specialize(MethodHandles.lookup(), Tile.class, LaneTile.class, List.of(), Map.of(),
        VectorSpecies.of(lane, VectorShape.preferredShape()));
  }

  /// How many columns of the result one tile spans.
  int columns();

  /// Bytes of an element.
  int elementSize();

  /// C += A·B. A holds `depth` groups of [#ROWS] elements, B `depth` groups of [#columns()], C rows `pitch` bytes apart.
  /// There is no C = A·B: a choice here would make the compiler box the sums.
  void multiply(int depth, long a, long b, long c, long pitch);

  /// C += T for the first rows and columns of a tile whose rows are [#columns()] apart.
  void add(long tile, long c, long pitch, int rows, int columns);
}
