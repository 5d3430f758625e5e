package org.flambeau.spi;

import org.jspecify.annotations.Nullable;

/// What becomes of a convolution's sums: y = activation(scale·sums + bias + residual), without what is null.
///
/// @param scale (o), as a norm behind the convolution has it: float32 where results are halves; only for a backend that has
///     [FusedOp#SCALED_CONV2D]
/// @param bias (o), of the results' dtype, or of scale's where there is one
/// @param residual of the result's sizes, in any layout
/// @param activation none or ReLU
public record Epilogue(@Nullable Strided scale, @Nullable Strided bias, @Nullable Strided residual, Activation activation) {
  public static final Epilogue NONE = ofBias(null);

  public Epilogue {
    if (activation == Activation.GELU) {
      throw new IllegalArgumentException("[conv2d] expected an activation that is none or RELU, got " + activation);
    }
  }

  /// That of a plain convolution.
  public static Epilogue ofBias(@Nullable Strided bias) {
    return new Epilogue(null, bias, null, Activation.NONE);
  }

  /// Whether it does no more than to add a bias.
  public boolean isPlain() {
    return scale == null && residual == null && activation == Activation.NONE;
  }
}
