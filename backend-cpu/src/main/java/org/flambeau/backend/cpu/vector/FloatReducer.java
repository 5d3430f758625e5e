package org.flambeau.backend.cpu.vector;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.F2D;
import static org.flambeau.backend.cpu.vector.FloatMath.SPECIES;
import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.LONG;

import java.lang.invoke.MethodHandles;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import org.flambeau.backend.cpu.Reducer;
import org.flambeau.backend.cpu.Scratch;
import org.flambeau.backend.cpu.Specialization;
import org.flambeau.spi.NativeMemory;

/// The vector loops of a fold over floats, copied for each fold, whose functions take the places of [#map] and [#combine].
///
/// Lanes are combined in a fixed order, which the Vector API's own reductions do not promise, and in double: of products of many small
/// numbers, what is subnormal takes a processor a hundred times longer.
final class FloatReducer implements Reducer {
  /// What a copy is made for.
  ///
  /// @param halves whether the elements lie in a half precision, which [#widened] reads
  record Start(float value, boolean halves) {}

  private static final Start START = Specialization.data(MethodHandles.lookup(), Start.class);
  private static final float INIT = START.value();
  private static final boolean HALVES = START.halves();
  private static final int LANES = SPECIES.length();
  private static final int STEP = SPECIES.vectorByteSize();
  /// Bytes of an element, and of as many as a vector has.
  private static final int SIZE = HALVES ? Short.BYTES : Float.BYTES;
  private static final int READ = LANES * SIZE;
  /// From here on a row has work enough for a vector's lanes on its own; shorter ones are folded together.
  private static final int LONG_ROW = 256;

  /// The elements that fill no vector are combined lane by lane with the first ones.
  @Override
  public long row(long x, int n, double parameter) {
    FloatVector s = FloatVector.broadcast(SPECIES, (float) parameter);
    FloatVector result = vectors(x, n / LANES, s);
    int rest = n % LANES;
    if (rest > 0) {
      FloatVector last = map(readTail(x + (long) (n - rest) * SIZE, rest), s);
      result = result.blend(combine(result, last), SPECIES.indexInRange(0, rest));
    }
    DoubleVector wide = combineWide((DoubleVector) result.convert(F2D, 0), (DoubleVector) result.convert(F2D, 1));
    wide = LANES > 8 ? combineWide(wide, wide.rearrange(DoubleMath.BY_4)) : wide;
    wide = LANES > 4 ? combineWide(wide, wide.rearrange(DoubleMath.BY_2)) : wide;
    return Double.doubleToRawLongBits(combineWide(wide, wide.rearrange(DoubleMath.BY_1)).lane(0));
  }

  private static FloatVector vectors(long x, int vectors, FloatVector s) {
    long at = x;
    FloatVector result = FloatVector.broadcast(SPECIES, INIT);
    if (vectors >= 4) {
      FloatVector a = result;
      FloatVector b = result;
      FloatVector c = result;
      FloatVector d = result;
      for (int i = 0; i < vectors / 4; i++, at += 4 * READ) {
        a = combine(a, map(read(at), s));
        b = combine(b, map(read(at + READ), s));
        c = combine(c, map(read(at + 2 * READ), s));
        d = combine(d, map(read(at + 3 * READ), s));
      }
      result = combine(combine(a, b), combine(c, d));
    }
    for (int i = 0; i < vectors % 4; i++, at += READ) {
      result = combine(result, map(read(at), s));
    }
    return result;
  }

  @Override
  public void each(long results, long x, long stride, int rows, int n, double parameter) {
    if (n >= LONG_ROW) {
      for (int row = 0; row < rows; row++) {
        ALL.set(LONG, results + 8L * row, row(x + row * stride, n, parameter));
      }
      return;
    }
    long padded = Scratch.current().tile(1);
    for (int row = 0; row < rows; row += LANES) {
      int count = Math.min(LANES, rows - row);
      long to = results + 8L * row;
      square(count == LANES ? to : padded, x + row * stride, stride, count, n, (float) parameter);
      if (count < LANES) {
        NativeMemory.copy(padded, to, 8L * count);
      }
    }
  }

  /// A vector for each row, of which there are as many as lanes or fewer; then rows are interleaved by pairs and the halves
  /// combined, until one vector holds what each row comes to.
  private void square(long results, long x, long stride, int rows, int n, float parameter) {
    FloatVector s = FloatVector.broadcast(SPECIES, parameter);
    int rest = n % LANES;
    int whole = (n - rest) * SIZE;
    VectorMask<Float> inRow = SPECIES.indexInRange(0, rest);
    long vectors = Scratch.current().tile(0);
    for (int row = 0; row < rows; row++) {
      long at = x + row * stride;
      FloatVector result = FloatVector.broadcast(SPECIES, INIT);
      for (int i = 0; i < whole; i += READ) {
        result = combine(result, map(read(at + i), s));
      }
      result = rest > 0 ? result.blend(combine(result, map(readTail(at + whole, rest), s)), inRow) : result;
      result.intoMemorySegment(ALL, vectors + row * STEP, LITTLE_ENDIAN);
    }
    for (int half = LANES / 2 * STEP; half >= STEP; half /= 2) {
      for (int i = 0; i < half; i += STEP) {
        IntVector a = load(vectors + i).reinterpretAsInts();
        IntVector b = load(vectors + half + i).reinterpretAsInts();
        combine(FloatMath.ZIP_LOW.selectFrom(a, b).reinterpretAsFloats(), FloatMath.ZIP_HIGH.selectFrom(a, b).reinterpretAsFloats())
            .intoMemorySegment(ALL, vectors + i, LITTLE_ENDIAN);
      }
    }
    FloatVector all = load(vectors);
    all.convert(F2D, 0).intoMemorySegment(ALL, results, LITTLE_ENDIAN);
    all.convert(F2D, 1).intoMemorySegment(ALL, results + STEP, LITTLE_ENDIAN);
  }

  @Override
  public void rows(long acc, long x, long stride, int rows, long parameters, int n) {
    int whole = SPECIES.loopBound(n) * Float.BYTES;
    int row = 0;
    for (; row <= rows - 4; row += 4) {
      fourRows(acc, x + row * stride, stride, parameters, whole);
    }
    for (; row < rows; row++) {
      oneRow(acc, x + row * stride, parameters, whole);
    }
    int rest = n % LANES;
    if (rest > 0) {
      tail(acc + whole, x + place(whole), stride, rows, parameters + whole, rest);
    }
  }

  /// Whole rows, since the processor reads ahead along them. An instance method, as the next is, which is not written into its callers.
  private void fourRows(long acc, long x, long stride, long parameters, int bytes) {
    for (int at = 0; at < bytes; at += STEP) {
      FloatVector s = load(parameters + at);
      long from = x + place(at);
      FloatVector a = combine(load(acc + at), map(read(from), s));
      FloatVector b = combine(a, map(read(from + stride), s));
      FloatVector c = combine(b, map(read(from + 2 * stride), s));
      combine(c, map(read(from + 3 * stride), s)).intoMemorySegment(ALL, acc + at, LITTLE_ENDIAN);
    }
  }

  private void oneRow(long acc, long x, long parameters, int bytes) {
    for (int at = 0; at < bytes; at += STEP) {
      combine(load(acc + at), map(read(x + place(at)), load(parameters + at))).intoMemorySegment(ALL, acc + at, LITTLE_ENDIAN);
    }
  }

  /// An instance method, since the first compiler gives up at one with both loops, and the second never gets to see it.
  private void tail(long acc, long x, long stride, int rows, long parameters, int rest) {
    FloatVector s = FloatTail.load(parameters, rest);
    FloatVector result = FloatTail.load(acc, rest);
    long at = x;
    for (int r = 0; r < rows; r++, at += stride) {
      result = combine(result, map(readTail(at, rest), s));
    }
    FloatTail.store(result, acc, rest);
  }

  static FloatVector map(FloatVector x, FloatVector parameter) {
    throw new AssertionError("[reducer] the template has no fold");
  }

  static FloatVector combine(FloatVector a, FloatVector b) {
    throw new AssertionError("[reducer] the template has no fold");
  }

  static DoubleVector combineWide(DoubleVector a, DoubleVector b) {
    throw new AssertionError("[reducer] the template has no fold");
  }

  static FloatVector widened(long from) {
    throw new AssertionError("[reducer] the template has no load");
  }

  /// Bytes of as many elements as `floats` bytes of floats are.
  private static int place(int floats) {
    return HALVES ? floats / 2 : floats;
  }

  private static FloatVector read(long address) {
    return HALVES ? widened(address) : load(address);
  }

  /// A vector whose first `n` lanes are the elements there; the others are anything.
  private static FloatVector readTail(long address, int n) {
    if (!HALVES) {
      return FloatTail.load(address, n);
    }
    long padded = Scratch.current().padding();
    NativeMemory.copy(address, padded, (long) n * Short.BYTES);
    return widened(padded);
  }

  private static FloatVector load(long address) {
    return FloatVector.fromMemorySegment(SPECIES, ALL, address, LITTLE_ENDIAN);
  }
}
