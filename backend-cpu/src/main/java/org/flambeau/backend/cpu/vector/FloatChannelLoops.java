package org.flambeau.backend.cpu.vector;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static org.flambeau.backend.cpu.vector.FloatMath.SPECIES;
import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.FLOAT;
import static org.flambeau.spi.NativeMemory.SHORT;

import java.lang.invoke.MethodHandles;
import java.util.List;
import java.util.Map;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;
import org.flambeau.DType;
import org.flambeau.backend.cpu.BFloat16Lanes;
import org.flambeau.backend.cpu.ChannelLoops;
import org.flambeau.backend.cpu.Inliner;
import org.flambeau.backend.cpu.Specialization;

/// [ChannelLoops] on vectors, two of them side by side, of which a last one alone is both, copied for each dtype with its loads and stores in the place of [#widened] and [#round].
final class FloatChannelLoops implements ChannelLoops {
  private static final DType DTYPE = Specialization.data(MethodHandles.lookup(), DType.class);
  private static final boolean HALF = DTYPE != DType.FLOAT32;
  /// The bits of a half precision's infinity.
  private static final int INFINITY = DTYPE == DType.BFLOAT16 ? 0x7f80 : 0x7c00;
  private static final VectorSpecies<Short> SHORTS = VectorSpecies.of(short.class, SPECIES.vectorShape());
  private static final int STEP = SPECIES.vectorByteSize();

  static ChannelLoops of(DType dtype) {
    return Inliner.specialize(MethodHandles.lookup(), ChannelLoops.class, FloatChannelLoops.class,
        List.of(dtype == DType.FLOAT32 ? BFloat16Lanes.class : HalfMove.lanes(dtype)), Map.of("widened", "load", "round", "store"), dtype);
  }

  @Override
  public void moments(long sums, long squares, long x, long stride, long centres, int rows, int columns) {
    int bytes = columns * Float.BYTES;
    for (int at = 0; at < bytes; at += 2 * STEP) {
      addMoments(sums + at, squares + at, x + elements(at), stride, centres + at, rows, at + STEP < bytes ? STEP : 0);
    }
  }

  /// @param next bytes of floats from the first vector to the second
  private void addMoments(long sums, long squares, long x, long stride, long centres, int rows, int next) {
    int nextElements = elements(next);
    FloatVector centre = load(centres);
    FloatVector nextCentre = load(centres + next);
    FloatVector sum = load(sums);
    FloatVector nextSum = load(sums + next);
    FloatVector square = load(squares);
    FloatVector nextSquare = load(squares + next);
    long source = x;
    for (int row = 0; row < rows; row++) {
      FloatVector d = element(source).sub(centre);
      FloatVector nextD = element(source + nextElements).sub(nextCentre);
      sum = sum.add(d);
      nextSum = nextSum.add(nextD);
      square = d.fma(d, square);
      nextSquare = nextD.fma(nextD, nextSquare);
      source += stride;
    }
    store(sum, sums);
    store(nextSum, sums + next);
    store(square, squares);
    store(nextSquare, squares + next);
  }

  @Override
  public void products(long sums, long products, long grad, long x, long stride, long centres, int rows, int columns) {
    int bytes = columns * Float.BYTES;
    for (int at = 0; at < bytes; at += 2 * STEP) {
      int element = elements(at);
      addProducts(sums + at, products + at, grad + element, x + element, stride, centres + at, rows, at + STEP < bytes ? STEP : 0);
    }
  }

  private void addProducts(long sums, long products, long grad, long x, long stride, long centres, int rows, int next) {
    int nextElements = elements(next);
    FloatVector centre = load(centres);
    FloatVector nextCentre = load(centres + next);
    FloatVector sum = load(sums);
    FloatVector nextSum = load(sums + next);
    FloatVector product = load(products);
    FloatVector nextProduct = load(products + next);
    long toX = x - grad;
    long source = grad;
    for (int row = 0; row < rows; row++) {
      FloatVector g = element(source);
      FloatVector nextG = element(source + nextElements);
      sum = sum.add(g);
      nextSum = nextSum.add(nextG);
      product = element(source + toX).sub(centre).fma(g, product);
      nextProduct = element(source + toX + nextElements).sub(nextCentre).fma(nextG, nextProduct);
      source += stride;
    }
    store(sum, sums);
    store(nextSum, sums + next);
    store(product, products);
    store(nextProduct, products + next);
  }

  @Override
  public void blend(long out, long grad, long x, long stride, long centres, long scales, long slopes, long shifts, int rows, int columns) {
    int bytes = columns * Float.BYTES;
    for (int at = 0; at < bytes; at += 2 * STEP) {
      int element = elements(at);
      blendTwo(out + element, grad + element, x + element, stride, centres + at, scales + at, slopes + at, shifts + at, rows,
          at + STEP < bytes ? STEP : 0);
    }
  }

  private void blendTwo(long out, long grad, long x, long stride, long centres, long scales, long slopes, long shifts, int rows,
      int next) {
    int nextElements = elements(next);
    FloatVector centre = load(centres);
    FloatVector scale = load(scales);
    FloatVector slope = load(slopes);
    FloatVector shift = load(shifts);
    FloatVector nextCentre = load(centres + next);
    FloatVector nextScale = load(scales + next);
    FloatVector nextSlope = load(slopes + next);
    FloatVector nextShift = load(shifts + next);
    long toX = x - grad;
    long toOut = out - grad;
    long source = grad;
    for (int row = 0; row < rows; row++) {
      FloatVector g = element(source).fma(scale, shift);
      FloatVector nextG = element(source + nextElements).fma(nextScale, nextShift);
      FloatVector nextX = element(source + toX + nextElements).sub(nextCentre);
      put(element(source + toX).sub(centre).fma(slope, g), source + toOut);
      put(nextX.fma(nextSlope, nextG), source + toOut + nextElements);
      source += stride;
    }
  }

  /// By the bits of y: positive, or more than infinity.
  @Override
  public void mask(long out, long grad, long y, int n) {
    if (HALF) {
      int whole = SHORTS.loopBound(n);
      for (int i = 0; i < whole; i += SHORTS.length()) {
        long at = (long) i * Short.BYTES;
        ShortVector bits = ShortVector.fromMemorySegment(SHORTS, ALL, y + at, LITTLE_ENDIAN);
        VectorMask<Short> kept = bits.compare(VectorOperators.GT, 0)
            .or(bits.and(Short.MAX_VALUE).compare(VectorOperators.GT, (short) INFINITY));
        ShortVector.zero(SHORTS).blend(ShortVector.fromMemorySegment(SHORTS, ALL, grad + at, LITTLE_ENDIAN), kept)
            .intoMemorySegment(ALL, out + at, LITTLE_ENDIAN);
      }
      for (int i = whole; i < n; i++) {
        long at = (long) i * Short.BYTES;
        short bits = ALL.get(SHORT, y + at);
        ALL.set(SHORT, out + at, bits > 0 || (bits & Short.MAX_VALUE) > INFINITY ? ALL.get(SHORT, grad + at) : 0);
      }
    } else {
      int whole = SPECIES.loopBound(n);
      for (int i = 0; i < whole; i += SPECIES.length()) {
        long at = (long) i * Float.BYTES;
        store(load(grad + at).blend(0, load(y + at).compare(VectorOperators.LE, 0)), out + at);
      }
      for (int i = whole; i < n; i++) {
        long at = (long) i * Float.BYTES;
        ALL.set(FLOAT, out + at, ALL.get(FLOAT, y + at) <= 0 ? 0 : ALL.get(FLOAT, grad + at));
      }
    }
  }

  private static int elements(int bytes) {
    return HALF ? bytes / 2 : bytes;
  }

  private static FloatVector element(long address) {
    return HALF ? widened(address) : load(address);
  }

  private static void put(FloatVector vector, long address) {
    if (HALF) {
      round(vector, address);
    } else {
      store(vector, address);
    }
  }

  private static FloatVector load(long address) {
    return FloatVector.fromMemorySegment(SPECIES, ALL, address, LITTLE_ENDIAN);
  }

  private static void store(FloatVector vector, long address) {
    vector.intoMemorySegment(ALL, address, LITTLE_ENDIAN);
  }

  static FloatVector widened(long from) {
    throw new AssertionError("[channels] the template has no load");
  }

  static void round(FloatVector x, long to) {
    throw new AssertionError("[channels] the template has no store");
  }
}
