package org.flambeau.backend.cuda;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.MatmulPrecision;
import org.flambeau.backend.cuda.CudnnOperation.Convolution;
import org.flambeau.backend.cuda.CudnnOperation.Direction;
import org.flambeau.backend.cuda.CudnnOperation.Place;
import org.flambeau.backend.cuda.CudnnOperation.Pointwise;
import org.flambeau.backend.cuda.CudnnOperation.Tensor;
import org.flambeau.spi.Activation;
import org.flambeau.spi.BinaryOp;
import org.flambeau.spi.ConvSpec;
import org.flambeau.spi.Epilogue;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;
import org.flambeau.spi.UnaryOp;
import org.jspecify.annotations.Nullable;

/// Convolutions by cuDNN, whose graphs take tensors as they lie, rows or channels last. What it has no engine for is a [LegacyConvolution].
///
/// Engines are deterministic: those that are not, and those that keep sums in less than float32, are left out. float32 is rounded to TF32 on
/// its way in unless [MatmulPrecision#forConvolutions()] says otherwise.
final class Convolutions {
  /// What an engine may use: mostly operands in another order, twice the largest activations of a large batch.
  static final long MAX_WORKSPACE = 1L << 30;

  private static final Strided ZERO = Strided.contiguous(new Storage(Device.CPU, new byte[Double.BYTES]), DType.FLOAT64, new long[0]);

  private final Gpu gpu;
  private final Elementwise elementwise;
  private final CudnnContext.Pool contexts;
  private final CudnnPlans plans;
  private final LegacyConvolution legacy;

  Convolutions(Gpu gpu, Elementwise elementwise, CudnnContext.Pool contexts, CudnnPlans plans) {
    this.gpu = gpu;
    this.elementwise = elementwise;
    this.contexts = contexts;
    this.plans = plans;
    this.legacy = new LegacyConvolution(gpu, elementwise, contexts);
  }

  /// Whether such convolutions go to tensor cores, whose engines turn rows round to channels-last images on their way in, and back on their
  /// way out. Engines for exact float32 do the opposite.
  boolean preferChannelsLast(DType dtype) {
    return switch (dtype) {
      case FLOAT16 -> true; // which the oldest GPU that is supported has them for
      case BFLOAT16 -> gpu.computeCapability() >= Gpu.AMPERE;
      case FLOAT32 -> gpu.computeCapability() >= Gpu.AMPERE && MatmulPrecision.forConvolutions() != MatmulPrecision.HIGHEST;
      default -> false;
    };
  }

  void forward(Strided out, Strided x, Strided weight, Epilogue epilogue, ConvSpec spec) {
    if (out.numel() == 0) {
      return;
    }
    if (x.numel() == 0 || weight.numel() == 0) {
      elementwise.copy(out, ZERO);
      finish(out, epilogue);
      return;
    }
    try (var copies = new Copies(gpu, elementwise)) {
      Strided in = copies.withoutOverlap(x);
      Strided kernel = copies.dense(weight);
      if (!planned(Direction.FORWARD, in, kernel, out, withoutOverlap(epilogue, copies), spec)) {
        run(Direction.FORWARD, in, kernel, out, spec);
        finish(out, epilogue);
      }
    }
  }

  private static Epilogue withoutOverlap(Epilogue epilogue, Copies copies) {
    Strided bias = epilogue.bias();
    Strided residual = epilogue.residual();
    return new Epilogue(null, bias == null ? null : copies.withoutOverlap(bias), residual == null ? null : copies.withoutOverlap(residual),
        epilogue.activation());
  }

  /// The epilogue, by kernels of its own.
  private void finish(Strided out, Epilogue epilogue) {
    Strided bias = epilogue.bias();
    if (bias != null) {
      Strided perChannel = bias.with(bias.offset(), out.sizes(), new long[] {0, bias.stride(0), 0, 0});
      elementwise.binary(BinaryOp.ADD, out, out, perChannel);
    }
    if (epilogue.residual() != null) {
      elementwise.binary(BinaryOp.ADD, out, out, epilogue.residual());
    }
    if (epilogue.activation() == Activation.RELU) {
      elementwise.unary(UnaryOp.RELU, out, out);
    }
  }

  void backwardInput(Strided gradX, Strided grad, Strided weight, ConvSpec spec) {
    if (gradX.numel() == 0) {
      return;
    }
    if (grad.numel() == 0 || weight.numel() == 0) {
      elementwise.copy(gradX, ZERO);
      return;
    }
    try (var copies = new Copies(gpu, elementwise)) {
      run(Direction.BACKWARD_INPUT, gradX, copies.dense(weight), copies.withoutOverlap(grad), spec);
    }
  }

  void backwardWeight(Strided gradWeight, Strided grad, Strided x, ConvSpec spec) {
    if (gradWeight.numel() == 0) {
      return;
    }
    if (grad.numel() == 0 || x.numel() == 0) {
      elementwise.copy(gradWeight, ZERO);
      return;
    }
    try (var copies = new Copies(gpu, elementwise)) {
      run(Direction.BACKWARD_WEIGHT, copies.withoutOverlap(x), gradWeight, copies.withoutOverlap(grad), spec);
    }
  }

  private void run(Direction direction, Strided x, Strided weight, Strided y, ConvSpec spec) {
    if (!planned(direction, x, weight, y, Epilogue.NONE, spec)) {
      legacy.run(Request.of(direction, x, weight, y, Epilogue.NONE, spec), x, weight, y);
    }
  }

  /// Runs the plan for a graph, unless there is none.
  private boolean planned(Direction direction, Strided x, Strided weight, Strided y, Epilogue epilogue, ConvSpec spec) {
    Request request = Request.of(direction, x, weight, y, epilogue, spec);
    long[] addresses = Stream.of(x, weight, y, epilogue.residual(), epilogue.bias()).filter(Objects::nonNull).mapToLong(Strided::address)
        .toArray();
    boolean done;
    try (CudnnContext context = contexts.take()) {
      done = plans.run(context, request, addresses);
    }
    if (done) {
      gpu.launched("cuDNN's " + direction);
    }
    return done;
  }

  /// A convolution with all that a plan depends on.
  ///
  /// @param exact whether float32 stays float32
  record Request(Direction direction, DType dtype, boolean exact, CudnnLayout x, CudnnLayout weight, CudnnLayout y,
      @Nullable CudnnLayout bias, @Nullable CudnnLayout residual, Activation activation, ConvSpec spec) implements CudnnRequest {
    static Request of(Direction direction, Strided x, Strided weight, Strided y, Epilogue epilogue, ConvSpec spec) {
      return new Request(direction, x.dtype(), MatmulPrecision.forConvolutions() == MatmulPrecision.HIGHEST, CudnnLayout.of(x),
          CudnnLayout.of(weight), CudnnLayout.of(y), epilogue.bias() == null ? null : CudnnLayout.ofChannels(epilogue.bias()),
          epilogue.residual() == null ? null : CudnnLayout.of(epilogue.residual()), epilogue.activation(), spec);
    }

    @Override
    public Limits limits() {
      return Limits.ofSums(dtype, exact, MAX_WORKSPACE);
    }

    @Override
    public double work() {
      return 2.0 * Strided.numel(y.sizes()) * Strided.numel(weight.sizes()) / weight.sizes()[0];
    }

    /// The convolution and what follows it, each in the place of which the next one takes it; tensors of the device have the first numbers.
    @Override
    public List<CudnnOperation> operations() {
      // cuDNN has engines for this order of additions, not for the other
      List<CudnnLayout> addends = Stream.of(residual, bias).filter(Objects::nonNull).toList();
      int steps = addends.size() + (activation == Activation.RELU ? 1 : 0);
      Tensor[] results = new Tensor[steps + 1];
      for (int i = 0; i < steps; i++) {
        results[i] = y.between(4 + addends.size() + i, CudnnOperation.arithmetic(dtype));
      }
      results[steps] = y.tensor(3, dtype, Place.DEVICE);
      List<CudnnOperation> operations = new ArrayList<>();
      operations.add(new Convolution(direction, x.tensor(1, dtype, Place.DEVICE), weight.tensor(2, dtype, Place.DEVICE), results[0], spec));
      for (int i = 0; i < addends.size(); i++) {
        operations.add(new Pointwise(Pointwise.Mode.ADD, results[i], addends.get(i).tensor(4 + i, dtype, Place.DEVICE), results[i + 1]));
      }
      if (activation == Activation.RELU) {
        operations.add(new Pointwise(Pointwise.Mode.RELU, results[steps - 1], null, results[steps]));
      }
      return operations;
    }
  }
}
