package org.flambeau.cli.training;

import java.util.Locale;
import org.flambeau.Autocast;
import org.flambeau.DType;
import org.flambeau.nn.optim.GradScaler;

/// What a model of float32 parameters computes in: float32, or a lower precision where autocast finds it good enough.
public enum Precision {
  FLOAT32,
  BFLOAT16,
  FLOAT16;

  public DType dtype() {
    return DType.valueOf(name());
  }

  /// The region for a forward pass and its loss, which belongs around neither the backward pass nor the step. That of [#FLOAT32] casts nothing.
  public Autocast autocast() {
    return this == FLOAT32 ? Autocast.disabled() : Autocast.open(dtype());
  }

  /// What the loss and the step go through: it scales with [#FLOAT16], whose range is too small for many gradients, and else does nothing.
  public GradScaler scaler() {
    return new GradScaler(GradScaler.options().enabled(this == FLOAT16));
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
