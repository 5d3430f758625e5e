package org.flambeau;

/// What one element of a tensor is: its meaning, its width in bytes, and its place in type promotion.
///
/// All values are stored little-endian; [#BOOL] is one byte that is 0 or 1.
public enum DType {
  BOOL("bool", 1, Category.BOOLEAN),
  UINT8("uint8", 1, Category.INTEGRAL),
  INT8("int8", 1, Category.INTEGRAL),
  INT16("int16", 2, Category.INTEGRAL),
  INT32("int32", 4, Category.INTEGRAL),
  INT64("int64", 8, Category.INTEGRAL),
  FLOAT16("float16", 2, Category.FLOATING),
  BFLOAT16("bfloat16", 2, Category.FLOATING),
  FLOAT32("float32", 4, Category.FLOATING),
  FLOAT64("float64", 8, Category.FLOATING);

  /// The rungs of type promotion, lowest first.
  public enum Category {
    BOOLEAN,
    INTEGRAL,
    FLOATING
  }

  private final String label;
  private final int size;
  private final Category category;

  DType(String label, int size, Category category) {
    this.label = label;
    this.size = size;
    this.category = category;
  }

  /// Bytes of one element.
  public int size() {
    return size;
  }

  public Category category() {
    return category;
  }

  public boolean isFloating() {
    return category == Category.FLOATING;
  }

  /// Whether values are whole numbers, [#BOOL] included.
  public boolean isIntegral() {
    return category != Category.FLOATING;
  }

  /// The dtype that holds every value of both, by PyTorch's lattice: the higher category wins; within one, the wider;
  /// `uint8` with a signed type goes to the next wider signed one, `float16` with `bfloat16` to `float32`.
  public static DType promote(DType a, DType b) {
    if (a == b) {
      return a;
    }
    if (a.category != b.category) {
      return a.category.compareTo(b.category) > 0 ? a : b;
    }
    if (a.category == Category.INTEGRAL && (a == UINT8 || b == UINT8)) {
      DType signed = a == UINT8 ? b : a;
      return signed == INT8 ? INT16 : signed;
    }
    if (a.size == b.size) {
      return FLOAT32; // float16 with bfloat16: neither holds the other
    }
    return a.size > b.size ? a : b;
  }

  /// PyTorch's name without its prefix, as in `float32`.
  public String label() {
    return label;
  }

  /// PyTorch's name, as in `torch.float32`.
  @Override
  public String toString() {
    return "torch." + label;
  }
}
