import org.jspecify.annotations.NullMarked;

/// Tensors, autograd, memory scopes and the service that backends provide.
@NullMarked
module org.flambeau.core {
  requires transitive org.jspecify;
  requires org.slf4j;
  requires tools.jackson.core;
  requires java.management;
  requires jdk.management;

  exports org.flambeau;
  exports org.flambeau.autograd;
  exports org.flambeau.io;
  exports org.flambeau.spi;
  exports org.flambeau.internal to org.flambeau.cli, org.flambeau.testkit;
  exports org.flambeau.internal.compile to org.flambeau.nn, org.flambeau.testkit;
  exports org.flambeau.internal.ops to org.flambeau.nn, org.flambeau.testkit;

  uses org.flambeau.spi.Backend;
}
