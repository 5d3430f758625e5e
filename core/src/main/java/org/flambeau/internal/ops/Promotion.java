package org.flambeau.internal.ops;

import org.flambeau.DType;
import org.flambeau.Tensor;
import org.jspecify.annotations.Nullable;

/// PyTorch's type promotion: tensors with dimensions decide, then tensors without, then plain numbers; a lower class only
/// decides where its category is higher.
public final class Promotion {
  private Promotion() {}

  /// The dtype in which `a` and `b` meet.
  public static DType of(Tensor a, Tensor b) {
    DType first = a.dtype();
    DType second = b.dtype();
    int firstClass = rankOf(a);
    int secondClass = rankOf(b);
    if (firstClass == 2) {
      first = ofNumber(first);
    }
    if (secondClass == 2) {
      second = ofNumber(second);
    }
    if (firstClass == secondClass) {
      return DType.promote(first, second);
    }
    return firstClass < secondClass ? combine(first, second) : combine(second, first);
  }

  /// The dtype in which all of `tensors` meet.
  public static DType of(Tensor... tensors) {
    @Nullable DType[] classes = new DType[3];
    for (Tensor tensor : tensors) {
      int rank = rankOf(tensor);
      DType dtype = rank == 2 ? ofNumber(tensor.dtype()) : tensor.dtype();
      DType before = classes[rank];
      classes[rank] = before == null ? dtype : DType.promote(before, dtype);
    }
    DType result = null;
    for (int rank = 2; rank >= 0; rank--) {
      DType dtype = classes[rank];
      if (dtype != null) {
        result = result == null ? dtype : combine(dtype, result);
      }
    }
    if (result == null) {
      throw new IllegalArgumentException("[promotion] no tensors");
    }
    return result;
  }

  private static int rankOf(Tensor tensor) {
    return tensor.isWrappedNumber() ? 2 : tensor.strided().rank() == 0 ? 1 : 0;
  }

  private static DType ofNumber(DType dtype) {
    return dtype.isFloating() ? DType.FLOAT32 : dtype == DType.BOOL ? DType.BOOL : DType.INT64;
  }

  private static DType combine(DType higher, DType lower) {
    if (higher.isFloating()) {
      return higher;
    }
    return higher == DType.BOOL || lower.isFloating() ? DType.promote(higher, lower) : higher;
  }

  /// Where a function of whole numbers gives real ones: the default float dtype in place of an integral one.
  public static DType toFloat(DType dtype) {
    return dtype.isFloating() ? dtype : DType.FLOAT32;
  }

  /// The dtype of `x`, which must be a float one.
  static DType requireFloat(String op, Tensor x) {
    if (!x.dtype().isFloating()) {
      throw new IllegalArgumentException(
          "[" + op + "] expected a float tensor, got " + x.dtype().label() + ": cast it with to(FLOAT32) first");
    }
    return x.dtype();
  }

  static IllegalArgumentException noBool(String op) {
    return new IllegalArgumentException("[" + op + "] does not support bool input: cast it to a number first");
  }

  /// Refuses to store a result of `from` in a tensor of `to` in place.
  public static void checkStore(String op, DType from, DType to) {
    if (from.category().compareTo(to.category()) > 0) {
      throw new IllegalArgumentException(
          "[" + op + "_] result type " + from.label() + " can't be cast to the desired output type " + to.label()
              + ": the operation changes a tensor in place; use the form without the underscore");
    }
  }

  /// Refuses a number that `dtype` cannot hold; negative whole ones wrap around in an unsigned dtype, as in PyTorch.
  public static void checkHolds(String op, DType dtype, double value) {
    boolean holds = switch (dtype.category()) {
      case BOOLEAN -> true;
      case INTEGRAL -> {
        double most = Math.scalb(1.0, dtype.size() * Byte.SIZE - (dtype == DType.UINT8 ? 0 : 1));
        yield (value < most || dtype == DType.INT64 && value == most)
            && value >= (dtype == DType.UINT8 ? value == Math.rint(value) ? 1 - most : 0 : -most);
      }
      case FLOATING -> Double.isNaN(value) || Double.isInfinite(value) || Math.abs(value) <= largest(dtype);
    };
    if (!holds) {
      throw new IllegalArgumentException("[" + op + "] value cannot be converted to type " + dtype.label() + " without overflow: "
          + (value == (long) value ? Long.toString((long) value) : Double.toString(value)));
    }
  }

  /// The largest finite number of a float dtype.
  static double largest(DType dtype) {
    return switch (dtype) {
      case FLOAT64 -> Double.MAX_VALUE;
      case FLOAT16 -> 65504;
      case BFLOAT16 -> Float.intBitsToFloat(0x7f7f0000);
      default -> Float.MAX_VALUE;
    };
  }
}
