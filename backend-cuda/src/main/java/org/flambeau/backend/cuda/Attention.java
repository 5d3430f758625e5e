package org.flambeau.backend.cuda;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.FLOAT;
import static org.flambeau.spi.NativeMemory.INT;
import static org.flambeau.spi.NativeMemory.LONG;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.flambeau.DType;
import org.flambeau.GradMode;
import org.flambeau.backend.cuda.binding.Driver;
import org.flambeau.spi.Strided;

/// Attention: of half precision by cuDNN, all else by `attention.cu`, whose arithmetic is float32's.
///
/// While gradients are recorded, half precision that cuDNN does not take is left to core, whose products run on tensor cores both ways: the
/// backward kernel, which does not, would take longer than what the forward pass saves.
final class Attention {
  private static final String SOURCE = "attention.cu";
  private static final int MAX_WIDTH = 128;
  /// As in attention.cu.
  private static final int THREADS = 256;
  private static final int PADDING = 4;
  private static final int HEADS = 40;
  private static final int SHAPE = 24;

  /// How wide the kernels take heads, and of how many rows their tiles are: wide ones leave less shared memory.
  private enum Width {
    UP_TO_32(32, 64), UP_TO_64(64, 64), UP_TO_96(96, 32), UP_TO_128(128, 32);

    /// Forward there are two tiles in place of four.
    private static final int FORWARD_ROWS = 64;

    private final int columns;
    private final int backwardRows;

    Width(int columns, int backwardRows) {
      this.columns = columns;
      this.backwardRows = backwardRows;
    }

    static Width of(long width) {
      return width <= 32 ? UP_TO_32 : width <= 64 ? UP_TO_64 : width <= 96 ? UP_TO_96 : UP_TO_128;
    }

    int forwardBytes() {
      return bytes(2, FORWARD_ROWS);
    }

    int backwardBytes() {
      return bytes(4, backwardRows);
    }

    private int bytes(int tiles, int rows) {
      return Float.BYTES * rows * (tiles * (columns + PADDING) + rows + PADDING);
    }

    String instance(String kernel, DType dtype, int rows) {
      return kernel + "<" + Elementwise.type(dtype) + ", " + columns + ", " + rows + ">";
    }
  }

  private final Gpu gpu;
  private final CudnnAttention cudnn;
  private final KernelTable<Width, DType> forward;
  private final KernelTable<Width, DType> backwardQuery;
  private final KernelTable<Width, DType> backwardKey;
  private final KernelTable<Width, DType> rowDots;
  /// Kernels that were given the shared memory that they need.
  private final Set<Kernel> prepared = ConcurrentHashMap.newKeySet();

  Attention(Gpu gpu, KernelLibrary library, CudnnAttention cudnn) {
    this.gpu = gpu;
    this.cudnn = cudnn;
    this.forward = table(library, (width, dtype) -> width.instance("attention", dtype, Width.FORWARD_ROWS));
    this.backwardQuery = table(library, (width, dtype) -> width.instance("attentionBackwardQuery", dtype, width.backwardRows));
    this.backwardKey = table(library, (width, dtype) -> width.instance("attentionBackwardKey", dtype, width.backwardRows));
    this.rowDots = table(library, (_, dtype) -> "rowDots<" + Elementwise.type(dtype) + ">");
  }

  private static KernelTable<Width, DType> table(KernelLibrary library, KernelTable.Instance<Width, DType> instance) {
    return new KernelTable<>(library, SOURCE, Width.class, DType.class, (_, dtype) -> dtype == DType.FLOAT32 || isHalf(dtype), instance);
  }

  /// Whether there are kernels for such operands that pay; of float64 core composes attention, as of wider heads.
  boolean supports(Strided... operands) {
    Strided q = operands[0];
    boolean dtype = q.dtype() == DType.FLOAT32 || isHalf(q) && (!GradMode.isEnabled() || cudnn.takes(operands));
    if (!dtype || q.size(3) > MAX_WIDTH || tooMany(q)) {
      return false;
    }
    Width width = Width.of(q.size(3));
    return Math.max(width.forwardBytes(), width.backwardBytes()) <= gpu.sharedBytes();
  }

  /// For a grid of one block for each tile of each head.
  private static boolean tooMany(Strided q) {
    return q.size(0) * q.size(1) * Math.ceilDiv(q.size(2), 32) > Integer.MAX_VALUE;
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
    Width width = Width.of(q.size(3));
    Launch launch = Launch.begin();
    writeHeads(launch, out);
    launch.word(logSumExp.address());
    writeHeads(launch, q);
    writeHeads(launch, k);
    writeHeads(launch, v);
    writeShape(launch, q, k, scale, causal);
    run(launch, forward.get(width, q.dtype()), q, Width.FORWARD_ROWS, width.forwardBytes());
  }

  void backward(Strided gradQ, Strided gradK, Strided gradV, Strided grad, Strided out, Strided logSumExp, Strided q, Strided k,
      Strided v, double scale, boolean causal) {
    if (isHalf(q) && cudnn.backward(gradQ, gradK, gradV, grad, out, logSumExp, q, k, v, (float) scale, causal)) {
      return;
    }
    long rows = logSumExp.numel();
    try (Workspace dots = Workspace.of(gpu, rows * Float.BYTES)) {
      dots(dots.address(), rows, grad, out, q, k, scale, causal);
      Width width = Width.of(q.size(3));
      Launch launch = Launch.begin();
      writeHeads(launch, gradQ);
      writeGradients(launch, grad, logSumExp, dots, q, k, v, scale, causal);
      run(launch, backwardQuery.get(width, q.dtype()), q, width.backwardRows, width.backwardBytes());

      launch = Launch.begin();
      writeHeads(launch, gradK);
      writeHeads(launch, gradV);
      writeGradients(launch, grad, logSumExp, dots, q, k, v, scale, causal);
      run(launch, backwardKey.get(width, q.dtype()), k, width.backwardRows, width.backwardBytes());
    }
  }

  private void dots(long dots, long rows, Strided grad, Strided out, Strided q, Strided k, double scale, boolean causal) {
    Launch launch = Launch.begin().word(dots);
    writeHeads(launch, grad);
    writeHeads(launch, out);
    writeShape(launch, q, k, scale, causal);
    launch.word(rows).run(gpu, rowDots.get(Width.UP_TO_32, q.dtype()), (int) Math.ceilDiv(rows, THREADS / 32), THREADS);
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

  /// A block for each tile of each head of x.
  private void run(Launch launch, Kernel kernel, Strided x, int rows, int sharedBytes) {
    if (!prepared.contains(kernel)) {
      gpu.makeCurrent();
      Driver.funcSetAttribute(kernel.function(), Driver.MAX_DYNAMIC_SHARED_SIZE_BYTES, sharedBytes);
      prepared.add(kernel);
    }
    long blocks = x.size(0) * x.size(1) * Math.ceilDiv(x.size(2), rows);
    launch.run(gpu, kernel, (int) blocks, 1, 1, THREADS, 1, sharedBytes);
  }
}
