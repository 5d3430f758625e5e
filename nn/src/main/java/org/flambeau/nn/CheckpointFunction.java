package org.flambeau.nn;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;
import org.flambeau.Autocast;
import org.flambeau.BackwardOption;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.Generator;
import org.flambeau.GradMode;
import org.flambeau.MemoryScope;
import org.flambeau.Tensor;
import org.flambeau.autograd.Autograd;
import org.flambeau.autograd.DifferentiableFunction;
import org.jspecify.annotations.Nullable;

/// A computation that keeps its inputs in place of what its own backward pass would look at, and runs again when that is due: under the same
/// autocast region, with the same random numbers.
///
/// Reference: Chen, Xu, Zhang and Guestrin, "Training Deep Nets with Sublinear Memory Cost", 2016.
final class CheckpointFunction extends DifferentiableFunction {
  /// A generator from which the computation drew, as it was before.
  private record Draws(Generator generator, byte[] state) {}

  private static final ThreadLocal<Boolean> AGAIN = ThreadLocal.withInitial(() -> false);

  private final Function<Tensor[], Tensor> computation;
  private final int inputs;
  private final @Nullable DType lowerPrecision = Autocast.isEnabled() ? Autocast.dtype() : null;
  private List<Draws> draws = List.of();

  private CheckpointFunction(Function<Tensor[], Tensor> computation, int inputs) {
    this.computation = computation;
    this.inputs = inputs;
  }

  /// @param parameters what the computation uses beside its inputs and may need the gradient of
  static Tensor call(Function<Tensor[], Tensor> computation, List<Tensor> parameters, Tensor... inputs) {
    Tensor[] all = Stream.concat(Arrays.stream(inputs), parameters.stream().filter(Tensor::requiresGrad)).toArray(Tensor[]::new);
    return new CheckpointFunction(computation, inputs.length).apply(all);
  }

  /// Whether this thread computes something a second time, which modules that count their calls should not count.
  static boolean isRunningAgain() {
    return AGAIN.get();
  }

  @Override
  protected List<Tensor> forward(Context context, List<Tensor> all) {
    context.save(all.toArray(Tensor[]::new));
    List<Draws> before = Stream.concat(Stream.of(Device.CPU), all.stream().map(Tensor::device)).distinct().map(Generator::defaultOf)
        .map(generator -> new Draws(generator, generator.getState())).toList();
    Tensor result = computation.apply(all.subList(0, inputs).toArray(Tensor[]::new));
    draws = before.stream().filter(each -> !Arrays.equals(each.state, each.generator.getState())).toList();
    return List.of(result);
  }

  @Override
  protected List<@Nullable Tensor> backward(Context context, List<Tensor> grads) {
    boolean graph = GradMode.isEnabled();
    try (var scope = MemoryScope.open()) {
      List<Tensor> all = new ArrayList<>();
      for (int i = 0; i < context.savedCount(); i++) {
        Tensor saved = context.saved(i);
        // Cut off, an input is where the walk ends: else each computation would look through all that came before.
        all.add(i < inputs && !graph ? saved.detach().requiresGrad_(context.needs(i)) : saved);
      }
      Tensor result = again(all.subList(0, inputs).toArray(Tensor[]::new));
      List<Tensor> needed = new ArrayList<>();
      for (int i = 0; i < all.size(); i++) {
        if (context.needs(i)) {
          needed.add(all.get(i));
        }
      }
      BackwardOption[] options = graph ? new BackwardOption[] {BackwardOption.CREATE_GRAPH} : new BackwardOption[0];
      @Nullable Tensor[] found = Autograd.gradAllowUnused(List.of(result), needed, grads, options);
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
