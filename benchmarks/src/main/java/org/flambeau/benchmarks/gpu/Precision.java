package org.flambeau.benchmarks.gpu;

import org.flambeau.Autocast;
import org.flambeau.DType;
import org.flambeau.MatmulPrecision;

/// What a workload computes in.
///
/// @param dtype of weights and images
/// @param lower what autocast computes in; float32 where there is none
record Precision(DType dtype, DType lower) {
  /// Sets what products and convolutions may be rounded to, too.
  static Precision of(String name) {
    MatmulPrecision products = name.equals("fp32") ? MatmulPrecision.HIGHEST : MatmulPrecision.HIGH;
    MatmulPrecision.setCurrent(products);
    MatmulPrecision.setForConvolutions(products);
    return switch (name) {
      case "fp32", "tf32" -> new Precision(DType.FLOAT32, DType.FLOAT32);
      case "bf16" -> new Precision(DType.BFLOAT16, DType.FLOAT32);
      case "fp16" -> new Precision(DType.FLOAT16, DType.FLOAT32);
      case "amp" -> new Precision(DType.FLOAT32, DType.BFLOAT16);
      default -> throw new IllegalArgumentException("expected bf16, amp, tf32, fp32 or fp16, got " + name);
    };
  }

  /// What a forward pass runs in.
  Autocast region() {
    return lower == DType.FLOAT32 ? Autocast.disabled() : Autocast.open(lower);
  }
}
