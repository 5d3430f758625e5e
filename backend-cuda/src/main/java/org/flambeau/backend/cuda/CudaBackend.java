package org.flambeau.backend.cuda;

import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.flambeau.Device;
import org.flambeau.spi.Allocator;
import org.flambeau.spi.Backend;
import org.flambeau.spi.Kernels;
import org.flambeau.spi.RandomSource;
import org.jspecify.annotations.Nullable;

/// NVIDIA GPUs. Nothing is looked for, and no library loaded, until somebody asks for a device or for the report.
public final class CudaBackend implements Backend {
  /// A process has each GPU once.
  private static final ConcurrentHashMap<Integer, Gpu> GPUS = new ConcurrentHashMap<>();

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
    return installation().devices();
  }

  @Override
  public String report() {
    return String.join("\n", installation().facts().get());
  }

  @Override
  public String reason(int device) {
    Installation found = installation();
    return found.devices() == 0 ? found.problem() : "there are " + found.devices() + " GPUs, numbered from 0";
  }

  private static Gpu gpu(int device) {
    Gpu gpu = GPUS.get(device);
    return gpu != null ? gpu : GPUS.computeIfAbsent(device, Gpu::new);
  }

  /// The driver's handle of the stream that the calling thread's work on that GPU is issued to.
  public static long stream(Device device) {
    return gpu(device.index()).stream();
  }

  /// Makes the driver's calls of the calling thread, whoever makes them, go to that GPU.
  public static void makeCurrent(Device device) {
    gpu(device.index()).makeCurrent();
  }

  @Override
  public Kernels kernels(int device) {
    return gpu(device).kernels();
  }

  @Override
  public Allocator allocator(int device) {
    return gpu(device).allocator();
  }

  @Override
  public RandomSource newRandomSource(int device, long seed) {
    return new Philox(seed);
  }

  @Override
  public void synchronize(int device) {
    gpu(device).synchronize();
  }

  @Override
  public Graph capture(int device, Runnable work) {
    return Capture.of(gpu(device), work);
  }
}
