package org.flambeau.cli;

import java.util.Set;
import org.flambeau.Tensor;
import org.flambeau.nn.BatchNorm;
import org.flambeau.nn.Module;

/// The part of a classifier below its last linear layer.
public final class Backbone {
  private Backbone() {}

  /// Lets nothing learn but the module at `classifier`, and puts the batch norms below in evaluation, so that no running statistic moves.
  public static void freeze(Module model, String classifier) {
    Set<Tensor> head = Set.copyOf(model.submodule(classifier).parameters());
    model.parameters().forEach(parameter -> parameter.requiresGrad_(head.contains(parameter)));
    model.train();
    model.apply(module -> {
      if (module instanceof BatchNorm norm) {
        norm.eval();
      }
    });
  }
}
