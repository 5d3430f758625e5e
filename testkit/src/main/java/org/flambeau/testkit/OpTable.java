package org.flambeau.testkit;

import java.util.List;
import java.util.stream.Stream;

/// Every operation, by family.
public final class OpTable {
  private static final List<OpInfo> ALL = Stream
      .of(CreationOps.ALL, PointwiseOps.UNARY, PointwiseOps.BINARY, PointwiseOps.WITH_NUMBER, PointwiseOps.BLENDS,
          ReductionOps.ALL, ShapeOps.ALL, IndexingOps.ALL, LinearAlgebraOps.ALL, NeuralOps.ACTIVATIONS, NeuralOps.CONVOLUTIONS,
          NeuralOps.NORMALIZATIONS, NeuralOps.LAYERS, NeuralOps.LOSSES)
      .flatMap(List::stream).toList();

  private OpTable() {}

  public static List<OpInfo> all() {
    return ALL;
  }
}
