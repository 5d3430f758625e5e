package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.BYTE;
import static org.flambeau.spi.NativeMemory.DOUBLE;
import static org.flambeau.spi.NativeMemory.FLOAT;
import static org.flambeau.spi.NativeMemory.INT;
import static org.flambeau.spi.NativeMemory.LONG;

import java.lang.invoke.MethodHandles;
import org.flambeau.DType;
import org.jspecify.annotations.Nullable;

/// Moves elements of one dtype between memory, at any stride in bytes, and contiguous tiles of a compute type.
public interface Conversion {
  void load(Compute compute, long from, long stride, long tile, int n);

  void store(Compute compute, long tile, long to, long stride, int n);

  static Conversion of(DType dtype) {
    Conversion conversion = Made.BY_DTYPE[dtype.ordinal()];
    return conversion != null ? conversion : Made.make(dtype);
  }

  /// One for each dtype that has been asked for. They are read without a lock, which their fields, all final, allow.
  final class Made {
    private static final @Nullable Conversion[] BY_DTYPE = new Conversion[DType.values().length];

    private Made() {}

    private static synchronized Conversion make(DType dtype) {
      Conversion conversion = BY_DTYPE[dtype.ordinal()];
      if (conversion == null) {
        Conversion scalar = Specialization.of(MethodHandles.lookup(), Conversion.class, Scalar.class, Element.of(dtype));
        conversion = Vectorization.PRESENT == null ? scalar : Vectorization.PRESENT.conversion(dtype, scalar);
        BY_DTYPE[dtype.ordinal()] = conversion;
      }
      return conversion;
    }
  }

  /// The loops, copied for each dtype.
  final class Scalar implements Conversion {
    private static final Element ELEMENT = Specialization.data(MethodHandles.lookup(), Element.class);

    @Override
    public void load(Compute compute, long from, long stride, long tile, int n) {
      switch (compute) {
        case FLOAT -> {
          for (int i = 0; i < n; i++) {
            ALL.set(FLOAT, tile + 4L * i, ELEMENT.getFloat(from + i * stride));
          }
        }
        case DOUBLE -> {
          for (int i = 0; i < n; i++) {
            ALL.set(DOUBLE, tile + 8L * i, ELEMENT.getDouble(from + i * stride));
          }
        }
        case INT -> {
          for (int i = 0; i < n; i++) {
            ALL.set(INT, tile + 4L * i, (int) ELEMENT.getLong(from + i * stride));
          }
        }
        case LONG -> {
          for (int i = 0; i < n; i++) {
            ALL.set(LONG, tile + 8L * i, ELEMENT.getLong(from + i * stride));
          }
        }
        case TRUTH -> {
          for (int i = 0; i < n; i++) {
            ALL.set(BYTE, tile + i, (byte) (ELEMENT.getLong(from + i * stride) == 0 ? 0 : 1));
          }
        }
      }
    }

    @Override
    public void store(Compute compute, long tile, long to, long stride, int n) {
      switch (compute) {
        case FLOAT -> {
          for (int i = 0; i < n; i++) {
            ELEMENT.setFloat(to + i * stride, ALL.get(FLOAT, tile + 4L * i));
          }
        }
        case DOUBLE -> {
          for (int i = 0; i < n; i++) {
            ELEMENT.setDouble(to + i * stride, ALL.get(DOUBLE, tile + 8L * i));
          }
        }
        case INT -> {
          for (int i = 0; i < n; i++) {
            ELEMENT.setLong(to + i * stride, ALL.get(INT, tile + 4L * i));
          }
        }
        case LONG -> {
          for (int i = 0; i < n; i++) {
            ELEMENT.setLong(to + i * stride, ALL.get(LONG, tile + 8L * i));
          }
        }
        case TRUTH -> {
          for (int i = 0; i < n; i++) {
            ELEMENT.setLong(to + i * stride, ALL.get(BYTE, tile + i));
          }
        }
      }
    }
  }
}
