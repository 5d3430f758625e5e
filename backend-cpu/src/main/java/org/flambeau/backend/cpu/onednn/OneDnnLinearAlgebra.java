package org.flambeau.backend.cpu.onednn;

import java.util.Arrays;
import org.flambeau.BackendException;
import org.flambeau.DType;
import org.flambeau.backend.cpu.Elementwise;
import org.flambeau.backend.cpu.LinearAlgebra;
import org.flambeau.backend.cpu.ThreadProduct;
import org.flambeau.backend.cpu.Workspace;
import org.flambeau.backend.cpu.gemm.Copies;
import org.flambeau.backend.cpu.onednn.Convolutions.Operation;
import org.flambeau.backend.cpu.onednn.Plan.Operand;
import org.flambeau.backend.cpu.onednn.Plan.Role;
import org.flambeau.spi.Activation;
import org.flambeau.spi.Allocator;
import org.flambeau.spi.ConvSpec;
import org.flambeau.spi.Epilogue;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// Linear algebra by oneDNN, with another implementation for what it has no fast kernel for: float64, integers, products so
/// small that the way to a kernel would cost more than the kernel.
public final class OneDnnLinearAlgebra implements LinearAlgebra {
  private static final int PLANS = 512;
  private static final long MATMUL = 0;

  /// What calling a primitive costs, in floating-point operations of the fallback, and what it costs the fallback to lay out
  /// one element of a factor.
  private static final long CALL = 150_000;
  private static final long LAYOUT = 40;

  /// From how many rows on it pays to bring a second factor into the layout that the kernel likes best: for this call alone, and where
  /// that is there already. A matrix unit's kernels lay it out themselves, block by block: for one call alone it never pays there.
  private static final long ROWS_WORTH_PACKING = 512;

  private static final long ROWS_WORTH_KEEPING = 4;

  /// From how many multiplications on it pays to wake a team, whose threads have mostly given up their cores since the product before: that takes
  /// some 45 µs, in which one thread does twice as many.
  private static final long WORTH_A_TEAM = 1 << 21;

  /// From how many columns of the result on it pays to transpose a first factor that lies in columns for a matrix unit: reading it so takes twice
  /// the time.
  private static final long COLUMNS_WORTH_TRANSPOSING = 128;

  private final LinearAlgebra fallback;
  private final Allocator allocator;
  private final PlanCache plans = new PlanCache(PLANS);
  /// Apart: sequences of many lengths are not to take the places of layers.
  private final PlanCache serialPlans = new PlanCache(PLANS);
  private final Convolutions convolutions;

  /// @throws BackendException where oneDNN cannot be loaded; it says why
  public OneDnnLinearAlgebra(LinearAlgebra fallback, Allocator allocator) {
    this.fallback = fallback;
    this.allocator = allocator;
    this.convolutions = new Convolutions(this, allocator, plans);
    try {
      Dnnl.version();
    } catch (ExceptionInInitializerError e) {
      throw e.getCause() instanceof BackendException reason ? reason : new BackendException("oneDNN cannot be used: " + e.getCause(), e);
    } catch (NoClassDefFoundError e) {
      throw new BackendException("oneDNN could not be loaded before", e);
    }
  }

  @Override
  public String name() {
    return "oneDNN " + Dnnl.version();
  }

  // ---- matrix products ----

  @Override
  public void matmul(Strided out, Strided a, Strided b) {
    if (!serves(out.dtype(), out.size(0), out.size(1), out.size(2), a.size(2)) || !product(out, a, b, null)) {
      fallback.matmul(out, a, b);
    }
  }

  @Override
  public void linear(Strided out, Strided x, Strided weight, @Nullable Strided bias, Activation activation) {
    Strided b = weight.with(weight.offset(), new long[] {weight.size(1), weight.size(0)}, new long[] {weight.stride(1), weight.stride(0)});
    if (serves(out.dtype(), 1, out.size(0), out.size(1), x.size(1)) && product(out, x, b, bias)) {
      Elementwise.activate(activation, out); // oneDNN's own ReLU makes 0 of NaN, and its GELU is coarser far left
    } else {
      fallback.linear(out, x, weight, bias, activation);
    }
  }

  /// Whether a batch of m × k by k × n matrices is worth a primitive.
  private static boolean serves(DType dtype, long batch, long m, long n, long k) {
    return batch * k * (2 * m * n + LAYOUT * (m + n)) >= CALL && batch * m * n * k > 0 && switch (dtype) {
      case FLOAT32, BFLOAT16, FLOAT16 -> true;
      default -> false;
    };
  }

  private boolean product(Strided out, Strided a, Strided b, @Nullable Strided bias) {
    boolean alone = out.numel() * a.size(a.rank() - 1) < WORTH_A_TEAM;
    return alone ? Dnnl.alone(() -> planned(out, a, b, bias)) : planned(out, a, b, bias);
  }

  private boolean planned(Strided out, Strided a, Strided b, @Nullable Strided bias) {
    Matrices shape = Matrices.of(out, a, b);
    try (Workspace workspace = new Workspace(allocator)) {
      boolean unit = hasMatrixUnit(out.dtype());
      Strided right = plain(workspace, shape.b());
      Strided result = shape.out();
      boolean rowsFirst = unit && right.size(right.rank() - 1) >= COLUMNS_WORTH_TRANSPOSING;
      Strided left = rowsFirst ? rows(workspace, shape.a()) : plain(workspace, shape.a());
      Strided row = bias == null ? null : Matrices.row(Copies.input(workspace, bias.dtype(), bias), result.rank());
      boolean packable = right.rank() == 2 && left.size(0) >= ROWS_WORTH_KEEPING;
      boolean keep = packable && PackedWeights.areUsedAgain(MATMUL, right);
      boolean pack = keep || packable && !unit && left.size(0) >= ROWS_WORTH_PACKING;
      Plan plan = plans.acquire(PlanCache.Key.of(MATMUL, new long[] {pack ? 1 : 0}, result, left, right, row),
          () -> matmulPlan(result, left, right, row, pack));
      try {
        if (!plan.isUsable()) {
          return out.dtype().size() == Short.BYTES && productInFloat32(workspace, out, a, b, bias);
        }
        if (row == null) {
          plan.run(allocator, keep, result, left, right);
        } else {
          plan.run(allocator, keep, result, left, right, row);
        }
        return true;
      } finally {
        plan.release();
      }
    }
  }

  /// For a half precision that this processor knows nothing of.
  private boolean productInFloat32(Workspace workspace, Strided out, Strided a, Strided b, @Nullable Strided bias) {
    Strided result = Copies.output(workspace, DType.FLOAT32, out);
    Strided row = bias == null ? null : Copies.input(workspace, DType.FLOAT32, bias);
    boolean done = product(result, Copies.input(workspace, DType.FLOAT32, a), Copies.input(workspace, DType.FLOAT32, b), row);
    Copies.deliver(out, result);
    return done;
  }

  /// `operand` itself where its rows have no gaps, else a copy that has none.
  private static Strided rows(Workspace workspace, Strided operand) {
    boolean inRows = operand.stride(operand.rank() - 1) == 1 && Matrices.isDistinct(operand);
    return inRows ? operand : Copies.input(workspace, operand.dtype(), operand);
  }

  private static Strided plain(Workspace workspace, Strided operand) {
    return Matrices.isPlain(operand) ? operand : Copies.input(workspace, operand.dtype(), operand);
  }

  private static Plan matmulPlan(Strided out, Strided a, Strided b, @Nullable Strided bias, boolean pack) {
    try (Descriptors descriptors = new Descriptors()) {
      long src = descriptors.of(a);
      long weights = descriptors.of(b);
      long dst = descriptors.of(out);
      long row = bias == null ? 0 : descriptors.of(bias);
      long primitive = Dnnl.matmul(src, pack ? descriptors.any(b) : weights, row, dst, descriptors.attributes());
      Operand[] operands = {
        new Operand(Dnnl.ARG_DST, Role.OUTPUT, dst), new Operand(Dnnl.ARG_SRC, Role.INPUT, src),
        new Operand(Dnnl.ARG_WEIGHTS, Role.WEIGHTS, weights), new Operand(Dnnl.ARG_BIAS, Role.INPUT, row)
      };
      return Plan.of(primitive, descriptors, bias == null ? Arrays.copyOf(operands, 3) : operands);
    }
  }

  // ---- products for one thread ----

  @Override
  public boolean hasMatrixUnit(DType dtype) {
    return dtype == DType.BFLOAT16 && MatrixUnit.PRESENT;
  }

  /// Whether oneDNN finds Intel's Advanced Matrix Extensions in the processor, by the name of the kernel that it chooses.
  private static final class MatrixUnit {
    static final boolean PRESENT = find();

    private static boolean find() {
      try (Descriptors descriptors = new Descriptors()) {
        long matrix = descriptors.of(DType.BFLOAT16, new long[] {64, 64}, new long[] {64, 1});
        long product = descriptors.hint(Dnnl.matmul(matrix, matrix, 0, matrix, descriptors.attributes()));
        return product != 0 && Dnnl.implementation(product).contains("amx");
      }
    }
  }

  @Override
  public ThreadProduct threadProduct(ThreadProduct.Shape shape) {
    long[] numbers = {
      shape.factors().ordinal(), shape.result().ordinal(), shape.m(), shape.n(), shape.k(), shape.aRow(), shape.aColumn(), shape.bRow(),
      shape.bColumn(), shape.cRow()
    };
    return new SerialProduct(serialPlans.acquire(PlanCache.Key.of(MATMUL, numbers), () -> SerialProduct.plan(shape)), allocator);
  }

  // ---- convolutions ----

  /// Its kernels and those of [org.flambeau.backend.cpu.Winograd] take such images as they lie, others are laid out anew for each.
  @Override
  public boolean prefersChannelsLast(DType dtype) {
    return dtype == DType.FLOAT32 || dtype == DType.BFLOAT16;
  }

  @Override
  public void fusedConv2d(Strided out, Strided x, Strided weight, Epilogue epilogue, ConvSpec spec) {
    if (!convolve(Operation.FORWARD, out, x, weight, out, epilogue, spec)) {
      fallback.fusedConv2d(out, x, weight, epilogue, spec);
    }
  }

  @Override
  public void conv2dBackwardInput(Strided gradX, Strided grad, Strided weight, ConvSpec spec) {
    if (!convolve(Operation.BACKWARD_INPUT, gradX, gradX, weight, grad, Epilogue.NONE, spec)) {
      fallback.conv2dBackwardInput(gradX, grad, weight, spec);
    }
  }

  @Override
  public void conv2dBackwardWeight(Strided gradWeight, Strided grad, Strided x, ConvSpec spec) {
    if (!convolve(Operation.BACKWARD_WEIGHT, gradWeight, x, gradWeight, grad, Epilogue.NONE, spec)) {
      fallback.conv2dBackwardWeight(gradWeight, grad, x, spec);
    }
  }

  private boolean convolve(Operation operation, Strided result, Strided x, Strided weight, Strided out, Epilogue epilogue, ConvSpec spec) {
    long patch = weight.size(1) * weight.size(2) * weight.size(3);
    return serves(result.dtype(), out.size(0), out.size(1), out.size(2) * out.size(3), patch)
        && convolutions.run(operation, result, x, weight, out, epilogue, spec);
  }
}
