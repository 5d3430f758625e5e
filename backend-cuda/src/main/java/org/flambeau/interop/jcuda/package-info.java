/// Kernels and libraries called through JCuda, on the memory and the stream of Flambeau's tensors.
package org.flambeau.interop.jcuda;
