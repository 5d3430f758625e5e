package org.flambeau.backend.cuda;

import java.util.List;
import java.util.Set;
import org.flambeau.BackendException;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.MatmulPrecision;
import org.flambeau.backend.cuda.CudnnOperation.Convolution;
import org.flambeau.backend.cuda.CudnnOperation.Direction;
import org.flambeau.backend.cuda.CudnnOperation.Place;
import org.flambeau.backend.cuda.CudnnOperation.Pointwise;
import org.flambeau.backend.cuda.CudnnOperation.Tensor;
import org.flambeau.spi.BinaryOp;
import org.flambeau.spi.Conv2d;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// Convolutions by cuDNN, whose graphs take tensors as they lie, rows or channels last.
///
/// Engines are deterministic: those that are not, and those that keep sums in less than float32, are left out. float32 is rounded to TF32 on
/// its way in unless [MatmulPrecision#forConvolutions()] says otherwise.
final class Convolutions {
  /// What an engine may use: mostly operands in another order, twice the largest activations of a large batch.
  private static final long MAX_WORKSPACE = 1L << 30;

  private static final Strided ZERO = Strided.contiguous(new Storage(Device.CPU, new byte[Double.BYTES]), DType.FLOAT64, new long[0]);

  private final Gpu gpu;
  private final Elementwise elementwise;
  private final CudnnContext.Pool contexts;
  private final CudnnTuning tuning;

  Convolutions(Gpu gpu, Elementwise elementwise, CudnnContext.Pool contexts) {
    this.gpu = gpu;
    this.elementwise = elementwise;
    this.contexts = contexts;
    this.tuning = new CudnnTuning(gpu);
  }

  void forward(Strided out, Strided x, Strided weight, @Nullable Strided bias, Conv2d spec) {
    if (out.numel() == 0) {
      return;
    }
    if (x.numel() == 0 || weight.numel() == 0) {
      fillEmpty(out, bias);
      return;
    }
    try (var copies = new Copies(gpu, elementwise)) {
      run(Direction.FORWARD, copies.withoutOverlap(x), copies.dense(weight), out, bias == null ? null : copies.withoutOverlap(bias), spec);
    }
  }

  void backwardInput(Strided gradX, Strided grad, Strided weight, Conv2d spec) {
    if (gradX.numel() == 0) {
      return;
    }
    if (grad.numel() == 0 || weight.numel() == 0) {
      fillEmpty(gradX, null);
      return;
    }
    try (var copies = new Copies(gpu, elementwise)) {
      run(Direction.BACKWARD_INPUT, gradX, copies.dense(weight), copies.withoutOverlap(grad), null, spec);
    }
  }

  void backwardWeight(Strided gradWeight, Strided grad, Strided x, Conv2d spec) {
    if (gradWeight.numel() == 0) {
      return;
    }
    if (grad.numel() == 0 || x.numel() == 0) {
      fillEmpty(gradWeight, null);
      return;
    }
    try (var copies = new Copies(gpu, elementwise)) {
      run(Direction.BACKWARD_WEIGHT, copies.withoutOverlap(x), gradWeight, copies.withoutOverlap(grad), null, spec);
    }
  }

  /// Sums without terms.
  private void fillEmpty(Strided out, @Nullable Strided bias) {
    elementwise.copy(out, ZERO);
    if (bias != null) {
      elementwise.binary(BinaryOp.ADD, out, out, perChannel(bias, out.sizes()));
    }
  }

  private static Strided perChannel(Strided bias, long[] sizes) {
    return bias.with(bias.offset(), sizes, new long[] {0, bias.stride(0), 0, 0});
  }

  private void run(Direction direction, Strided x, Strided weight, Strided y, @Nullable Strided bias, Conv2d spec) {
    boolean exact = MatmulPrecision.forConvolutions() == MatmulPrecision.HIGHEST;
    CudnnLayout row = bias == null ? null : CudnnLayout.ofChannels(bias);
    Request request = new Request(direction, x.dtype(), exact, CudnnLayout.of(x), CudnnLayout.of(weight), CudnnLayout.of(y), row, spec);
    long[] addresses = bias == null
        ? new long[] {x.address(), weight.address(), y.address()}
        : new long[] {x.address(), weight.address(), y.address(), bias.address()};
    try (CudnnContext context = contexts.take()) {
      CudnnPlan plan = context.plan(request, target -> tuning.fastest(target, request.plans(target, tuning.proposals()), addresses))
          .orElseThrow(() -> new BackendException("[conv2d] cuDNN has no engine for " + request + CudnnPlan.reason()));
      try (Workspace workspace = Workspace.of(gpu, plan.workspaceBytes())) {
        context.run(plan, workspace.address(), addresses);
      }
    }
    gpu.launched("cuDNN's " + direction);
  }

  /// A convolution with all that a plan depends on.
  ///
  /// @param exact whether float32 stays float32
  record Request(Direction direction, DType dtype, boolean exact, CudnnLayout x, CudnnLayout weight, CudnnLayout y,
      @Nullable CudnnLayout bias, Conv2d spec) {
    List<CudnnPlan> plans(CudnnPlan.Target target, int most) {
      return CudnnPlan.find(target, operations(), new CudnnPlan.Limits(refused(), MAX_WORKSPACE), most);
    }

    private List<CudnnOperation> operations() {
      Tensor input = x.tensor(1, dtype, Place.DEVICE);
      Tensor kernel = weight.tensor(2, dtype, Place.DEVICE);
      Tensor result = y.tensor(3, dtype, Place.DEVICE);
      if (bias == null) {
        return List.of(new Convolution(direction, input, kernel, result, spec));
      }
      Tensor sums = y.tensor(5, CudnnOperation.arithmetic(dtype), Place.NOWHERE);
      return List.of(new Convolution(direction, input, kernel, sums, spec),
          new Pointwise(Pointwise.Mode.ADD, sums, bias.tensor(4, dtype, Place.DEVICE), result));
    }

    private Set<Integer> refused() {
      return dtype == DType.FLOAT32 && exact
          ? Set.of(CudnnPlan.NONDETERMINISTIC, CudnnPlan.REDUCED_PRECISION_SUMS, CudnnPlan.DOWN_CONVERTED_INPUTS, CudnnPlan.TENSOR_CORE)
          : dtype == DType.FLOAT32
              ? Set.of(CudnnPlan.NONDETERMINISTIC, CudnnPlan.REDUCED_PRECISION_SUMS, CudnnPlan.DOWN_CONVERTED_INPUTS)
          : Set.of(CudnnPlan.NONDETERMINISTIC, CudnnPlan.REDUCED_PRECISION_SUMS);
    }
  }
}
