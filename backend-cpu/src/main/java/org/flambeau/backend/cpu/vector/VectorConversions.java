package org.flambeau.backend.cpu.vector;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.EQ;
import static jdk.incubator.vector.VectorOperators.GE;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.I2L;
import static jdk.incubator.vector.VectorOperators.I2S;
import static jdk.incubator.vector.VectorOperators.L2I;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.NE;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_B2I;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_S2I;
import static org.flambeau.backend.cpu.vector.FloatMath.SPECIES;
import static org.flambeau.spi.NativeMemory.ALL;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;
import org.flambeau.DType;
import org.flambeau.backend.cpu.BFloat16Lanes;
import org.flambeau.backend.cpu.Compute;
import org.flambeau.backend.cpu.Conversion;

/// The conversions that vectors make faster, of contiguous elements; strided ones and what fills no vector go the scalar way,
/// to the same results.
final class VectorConversions {
  private static final VectorSpecies<Integer> INTS = VectorSpecies.of(int.class, SPECIES.vectorShape());
  private static final VectorSpecies<Long> LONGS = VectorSpecies.of(long.class, SPECIES.vectorShape());
  /// As many lanes as floats have.
  private static final VectorSpecies<Short> SHORTS = narrow(short.class, 2);
  private static final VectorSpecies<Byte> BYTES = narrow(byte.class, 4);
  /// As many lanes as longs have.
  private static final VectorSpecies<Integer> HALF_INTS = narrow(int.class, 2);

  private VectorConversions() {}

  private static <E> VectorSpecies<E> narrow(Class<E> lane, int part) {
    return VectorSpecies.of(lane, VectorShape.forBitSize(Math.max(64, SPECIES.vectorBitSize() / part)));
  }

  static Conversion of(DType dtype, Conversion scalar) {
    return switch (dtype) {
      case BFLOAT16 -> new BFloat16(scalar);
      case FLOAT16 -> new Float16(scalar);
      case INT32 -> new Int32(scalar);
      case BOOL -> BYTES.length() == SPECIES.length() ? new Bool(scalar) : scalar;
      case UINT8 -> BYTES.length() == SPECIES.length() ? new UInt8(scalar) : scalar;
      default -> scalar;
    };
  }

  /// Sends whole vectors of the compute type that has a vector form to that form.
  private abstract static class Vectored implements Conversion {
    private final Conversion scalar;
    private final int size;
    private final Compute loads;
    private final Compute stores;

    Vectored(Conversion scalar, int size, Compute loads, Compute stores) {
      this.scalar = scalar;
      this.size = size;
      this.loads = loads;
      this.stores = stores;
    }

    abstract void loadVectors(long from, long tile, int n);

    abstract void storeVectors(long tile, long to, int n);

    @Override
    public final void load(Compute compute, long from, long stride, long tile, int n) {
      int whole = compute == loads && stride == size ? SPECIES.loopBound(n) : 0;
      if (whole > 0) {
        loadVectors(from, tile, whole);
      }
      if (whole < n) {
        scalar.load(compute, from + whole * stride, stride, tile + (long) whole * compute.size(), n - whole);
      }
    }

    @Override
    public final void store(Compute compute, long tile, long to, long stride, int n) {
      int whole = compute == stores && stride == size ? SPECIES.loopBound(n) : 0;
      if (whole > 0) {
        storeVectors(tile, to, whole);
      }
      if (whole < n) {
        scalar.store(compute, tile + (long) whole * compute.size(), to + whole * stride, stride, n - whole);
      }
    }
  }

  private static FloatVector floats(long tile, int i) {
    return FloatVector.fromMemorySegment(SPECIES, ALL, tile + 4L * i, LITTLE_ENDIAN);
  }

  private static final class BFloat16 extends Vectored {
    BFloat16(Conversion scalar) {
      super(scalar, Short.BYTES, Compute.FLOAT, Compute.FLOAT);
    }

    @Override
    void loadVectors(long from, long tile, int n) {
      for (int i = 0; i < n; i += SPECIES.length()) {
        BFloat16Lanes.load(from + 2L * i).intoMemorySegment(ALL, tile + 4L * i, LITTLE_ENDIAN);
      }
    }

    @Override
    void storeVectors(long tile, long to, int n) {
      for (int i = 0; i < n; i += SPECIES.length()) {
        BFloat16Lanes.store(floats(tile, i), to + 2L * i);
      }
    }
  }

  private static final class Float16 extends Vectored {
    private static final int INFINITY = 0x7f800000;
    /// The least float that rounds to an infinity, 2¹⁶; the least that is a normal float16, 2⁻¹⁴.
    private static final int TOO_LARGE = 127 + 16 << 23;
    private static final int LEAST_NORMAL = 127 - 14 << 23;
    /// Adding 2⁻¹ rounds a number below 2⁻¹⁴ to a multiple of 2⁻²⁴.
    private static final float SUBNORMAL_ROUNDER = 0.5f;

    Float16(Conversion scalar) {
      super(scalar, Short.BYTES, Compute.FLOAT, Compute.FLOAT);
    }

    @Override
    void loadVectors(long from, long tile, int n) {
      for (int i = 0; i < n; i += SPECIES.length()) {
        ShortVector halves = ShortVector.fromMemorySegment(SHORTS, ALL, from + 2L * i, LITTLE_ENDIAN);
        IntVector bits = (IntVector) halves.convertShape(ZERO_EXTEND_S2I, INTS, 0);
        IntVector sign = bits.and(0x8000).lanewise(LSHL, 16);
        IntVector magnitude = bits.and(0x7fff).lanewise(LSHL, 13);
        VectorMask<Integer> special = bits.and(0x7c00).compare(EQ, 0x7c00);
        IntVector finite = magnitude.reinterpretAsFloats().mul(0x1p112f).reinterpretAsInts();
        finite.blend(magnitude.or(INFINITY), special).or(sign).reinterpretAsFloats()
            .intoMemorySegment(ALL, tile + 4L * i, LITTLE_ENDIAN);
      }
    }

    @Override
    void storeVectors(long tile, long to, int n) {
      for (int i = 0; i < n; i += SPECIES.length()) {
        IntVector bits = floats(tile, i).reinterpretAsInts();
        IntVector magnitude = bits.and(Integer.MAX_VALUE);
        IntVector even = magnitude.lanewise(LSHR, 13).and(1);
        IntVector normal = magnitude.add((15 - 127 << 23) + 0xfff).add(even).lanewise(LSHR, 13);
        IntVector subnormal = magnitude.reinterpretAsFloats().add(SUBNORMAL_ROUNDER).reinterpretAsInts()
            .sub(Float.floatToRawIntBits(SUBNORMAL_ROUNDER));
        IntVector special = IntVector.broadcast(INTS, 0x7c00).blend(0x7e00, magnitude.compare(GT, INFINITY));
        IntVector half = normal.blend(subnormal, magnitude.compare(LT, LEAST_NORMAL))
            .blend(special, magnitude.compare(GE, TOO_LARGE)).or(bits.lanewise(LSHR, 16).and(0x8000));
        ((ShortVector) half.convertShape(I2S, SHORTS, 0)).intoMemorySegment(ALL, to + 2L * i, LITTLE_ENDIAN);
      }
    }
  }

  /// To and from long, which integral dtypes compute in.
  private static final class Int32 extends Vectored {
    Int32(Conversion scalar) {
      super(scalar, Integer.BYTES, Compute.LONG, Compute.LONG);
    }

    @Override
    void loadVectors(long from, long tile, int n) {
      for (int i = 0; i < n; i += LONGS.length()) {
        IntVector x = IntVector.fromMemorySegment(HALF_INTS, ALL, from + 4L * i, LITTLE_ENDIAN);
        ((LongVector) x.convertShape(I2L, LONGS, 0)).intoMemorySegment(ALL, tile + 8L * i, LITTLE_ENDIAN);
      }
    }

    @Override
    void storeVectors(long tile, long to, int n) {
      for (int i = 0; i < n; i += LONGS.length()) {
        LongVector x = LongVector.fromMemorySegment(LONGS, ALL, tile + 8L * i, LITTLE_ENDIAN);
        ((IntVector) x.convertShape(L2I, HALF_INTS, 0)).intoMemorySegment(ALL, to + 4L * i, LITTLE_ENDIAN);
      }
    }
  }

  /// From and to the 0 and 1 of floats, as predicates and masks need it.
  private static final class Bool extends Vectored {
    Bool(Conversion scalar) {
      super(scalar, Byte.BYTES, Compute.FLOAT, Compute.FLOAT);
    }

    @Override
    void loadVectors(long from, long tile, int n) {
      for (int i = 0; i < n; i += SPECIES.length()) {
        VectorMask<Byte> mask = ByteVector.fromMemorySegment(BYTES, ALL, from + i, LITTLE_ENDIAN).compare(NE, 0);
        FloatMath.ZERO.blend(1f, mask.cast(SPECIES)).intoMemorySegment(ALL, tile + 4L * i, LITTLE_ENDIAN);
      }
    }

    @Override
    void storeVectors(long tile, long to, int n) {
      for (int i = 0; i < n; i += SPECIES.length()) {
        VectorMask<Byte> mask = floats(tile, i).compare(NE, 0f).cast(BYTES);
        ByteVector.zero(BYTES).blend((byte) 1, mask).intoMemorySegment(ALL, to + i, LITTLE_ENDIAN);
      }
    }
  }

  /// To floats, as images need it.
  private static final class UInt8 extends Vectored {
    UInt8(Conversion scalar) {
      super(scalar, Byte.BYTES, Compute.FLOAT, Compute.FLOAT);
    }

    @Override
    void loadVectors(long from, long tile, int n) {
      for (int i = 0; i < n; i += SPECIES.length()) {
        ByteVector bytes = ByteVector.fromMemorySegment(BYTES, ALL, from + i, LITTLE_ENDIAN);
        IntVector whole = (IntVector) bytes.convertShape(ZERO_EXTEND_B2I, INTS, 0);
        ((FloatVector) whole.convert(I2F, 0)).intoMemorySegment(ALL, tile + 4L * i, LITTLE_ENDIAN);
      }
    }

    @Override
    void storeVectors(long tile, long to, int n) {
      throw new AssertionError("[conversion] uint8 is stored from long or double");
    }
  }
}
