package org.flambeau.spi;

/// Operations that a backend may offer as one kernel; core composes them from others where it does not.
public enum FusedOp {
  RUNNING_EXTREMUM,
  ORDER_STATISTIC,
  LOG_SUM_EXP,
  SOFTMAX,
  LOG_SOFTMAX,
  LAYER_NORM,
  ADD_LAYER_NORM,
  RMS_NORM,
  GROUP_NORM,
  BATCH_NORM,
  LINEAR,
  /// Products of half precision whose results are float32: [Kernels#matmul] and [Kernels#linearBackwardWeight].
  WIDE_PRODUCT,
  CONV2D,
  /// [#CONV2D] with a scale in its [Epilogue], which the backend prefers to a weight that was scaled before. Asked with the weight; who has it has
  /// [#CONV2D].
  SCALED_CONV2D,
  ATTENTION,
  CROSS_ENTROPY,
  NLL_LOSS,
  SGD_STEP,
  ADAM_STEP,
  MULTI_TENSOR_NORM,
  MULTI_TENSOR_SCALE,
  /// Asked with an operand of the chain; what a backend says of its device holds for all chains.
  CHAIN
}
