package org.flambeau;

/// How a backward pass treats the graph it walks.
public enum BackwardOption {
  /// Keeps the saved tensors, so that the graph can be walked again.
  RETAIN_GRAPH,
  /// Records the backward pass itself, so that gradients can be differentiated; implies [#RETAIN_GRAPH].
  CREATE_GRAPH;

  /// This library's [org.flambeau.Random], under its short name, for scripts that begin with
  /// `import static org.flambeau.BackwardOption.*`: there the bare name would be ambiguous with `java.util.Random`, which
  /// every compact source file imports with its module.
  public abstract static class Random extends org.flambeau.Random {
    private Random() {}
  }
}
