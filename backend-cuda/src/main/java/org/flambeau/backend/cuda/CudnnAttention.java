package org.flambeau.backend.cuda;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.FLOAT;

import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.stream.Stream;
import org.flambeau.backend.cuda.binding.Cudnn;
import org.flambeau.spi.Strided;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Attention of half precision by cuDNN's fused engines, which take heads where a projection to queries, keys and values left them.
final class CudnnAttention {
  private static final Logger LOG = LoggerFactory.getLogger(CudnnAttention.class);
  /// The first cuDNN whose engines take any number of keys both ways.
  static final long CUDNN = 91501;

  /// Numbers that graphs are passed, in memory of the host that stays.
  private static final long ONE = Arena.global().allocate(2L * Float.BYTES, Float.BYTES).address();
  private static final long MINUS_INFINITY = ONE + Float.BYTES;

  static {
    ALL.set(FLOAT, ONE, 1f);
    ALL.set(FLOAT, MINUS_INFINITY, Float.NEGATIVE_INFINITY);
  }

  private final Gpu gpu;
  private final Elementwise elementwise;
  private final CudnnContext.Pool contexts;
  private final CudnnPlans plans;

  CudnnAttention(Gpu gpu, Elementwise elementwise, CudnnContext.Pool contexts, CudnnPlans plans) {
    this.gpu = gpu;
    this.elementwise = elementwise;
    this.contexts = contexts;
    this.plans = plans;
  }

  /// The library, which is opened when it is first asked for.
  private static final class Version {
    static final boolean SUFFICES = suffices();

    private static boolean suffices() {
      boolean suffices = Cudnn.versionNumber() >= CUDNN;
      if (!suffices) {
        LOG.info("cuDNN {} is too old for attention of any number of keys, which 9.15.1 has", Cudnn.version());
      }
      return suffices;
    }
  }

  /// Whether cuDNN takes heads that lie so, of which queries come first.
  boolean takes(Strided... operands) {
    return operands[0].size(3) % 8 == 0 && Stream.of(operands).allMatch(CudnnAttention::liesTogether) && Version.SUFFICES;
  }

  /// Whether cuDNN could.
  boolean forward(Strided out, Strided logSumExp, Strided q, Strided k, Strided v, float scale, boolean causal) {
    if (!takes(q, k, v, out)) {
      return false;
    }
    var request = new AttentionGraph.Forward(q.dtype(), causal, CudnnLayout.of(q), CudnnLayout.of(k), CudnnLayout.of(v),
        CudnnLayout.of(out), CudnnLayout.of(column(logSumExp)));
    long[] tensors = {q.address(), k.address(), v.address(), out.address(), logSumExp.address()};
    return run(request, scale, causal ? with(tensors, MINUS_INFINITY) : tensors);
  }

  /// Whether cuDNN could.
  boolean backward(Strided gradQ, Strided gradK, Strided gradV, Strided grad, Strided out, Strided logSumExp, Strided q, Strided k,
      Strided v, float scale, boolean causal) {
    boolean single = q.size(2) == 1 && k.size(2) == 1; // for which its engines are not meant
    if (single || !takes(q, k, v, out, gradQ, gradK, gradV)) {
      return false;
    }
    try (var copies = new Copies(gpu, elementwise); Workspace sums = Workspace.of(gpu, logSumExp.numel() * Float.BYTES)) {
      Strided gradient = liesTogether(grad) ? grad : copies.copy(grad);
      CudnnLayout rows = CudnnLayout.of(column(logSumExp));
      var request = new AttentionGraph.Backward(q.dtype(), causal, CudnnLayout.of(q), CudnnLayout.of(k), CudnnLayout.of(v),
          CudnnLayout.of(out), rows, CudnnLayout.of(gradient), CudnnLayout.of(gradQ), CudnnLayout.of(gradK), CudnnLayout.of(gradV), rows);
      long[] tensors = {q.address(), k.address(), v.address(), out.address(), logSumExp.address(), gradient.address(), gradQ.address(),
        gradK.address(), gradV.address(), sums.address(), ONE};
      return run(request, scale, causal ? with(tensors, MINUS_INFINITY) : tensors);
    }
  }

  private static long[] with(long[] tensors, long last) {
    long[] all = Arrays.copyOf(tensors, tensors.length + 1);
    all[tensors.length] = last;
    return all;
  }

  private boolean run(AttentionGraph.Request request, float scale, long... operands) {
    boolean done;
    try (CudnnContext context = contexts.take()) {
      done = plans.run(context, request, with(operands, context.number(scale)));
    }
    if (done) {
      gpu.launched("cuDNN's attention");
    }
    return done;
  }

  /// (b, h, s) as (b, h, s, 1).
  private static Strided column(Strided rows) {
    return rows.with(rows.offset(), new long[] {rows.size(0), rows.size(1), rows.size(2), 1},
        new long[] {rows.stride(0), rows.stride(1), rows.stride(2), 1});
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
