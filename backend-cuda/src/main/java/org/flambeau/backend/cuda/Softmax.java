package org.flambeau.backend.cuda;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.LONG;

import org.flambeau.spi.Strided;

/// Softmax, its logarithm and cross-entropy: `softmax.cu`.
final class Softmax {
  private static final String SOURCE = "softmax.cu";
  /// Bytes of the structures in softmax.cu.
  private static final int TARGETS = 24;
  private static final int LOSSES = 16 + TARGETS + Complaints.COMPLAINTS;

  private final Gpu gpu;
  private final RowKernels softmax;
  private final RowKernels logSoftmax;
  private final RowKernels softmaxBackward;
  private final RowKernels logSoftmaxBackward;
  private final RowKernels crossEntropy;
  private final RowKernels crossEntropyBackward;

  Softmax(Gpu gpu, KernelLibrary library) {
    this.gpu = gpu;
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

  void crossEntropy(Strided losses, Strided logSumExp, Strided logits, Strided target, long ignoreIndex) {
    if (logits.numel() == 0) {
      return;
    }
    Rows.ofMatrix(logits).run(gpu, crossEntropy, launch -> {
      long at = launch.structure(LOSSES, 8);
      ALL.set(LONG, at, losses.address());
      ALL.set(LONG, at + 8, logSumExp.address());
      writeTargets(at + 16, target, ignoreIndex);
      gpu.complaints().write(at + 16 + TARGETS, "cross_entropy", 1);
    });
  }

  void crossEntropyBackward(Strided gradLogits, Strided grad, Strided logits, Strided logSumExp, Strided target, long ignoreIndex) {
    if (gradLogits.numel() == 0) {
      return;
    }
    Rows.ofMatrix(gradLogits, logits).runBlocks(gpu, crossEntropyBackward, launch -> {
      writeTargets(launch.structure(TARGETS, 8), target, ignoreIndex);
      launch.word(grad.address()).word(grad.stride(0)).word(logSumExp.address());
    });
  }

  private static void writeTargets(long at, Strided target, long ignoreIndex) {
    ALL.set(LONG, at, target.address());
    ALL.set(LONG, at + 8, target.stride(0));
    ALL.set(LONG, at + 16, ignoreIndex);
  }
}
