package org.flambeau.backend.cuda;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.LONG;

import java.util.ArrayList;
import java.util.List;
import org.flambeau.DType;
import org.flambeau.MatmulPrecision;
import org.flambeau.backend.cuda.binding.CublasLt;
import org.flambeau.spi.Activation;
import org.flambeau.spi.BinaryOp;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;
import org.flambeau.spi.UnaryOp;
import org.jspecify.annotations.Nullable;

/// Matrix products: floating ones by cuBLASLt, which takes transposed operands where they lie and adds a bias on the way out, or where GELU
/// follows by cuDNN, if that is faster; whole numbers, and what cuBLASLt does not do, by `product.cu`.
///
/// cuBLASLt's matrices are column-major, so it is given the transposed product: outᵀ = bᵀ·aᵀ, whose A is b and whose B is a.
final class MatrixProducts {
  private static final String SOURCE = "product.cu";
  /// As in product.cu.
  private static final int TILE = 64;
  private static final int THREADS = 256;
  /// Matrices of a batch that are computed at once; a block goes on to others.
  private static final int BATCH_BLOCKS = 1024;

  private enum Form {
    PRODUCT
  }

  private final Gpu gpu;
  private final KernelTable<Form, DType> kernels;
  private final Elementwise elementwise;
  private final CudnnProducts cudnn;
  private volatile @Nullable GemmPlans plans;

  MatrixProducts(Gpu gpu, KernelLibrary library, Elementwise elementwise, CudnnProducts cudnn) {
    this.gpu = gpu;
    this.kernels = new KernelTable<>(library, SOURCE, Form.class, DType.class, (_, dtype) -> "product<" + Elementwise.type(dtype) + ">");
    this.elementwise = elementwise;
    this.cudnn = cudnn;
  }

  /// cuBLASLt is a large library, which a program without products does without.
  private GemmPlans plans() {
    GemmPlans known = plans;
    return known != null ? known : open();
  }

  synchronized GemmPlans open() {
    GemmPlans known = plans;
    if (known == null) {
      known = new GemmPlans(gpu);
      plans = known;
    }
    return known;
  }

  /// How many different products cuBLASLt has been asked for.
  int planned() {
    return plans().size();
  }

  /// Also of half precision to float32.
  void matmul(Strided out, Strided a, Strided b) {
    if (out.numel() > 0 && !byCublas(out, a, b, null, CublasLt.EPILOGUE_DEFAULT)) {
      try (var copies = new Copies(gpu, elementwise)) {
        byKernel(out, copies.in(out.dtype(), a), copies.in(out.dtype(), b));
      }
    }
  }

  void linear(Strided out, Strided x, Strided weight, @Nullable Strided bias, Activation activation) {
    boolean fused = activation == Activation.GELU && bias != null
        && cudnn.linearGelu(out, x, weight, bias, () -> linearInSteps(out, x, weight, bias, activation));
    if (!fused && out.numel() > 0) {
      linearInSteps(out, x, weight, bias, activation);
    }
  }

  private void linearInSteps(Strided out, Strided x, Strided weight, @Nullable Strided bias, Activation activation) {
    Strided product = out.with(out.offset(), batch(out.size(0), out.size(1)), new long[] {0, out.stride(0), out.stride(1)});
    Strided rows = x.with(x.offset(), batch(x.size(0), x.size(1)), new long[] {0, x.stride(0), x.stride(1)});
    Strided columns = weight.with(weight.offset(), batch(weight.size(1), weight.size(0)),
        new long[] {0, weight.stride(1), weight.stride(0)});
    boolean inOrder = bias == null || bias.stride(0) == 1 || bias.size(0) == 1;
    if (!inOrder || !byCublas(product, rows, columns, bias, bias == null ? CublasLt.EPILOGUE_DEFAULT : CublasLt.EPILOGUE_BIAS)) {
      matmul(product, rows, columns);
      if (bias != null) {
        elementwise.binary(BinaryOp.ADD, out, out, bias.with(bias.offset(), out.sizes(), new long[] {0, bias.stride(0)}));
      }
    }
    switch (activation) {
      case NONE -> {}
      case RELU -> elementwise.unary(UnaryOp.RELU, out, out); // cuBLASLt's makes 0 of NaN
      case GELU -> elementwise.unary(UnaryOp.GELU, out, out);
    }
  }

  /// Computes the weight's gradient; whether the bias' came with it, in one pass over grad.
  boolean linearBackwardWeight(Strided gradWeight, Strided gradBias, Strided grad, Strided x) {
    Strided product = gradWeight.with(gradWeight.offset(), batch(grad.size(1), x.size(1)), new long[] {0, gradWeight.stride(0), 1});
    Strided columns = grad.with(grad.offset(), batch(grad.size(1), grad.size(0)), new long[] {0, grad.stride(1), grad.stride(0)});
    Strided rows = x.with(x.offset(), batch(x.size(0), x.size(1)), new long[] {0, x.stride(0), x.stride(1)});
    if (product.numel() > 0 && byCublas(product, columns, rows, gradBias, CublasLt.EPILOGUE_BGRADB)) {
      return true;
    }
    matmul(product, columns, rows);
    return false;
  }

  private static long[] batch(long rows, long columns) {
    return new long[] {1, rows, columns};
  }

  // ---- by cuBLASLt ----

  /// Whether cuBLASLt could.
  private boolean byCublas(Strided out, Strided a, Strided b, @Nullable Strided bias, int epilogue) {
    Gemm.Matrices d = Gemm.Matrices.of(out);
    boolean fits = Math.max(out.size(1), Math.max(out.size(2), a.size(2))) <= Integer.MAX_VALUE;
    if (!out.dtype().isFloating() || a.size(2) == 0 || !fits || d == null || d.transposed()) {
      return false;
    }
    List<Workspace> copies = new ArrayList<>(0);
    try {
      return byCublas(out, a, lyingTogether(a, copies), lyingTogether(b, copies), d, bias == null ? 0 : bias.address(), epilogue);
    } finally {
      copies.forEach(Workspace::close);
    }
  }

  private boolean byCublas(Strided out, Strided a, Gemm.Matrices x, Gemm.Matrices y, Gemm.Matrices d, long bias, int epilogue) {
    DType dtype = a.dtype();
    boolean tensorFloat = dtype == DType.FLOAT32 && MatmulPrecision.current() != MatmulPrecision.HIGHEST;
    long batches = out.size(0);
    for (long first = 0; first < batches; first += Gemm.MAX_BATCH) {
      int batch = (int) Math.min(Gemm.MAX_BATCH, batches - first);
      long atX = x.at(first, dtype);
      long atY = y.at(first, dtype);
      long atD = d.at(first, out.dtype());
      Gemm gemm = new Gemm(dtype, out.dtype(), tensorFloat, epilogue, batch, out.size(2), out.size(1), a.size(2), y.transposed(),
          y.leading(), y.stride(), x.transposed(), x.leading(), x.stride(), d.leading(), d.stride(), Gemm.alignment(atX | atY | atD),
          Gemm.alignment(bias));
      if (!plans().run(gemm, atY, atX, atD, bias)) {
        return false;
      }
    }
    return true;
  }

  /// `x` where it lies, or a copy of it where neither its rows nor its columns lie together; matrices that are all the same are copied once.
  private Gemm.Matrices lyingTogether(Strided x, List<Workspace> copies) {
    Gemm.Matrices inPlace = Gemm.Matrices.of(x);
    if (inPlace != null) {
      return inPlace;
    }
    boolean same = x.stride(0) == 0;
    long[] sizes = {same ? 1 : x.size(0), x.size(1), x.size(2)};
    long bytes = Strided.numel(sizes) * x.dtype().size();
    Workspace copy = Workspace.of(gpu, bytes);
    copies.add(copy);
    Strided to = Strided.contiguous(new Storage(gpu.device(), copy.address(), bytes), x.dtype(), sizes);
    elementwise.copy(to, x.with(x.offset(), sizes, x.strides()));
    return new Gemm.Matrices(copy.address(), false, x.size(2), same ? 0 : x.size(1) * x.size(2));
  }

  // ---- by an own kernel ----

  private void byKernel(Strided out, Strided a, Strided b) {
    Kernel kernel = kernels.get(Form.PRODUCT, out.dtype());
    long tiles = Math.ceilDiv(out.size(1), TILE) * Math.ceilDiv(out.size(2), TILE);
    long most = Integer.MAX_VALUE;
    if (tiles > most) {
      throw new IllegalArgumentException("[matmul] expected a result of at most " + most * TILE * TILE + " elements, got sizes "
          + out.size(1) + " and " + out.size(2));
    }
    Launch launch = Launch.begin().word(out.size(0)).word(out.size(1)).word(out.size(2)).word(a.size(2));
    writeMatrices(launch, out);
    writeMatrices(launch, a);
    writeMatrices(launch, b);
    launch.run(gpu, kernel, (int) tiles, (int) Math.min(out.size(0), BATCH_BLOCKS), 1, THREADS, 1, 0);
  }

  /// Writes the structure `Matrices` as the launch's next parameter.
  private static void writeMatrices(Launch launch, Strided x) {
    long at = launch.structure(4 * Long.BYTES, Long.BYTES);
    ALL.set(LONG, at, x.address());
    for (int d = 0; d < 3; d++) {
      ALL.set(LONG, at + (1L + d) * Long.BYTES, x.stride(d));
    }
  }
}
