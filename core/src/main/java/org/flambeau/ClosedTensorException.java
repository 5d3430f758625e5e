package org.flambeau;

import org.flambeau.internal.memory.Provenance;

/// A tensor was used after the [MemoryScope] that owned it was closed. [MemoryScope#keep] would have moved it out.
public final class ClosedTensorException extends FlambeauException {
  private static final long serialVersionUID = 1;

  public ClosedTensorException(Provenance provenance) {
    super("This tensor's memory was freed when its MemoryScope closed. Use scope.keep(tensor) to take it out of the scope; "
        + "what a module's forward makes, which runs in a scope of its own, leaves it as the result or by MemoryScope.escape(tensor)."
        + provenance.describe());
    if (provenance.made() != null) {
      addSuppressed(provenance.made());
    }
    if (provenance.closed() != null) {
      addSuppressed(provenance.closed());
    }
  }
}
