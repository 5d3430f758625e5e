package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.BYTE;
import static org.flambeau.spi.NativeMemory.DOUBLE;
import static org.flambeau.spi.NativeMemory.FLOAT;
import static org.flambeau.spi.NativeMemory.INT;
import static org.flambeau.spi.NativeMemory.LONG;
import static org.flambeau.spi.NativeMemory.SHORT;

import org.flambeau.DType;
import org.flambeau.spi.HalfPrecision;

/// How one element of a dtype is read and written as each compute type. Casts are PyTorch's on x86: a float beyond an
/// integral dtype's reach becomes the least int64 or int32 and is then cut to the dtype's bits.
abstract class Element {
  abstract float getFloat(long address);

  abstract double getDouble(long address);

  abstract long getLong(long address);

  abstract void setFloat(long address, float value);

  abstract void setDouble(long address, double value);

  abstract void setLong(long address, long value);

  static Element of(DType dtype) {
    return switch (dtype) {
      case FLOAT32 -> new Float32();
      case FLOAT64 -> new Float64();
      case FLOAT16 -> new Float16();
      case BFLOAT16 -> new BFloat16();
      case INT64 -> new Int64();
      case INT32 -> new Int32();
      case INT16 -> new Int16();
      case INT8 -> new Int8();
      case UINT8 -> new UInt8();
      case BOOL -> new Bool();
    };
  }

  private static long truncateToLong(double value) {
    return value >= -0x1p63 && value < 0x1p63 ? (long) value : Long.MIN_VALUE;
  }

  private static int truncateToInt(double value) {
    return value > -0x1p31 - 1 && value < 0x1p31 ? (int) value : Integer.MIN_VALUE;
  }

  /// Dtypes that are computed in float.
  private abstract static class Single extends Element {
    @Override
    double getDouble(long address) {
      return getFloat(address);
    }

    @Override
    long getLong(long address) {
      return truncateToLong(getFloat(address));
    }

    @Override
    void setDouble(long address, double value) {
      setFloat(address, (float) value);
    }

    @Override
    void setLong(long address, long value) {
      setFloat(address, value);
    }
  }

  private static final class Float32 extends Single {
    @Override
    float getFloat(long address) {
      return ALL.get(FLOAT, address);
    }

    @Override
    void setFloat(long address, float value) {
      ALL.set(FLOAT, address, value);
    }
  }

  private static final class Float16 extends Single {
    @Override
    float getFloat(long address) {
      return Float.float16ToFloat(ALL.get(SHORT, address));
    }

    @Override
    void setFloat(long address, float value) {
      ALL.set(SHORT, address, Float.floatToFloat16(value));
    }
  }

  private static final class BFloat16 extends Single {
    @Override
    float getFloat(long address) {
      return Float.intBitsToFloat(ALL.get(SHORT, address) << 16);
    }

    @Override
    void setFloat(long address, float value) {
      ALL.set(SHORT, address, HalfPrecision.bfloat16(value));
    }
  }

  private static final class Float64 extends Element {
    @Override
    float getFloat(long address) {
      return (float) ALL.get(DOUBLE, address);
    }

    @Override
    double getDouble(long address) {
      return ALL.get(DOUBLE, address);
    }

    @Override
    long getLong(long address) {
      return truncateToLong(ALL.get(DOUBLE, address));
    }

    @Override
    void setFloat(long address, float value) {
      ALL.set(DOUBLE, address, value);
    }

    @Override
    void setDouble(long address, double value) {
      ALL.set(DOUBLE, address, value);
    }

    @Override
    void setLong(long address, long value) {
      ALL.set(DOUBLE, address, value);
    }
  }

  private abstract static class Whole extends Element {
    @Override
    float getFloat(long address) {
      return getLong(address);
    }

    @Override
    double getDouble(long address) {
      return getLong(address);
    }

    @Override
    void setFloat(long address, float value) {
      setDouble(address, value);
    }

    @Override
    void setDouble(long address, double value) {
      setLong(address, truncateToInt(value));
    }
  }

  private static final class Int64 extends Whole {
    @Override
    long getLong(long address) {
      return ALL.get(LONG, address);
    }

    @Override
    void setLong(long address, long value) {
      ALL.set(LONG, address, value);
    }

    @Override
    void setDouble(long address, double value) {
      setLong(address, truncateToLong(value));
    }
  }

  private static final class Int32 extends Whole {
    @Override
    long getLong(long address) {
      return ALL.get(INT, address);
    }

    @Override
    void setLong(long address, long value) {
      ALL.set(INT, address, (int) value);
    }
  }

  private static final class Int16 extends Whole {
    @Override
    long getLong(long address) {
      return ALL.get(SHORT, address);
    }

    @Override
    void setLong(long address, long value) {
      ALL.set(SHORT, address, (short) value);
    }
  }

  private static final class Int8 extends Whole {
    @Override
    long getLong(long address) {
      return ALL.get(BYTE, address);
    }

    @Override
    void setLong(long address, long value) {
      ALL.set(BYTE, address, (byte) value);
    }
  }

  private static final class UInt8 extends Whole {
    @Override
    long getLong(long address) {
      return ALL.get(BYTE, address) & 0xff;
    }

    @Override
    void setLong(long address, long value) {
      ALL.set(BYTE, address, (byte) value);
    }

    @Override
    void setDouble(long address, double value) {
      setLong(address, truncateToLong(value));
    }
  }

  private static final class Bool extends Whole {
    @Override
    long getLong(long address) {
      return ALL.get(BYTE, address) == 0 ? 0 : 1;
    }

    @Override
    void setLong(long address, long value) {
      ALL.set(BYTE, address, (byte) (value == 0 ? 0 : 1));
    }

    @Override
    void setDouble(long address, double value) {
      ALL.set(BYTE, address, (byte) (value == 0 ? 0 : 1));
    }
  }
}
