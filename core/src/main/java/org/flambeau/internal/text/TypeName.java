package org.flambeau.internal.text;

import org.flambeau.DType;

/// What PyTorch calls a dtype in the names of its classes, as in `FloatTensor` and `FloatStorage`.
public final class TypeName {
  private TypeName() {}

  public static String of(DType dtype) {
    return switch (dtype) {
      case FLOAT32 -> "Float";
      case FLOAT64 -> "Double";
      case FLOAT16 -> "Half";
      case BFLOAT16 -> "BFloat16";
      case INT64 -> "Long";
      case INT32 -> "Int";
      case INT16 -> "Short";
      case INT8 -> "Char";
      case UINT8 -> "Byte";
      case BOOL -> "Bool";
    };
  }
}
