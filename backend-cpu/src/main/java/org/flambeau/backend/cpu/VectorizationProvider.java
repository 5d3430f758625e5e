package org.flambeau.backend.cpu;

import org.flambeau.backend.cpu.vector.FloatVectorization;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Chooses how the kernels compute, and says why.
final class VectorizationProvider {
  private static final Logger LOG = LoggerFactory.getLogger(VectorizationProvider.class);

  static final @Nullable Vectorization PRESENT;
  static final String REASON;

  static {
    String obstacle = obstacle();
    PRESENT = obstacle == null ? new FloatVectorization() : null;
    REASON = PRESENT != null ? PRESENT.name() : "plain Java, because " + obstacle;
    if (PRESENT != null) {
      LOG.debug("CPU kernels: {}", REASON);
    } else {
      LOG.warn("CPU kernels: {}", REASON);
    }
  }

  private VectorizationProvider() {}

  private static @Nullable String obstacle() {
    if (System.getProperty("flambeau.vector", "on").equals("off")) {
      return "-Dflambeau.vector=off was given";
    }
    if (ModuleLayer.boot().findModule("jdk.incubator.vector").isEmpty()) {
      return "the module jdk.incubator.vector is absent: run java with --add-modules jdk.incubator.vector";
    }
    return FloatVectorization.obstacle();
  }
}
