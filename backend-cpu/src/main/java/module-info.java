import org.jspecify.annotations.NullMarked;

/// Kernels for the CPU.
@NullMarked
module org.flambeau.backend.cpu {
  requires java.management;
  requires jdk.incubator.vector;
  requires jdk.management;
  requires org.flambeau.core;
  requires org.slf4j;

  provides org.flambeau.spi.Backend with org.flambeau.backend.cpu.CpuBackend;
}
