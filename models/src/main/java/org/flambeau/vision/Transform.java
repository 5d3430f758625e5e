package org.flambeau.vision;

import org.flambeau.Device;
import org.flambeau.Generator;

/// One step between a decoded image and what a model takes, drawing whatever is random about it from a generator.
///
/// Steps are joined by [#then]: `new Resize(256).then(new CenterCrop(224)).then(new ToTensor())`. A transform keeps no state
/// of its own, so that the threads of a loader can share it.
@FunctionalInterface
public interface Transform<A, B> {
  B apply(A input, Generator random);

  /// [#apply(Object, Generator)] with the CPU's default generator.
  default B apply(A input) {
    return apply(input, Generator.defaultOf(Device.CPU));
  }

  /// This transform, and `next` on what comes of it. Prints as torchvision's Compose does.
  default <C> Transform<A, C> then(Transform<? super B, ? extends C> next) {
    return new Compose<>(this, next);
  }
}
