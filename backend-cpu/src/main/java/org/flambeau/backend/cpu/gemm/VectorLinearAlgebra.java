package org.flambeau.backend.cpu.gemm;

import static org.flambeau.spi.NativeMemory.ALL;

import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.flambeau.DType;
import org.flambeau.backend.cpu.Elementwise;
import org.flambeau.backend.cpu.EpiloguePass;
import org.flambeau.backend.cpu.LinearAlgebra;
import org.flambeau.backend.cpu.Vectorization;
import org.flambeau.backend.cpu.Workspace;
import org.flambeau.spi.Activation;
import org.flambeau.spi.Allocator;
import org.flambeau.spi.ConvSpec;
import org.flambeau.spi.Epilogue;
import org.flambeau.spi.NativeMemory;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// Linear algebra in Java alone: products by [Gemm], convolutions as products with [Patches]. Half precision is computed
/// in float32 copies, integers of less than 32 bits in int32 copies.
public final class VectorLinearAlgebra implements LinearAlgebra {
  private final Allocator allocator;
  private final Map<DType, Gemm> gemms = new ConcurrentHashMap<>();

  public VectorLinearAlgebra(Allocator allocator) {
    this.allocator = allocator;
  }

  @Override
  public String name() {
    return Vectorization.PRESENT == null ? "plain Java"
        : String.format(Locale.ROOT, "Vector API (%d bits)", Vectorization.PRESENT.lanes() * Float.SIZE);
  }

  @Override
  public void matmul(Strided out, Strided a, Strided b) {
    product(out, a, b, null, Activation.NONE);
  }

  @Override
  public void linear(Strided out, Strided x, Strided weight, @Nullable Strided bias, Activation activation) {
    product(LinearAlgebra.asBatch(out, 0, 1), LinearAlgebra.asBatch(x, 0, 1), LinearAlgebra.asBatch(weight, 1, 0), bias, activation);
  }

  private void product(Strided out, Strided a, Strided b, @Nullable Strided bias, Activation activation) {
    if (out.numel() == 0) {
      return;
    }
    try (Workspace workspace = new Workspace(allocator)) {
      DType dtype = computeType(out);
      Strided left = a.dtype() == dtype ? a : Copies.input(workspace, dtype, a);
      Strided right = b.dtype() == dtype ? b : Copies.input(workspace, dtype, b);
      Strided result = Copies.output(workspace, dtype, out);
      long m = out.size(1);
      long n = out.size(2);
      long k = a.size(2);
      if (bias == null) {
        zero(result);
      } else {
        fillRows(result, n, Copies.input(workspace, dtype, bias).address());
      }
      if (k > 0) {
        gemm(dtype).multiply(out.size(0), m, n, k, new Gemm.Batch() {
          @Override
          public Panels a(long batch) {
            return new Panels.Matrix(place(left, batch), left.stride(1), left.stride(2), dtype.size());
          }

          @Override
          public Panels b(long batch) {
            return new Panels.Matrix(place(right, batch), right.stride(2), right.stride(1), dtype.size());
          }

          @Override
          public long c(long batch) {
            return place(result, batch);
          }
        }, n);
      }
      Copies.deliver(out, result);
      Elementwise.activate(activation, out); // of what it is once rounded, as if it were called apart
    }
  }

  private static long place(Strided operand, long index) {
    return operand.address() + index * operand.stride(0) * operand.dtype().size();
  }

  /// Sums of integers wrap in the end where they do not on the way.
  private static DType computeType(Strided operand) {
    return switch (operand.dtype()) {
      case FLOAT64, INT64 -> operand.dtype();
      case FLOAT32, FLOAT16, BFLOAT16 -> DType.FLOAT32;
      default -> DType.INT32;
    };
  }

  private Gemm gemm(DType dtype) {
    Gemm gemm = gemms.get(dtype);
    return gemm != null ? gemm : gemms.computeIfAbsent(dtype, type -> new Gemm(allocator, Tile.of(type)));
  }

  private static void zero(Strided result) {
    ALL.asSlice(result.address(), result.numel() * result.dtype().size()).fill((byte) 0);
  }

  private static void fillRows(Strided result, long n, long row) {
    long bytes = n * result.dtype().size();
    for (long at = result.address(), end = at + result.numel() * result.dtype().size(); at < end; at += bytes) {
      NativeMemory.copy(row, at, bytes);
    }
  }

  // ---- convolution: for each image and group, a product of the weight, (channels, patch), with the patches ----

  @Override
  public void fusedConv2d(Strided out, Strided x, Strided weight, Epilogue epilogue, ConvSpec spec) {
    if (out.numel() == 0) {
      return;
    }
    try (Workspace workspace = new Workspace(allocator)) {
      DType dtype = computeType(out);
      Strided result = Copies.output(workspace, dtype, out);
      Strided bias = epilogue.isPlain() ? epilogue.bias() : null;
      fillChannels(result, bias == null ? null : Copies.input(workspace, dtype, bias));
      convolve(result, Copies.input(workspace, dtype, x), Copies.input(workspace, dtype, weight), spec.groups(), (int) weight.size(2),
          (int) weight.size(3), Patches.Axis.forward(spec.strideH(), spec.padH(), spec.dilationH()),
          Patches.Axis.forward(spec.strideW(), spec.padW(), spec.dilationW()));
      if (bias == null) {
        EpiloguePass.run(Copies.input(workspace, dtype, epilogue), result);
      }
      Copies.deliver(out, result);
    }
  }

  @Override
  public void conv2dBackwardInput(Strided gradX, Strided grad, Strided weight, ConvSpec spec) {
    if (gradX.numel() == 0) {
      return;
    }
    try (Workspace workspace = new Workspace(allocator)) {
      DType dtype = computeType(gradX);
      Strided result = Copies.output(workspace, dtype, gradX);
      fillChannels(result, null);
      convolve(result, Copies.input(workspace, dtype, grad), exchanged(workspace, dtype, weight, spec.groups()), spec.groups(),
          (int) weight.size(2), (int) weight.size(3), Patches.Axis.backward(spec.strideH(), spec.padH(), spec.dilationH()),
          Patches.Axis.backward(spec.strideW(), spec.padW(), spec.dilationW()));
      Copies.deliver(gradX, result);
    }
  }

  /// The weight with the channels of input and output exchanged within each group.
  private static Strided exchanged(Workspace workspace, DType dtype, Strided weight, int groups) {
    long outputs = weight.size(0) / groups;
    return Copies.input(workspace, dtype,
        weight.with(weight.offset(), new long[] {groups, weight.size(1), outputs, weight.size(2), weight.size(3)},
            new long[] {outputs * weight.stride(0), weight.stride(1), weight.stride(0), weight.stride(2), weight.stride(3)}));
  }

  /// out += weight·patches(x), all contiguous.
  private void convolve(Strided out, Strided x, Strided weight, int groups, int kernelH, int kernelW, Patches.Axis y, Patches.Axis across) {
    int size = out.dtype().size();
    long m = out.size(1) / groups;
    long n = out.size(2) * out.size(3);
    long channels = x.size(1) / groups;
    long k = channels * kernelH * kernelW;
    if (k == 0) {
      return;
    }
    gemm(out.dtype()).multiply(out.size(0) * groups, m, n, k, new Gemm.Batch() {
      @Override
      public Panels a(long batch) {
        return new Panels.Matrix(weight.address() + batch % groups * m * k * size, k, 1, size);
      }

      @Override
      public Panels b(long batch) {
        return patches(x, x.address() + batch * channels * x.size(2) * x.size(3) * size, kernelH, kernelW, (int) out.size(3), y, across);
      }

      @Override
      public long c(long batch) {
        return out.address() + batch * m * n * size;
      }
    }, n);
  }

  private static Patches patches(Strided x, long image, int kernelH, int kernelW, int outW, Patches.Axis y, Patches.Axis across) {
    return new Patches(image, (int) x.size(2), (int) x.size(3), kernelH, kernelW, outW, y, across, x.dtype().size());
  }

  @Override
  public void conv2dBackwardWeight(Strided gradWeight, Strided grad, Strided x, ConvSpec spec) {
    if (gradWeight.numel() == 0) {
      return;
    }
    try (Workspace workspace = new Workspace(allocator)) {
      DType dtype = computeType(gradWeight);
      Strided result = Copies.output(workspace, dtype, gradWeight);
      zero(result);
      if (grad.numel() > 0) {
        correlate(result, Copies.input(workspace, dtype, grad), Copies.input(workspace, dtype, x), spec);
      }
      Copies.deliver(gradWeight, result);
    }
  }

  /// gradWeight += grad·patches(x)ᵀ, image by image, all contiguous.
  private void correlate(Strided gradWeight, Strided grad, Strided x, ConvSpec spec) {
    int size = gradWeight.dtype().size();
    int groups = spec.groups();
    long m = gradWeight.size(0) / groups;
    long n = gradWeight.size(1) * gradWeight.size(2) * gradWeight.size(3);
    long k = grad.size(2) * grad.size(3);
    Patches.Axis y = Patches.Axis.forward(spec.strideH(), spec.padH(), spec.dilationH());
    Patches.Axis across = Patches.Axis.forward(spec.strideW(), spec.padW(), spec.dilationW());
    for (long i = 0; i < grad.size(0); i++) {
      long image = i;
      gemm(gradWeight.dtype()).multiply(groups, m, n, k, new Gemm.Batch() {
        @Override
        public Panels a(long batch) {
          return new Panels.Matrix(grad.address() + (image * groups + batch) * m * k * size, k, 1, size);
        }

        @Override
        public Panels b(long batch) {
          long at = x.address() + (image * groups + batch) * gradWeight.size(1) * x.size(2) * x.size(3) * size;
          return patches(x, at, (int) gradWeight.size(2), (int) gradWeight.size(3), (int) grad.size(3), y, across).transposed();
        }

        @Override
        public long c(long batch) {
          return gradWeight.address() + batch * m * n * size;
        }
      }, n);
    }
  }

  /// Sets each channel of (n, channels, h, w) to its bias, or to zero.
  private static void fillChannels(Strided result, @Nullable Strided bias) {
    int size = result.dtype().size();
    long plane = result.size(2) * result.size(3);
    if (bias == null) {
      zero(result);
      return;
    }
    for (long i = 0; i < result.size(0) * result.size(1); i++) {
      Panels.move(bias.address() + i % result.size(1) * size, 0, result.address() + i * plane * size, 1, plane, size);
    }
  }
}
