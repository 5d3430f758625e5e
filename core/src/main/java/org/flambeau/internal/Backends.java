package org.flambeau.internal;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import java.util.function.UnaryOperator;
import org.flambeau.BackendException;
import org.flambeau.Device;
import org.flambeau.spi.Backend;
import org.flambeau.spi.Kernels;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The backends that were found on the module path or class path.
public final class Backends {
  private static final Logger LOG = LoggerFactory.getLogger(Backends.class);
  private static final Map<Device.Type, Backend> FOUND = find();
  private static final @Nullable Backend CPU = FOUND.get(Device.Type.CPU);

  private static @Nullable UnaryOperator<Kernels> interceptor;
  private static @Nullable Backend standIn;

  private Backends() {}

  private static Map<Device.Type, Backend> find() {
    Map<Device.Type, Backend> found = new EnumMap<>(Device.Type.class);
    List<ServiceLoader.Provider<Backend>> providers = new ArrayList<>();
    ServiceLoader.load(Backend.class, Backends.class.getClassLoader()).stream().forEach(providers::add);
    for (ServiceLoader.Provider<Backend> provider : providers) {
      try {
        Backend backend = provider.get();
        found.putIfAbsent(backend.type(), backend);
      } catch (ServiceConfigurationError e) {
        LOG.warn("The backend {} was found but cannot be used: {}", provider.type().getName(), e.getMessage(), e);
      }
    }
    return found;
  }

  /// The backend of `device`, which has that many devices at least.
  public static Backend of(Device device) {
    Backend backend = device.type() == Device.Type.CPU ? CPU : FOUND.getOrDefault(device.type(), standIn);
    if (backend == null) {
      throw new BackendException("[device] no backend for " + device + " was found on the module path: add org.flambeau's backend-"
          + device.type() + " to it");
    }
    if (device.index() >= backend.deviceCount()) {
      throw new BackendException("[device] " + device + " cannot be used: " + backend.reason(device.index()));
    }
    return backend;
  }

  public static Kernels kernels(Device device) {
    Backend cpu = CPU;
    Kernels kernels = cpu != null && device.type() == Device.Type.CPU ? cpu.kernels(0) : of(device).kernels(device.index());
    UnaryOperator<Kernels> lens = interceptor;
    if (lens != null) {
      kernels = lens.apply(kernels);
    }
    return Tracers.over(device, kernels);
  }

  /// For tests: from now on every operation of every thread runs on what `interceptor` makes of its kernels, until null.
  public static void intercept(@Nullable UnaryOperator<Kernels> interceptor) {
    Backends.interceptor = interceptor;
  }

  /// For tests: from now on `backend` serves the devices of its kind if no other was found, until null.
  public static void standIn(@Nullable Backend backend) {
    standIn = backend;
  }

  public static Device best() {
    Backend cuda = FOUND.get(Device.Type.CUDA);
    if (cuda != null && cuda.deviceCount() > 0) {
      LOG.info("Device.best() is cuda:0");
      return new Device(Device.Type.CUDA, 0);
    }
    LOG.info("Device.best() is cpu: {}", cuda == null ? "there is no CUDA backend on the module path" : cuda.reason(0));
    return Device.CPU;
  }

  public static Iterable<Backend> all() {
    return FOUND.values();
  }
}
