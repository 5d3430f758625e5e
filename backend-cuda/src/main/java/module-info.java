import org.jspecify.annotations.NullMarked;

/// NVIDIA GPUs.
@NullMarked
module org.flambeau.backend.cuda {
  requires org.flambeau.core;
  requires org.slf4j;
  requires static jcuda;

  exports org.flambeau.interop.jcuda;

  provides org.flambeau.spi.Backend with org.flambeau.backend.cuda.CudaBackend;
}
