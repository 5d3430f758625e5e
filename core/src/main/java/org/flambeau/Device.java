package org.flambeau;

import org.flambeau.internal.Backends;

/// Where a tensor's memory lives and its kernels run, as in `cpu` or `cuda:0`.
///
/// @param type which backend serves it
/// @param index which of that backend's devices, from 0
public record Device(Type type, int index) {
  /// The kinds of device.
  public enum Type {
    CPU,
    CUDA;

    @Override
    public String toString() {
      return this == CPU ? "cpu" : "cuda";
    }
  }

  public static final Device CPU = new Device(Type.CPU, 0);

  public Device {
    if (index < 0 || type == Type.CPU && index != 0) {
      throw new IllegalArgumentException("[device] " + type + " has no index " + index);
    }
  }

  /// The CUDA device `index`.
  ///
  /// @throws BackendException where no such GPU is usable; it says what was looked for and what was missing
  public static Device cuda(int index) {
    Device device = new Device(Type.CUDA, index);
    Backends.of(device);
    return device;
  }

  /// `cuda:0` where one is usable, else `cpu`; the log says why.
  public static Device best() {
    return Backends.best();
  }

  /// Parses `cpu`, `cuda` or `cuda:1`.
  public static Device parse(String text) {
    return switch (text) {
      case "cpu" -> CPU;
      case "cuda" -> cuda(0);
      default -> {
        if (text.matches("cuda:\\d{1,3}")) {
          yield cuda(Integer.parseInt(text.substring(5)));
        }
        throw new IllegalArgumentException("[device] expected cpu, cuda or cuda:N, got \"" + text + "\"");
      }
    };
  }

  /// The device that kernels of this kind run on, for error messages and printing: `cpu`, `cuda:0`.
  @Override
  public String toString() {
    return type == Type.CPU ? "cpu" : "cuda:" + index;
  }
}
