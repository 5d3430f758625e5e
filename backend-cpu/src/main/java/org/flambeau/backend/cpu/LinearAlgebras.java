package org.flambeau.backend.cpu;

import org.flambeau.BackendException;
import org.flambeau.backend.cpu.gemm.VectorLinearAlgebra;
import org.flambeau.backend.cpu.onednn.OneDnnLinearAlgebra;
import org.flambeau.spi.Allocator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Chooses what computes matrix products and convolutions: oneDNN where it can be loaded and `-Dflambeau.onednn=off` does
/// not forbid it, else the Vector API.
///
/// @param chosen what was chosen
/// @param reason why it is not oneDNN, or where that came from
public record LinearAlgebras(LinearAlgebra chosen, String reason) {
  private static final Logger LOG = LoggerFactory.getLogger(LinearAlgebras.class);

  /// Makes the choice for one allocator, from which workspaces and packed weights are taken, and logs its reason.
  public static LinearAlgebras choose(Allocator allocator) {
    LinearAlgebra vector = new VectorLinearAlgebra(allocator);
    if (System.getProperty("flambeau.onednn", "on").equals("off")) {
      return without(vector, "-Dflambeau.onednn=off");
    }
    try {
      LinearAlgebra onednn = new OneDnnLinearAlgebra(vector, allocator);
      LOG.debug("Matrix products and convolutions by {}", onednn.name());
      return new LinearAlgebras(onednn, "oneDNN was found");
    } catch (BackendException e) {
      return without(vector, String.valueOf(e.getMessage()));
    }
  }

  private static LinearAlgebras without(LinearAlgebra vector, String reason) {
    LOG.warn("Matrix products and convolutions by {} instead of oneDNN: {}", vector.name(), reason);
    return new LinearAlgebras(vector, reason);
  }
}
