package org.flambeau.testkit;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.Tensor;
import org.flambeau.io.Safetensors;
import org.jspecify.annotations.Nullable;

/// One call of an operation, with what PyTorch made of it.
public final class Sample {
  private final String key;
  private final String[] path;
  private final Attributes attributes;
  private final Map<String, Safetensors.Entry> parts;

  /// @param key operation/case/dtype
  Sample(String key, Attributes attributes, Map<String, Safetensors.Entry> parts) {
    this.key = key;
    this.path = key.split("/", -1);
    this.attributes = attributes.with("dtype", path[2]);
    this.parts = parts;
  }

  public String op() {
    return path[0];
  }

  /// What is special about it, as in `broadcast`.
  public String name() {
    return path[1];
  }

  public DType dtype() {
    return dtype(path[2]);
  }

  public Attributes attributes() {
    return attributes;
  }

  /// Whether its operands are computed, and its results known in parts.
  public boolean isLarge() {
    return attributes.has("@in0");
  }

  /// Whether PyTorch's gradients are known.
  public boolean hasGradients() {
    return parts.keySet().stream().anyMatch(part -> part.startsWith("grad"));
  }

  /// New tensors.
  public List<Tensor> inputs(Device device) {
    List<Tensor> inputs = new ArrayList<>();
    for (Tensor next = tensor("in0", device); next != null; next = tensor("in" + inputs.size(), device)) {
      inputs.add(next);
    }
    return inputs;
  }

  /// Whether the gradient of operand `i` is known.
  public boolean wantsGradient(int i) {
    return parts.containsKey("grad" + i);
  }

  /// For each of `outputs` results the cotangent, null for one that passes no gradient.
  public @Nullable Tensor[] cotangents(int outputs, Device device) {
    @Nullable Tensor[] cotangents = new Tensor[outputs];
    Arrays.setAll(cotangents, i -> tensor("cot" + i, device));
    return cotangents;
  }

  public int outputCount() {
    return (int) parts.keySet().stream().filter(part -> part.startsWith("out")).count();
  }

  /// PyTorch's result `i`, or of a large sample its probes.
  public Tensor output(int i) {
    return expected("out" + i);
  }

  /// PyTorch's gradient of operand `i`, or of a large sample its probes.
  public Tensor gradient(int i) {
    return expected("grad" + i);
  }

  private Tensor expected(String part) {
    Tensor tensor = tensor(part, Device.CPU);
    if (tensor == null) {
      throw new IllegalStateException(key + " has no " + part);
    }
    return tensor;
  }

  private @Nullable Tensor tensor(String part, Device device) {
    Safetensors.Entry entry = parts.get(part);
    if (entry != null) {
      return Tensor.copySegment(entry.data(), entry.dtype(), entry.shape()).to(device);
    }
    return attributes.has("@" + part) ? Noise.parse(attributes.text("@" + part)).to(device) : null;
  }

  static DType dtype(String label) {
    return Arrays.stream(DType.values()).filter(dtype -> dtype.label().equals(label)).findFirst().orElseThrow();
  }

  @Override
  public String toString() {
    return key;
  }
}
