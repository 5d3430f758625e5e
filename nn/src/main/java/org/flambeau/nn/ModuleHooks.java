package org.flambeau.nn;

import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.UnaryOperator;
import org.flambeau.GradMode;
import org.flambeau.Tensor;
import org.flambeau.autograd.DifferentiableFunction;
import org.flambeau.autograd.Node.Registration;
import org.flambeau.internal.ops.Op;
import org.jspecify.annotations.Nullable;

/// The hooks of a module, and how a call runs them.
final class ModuleHooks {
  private final List<Module.ForwardPreHook> before = new CopyOnWriteArrayList<>();
  private final List<Module.ForwardHook> after = new CopyOnWriteArrayList<>();
  private final List<Module.BackwardHook> backward = new CopyOnWriteArrayList<>();

  boolean isEmpty() {
    return before.isEmpty() && after.isEmpty() && backward.isEmpty();
  }

  Registration add(Module.ForwardPreHook hook) {
    return added(before, hook);
  }

  Registration add(Module.ForwardHook hook) {
    return added(after, hook);
  }

  Registration add(Module.BackwardHook hook) {
    return added(backward, hook);
  }

  /// The same hook can be added twice; each registration removes its own.
  static <T> Registration added(List<T> hooks, T hook) {
    hooks.add(hook);
    boolean[] removed = {false};
    return () -> {
      if (!removed[0]) {
        removed[0] = true;
        for (int i = hooks.size() - 1; i >= 0; i--) {
          if (hooks.get(i) == hook) {
            hooks.remove(i);
            return;
          }
        }
      }
    };
  }

  Tensor run(Module module, Tensor[] given) {
    Tensor[] inputs = given;
    for (Module.ForwardPreHook hook : before) {
      expose(inputs);
      inputs = Objects.requireNonNullElse(hook.before(module, inputs), inputs);
    }
    BackwardCall call = backward.isEmpty() || !GradMode.isEnabled() ? null : new BackwardCall(module, List.copyOf(backward), inputs.length);
    Tensor output = module.forward(call == null ? inputs : call.watchInputs(inputs));
    for (Module.ForwardHook hook : after) {
      expose(inputs);
      Op.expose(output);
      output = Objects.requireNonNullElse(hook.after(module, inputs, output), output);
    }
    return call == null ? output : call.watchOutput(output);
  }

  private static void expose(@Nullable Tensor[] tensors) {
    for (Tensor tensor : tensors) {
      if (tensor != null) {
        Op.expose(tensor);
      }
    }
  }

  /// One call whose gradients are watched, by functions that change nothing before the module and after all its hooks.
  private static final class BackwardCall {
    private final Module module;
    private final List<Module.BackwardHook> hooks;
    private final int inputs;
    private boolean inputsWatched;
    private @Nullable Tensor gradOutput;

    BackwardCall(Module module, List<Module.BackwardHook> hooks, int inputs) {
      this.module = module;
      this.hooks = hooks;
      this.inputs = inputs;
    }

    Tensor[] watchInputs(Tensor[] tensors) {
      Tensor[] watched = new Watch(this::runHooks).applyAll(tensors).toArray(Tensor[]::new);
      inputsWatched = Arrays.stream(watched).anyMatch(Tensor::requiresGrad);
      return inputsWatched ? watched : tensors;
    }

    Tensor watchOutput(Tensor output) {
      return output.requiresGrad() ? new Watch(this::noteGradOutput).apply(output) : output;
    }

    private @Nullable Tensor[] noteGradOutput(@Nullable Tensor[] gradients) {
      expose(gradients);
      gradOutput = gradients[0];
      if (!inputsWatched && Arrays.stream(runHooks(new Tensor[inputs])).anyMatch(Objects::nonNull)) {
        throw new IllegalStateException(
            "[" + module.name() + "] a backward hook returned gradients, but no input of the module requires grad: "
                + "expected null, alone or for each input");
      }
      return gradients;
    }

    /// Not where gradients reached the inputs by another way than the module's result.
    private @Nullable Tensor[] runHooks(@Nullable Tensor[] gradInput) {
      @Nullable Tensor[] gradients = gradInput;
      if (gradOutput != null) {
        expose(gradients);
        for (Module.BackwardHook hook : hooks) {
          gradients = Objects.requireNonNullElse(hook.backward(module, gradients, new Tensor[] {gradOutput}), gradients);
          if (gradients.length != inputs) {
            throw new IllegalStateException("[" + module.name() + "] Backward hook returned an invalid number of grad_input, got "
                + gradients.length + ", but expected " + inputs);
          }
        }
        gradOutput = null;
      }
      return gradients;
    }
  }

  /// Changes nothing, but `change` sees the gradients and may change them.
  private static final class Watch extends DifferentiableFunction {
    private final UnaryOperator<@Nullable Tensor[]> change;

    Watch(UnaryOperator<@Nullable Tensor[]> change) {
      this.change = change;
    }

    @Override
    protected List<Tensor> forward(Context context, List<Tensor> inputs) {
      context.markNonDifferentiable(inputs.stream().filter(input -> !input.requiresGrad()).toArray(Tensor[]::new));
      return inputs;
    }

    @Override
    protected List<@Nullable Tensor> backward(Context context, List<Tensor> grads) {
      @Nullable Tensor[] gradients = new Tensor[grads.size()];
      for (int i = 0; i < gradients.length; i++) {
        gradients[i] = context.needs(i) ? grads.get(i) : null;
      }
      return Arrays.asList(change.apply(gradients));
    }

    @Override
    protected String name() {
      return "BackwardHookFunctionBackward";
    }
  }
}
