package org.flambeau.backend.cpu;

import org.flambeau.Device;
import org.flambeau.spi.Allocator;
import org.flambeau.spi.Backend;
import org.flambeau.spi.Kernels;
import org.flambeau.spi.RandomSource;

/// The backend that is always there.
public final class CpuBackend implements Backend {
  private final LinearAlgebras linearAlgebra = LinearAlgebras.choose(CpuAllocator.SHARED);
  private final Kernels kernels = new CpuKernels(linearAlgebra.chosen());

  @Override
  public Device.Type type() {
    return Device.Type.CPU;
  }

  @Override
  public int deviceCount() {
    return 1;
  }

  @Override
  public String report() {
    return "threads: " + CpuPool.SHARED.threads() + "\nelement-wise kernels: " + VectorizationProvider.REASON
        + "\nmatrix products and convolutions: " + linearAlgebra.chosen().name() + ", " + linearAlgebra.reason();
  }

  @Override
  public Kernels kernels(int device) {
    return kernels;
  }

  @Override
  public Allocator allocator(int device) {
    return CpuAllocator.SHARED;
  }

  @Override
  public RandomSource newRandomSource(int device, long seed) {
    return new Mt19937(seed);
  }

  /// Kernels return when they have finished, so there is nothing to wait for.
  @Override
  public void synchronize(int device) {}
}
