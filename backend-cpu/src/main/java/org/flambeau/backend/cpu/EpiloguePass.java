package org.flambeau.backend.cpu;

import org.flambeau.spi.Epilogue;
import org.flambeau.spi.Strided;

/// A convolution's epilogue for kernels that have none: a pass over what they left.
public final class EpiloguePass {
  private EpiloguePass() {}

  /// y = epilogue(y), where y is (n, c, h, w).
  public static void run(Epilogue epilogue, Strided y) {
    Strided bias = epilogue.bias();
    if (Vectorization.PRESENT != null && Compute.of(y.dtype()) == Compute.FLOAT) {
      if (bias != null || !epilogue.isPlain()) {
        BatchNorm.apply(y, y, null, epilogue.scale(), null, bias, epilogue.residual(), epilogue.activation(), false);
      }
      return;
    }
    if (epilogue.scale() != null) {
      throw new IllegalArgumentException("[conv2d] expected an epilogue without a scale for " + y.dtype().label());
    }
    if (bias != null) {
      Elementwise.sum(y, y, bias.with(bias.offset(), y.sizes(), new long[] {0, bias.stride(0), 0, 0}));
    }
    if (epilogue.residual() != null) {
      Elementwise.sum(y, y, epilogue.residual());
    }
    Elementwise.activate(epilogue.activation(), y);
  }
}
