package org.flambeau.internal.ops;

import org.flambeau.CudaGraph;

/// What a replayed graph would leave out, or do with numbers of the past.
public final class Captures {
  private Captures() {}

  /// Refuses `what` while this thread is recording a graph.
  ///
  /// @throws IllegalStateException in its name, with the reason
  public static void refuse(String what, String why) {
    if (CudaGraph.isCapturing()) {
      throw new IllegalStateException("[" + what + "] cannot be captured in a graph: " + why);
    }
  }
}
