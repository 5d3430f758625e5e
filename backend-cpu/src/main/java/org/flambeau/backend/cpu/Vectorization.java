package org.flambeau.backend.cpu;

import org.flambeau.DType;
import org.jspecify.annotations.Nullable;

/// What the Vector API computes faster than plain Java. Where it returns null it has nothing better.
public interface Vectorization {
  /// The one in use, or null; [VectorizationProvider#REASON] says why.
  @Nullable Vectorization PRESENT = VectorizationProvider.PRESENT;

  /// How it computes, for the log and the report.
  String name();

  /// The loop of a [org.flambeau.spi.UnaryOp], [org.flambeau.spi.BinaryOp] or [TernaryOp].
  @Nullable Loop loop(Enum<?> op, Compute compute);

  /// The loop on floats that reads and writes `halves` as they lie.
  @Nullable Loop loop(Enum<?> op, Halves halves);

  /// A faster form of `scalar`, or `scalar` itself.
  Reducer reducer(Fold fold, Compute compute, Reducer scalar);

  /// The one on floats that are in memory of a half precision; null where a fold has no vector form.
  @Nullable Reducer reducer(Fold fold, DType half);

  /// The steps of the fused kernels, which exist on vectors only, for [RowOp#elements] of float32 or a half precision.
  RowOp.Loop row(RowOp op, DType elements);

  RowOp.Sum sum(RowOp.Term term);

  /// Whole rows of the fused kernels.
  RowKernels rows();

  /// Batch norm's loops, for float32 or a half precision.
  ChannelLoops channelLoops(DType dtype);

  /// Columns of the fused kernels.
  ColumnKernels columns();

  /// The transforms of convolutions.
  TileTransforms tileTransforms();

  /// Factors for a matrix unit, or null where vectors are not as wide as its rows.
  @Nullable PairLayouts pairLayouts();

  /// How many floats a vector holds.
  int lanes();

  /// Of how many vectors the widest [ProductTile] is.
  int widestTile();

  /// The tile of so many vectors; `adding` to what is there already.
  ProductTile tile(int vectors, boolean adding);

  /// A faster form of `scalar`, or `scalar` itself.
  Conversion conversion(DType dtype, Conversion scalar);
}
