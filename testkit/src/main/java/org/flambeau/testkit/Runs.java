package org.flambeau.testkit;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.flambeau.BackwardOption;
import org.flambeau.Tensor;
import org.flambeau.autograd.Autograd;
import org.jspecify.annotations.Nullable;

/// Calls of a table's operations.
final class Runs {
  private Runs() {}

  /// Makes leaves of the operands whose gradient is known; bit i of `mask` takes part.
  static List<Tensor> leaves(Sample sample, List<Tensor> inputs, int mask) {
    for (int i = 0; i < inputs.size(); i++) {
      if (sample.wantsGradient(i) && (mask >> i & 1) != 0) {
        inputs.get(i).requiresGrad_(true);
      }
    }
    return inputs;
  }

  /// Which operands' gradients are known, a bit each.
  static int wanted(Sample sample, int inputs) {
    int mask = 0;
    for (int i = 0; i < inputs; i++) {
      mask |= sample.wantsGradient(i) ? 1 << i : 0;
    }
    return mask;
  }

  /// The gradients of all leaves among `inputs` that require grad, null for the others.
  static @Nullable Tensor[] gradients(List<Tensor> outputs, List<Tensor> inputs, @Nullable Tensor[] cotangents,
      BackwardOption... options) {
    List<Tensor> roots = new ArrayList<>();
    List<Tensor> seeds = new ArrayList<>();
    for (int i = 0; i < outputs.size(); i++) {
      Tensor seed = cotangents[i];
      if (seed != null && outputs.get(i).requiresGrad()) {
        roots.add(outputs.get(i));
        seeds.add(seed);
      }
    }
    List<Tensor> wanted = inputs.stream().filter(Tensor::requiresGrad).toList();
    @Nullable Tensor[] gradients = new Tensor[inputs.size()];
    if (wanted.isEmpty()) {
      return gradients;
    }
    if (roots.isEmpty()) {
      throw new AssertionError("no result requires grad");
    }
    @Nullable Tensor[] found = Autograd.gradAllowUnused(roots, wanted, seeds, options);
    for (int i = 0, next = 0; i < gradients.length; i++) {
      gradients[i] = inputs.get(i).requiresGrad() ? found[next++] : null;
    }
    return gradients;
  }

  /// What is wrong with `actual`, given the golden `expected`, or null.
  static @Nullable String compare(OpInfo op, Sample sample, Tensor actual, Tensor expected, double factor) {
    Closeness closeness = Closeness.of(actual.dtype(), op.tolerance() * factor);
    return sample.isLarge() ? closeness.compareProbes(Noise.probe(actual), expected.toDoubleArray()) : closeness.compare(actual, expected);
  }

  static List<Tensor> copies(List<Tensor> tensors) {
    return new ArrayList<>(tensors.stream().map(tensor -> tensor.detach().clone()).toList());
  }

  static String sizes(List<Tensor> tensors) {
    return tensors.stream().map(tensor -> Arrays.toString(tensor.sizes())).toList().toString();
  }
}
