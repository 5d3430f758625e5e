/// Kernels for the CPU.
module org.flambeau.backend.cpu {
  requires static org.jspecify;
  requires jdk.incubator.vector;
  requires org.flambeau.core;
  requires org.slf4j;
}
