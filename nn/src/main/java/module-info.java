import org.jspecify.annotations.NullMarked;

/// Modules, layers, losses and optimizers.
@NullMarked
module org.flambeau.nn {
  requires transitive org.flambeau.core;
  requires org.slf4j;

  exports org.flambeau.nn;
  exports org.flambeau.nn.optim;
}
