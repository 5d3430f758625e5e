package org.flambeau.backend.cuda;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.LONG;

import org.flambeau.DType;
import org.flambeau.Reduction;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// Softmax, its logarithm and cross-entropy: `softmax.cu`.
final class Softmax {
  private static final String SOURCE = "softmax.cu";
  /// Bytes of the structures in softmax.cu.
  private static final int TARGETS = 24;
  private static final int LIKELIHOODS = 16 + TARGETS + Complaints.COMPLAINTS;

  private final Gpu gpu;
  private final RowKernels softmax;
  private final RowKernels logSoftmax;
  private final RowKernels softmaxBackward;
  private final RowKernels logSoftmaxBackward;
  private final RowKernels crossEntropy;
  private final RowKernels crossEntropyBackward;
  private final NllLoss losses;

  Softmax(Gpu gpu, KernelLibrary library, NllLoss losses) {
    this.gpu = gpu;
    this.losses = losses;
    this.softmax = new RowKernels(library, SOURCE, "softmax", ", false");
    this.logSoftmax = new RowKernels(library, SOURCE, "softmax", ", true");
    this.softmaxBackward = new RowKernels(library, SOURCE, "softmaxBackward", ", false");
    this.logSoftmaxBackward = new RowKernels(library, SOURCE, "softmaxBackward", ", true");
    this.crossEntropy = new RowKernels(library, SOURCE, "crossEntropy", "");
    this.crossEntropyBackward = RowKernels.ofBlocks(library, SOURCE, "crossEntropyBackward");
  }

  void forward(Strided out, Strided x, int dim, boolean log) {
    if (out.numel() > 0) {
      Rows.along(dim, out, x).run(gpu, log ? logSoftmax : softmax, _ -> {});
    }
  }

  void backward(Strided gradX, Strided grad, Strided result, int dim, boolean log) {
    if (gradX.numel() > 0) {
      Rows.along(dim, gradX, grad, result).run(gpu, log ? logSoftmaxBackward : softmaxBackward, _ -> {});
    }
  }

  /// As [org.flambeau.spi.Kernels#crossEntropy]: of each row the log-likelihood of its target, of which the losses are made as of any.
  void crossEntropy(Reduction reduction, Strided out, Strided total, Strided logSumExp, Strided logits, Strided target, long ignoreIndex) {
    long rows = logits.size(0);
    DType computed = NllLoss.computed(logits.dtype());
    long bytes = rows * computed.size();
    try (var memory = Workspace.of(gpu, bytes)) {
      Rows.ofMatrix(logits).run(gpu, crossEntropy, launch -> {
        long at = launch.structure(LIKELIHOODS, 8);
        ALL.set(LONG, at, memory.address());
        ALL.set(LONG, at + 8, logSumExp.address());
        writeTargets(at + 16, target, ignoreIndex);
        gpu.complaints().write(at + 16 + TARGETS, "cross_entropy", 1);
      });
      var likelihoods = Strided.contiguous(new Storage(gpu.device(), memory.address(), bytes), computed, new long[] {rows});
      Strided ofEachClass = likelihoods.with(0, logits.sizes(), new long[] {1, 0});
      losses.forward(reduction, out, total, ofEachClass, target, null, ignoreIndex);
    }
  }

  void crossEntropyBackward(Strided gradLogits, Strided grad, @Nullable Strided total, Strided logits, Strided logSumExp, Strided target,
      long ignoreIndex) {
    Rows.ofMatrix(gradLogits, logits).runBlocks(gpu, crossEntropyBackward, launch -> {
      writeTargets(launch.structure(TARGETS, 8), target, ignoreIndex);
      launch.word(grad.address()).word(grad.stride(0)).word(total == null ? 0 : total.address()).word(logSumExp.address());
    });
  }

  private static void writeTargets(long at, Strided target, long ignoreIndex) {
    ALL.set(LONG, at, target.address());
    ALL.set(LONG, at + 8, target.stride(0));
    ALL.set(LONG, at + 16, ignoreIndex);
  }
}
