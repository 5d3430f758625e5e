package org.flambeau;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// How tensors print. `PrintOptions.setCurrent(PrintOptions.current().withPrecision(2))` is PyTorch's `set_printoptions(precision=2)`.
///
/// Reference: `torch.set_printoptions`.
///
/// @param precision digits after the point of floating values
/// @param threshold tensors of more elements than this are summarised
/// @param edgeItems how many elements a summary shows at both ends of a dimension
/// @param lineWidth characters after which lines of elements wrap
/// @param sciMode whether floating values print in scientific notation; `null` lets the values decide
public record PrintOptions(int precision, long threshold, int edgeItems, int lineWidth, @Nullable Boolean sciMode) {
  public static final PrintOptions DEFAULT = new PrintOptions(4, 1000, 3, 80, null);

  /// Two digits, two elements at each end.
  public static final PrintOptions SHORT = new PrintOptions(2, 1000, 2, 80, null);

  /// Never summarises.
  public static final PrintOptions FULL = new PrintOptions(4, Long.MAX_VALUE, 3, 80, null);

  private static volatile PrintOptions current = DEFAULT;

  public PrintOptions {
    if (precision < 0 || threshold < 0 || edgeItems < 0 || lineWidth < 0) {
      throw new IllegalArgumentException("[print options] expected precision, threshold, edgeItems and lineWidth of at least 0, got "
          + precision + ", " + threshold + ", " + edgeItems + " and " + lineWidth);
    }
  }

  /// What `Tensor.toString()` follows, in every thread.
  public static PrintOptions current() {
    return current;
  }

  public static void setCurrent(PrintOptions options) {
    current = Objects.requireNonNull(options);
  }

  public PrintOptions withPrecision(int precision) {
    return new PrintOptions(precision, threshold, edgeItems, lineWidth, sciMode);
  }

  public PrintOptions withThreshold(long threshold) {
    return new PrintOptions(precision, threshold, edgeItems, lineWidth, sciMode);
  }

  public PrintOptions withEdgeItems(int edgeItems) {
    return new PrintOptions(precision, threshold, edgeItems, lineWidth, sciMode);
  }

  public PrintOptions withLineWidth(int lineWidth) {
    return new PrintOptions(precision, threshold, edgeItems, lineWidth, sciMode);
  }

  public PrintOptions withSciMode(@Nullable Boolean sciMode) {
    return new PrintOptions(precision, threshold, edgeItems, lineWidth, sciMode);
  }
}
