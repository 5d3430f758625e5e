/// Kernels and libraries called through JCuda, on the memory and the stream of Flambeau's tensors.
///
/// JCublas and JCudnn take a [jcuda.driver.CUdeviceptr] wherever they take a pointer, and the stream as `new cudaStream_t(stream)` in `cublasSetStream` and
/// `cudnnSetStream`. JCublas 12.6.0 needs `libcublas.so.12`. JCudnn ended with 11.7.0 and needs `libcudnn.so.8`; it asks for its native library by JCuda's
/// version, so that beside JCuda 12.6.0 a copy of `libJCudnn-11.7.0-linux-x86_64.so`, from `jcudnn-natives`, must be in `java.library.path` or under `lib` on the
/// class path as `libJCudnn-12.6.0-linux-x86_64.so`.
package org.flambeau.interop.jcuda;
