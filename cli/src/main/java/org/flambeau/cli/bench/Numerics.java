package org.flambeau.cli.bench;

import java.util.Locale;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.MatmulPrecision;
import org.flambeau.cli.training.Precision;

/// What a workload computes in.
enum Numerics {
  FLOAT32(DType.FLOAT32, Precision.FLOAT32, 1e-5),
  /// float32 whose products a GPU may round to TF32, in matrix products and convolutions alike.
  TF32(DType.FLOAT32, Precision.FLOAT32, 2e-3),
  BFLOAT16(DType.BFLOAT16, Precision.FLOAT32, 0.02),
  FLOAT16(DType.FLOAT16, Precision.FLOAT32, 0.005),
  AMP_BFLOAT16(DType.FLOAT32, Precision.BFLOAT16, 0.02),
  AMP_FLOAT16(DType.FLOAT32, Precision.FLOAT16, 0.005);

  private final DType dtype;
  private final Precision precision;
  private final double tolerance;

  Numerics(DType dtype, Precision precision, double tolerance) {
    this.dtype = dtype;
    this.precision = precision;
    this.tolerance = tolerance;
  }

  /// Of weights and images.
  DType dtype() {
    return dtype;
  }

  /// Of the autocast region around forward pass and loss.
  Precision precision() {
    return precision;
  }

  /// Of the factors of products.
  DType products() {
    return precision == Precision.FLOAT32 ? dtype : precision.dtype();
  }

  /// What results of two sides may differ by, relative to the sum of their magnitudes.
  double tolerance() {
    return tolerance;
  }

  /// Says in the whole process what a GPU may round products to; float32 means float32, in convolutions too. The CPU, which knows no TF32, keeps
  /// the library's defaults.
  void apply(Device device) {
    if (device.type() != Device.Type.CPU) {
      MatmulPrecision products = this == TF32 ? MatmulPrecision.HIGH : MatmulPrecision.HIGHEST;
      MatmulPrecision.setCurrent(products);
      MatmulPrecision.setForConvolutions(products);
    }
  }

  /// As the peer's script reads it: `bfloat16`, `autocast to bfloat16`.
  @Override
  public String toString() {
    return precision == Precision.FLOAT32 ? name().toLowerCase(Locale.ROOT) : "autocast to " + precision;
  }
}
