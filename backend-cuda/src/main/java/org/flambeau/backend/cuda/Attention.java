package org.flambeau.backend.cuda;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.FLOAT;
import static org.flambeau.spi.NativeMemory.INT;
import static org.flambeau.spi.NativeMemory.LONG;

import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.flambeau.DType;
import org.flambeau.GradMode;
import org.flambeau.MatmulPrecision;
import org.flambeau.backend.cuda.binding.Driver;
import org.flambeau.spi.Strided;

/// Attention: of half precision by cuDNN, of float32 where [MatmulPrecision] allows TF32 by `attentiontf32.cu`, whose products run on tensor
/// cores, and all else by `attention.cu`, whose arithmetic is float32's.
///
/// While gradients are recorded, half precision that cuDNN does not take is left to core, whose products run on tensor cores both ways: the
/// backward kernel, which does not, would take longer than what the forward pass saves.
final class Attention {
  private static final String PLAIN = "attention.cu";
  private static final String TENSOR_CORES = "attentiontf32.cu";
  private static final int MAX_WIDTH = 128;
  /// As in attention.cu.
  private static final int PLAIN_THREADS = 256;
  private static final int PADDING = 4;
  /// As in attentiontf32.cu.
  private static final int TENSOR_THREADS = 128;
  /// How many rows its warps have together, where each has the 16 of one product, and as many as registers allow of narrow heads.
  private static final int FEW_ROWS = 64;
  private static final int MANY_ROWS = 128;
  private static final int HEADS = 40;
  private static final int SHAPE = 24;

  /// What a launch computes, by the names of the kernels.
  private enum Pass {
    FORWARD("attention"), QUERY_GRADIENTS("attentionBackwardQuery"), KEY_GRADIENTS("attentionBackwardKey");

    private final String kernel;

    Pass(String kernel) {
      this.kernel = kernel;
    }
  }

  /// The blocks of a launch.
  ///
  /// @param rows of a head that a block computes
  /// @param met rows that it meets at a time
  private record Blocks(int threads, int rows, int met, int sharedBytes) {
    /// Tiles of the same number of rows, and the scores of one with another.
    static Blocks plain(int columns, int tiles, int rows) {
      return new Blocks(PLAIN_THREADS, rows, rows, Float.BYTES * rows * (tiles * (columns + PADDING) + rows + PADDING));
    }

    /// Tiles of the block's own rows, and two of what it meets.
    static Blocks tensorCores(int columns, int own, int rows, int met) {
      return new Blocks(TENSOR_THREADS, rows, met, Float.BYTES * columns * (own * rows + 2 * met));
    }
  }

  /// Whether blocks of attentiontf32.cu are of as many rows as registers allow. Few rows take not much less time than many, since both read all that
  /// they meet, so that there are few where each block has a multiprocessor of its own all the same.
  private enum BlockRows {
    FEW, MANY
  }

  /// How wide the kernels take heads, and of how many rows their tiles are: wide ones leave less shared memory and fewer registers.
  private enum Width {
    UP_TO_32(32, 64, 64, MANY_ROWS), UP_TO_64(64, 64, 64, MANY_ROWS), UP_TO_96(96, 32, 32, FEW_ROWS), UP_TO_128(128, 32, 32, FEW_ROWS);

    private final int columns;
    private final Blocks plainForward;
    private final Blocks plainBackward;
    private final Blocks fewForward;
    private final Blocks fewBackward;
    private final Blocks manyForward;
    private final Blocks manyBackward;

    Width(int columns, int plainBackwardRows, int tensorForwardMet, int tensorBackwardRows) {
      this.columns = columns;
      this.plainForward = Blocks.plain(columns, 2, 64);
      this.plainBackward = Blocks.plain(columns, 4, plainBackwardRows);
      this.fewForward = Blocks.tensorCores(columns, 1, FEW_ROWS, tensorForwardMet);
      this.fewBackward = Blocks.tensorCores(columns, 2, FEW_ROWS, 32);
      this.manyForward = Blocks.tensorCores(columns, 1, MANY_ROWS, tensorForwardMet);
      this.manyBackward = Blocks.tensorCores(columns, 2, tensorBackwardRows, 32);
    }

    static Width of(long width) {
      return width <= 32 ? UP_TO_32 : width <= 64 ? UP_TO_64 : width <= 96 ? UP_TO_96 : UP_TO_128;
    }

    Blocks plain(Pass pass) {
      return pass == Pass.FORWARD ? plainForward : plainBackward;
    }

    Blocks tensorCores(Pass pass, BlockRows rows) {
      return switch (rows) {
        case FEW -> pass == Pass.FORWARD ? fewForward : fewBackward;
        case MANY -> pass == Pass.FORWARD ? manyForward : manyBackward;
      };
    }

    String plainInstance(Pass pass, DType dtype) {
      return pass.kernel + "<" + Elementwise.type(dtype) + ", " + columns + ", " + plain(pass).rows + ">";
    }

    String tensorInstance(Pass pass, BlockRows rows) {
      Blocks blocks = tensorCores(pass, rows);
      return pass.kernel + "<" + columns + ", " + blocks.rows / FEW_ROWS + ", " + blocks.met + ">";
    }
  }

  private final Gpu gpu;
  private final CudnnAttention cudnn;
  /// By what they compute.
  private final Map<Pass, KernelTable<Width, DType>> plain = new EnumMap<>(Pass.class);
  private final Map<Pass, KernelTable<Width, BlockRows>> tensorCores = new EnumMap<>(Pass.class);
  private final KernelTable<Width, DType> rowDots;
  /// Kernels that were given the shared memory that they need.
  private final Set<Kernel> prepared = ConcurrentHashMap.newKeySet();

  Attention(Gpu gpu, KernelLibrary library, CudnnAttention cudnn) {
    this.gpu = gpu;
    this.cudnn = cudnn;
    for (Pass pass : Pass.values()) {
      plain.put(pass, table(library, (width, dtype) -> width.plainInstance(pass, dtype)));
      tensorCores.put(pass, new KernelTable<>(library, TENSOR_CORES, Width.class, BlockRows.class,
          (_, _) -> library.computeCapability() >= Gpu.AMPERE, (width, rows) -> width.tensorInstance(pass, rows)));
    }
    this.rowDots = table(library, (_, dtype) -> "rowDots<" + Elementwise.type(dtype) + ">");
  }

  private static KernelTable<Width, DType> table(KernelLibrary library, KernelTable.Instance<Width, DType> instance) {
    return new KernelTable<>(library, PLAIN, Width.class, DType.class, (_, dtype) -> dtype == DType.FLOAT32 || isHalf(dtype), instance);
  }

  /// Whether there are kernels for such operands that pay; of float64 core composes attention, as of wider heads.
  boolean supports(Strided... operands) {
    Strided q = operands[0];
    boolean dtype = q.dtype() == DType.FLOAT32 || isHalf(q) && (!GradMode.isEnabled() || cudnn.takes(operands));
    if (!dtype || q.size(3) > MAX_WIDTH || tooMany(q)) {
      return false;
    }
    Width width = Width.of(q.size(3));
    return Math.max(width.plainForward.sharedBytes, width.plainBackward.sharedBytes) <= gpu.sharedBytes();
  }

  /// For a grid of one block for each tile of each head.
  private static boolean tooMany(Strided q) {
    return count(q, 32) > Integer.MAX_VALUE;
  }

  private static boolean isHalf(Strided x) {
    return isHalf(x.dtype());
  }

  private static boolean isHalf(DType dtype) {
    return dtype == DType.BFLOAT16 || dtype == DType.FLOAT16;
  }

  void forward(Strided out, Strided logSumExp, Strided q, Strided k, Strided v, double scale, boolean causal) {
    if (isHalf(q) && cudnn.forward(out, logSumExp, q, k, v, (float) scale, causal)) {
      return;
    }
    Launch launch = Launch.begin();
    writeHeads(launch, out);
    launch.word(logSumExp.address());
    writeHeads(launch, q);
    writeHeads(launch, k);
    writeHeads(launch, v);
    writeShape(launch, q, k, scale, causal);
    run(launch, Pass.FORWARD, q, multipliesTf32(q));
  }

  void backward(Strided gradQ, Strided gradK, Strided gradV, Strided grad, Strided out, Strided logSumExp, Strided q, Strided k,
      Strided v, double scale, boolean causal) {
    if (isHalf(q) && cudnn.backward(gradQ, gradK, gradV, grad, out, logSumExp, q, k, v, (float) scale, causal)) {
      return;
    }
    boolean tf32 = multipliesTf32(q);
    long rows = logSumExp.numel();
    try (Workspace dots = Workspace.of(gpu, rows * Float.BYTES)) {
      dots(dots.address(), rows, grad, out, q, k, scale, causal);
      Launch launch = Launch.begin();
      writeHeads(launch, gradQ);
      writeGradients(launch, grad, logSumExp, dots, q, k, v, scale, causal);
      run(launch, Pass.QUERY_GRADIENTS, q, tf32);

      launch = Launch.begin();
      writeHeads(launch, gradK);
      writeHeads(launch, gradV);
      writeGradients(launch, grad, logSumExp, dots, q, k, v, scale, causal);
      run(launch, Pass.KEY_GRADIENTS, k, tf32);
    }
  }

  private void dots(long dots, long rows, Strided grad, Strided out, Strided q, Strided k, double scale, boolean causal) {
    Launch launch = Launch.begin().word(dots);
    writeHeads(launch, grad);
    writeHeads(launch, out);
    writeShape(launch, q, k, scale, causal);
    launch.word(rows).run(gpu, rowDots.get(Width.UP_TO_32, q.dtype()), (int) Math.ceilDiv(rows, PLAIN_THREADS / 32), PLAIN_THREADS);
  }

  private static void writeGradients(Launch launch, Strided grad, Strided logSumExp, Workspace dots, Strided q, Strided k, Strided v,
      double scale, boolean causal) {
    writeHeads(launch, grad);
    launch.word(logSumExp.address()).word(dots.address());
    writeHeads(launch, q);
    writeHeads(launch, k);
    writeHeads(launch, v);
    writeShape(launch, q, k, scale, causal);
  }

  /// Writes the structure `Heads` as the launch's next parameter.
  private static void writeHeads(Launch launch, Strided x) {
    long at = launch.structure(HEADS, Long.BYTES);
    ALL.set(LONG, at, x.address());
    for (int d = 0; d < 4; d++) {
      ALL.set(LONG, at + (1L + d) * Long.BYTES, x.stride(d));
    }
  }

  /// Writes the structure `Shape` as the launch's next parameter.
  private static void writeShape(Launch launch, Strided q, Strided k, double scale, boolean causal) {
    long at = launch.structure(SHAPE, Integer.BYTES);
    ALL.set(INT, at, (int) q.size(1));
    ALL.set(INT, at + 4, (int) q.size(2));
    ALL.set(INT, at + 8, (int) k.size(2));
    ALL.set(INT, at + 12, (int) q.size(3));
    ALL.set(FLOAT, at + 16, (float) scale);
    ALL.set(INT, at + 20, causal ? 1 : 0);
  }

  /// As of now: as for other products, a backward pass goes by what is allowed when it runs, and all its launches by the same.
  private boolean multipliesTf32(Strided q) {
    return q.dtype() == DType.FLOAT32 && MatmulPrecision.current() != MatmulPrecision.HIGHEST && gpu.computeCapability() >= Gpu.AMPERE;
  }

  /// A block for each tile of each head of x.
  private void run(Launch launch, Pass pass, Strided x, boolean tf32) {
    Width width = Width.of(x.size(3));
    BlockRows rows = count(x, FEW_ROWS) <= gpu.multiprocessors() ? BlockRows.FEW : BlockRows.MANY;
    Kernel kernel = tf32
        ? Objects.requireNonNull(tensorCores.get(pass)).get(width, rows)
        : Objects.requireNonNull(plain.get(pass)).get(width, x.dtype());
    Blocks blocks = tf32 ? width.tensorCores(pass, rows) : width.plain(pass);
    if (!prepared.contains(kernel)) {
      gpu.makeCurrent();
      Driver.funcSetAttribute(kernel.function(), Driver.MAX_DYNAMIC_SHARED_SIZE_BYTES, blocks.sharedBytes);
      prepared.add(kernel);
    }
    launch.run(gpu, kernel, (int) count(x, blocks.rows), 1, 1, blocks.threads, 1, blocks.sharedBytes);
  }

  /// How many blocks of so many rows each x takes.
  private static long count(Strided x, int rows) {
    return x.size(0) * x.size(1) * Math.ceilDiv(x.size(2), rows);
  }
}
