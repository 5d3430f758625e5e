package org.flambeau.spi;

/// How a two-dimensional pooling window slides. `countIncludePad` and `divisor` (0: the window's size) are the average's.
public record PoolSpec(int kernelH, int kernelW, int strideH, int strideW, int padH, int padW, int dilationH, int dilationW,
    boolean ceilMode, boolean countIncludePad, int divisor) {}
