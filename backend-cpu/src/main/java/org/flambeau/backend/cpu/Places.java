package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.LONG;

import java.nio.ByteOrder;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// Where the elements are that indices name along one dimension.
///
/// Addresses are computed and checked for a tile of indices at once, apart from what is done there: of a loop that does both, the
/// processor sees too few elements ahead to hide that each of them may have to come from far.
///
/// @param dim the dimension, for the message
/// @param size how many elements there are along it
/// @param along the bytes from one of them to the next
/// @param fromEnd whether negative indices count from the end
record Places(int dim, long size, long along, boolean fromEnd) {
  private static final boolean VECTORS = Vectorization.PRESENT != null;

  Places(int dim, long size, long along) {
    this(dim, size, along, false);
  }

  /// Writes the addresses `from + i·fromStep + index[i]·along` of n elements to `to`.
  ///
  /// @throws IndexOutOfBoundsException where an index is not in [0, size)
  void write(long to, long from, long fromStep, long indices, long indexStep, int n) {
    int i = VECTORS && indexStep == Long.BYTES ? Vectors.write(this, to, from, fromStep, indices, n) : 0;
    for (; i < n; i++) {
      ALL.set(LONG, to + (long) i * Long.BYTES, from + i * fromStep + offset(indices + i * indexStep));
    }
  }

  /// Adds `index[i]·along` to n addresses.
  ///
  /// @throws IndexOutOfBoundsException where an index is not in [0, size)
  void advance(long addresses, long indices, long indexStep, int n) {
    for (int i = 0; i < n; i++) {
      long at = addresses + (long) i * Long.BYTES;
      ALL.set(LONG, at, ALL.get(LONG, at) + offset(indices + i * indexStep));
    }
  }

  private long offset(long where) {
    long index = ALL.get(LONG, where);
    return (fromEnd && index < 0 && index >= -size ? index + size : IndexKernels.checked(index, dim, size)) * along;
  }

  /// Apart, since it is there only where vectors are.
  private static final class Vectors {
    private static final VectorSpecies<Long> SPECIES = LongVector.SPECIES_PREFERRED;
    private static final int LANES = SPECIES.length();

    /// As many of n addresses as fill whole vectors; returns how many. Where an index is wrong, the ones from its vector on are left.
    static int write(Places places, long to, long from, long fromStep, long indices, int n) {
      LongVector offset = LongVector.zero(SPECIES).addIndex(1).mul(fromStep).add(from);
      long advance = fromStep * LANES;
      int i = 0;
      for (; i <= n - LANES; i += LANES) {
        LongVector index = LongVector.fromMemorySegment(SPECIES, ALL, indices + (long) i * Long.BYTES, ByteOrder.LITTLE_ENDIAN);
        if (places.fromEnd) {
          index = index.add(places.size, index.compare(VectorOperators.LT, 0));
        }
        if (index.compare(VectorOperators.UGE, places.size).anyTrue()) {
          return i;
        }
        index.mul(places.along).add(offset).intoMemorySegment(ALL, to + (long) i * Long.BYTES, ByteOrder.LITTLE_ENDIAN);
        offset = offset.add(advance);
      }
      return i;
    }
  }
}
