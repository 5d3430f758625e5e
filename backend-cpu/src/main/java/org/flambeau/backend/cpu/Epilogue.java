package org.flambeau.backend.cpu;

import org.flambeau.spi.Activation;
import org.flambeau.spi.Strided;
import org.flambeau.spi.UnaryOp;
import org.jspecify.annotations.Nullable;

/// What becomes of a convolution's sums: y = relu(sums + bias + residual), without what is null or false.
///
/// @param bias (o), in any layout
/// @param residual of the result's sizes, in any layout
public record Epilogue(@Nullable Strided bias, @Nullable Strided residual, boolean relu) {
  public static final Epilogue NONE = new Epilogue(null, null, false);

  /// @throws IllegalArgumentException if the activation is neither none nor ReLU
  public static Epilogue of(@Nullable Strided bias, @Nullable Strided residual, Activation activation) {
    return new Epilogue(bias, residual, switch (activation) {
      case NONE -> false;
      case RELU -> true;
      case GELU -> throw new IllegalArgumentException("[conv2d] expected an activation that is none or RELU, got " + activation);
    });
  }

  /// Applies ReLU to what has the rest already.
  public void finish(Strided out) {
    if (relu) {
      Elementwise.unary(UnaryOp.RELU, out, out);
    }
  }
}
