package org.flambeau.cli;

import org.flambeau.BackendException;
import org.flambeau.Device;
import picocli.CommandLine.Option;

/// Where to compute.
public final class DeviceOption {
  @Option(names = "--device", paramLabel = "DEVICE", defaultValue = "cpu", description = "cpu, cuda, cuda:N, or best: a GPU where one is usable") private String device = "cpu";

  /// @throws MisuseException if there is no such device
  public Device get() {
    try {
      return device.equals("best") ? Device.best() : Device.parse(device);
    } catch (IllegalArgumentException e) {
      throw new MisuseException("--device: expected cpu, cuda, cuda:N or best, got " + device);
    } catch (BackendException e) {
      throw new MisuseException("--device " + device + ": " + e.getMessage());
    }
  }
}
