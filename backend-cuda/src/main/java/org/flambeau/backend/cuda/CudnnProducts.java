package org.flambeau.backend.cuda;

import java.util.List;
import org.flambeau.DType;
import org.flambeau.MatmulPrecision;
import org.flambeau.backend.cuda.CudnnOperation.Place;
import org.flambeau.backend.cuda.CudnnOperation.Pointwise;
import org.flambeau.backend.cuda.CudnnOperation.Product;
import org.flambeau.backend.cuda.CudnnOperation.Tensor;
import org.flambeau.spi.Strided;

/// Products with what follows them, by cuDNN's engines of tensor cores, where they are faster: GELU, which cuBLASLt has by tanh only.
///
/// Each engine compiles its kernel, which takes half a second and more, so that only products which are worth a [Trial] are asked for.
final class CudnnProducts {
  private final Gpu gpu;
  private final CudnnContext.Pool contexts;
  private final CudnnPlans plans;

  CudnnProducts(Gpu gpu, CudnnContext.Pool contexts, CudnnPlans plans) {
    this.gpu = gpu;
    this.contexts = contexts;
    this.plans = plans;
  }

  /// Whether cuDNN computed out = gelu(x·weightᵀ + bias) and does so faster than `otherwise`, which computes it, too.
  boolean linearGelu(Strided out, Strided x, Strided weight, Strided bias, Runnable otherwise) {
    LinearGelu request = LinearGelu.of(out, x, weight, bias);
    if (!Trial.pays(request.work()) || !takes(x.dtype()) || !liesTogether(x) || !liesTogether(weight) || bias.stride(0) == 0) {
      return false;
    }
    boolean done;
    try (CudnnContext context = contexts.take()) {
      done = plans.runIfFaster(context, request, () -> {
        otherwise.run();
        return true;
      }, x.address(), weight.address(), bias.address(), out.address());
    }
    if (done) {
      gpu.launched("cuDNN's linear map and GELU");
    }
    return done;
  }

  /// Whether there are tensor cores for it: for float32 none that leave it as it is.
  private static boolean takes(DType dtype) {
    return dtype == DType.FLOAT32 ? MatmulPrecision.current() != MatmulPrecision.HIGHEST : dtype != DType.FLOAT64;
  }

  /// Whether either rows or columns do, without repetition: cuDNN's plans for other matrices fail to compile.
  private static boolean liesTogether(Strided x) {
    return Gemm.Matrices.of(matrix(x)) != null;
  }

  /// (rows, columns) as a batch of one.
  private static Strided matrix(Strided x) {
    return x.with(x.offset(), new long[] {1, x.size(0), x.size(1)}, new long[] {x.numel(), x.stride(0), x.stride(1)});
  }

  /// gelu(x·weightᵀ + bias) with all that a plan depends on; float32 may become TF32.
  record LinearGelu(DType dtype, CudnnLayout x, CudnnLayout weight, CudnnLayout bias, CudnnLayout out) implements CudnnRequest {
    static LinearGelu of(Strided out, Strided x, Strided weight, Strided bias) {
      Strided row = bias.with(bias.offset(), new long[] {1, bias.size(0)}, new long[] {bias.size(0), bias.stride(0)});
      return new LinearGelu(out.dtype(), CudnnLayout.of(matrix(x)), CudnnLayout.of(matrix(weight)), CudnnLayout.of(matrix(row)),
          CudnnLayout.of(matrix(out)));
    }

    @Override
    public Limits limits() {
      return Limits.ofSums(dtype, false, GemmPlans.WORKSPACE);
    }

    @Override
    public double work() {
      return 2.0 * Strided.numel(x.sizes()) * weight.sizes()[1];
    }

    @Override
    public List<CudnnOperation> operations() {
      DType between = CudnnOperation.arithmetic(dtype);
      Tensor product = out.between(5, between);
      Tensor sum = out.between(6, between);
      return List.of(
          new Product(x.tensor(1, dtype, Place.DEVICE), weight.transposed().tensor(2, dtype, Place.DEVICE), product),
          new Pointwise(Pointwise.Mode.ADD, product, bias.tensor(3, dtype, Place.DEVICE), sum),
          new Pointwise(Pointwise.Mode.GELU, sum, null, out.tensor(4, dtype, Place.DEVICE)));
    }
  }
}
