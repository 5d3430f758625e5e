package org.flambeau.autograd;

import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.flambeau.AutogradException;
import org.flambeau.BackwardOption;
import org.flambeau.Tensor;
import org.jspecify.annotations.Nullable;

/// Backward passes over recorded graphs.
public final class Autograd {
  private Autograd() {}

  /// Adds the gradients of Σ outputsᵢ·gradsᵢ to the `.grad` of every leaf that requires grad.
  ///
  /// @param grads one for each output, of its sizes; null stands for 1 where the output has one element
  /// @throws AutogradException where an output does not require grad, a gradient has the wrong sizes, or the graph was
  ///     walked before without [BackwardOption#RETAIN_GRAPH]
  public static void backward(List<Tensor> outputs, List<? extends @Nullable Tensor> grads, BackwardOption... options) {
    Set<BackwardOption> chosen = options(options);
    Tensor[] roots = outputs.toArray(Tensor[]::new);
    Engine.run(roots, seeds(roots, grads), retains(chosen), chosen.contains(BackwardOption.CREATE_GRAPH), null, true);
  }

  /// Like [#backward(List, List, BackwardOption...)], but only for the `.grad` of `inputs`, leaves or not; what does not lead to them is not
  /// run.
  public static void backward(List<Tensor> outputs, List<? extends @Nullable Tensor> grads, List<Tensor> inputs,
      BackwardOption... options) {
    if (inputs.isEmpty()) {
      throw new AutogradException("'inputs' argument to backward() cannot be empty.");
    }
    Set<BackwardOption> chosen = options(options);
    Tensor[] roots = outputs.toArray(Tensor[]::new);
    Engine.run(roots, seeds(roots, grads), retains(chosen), chosen.contains(BackwardOption.CREATE_GRAPH), inputs.toArray(Tensor[]::new),
        true);
  }

  /// The gradients of `output`, a scalar, for `inputs`.
  public static List<Tensor> grad(Tensor output, List<Tensor> inputs, BackwardOption... options) {
    return grad(List.of(output), inputs, Arrays.asList((Tensor) null), options);
  }

  /// The gradients of Σ output·grad for `inputs`; no `.grad` changes.
  ///
  /// @throws AutogradException where an input was not used in the graph; see [#gradAllowUnused]
  public static List<Tensor> grad(Tensor output, List<Tensor> inputs, Tensor grad, BackwardOption... options) {
    return grad(List.of(output), inputs, List.of(grad), options);
  }

  /// The gradients of Σ outputsᵢ·gradsᵢ for `inputs`; no `.grad` changes.
  ///
  /// @throws AutogradException where an input was not used in the graph; see [#gradAllowUnused]
  public static List<Tensor> grad(List<Tensor> outputs, List<Tensor> inputs, List<? extends @Nullable Tensor> grads,
      BackwardOption... options) {
    @Nullable Tensor[] found = gradAllowUnused(outputs, inputs, grads, options);
    Tensor[] all = new Tensor[found.length];
    for (int i = 0; i < found.length; i++) {
      Tensor one = found[i];
      if (one == null) {
        throw new AutogradException("The differentiated Tensor at index " + i + " appears to not have been used in the graph. Use "
            + "gradAllowUnused if this is the desired behavior.");
      }
      all[i] = one;
    }
    return List.of(all);
  }

  /// Like [#grad], with null for inputs that were not used.
  public static @Nullable Tensor[] gradAllowUnused(List<Tensor> outputs, List<Tensor> inputs, List<? extends @Nullable Tensor> grads,
      BackwardOption... options) {
    Set<BackwardOption> chosen = options(options);
    Tensor[] roots = outputs.toArray(Tensor[]::new);
    return Engine.run(roots, seeds(roots, grads), retains(chosen), chosen.contains(BackwardOption.CREATE_GRAPH),
        inputs.toArray(Tensor[]::new), false);
  }

  private static Set<BackwardOption> options(BackwardOption[] options) {
    Set<BackwardOption> chosen = EnumSet.noneOf(BackwardOption.class);
    chosen.addAll(Arrays.asList(options));
    return chosen;
  }

  private static boolean retains(Set<BackwardOption> options) {
    return !options.isEmpty();
  }

  private static Tensor[] seeds(Tensor[] outputs, List<? extends @Nullable Tensor> grads) {
    if (grads.size() != outputs.length) {
      throw new AutogradException("got " + outputs.length + " tensors and " + grads.size() + " gradients");
    }
    Tensor[] seeds = new Tensor[outputs.length];
    for (int i = 0; i < outputs.length; i++) {
      Tensor output = outputs[i];
      Tensor grad = grads.get(i);
      if (!output.requiresGrad()) {
        throw new AutogradException("element " + i + " of tensors does not require grad and does not have a grad_fn");
      }
      if (grad == null) {
        if (output.numel() != 1) {
          throw new AutogradException("grad can be implicitly created only for scalar outputs, got sizes " + Arrays.toString(output.sizes())
              + ": pass the gradient of this tensor, or reduce it to one element first");
        }
        grad = Tensor.onesLike(output);
      } else if (!Arrays.equals(grad.strided().sizes(), output.strided().sizes())) {
        throw new AutogradException("Mismatch in shape: grad_output[" + i + "] has a shape of torch.Size(" + Arrays.toString(grad.sizes())
            + ") and output[" + i + "] has a shape of torch.Size(" + Arrays.toString(output.sizes()) + ").");
      }
      seeds[i] = grad;
    }
    return seeds;
  }
}
