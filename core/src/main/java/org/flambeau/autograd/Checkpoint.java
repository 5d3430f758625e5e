package org.flambeau.autograd;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;
import org.flambeau.Autocast;
import org.flambeau.AutogradException;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.Generator;
import org.flambeau.GradMode;
import org.flambeau.MemoryScope;
import org.flambeau.Tensor;
import org.flambeau.internal.ops.Captures;
import org.jspecify.annotations.Nullable;

/// Trades time for memory: a computation keeps its inputs in place of what its own backward pass would look at, and runs again when that is
/// due, under the same autocast region and with the same random numbers. Gradients are the same, of any order.
///
/// Reference: Chen, Xu, Zhang and Guestrin, "Training Deep Nets with Sublinear Memory Cost", 2016.
public final class Checkpoint {
  private static final ThreadLocal<Boolean> AGAIN = ThreadLocal.withInitial(() -> false);

  private Checkpoint() {}

  /// Runs `computation` on `inputs`. It must compute the same whenever it is called: what counts its calls asks [#isRunningAgain()].
  ///
  /// @param parameters what it uses beside its inputs and may need the gradient of; other tensors get none
  /// @throws AutogradException where it changes an input in place, which it would do twice
  /// @throws IllegalStateException while a CUDA graph is being captured, whose random numbers cannot be drawn twice
  public static Tensor call(Function<Tensor[], Tensor> computation, List<Tensor> parameters, Tensor... inputs) {
    Captures.refuse("activation_checkpointing", "the second run would draw other random numbers; switch it off for the captured step");
    Tensor[] all = Stream.concat(Arrays.stream(inputs), parameters.stream().filter(Tensor::requiresGrad)).toArray(Tensor[]::new);
    return new CheckpointFunction(computation, inputs.length).apply(all);
  }

  /// Whether this thread computes something a second time.
  public static boolean isRunningAgain() {
    return AGAIN.get();
  }

  /// A generator from which a computation drew, as it was before.
  private record Draws(Generator generator, byte[] state) {}

  private static final class CheckpointFunction extends DifferentiableFunction {
    private final Function<Tensor[], Tensor> computation;
    private final int inputs;
    private final @Nullable DType lowerPrecision = Autocast.isEnabled() ? Autocast.dtype() : null;
    private List<Draws> draws = List.of();

    CheckpointFunction(Function<Tensor[], Tensor> computation, int inputs) {
      this.computation = computation;
      this.inputs = inputs;
    }

    @Override
    protected List<Tensor> forward(Context context, List<Tensor> all) {
      context.save(all.toArray(Tensor[]::new));
      List<Draws> before = Stream.concat(Stream.of(Device.CPU), all.stream().map(Tensor::device)).distinct().map(Generator::defaultOf)
          .map(generator -> new Draws(generator, generator.getState())).toList();
      int[] versions = all.stream().mapToInt(Tensor::version).toArray();
      Tensor result = computation.apply(all.subList(0, inputs).toArray(Tensor[]::new));
      for (int i = 0; i < versions.length; i++) {
        if (all.get(i).version() != versions[i]) {
          throw new AutogradException("[activation_checkpointing] " + (i < inputs ? "input " + i : "a parameter")
              + " was changed in place by the computation, which would do so again in the backward pass: let it work on a copy");
        }
      }
      draws = before.stream().filter(each -> !Arrays.equals(each.state, each.generator.getState())).toList();
      return List.of(result);
    }

    @Override
    protected List<@Nullable Tensor> backward(Context context, List<Tensor> grads) {
      try (var scope = MemoryScope.open()) {
        List<Tensor> all = new ArrayList<>();
        List<Tensor> needed = new ArrayList<>();
        for (int i = 0; i < context.savedCount(); i++) {
          all.add(context.saved(i));
          if (context.needs(i)) {
            needed.add(all.getLast());
          }
        }
        Tensor result = again(all.subList(0, inputs).toArray(Tensor[]::new));
        @Nullable Tensor[] found = result.requiresGrad()
            ? Engine.runWithin(result, grads.getFirst(), GradMode.isEnabled(), needed.toArray(Tensor[]::new))
            : new Tensor[needed.size()];
        List<@Nullable Tensor> gradients = new ArrayList<>();
        int next = 0;
        for (int i = 0; i < all.size(); i++) {
          Tensor gradient = context.needs(i) ? found[next++] : null;
          gradients.add(gradient == null ? null : scope.keep(gradient));
        }
        return gradients;
      }
    }

    /// The computation once more, recorded, with the random numbers of the first time; afterwards the generators go on where they were.
    private Tensor again(Tensor[] arguments) {
      List<Draws> now = draws.stream().map(each -> new Draws(each.generator, each.generator.getState())).toList();
      draws.forEach(each -> each.generator.setState(each.state));
      boolean nested = isRunningAgain();
      AGAIN.set(true);
      try (var _ = GradMode.enableGrad();
          var _ = lowerPrecision == null ? Autocast.disabled() : Autocast.open(lowerPrecision)) {
        return computation.apply(arguments);
      } finally {
        AGAIN.set(nested);
        now.forEach(each -> each.generator.setState(each.state));
      }
    }
  }
}
