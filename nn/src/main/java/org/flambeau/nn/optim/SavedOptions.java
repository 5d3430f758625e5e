package org.flambeau.nn.optim;

import java.util.List;
import java.util.Map;
import org.flambeau.Tensor;
import org.jspecify.annotations.Nullable;

/// The options of one group in an optimizer's saved state.
public final class SavedOptions {
  private final Map<?, ?> values;
  private final String where;

  SavedOptions(Map<?, ?> values, String where) {
    this.values = values;
    this.where = where;
  }

  /// The number saved as `name`.
  ///
  /// @throws IllegalArgumentException if there is none
  public double number(String name) {
    return asNumber(name, values.get(name));
  }

  /// Number `index` of the tuple saved as `name`.
  ///
  /// @throws IllegalArgumentException if there is none
  public double number(String name, int index) {
    return asNumber(name, values.get(name) instanceof List<?> list && index < list.size() ? list.get(index) : null);
  }

  /// What was saved as `name`, or `otherwise`: PyTorch's files of earlier days lack some.
  public boolean flag(String name, boolean otherwise) {
    return values.get(name) instanceof Boolean flag ? flag : otherwise;
  }

  /// Whether something was saved as `name`, rather than nothing or `None`.
  public boolean isGiven(String name) {
    return values.get(name) != null;
  }

  private double asNumber(String name, @Nullable Object value) {
    Double number = numberIn(value);
    if (number == null) {
      throw new IllegalArgumentException(
          where + " has no number \"" + name + "\", but " + values.keySet() + ": was it saved by another optimizer?");
    }
    return number;
  }

  /// The number that was saved, if it is one; PyTorch's learning rates may be tensors.
  static @Nullable Double numberIn(@Nullable Object value) {
    return switch (value) {
      case Number number -> (Double) number.doubleValue();
      case Tensor tensor when tensor.numel() == 1 -> (Double) tensor.toDouble();
      case null, default -> null;
    };
  }
}
