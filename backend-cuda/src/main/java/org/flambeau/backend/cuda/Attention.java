package org.flambeau.backend.cuda;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.FLOAT;
import static org.flambeau.spi.NativeMemory.INT;
import static org.flambeau.spi.NativeMemory.LONG;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.flambeau.DType;
import org.flambeau.GradMode;
import org.flambeau.backend.cuda.CudnnOperation.Place;
import org.flambeau.backend.cuda.CudnnOperation.Tensor;
import org.flambeau.backend.cuda.binding.Cudnn;
import org.flambeau.backend.cuda.binding.Driver;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// Attention: of half precision forward by cuDNN, all else by `attention.cu`, whose arithmetic is float32's.
///
/// While gradients are recorded half precision is left to core, whose products run on tensor cores both ways: the backward kernel, which
/// does not, would take longer than what the forward pass saves.
final class Attention {
  private static final String SOURCE = "attention.cu";
  private static final int MAX_WIDTH = 128;
  /// As in attention.cu.
  private static final int THREADS = 256;
  private static final int PADDING = 4;
  private static final int HEADS = 40;
  private static final int SHAPE = 24;

  /// The first cuDNN that has attention as one operation.
  static final long CUDNN = 91301;
  private static final long MAX_WORKSPACE = 1L << 28;

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
  private final CudnnContext.Pool contexts;
  private final KernelTable<Width, DType> forward;
  private final KernelTable<Width, DType> backwardQuery;
  private final KernelTable<Width, DType> backwardKey;
  private final KernelTable<Width, DType> rowDots;
  /// Kernels that were given the shared memory that they need.
  private final Set<Kernel> prepared = ConcurrentHashMap.newKeySet();

  Attention(Gpu gpu, KernelLibrary library, CudnnContext.Pool contexts) {
    this.gpu = gpu;
    this.contexts = contexts;
    this.forward = table(library, (width, dtype) -> width.instance("attention", dtype, Width.FORWARD_ROWS));
    this.backwardQuery = table(library, (width, dtype) -> width.instance("attentionBackwardQuery", dtype, width.backwardRows));
    this.backwardKey = table(library, (width, dtype) -> width.instance("attentionBackwardKey", dtype, width.backwardRows));
    this.rowDots = table(library, (_, dtype) -> "rowDots<" + Elementwise.type(dtype) + ">");
  }

  private static KernelTable<Width, DType> table(KernelLibrary library, KernelTable.Instance<Width, DType> instance) {
    return new KernelTable<>(library, SOURCE, Width.class, DType.class, instance);
  }

  /// Whether there are kernels for such queries that pay; of float64 core composes attention, as of wider heads.
  boolean supports(Strided q) {
    boolean dtype = q.dtype() == DType.FLOAT32 || isHalf(q) && !GradMode.isEnabled();
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
    return x.dtype() == DType.BFLOAT16 || x.dtype() == DType.FLOAT16;
  }

  void forward(Strided out, @Nullable Strided logSumExp, Strided q, Strided k, Strided v, double scale, boolean causal) {
    if (isHalf(q) && !causal && logSumExp != null && byCudnn(out, logSumExp, q, k, v, (float) scale)) {
      return;
    }
    Width width = Width.of(q.size(3));
    Launch launch = Launch.begin();
    writeHeads(launch, out);
    launch.word(logSumExp == null ? 0 : logSumExp.address());
    writeHeads(launch, q);
    writeHeads(launch, k);
    writeHeads(launch, v);
    writeShape(launch, q, k, scale, causal);
    run(launch, forward.get(width, q.dtype()), q, Width.FORWARD_ROWS, width.forwardBytes());
  }

  void backward(Strided gradQ, Strided gradK, Strided gradV, Strided grad, Strided out, Strided logSumExp, Strided q, Strided k,
      Strided v, double scale, boolean causal) {
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

  // ---- by cuDNN ----

  /// An attention with all that a plan depends on.
  record Request(DType dtype, CudnnLayout q, CudnnLayout k, CudnnLayout v, CudnnLayout out, CudnnLayout logSumExp) {
    private static final CudnnLayout NUMBER = new CudnnLayout(new long[] {1, 1, 1, 1}, new long[] {1, 1, 1, 1}, Float.BYTES);

    Optional<CudnnPlan> plan(CudnnPlan.Target target) {
      Tensor scale = NUMBER.tensor(6, DType.FLOAT32, Place.HOST);
      var attention = new CudnnOperation.Attention(q.tensor(1, dtype, Place.DEVICE), k.tensor(2, dtype, Place.DEVICE),
          v.tensor(3, dtype, Place.DEVICE), out.tensor(4, dtype, Place.DEVICE), logSumExp.tensor(5, DType.FLOAT32, Place.DEVICE), scale);
      return CudnnPlan.find(target, List.of(attention), new CudnnPlan.Limits(Set.of(CudnnPlan.NONDETERMINISTIC), MAX_WORKSPACE), 1)
          .stream().findFirst();
    }
  }

  /// Whether cuDNN could.
  private boolean byCudnn(Strided out, Strided logSumExp, Strided q, Strided k, Strided v, float scale) {
    if (q.size(3) % 8 != 0 || !liesTogether(q) || !liesTogether(k) || !liesTogether(v) || !liesTogether(out)
        || Cudnn.versionNumber() < CUDNN) {
      return false;
    }
    Strided statistics = logSumExp.with(logSumExp.offset(), new long[] {q.size(0), q.size(1), q.size(2), 1},
        new long[] {logSumExp.stride(0), logSumExp.stride(1), logSumExp.stride(2), 1});
    Request request = new Request(q.dtype(), CudnnLayout.of(q), CudnnLayout.of(k), CudnnLayout.of(v), CudnnLayout.of(out),
        CudnnLayout.of(statistics));
    try (CudnnContext context = contexts.take()) {
      CudnnPlan plan = context.plan(request, request::plan).orElse(null);
      if (plan == null) {
        return false;
      }
      try (Workspace workspace = Workspace.of(gpu, plan.workspaceBytes())) {
        context.run(plan, workspace.address(), q.address(), k.address(), v.address(), out.address(), logSumExp.address(),
            context.number(scale));
      }
    }
    gpu.launched("cuDNN's attention");
    return true;
  }

  /// Whether a head's row is contiguous and nothing is repeated, in whole packs of 16 bytes.
  private static boolean liesTogether(Strided x) {
    boolean aligned = x.address() % CudnnLayout.ALIGNMENT == 0;
    for (int d = 0; d < 3; d++) {
      aligned &= x.size(d) == 1 || x.stride(d) != 0 && x.stride(d) * x.dtype().size() % CudnnLayout.ALIGNMENT == 0;
    }
    return aligned && x.stride(3) == 1;
  }
}
