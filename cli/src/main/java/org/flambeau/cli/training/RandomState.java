package org.flambeau.cli.training;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.Generator;
import org.flambeau.Tensor;

/// The states of the default generators of some devices at one moment.
record RandomState(Map<Device, byte[]> states) {
  static RandomState of(Device device) {
    Map<Device, byte[]> states = new LinkedHashMap<>();
    devices(device).forEach(each -> states.put(each, Generator.defaultOf(each).getState()));
    return new RandomState(states);
  }

  /// What [#toTree()] became.
  static RandomState of(Device device, Tree tree) {
    Map<Device, byte[]> states = new LinkedHashMap<>();
    devices(device).forEach(each -> states.put(each, tree.tensor(each.toString()).toSegment().toArray(ValueLayout.JAVA_BYTE)));
    return new RandomState(states);
  }

  /// Loaders draw from the CPU's generator wherever the model is.
  private static Collection<Device> devices(Device device) {
    return new LinkedHashSet<>(List.of(Device.CPU, device));
  }

  void restore() {
    states.forEach((device, state) -> Generator.defaultOf(device).setState(state));
  }

  Map<String, Object> toTree() {
    Map<String, Object> tree = new LinkedHashMap<>();
    states.forEach(
        (device, state) -> tree.put(device.toString(), Tensor.copySegment(MemorySegment.ofArray(state), DType.UINT8, state.length)));
    return tree;
  }
}
