package org.flambeau.backend.cpu;

import org.flambeau.backend.cpu.gemm.VectorLinearAlgebra;
import org.flambeau.backend.cpu.onednn.OneDnnLinearAlgebra;
import org.flambeau.spi.Allocator;

/// What implements [LinearAlgebra].
enum Providers {
  VECTOR,
  ONEDNN;

  LinearAlgebra with(Allocator allocator) {
    LinearAlgebra vector = new VectorLinearAlgebra(allocator);
    return this == VECTOR ? vector : new OneDnnLinearAlgebra(vector, allocator);
  }
}
