package org.flambeau.internal.text;

import java.util.Arrays;
import java.util.stream.Collectors;

/// Shapes as error messages write them.
public final class Shapes {
  private Shapes() {}

  /// A Python tuple: `(8, 3)`, `(8,)`, `()`.
  public static String tuple(long... sizes) {
    return sizes.length == 1 ? "(" + sizes[0] + ",)" : join("(", ")", sizes);
  }

  /// A Python list, as PyTorch's messages hold them: `[8, 3]`, `[8]`, `[]`.
  public static String list(long... sizes) {
    return join("[", "]", sizes);
  }

  private static String join(String open, String close, long[] sizes) {
    return Arrays.stream(sizes).mapToObj(Long::toString).collect(Collectors.joining(", ", open, close));
  }
}
