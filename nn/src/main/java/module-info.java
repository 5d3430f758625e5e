/// Modules, layers, losses and optimizers.
module org.flambeau.nn {
  requires static org.jspecify;
  requires transitive org.flambeau.core;
}
