package org.flambeau.testkit;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.flambeau.CudaGraph;
import org.flambeau.Device;
import org.flambeau.GradMode;
import org.flambeau.Random;
import org.flambeau.Tensor;
import org.jspecify.annotations.Nullable;

/// Operations in graphs of the device's, beside the same operations done at once.
final class Recorded {
  private static final Closeness SAME = new Closeness(0, 0);

  private Recorded() {}

  /// Of each operation those of one dtype that have elements: the kernels of the others are launched alike.
  static boolean isOne(Sample sample) {
    boolean filled = sample.inputs(Device.CPU).stream().anyMatch(x -> x.numel() > 0);
    return filled && !sample.isLarge() && sample.dtype() == Goldens.of(sample.op()).getFirst().dtype();
  }

  /// What is wrong with the replays of a graph of the operation and its gradients, or null.
  static @Nullable String examine(OpInfo op, Sample sample, Device device) {
    String waits = op.waits(sample);
    List<Tensor> inputs = Runs.leaves(sample, sample.inputs(device), -1);
    @Nullable Tensor[] cotangents = sample.cotangents(sample.outputCount(), device);
    Supplier<List<Tensor>> work = () -> {
      List<Tensor> results = new ArrayList<>(op.call(inputs, sample.attributes()));
      Arrays.stream(Runs.gradients(results, inputs, cotangents)).filter(Objects::nonNull).forEach(results::add);
      return results;
    };
    List<Tensor> before = work.get();
    List<Tensor> recorded = new ArrayList<>();
    try (CudaGraph graph = CudaGraph.capture(device, () -> recorded.addAll(work.get()))) {
      if (waits != null) {
        return "was recorded, although it waits for the device: " + waits;
      }
      seed(sample);
      graph.replay();
      String wrong = compare(recorded, before);
      if (wrong != null) {
        return wrong;
      }
      try (var _ = GradMode.noGrad()) {
        inputs.forEach(Recorded::reverse);
      }
      List<Tensor> after = work.get();
      seed(sample);
      graph.replay();
      wrong = compare(recorded, after);
      return wrong == null ? null : "with other operands: " + wrong;
    } catch (IllegalStateException e) {
      String message = String.valueOf(e.getMessage());
      return waits != null && op.isNamedBy(message) && message.contains("cannot be captured in a graph") ? null : message;
    }
  }

  /// What the call itself does, but not in a graph, which draws from where the generator is.
  private static void seed(Sample sample) {
    if (sample.attributes().has("seed")) {
      Random.manualSeed(sample.attributes().integer("seed"));
    }
  }

  /// Changes the operand to one with the same elements, so that it stays within what the operation takes.
  private static void reverse(Tensor operand) {
    operand.copy_(operand.reshape(-1).flip(0).reshape(operand.sizes()));
  }

  private static @Nullable String compare(List<Tensor> actual, List<Tensor> expected) {
    return Stream.iterate(0, i -> i < expected.size(), i -> i + 1).map(i -> {
      String wrong = SAME.compare(actual.get(i), expected.get(i));
      return wrong == null ? null : "result " + i + ": " + wrong;
    }).filter(Objects::nonNull).findFirst().orElse(null);
  }
}
