package org.flambeau.interop.jcuda;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import jcuda.NativePointerObject;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUstream;
import org.flambeau.Device;
import org.flambeau.Tensor;
import org.flambeau.backend.cuda.CudaBackend;
import org.flambeau.spi.Strided;

/// Tensors and streams as JCuda's objects, without a copy, for kernels and libraries that are called through [JCuda](http://www.jcuda.org).
///
/// ```java
/// Tensor y = Tensor.emptyLike(x);
/// JCudaDriver.cuLaunchKernel(kernel, blocks, 1, 1, 256, 1, 1, 0, JCudaInterop.stream(x.device()),
///     Pointer.to(Pointer.to(JCudaInterop.pointer(y)), Pointer.to(JCudaInterop.pointer(x)), Pointer.to(new int[] {n})), null);
/// ```
/// What JCuda issues to [#stream] comes after the operations that were called before, and before those called later; nobody waits. Inside a
/// [org.flambeau.autograd.DifferentiableFunction] such a kernel is part of autograd. It needs `org.jcuda:jcuda` 12.6.0, whose native library takes the driver
/// that Flambeau has found.
///
/// Errors: `IllegalArgumentException` for a tensor that is not on a GPU or not contiguous; `BackendException` where there is no such GPU.
public final class JCudaInterop {
  private static final VarHandle HANDLE;

  static {
    try {
      HANDLE = MethodHandles.privateLookupIn(NativePointerObject.class, MethodHandles.lookup())
          .findVarHandle(NativePointerObject.class, "nativePointer", long.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private JCudaInterop() {}

  /// Where a contiguous tensor's first element lies. It is valid as long as the tensor's memory: keep the tensor reachable, and its scope open,
  /// until what uses it has been issued.
  ///
  /// The calling thread's context becomes that of the tensor's GPU. A kernel that writes through it changes the tensor unseen: call it on a tensor that
  /// no graph has saved. As after [Tensor#toSegment()], nothing that is computed from that memory is kept for the next use from then on.
  public static CUdeviceptr pointer(Tensor tensor) {
    if (tensor.device().type() != Device.Type.CUDA) {
      throw new IllegalArgumentException("[jcuda] expected a tensor on a GPU, got one on " + tensor.device() + ": call to(Device.cuda(0))");
    }
    Strided where = tensor.strided();
    if (!where.isContiguous()) {
      throw new IllegalArgumentException(
          "[jcuda] expected a contiguous tensor, got sizes " + Arrays.toString(where.sizes()) + " with strides "
              + Arrays.toString(where.strides()) + ": call contiguous()");
    }
    CudaBackend.makeCurrent(tensor.device());
    where.storage().expose();
    CUdeviceptr pointer = new CUdeviceptr();
    HANDLE.set(pointer, where.address());
    return pointer;
  }

  /// The stream that operations on that GPU are issued to by the calling thread, whose context becomes the GPU's.
  public static CUstream stream(Device device) {
    CudaBackend.makeCurrent(Device.cuda(device.index()));
    CUstream stream = new CUstream();
    HANDLE.set(stream, CudaBackend.stream(device));
    return stream;
  }
}
