package org.flambeau.backend.cuda;

import java.util.function.Supplier;
import org.flambeau.BackendException;
import org.flambeau.Device;
import org.flambeau.spi.Allocator;
import org.flambeau.spi.Backend;
import org.flambeau.spi.Kernels;
import org.flambeau.spi.RandomSource;
import org.jspecify.annotations.Nullable;

/// NVIDIA GPUs. Nothing is looked for, and no library loaded, until somebody asks for a device or for the report.
///
/// So far it finds the driver, the libraries and the GPUs, and says what is missing; it has no kernels yet and therefore offers no device.
public final class CudaBackend implements Backend {
  private final Supplier<Installation> looking;
  private @Nullable Installation installation;

  public CudaBackend() {
    this(Installation::look);
  }

  CudaBackend(Supplier<Installation> looking) {
    this.looking = looking;
  }

  private synchronized Installation installation() {
    Installation known = installation;
    if (known == null) {
      known = looking.get();
      installation = known;
    }
    return known;
  }

  @Override
  public Device.Type type() {
    return Device.Type.CUDA;
  }

  @Override
  public int deviceCount() {
    installation();
    return 0;
  }

  @Override
  public String report() {
    return String.join("\n", installation().facts().get());
  }

  @Override
  public String reason(int device) {
    return installation().problem();
  }

  @Override
  public Kernels kernels(int device) {
    throw unusable(device);
  }

  @Override
  public Allocator allocator(int device) {
    throw unusable(device);
  }

  @Override
  public RandomSource newRandomSource(int device, long seed) {
    throw unusable(device);
  }

  @Override
  public void synchronize(int device) {
    throw unusable(device);
  }

  private BackendException unusable(int device) {
    return new BackendException("[device] cuda:" + device + " cannot be used: " + reason(device));
  }
}
