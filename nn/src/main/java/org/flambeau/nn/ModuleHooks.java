package org.flambeau.nn;

import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
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
  private static <T> Registration added(List<T> hooks, T hook) {
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
    BackwardCall call = backward.isEmpty() ? null : new BackwardCall(module, backward, inputs.length);
    Tensor output = call == null ? module.forward(inputs) : call.watchOutput(module.forward(call.watchInputs(inputs)));
    for (Module.ForwardHook hook : after) {
      expose(inputs);
      Op.expose(output);
      output = Objects.requireNonNullElse(hook.after(module, inputs, output), output);
    }
    return output;
  }

  private static void expose(Tensor[] tensors) {
    for (Tensor tensor : tensors) {
      Op.expose(tensor);
    }
  }

  /// One call whose gradients are watched: by a function that changes nothing before the module, and a hook on its result.
  private static final class BackwardCall {
    private final Module module;
    private final List<Module.BackwardHook> hooks;
    private final @Nullable Tensor[] gradOutput = new Tensor[1];
    private final int inputs;
    private boolean inputsWatched;

    BackwardCall(Module module, List<Module.BackwardHook> hooks, int inputs) {
      this.module = module;
      this.hooks = hooks;
      this.inputs = inputs;
    }

    Tensor[] watchInputs(Tensor[] tensors) {
      Tensor[] watched = new Watch().applyAll(tensors).toArray(Tensor[]::new);
      inputsWatched = Arrays.stream(watched).anyMatch(Tensor::requiresGrad);
      return inputsWatched ? watched : tensors;
    }

    Tensor watchOutput(Tensor output) {
      if (output.requiresGrad()) {
        output.registerHook(grad -> {
          gradOutput[0] = grad;
          if (!inputsWatched) {
            run(new Tensor[inputs]);
          }
          return null;
        });
      }
      return output;
    }

    private @Nullable Tensor[] run(@Nullable Tensor[] gradInput) {
      @Nullable Tensor[] gradients = gradInput;
      for (Module.BackwardHook hook : hooks) {
        gradients = Objects.requireNonNullElse(hook.backward(module, gradients, gradOutput.clone()), gradients);
      }
      return gradients;
    }

    private final class Watch extends DifferentiableFunction {
      @Override
      protected List<Tensor> forward(Context context, List<Tensor> inputs) {
        return inputs.stream().map(Tensor::detach).toList();
      }

      @Override
      protected List<@Nullable Tensor> backward(Context context, List<Tensor> grads) {
        @Nullable Tensor[] gradients = new Tensor[grads.size()];
        for (int i = 0; i < gradients.length; i++) {
          gradients[i] = context.needs(i) ? grads.get(i) : null;
        }
        return Arrays.asList(run(gradients));
      }

      @Override
      protected String name() {
        return "BackwardHookFunctionBackward";
      }
    }
  }
}
