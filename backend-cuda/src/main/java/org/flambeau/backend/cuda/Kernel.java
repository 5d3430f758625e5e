package org.flambeau.backend.cuda;

/// A compiled kernel of one GPU.
///
/// @param name its source and template instance, as in `elementwise.cu: dense<ADD, float32, float32, float32>`
/// @param function the driver's handle
record Kernel(String name, long function) {}
