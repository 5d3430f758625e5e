package org.flambeau.backend.cuda;

import static org.flambeau.Reduction.MEAN;
import static org.flambeau.Reduction.NONE;
import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.BYTE;
import static org.flambeau.spi.NativeMemory.LONG;

import java.util.ArrayList;
import java.util.List;
import org.flambeau.DType;
import org.flambeau.Reduction;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// The negative log-likelihood of targets: `nll.cu`.
///
/// One block adds up the losses of a batch in one launch. Where there are more, as in segmentation, blocks leave parts, which a second launch adds up
/// in their order.
final class NllLoss {
  private static final String SOURCE = "nll.cu";
  /// As in nll.cu.
  private static final int THREADS = 256;
  /// Places that a block should at least have before another joins in.
  private static final int LEAST_PER_BLOCK = 4 * THREADS;
  /// Bytes of the structures in nll.cu.
  private static final int TARGETS = 8 + Space.STEPS + 24;
  private static final int SUMS = 16;
  private static final int RESULTS = 24;

  private enum Form {
    LOSS,
    /// Of log-likelihoods in the dtype of arithmetic.
    LOSS_OF_COMPUTED,
    LOSS_OF_PARTS,
    BACKWARD
  }

  private final Gpu gpu;
  private final KernelTable<Form, DType> forms;

  NllLoss(Gpu gpu, KernelLibrary library) {
    this.gpu = gpu;
    this.forms = new KernelTable<>(library, SOURCE, Form.class, DType.class,
        (form, dtype) -> dtype.isFloating() && (form != Form.LOSS_OF_COMPUTED || computed(dtype) != dtype), (form, dtype) -> {
          String type = Elementwise.type(dtype);
          return switch (form) {
            case LOSS -> "nllLoss<" + type + ", " + type + ">";
            case LOSS_OF_COMPUTED -> "nllLoss<" + type + ", " + Elementwise.type(computed(dtype)) + ">";
            case LOSS_OF_PARTS -> "nllLossOfParts<" + type + ">";
            case BACKWARD -> "nllLossBackward<" + type + ">";
          };
        });
  }

  /// The dtype of arithmetic.
  static DType computed(DType dtype) {
    return dtype == DType.FLOAT64 ? dtype : DType.FLOAT32;
  }

  private record Piece(Space space, long[] offsets, int blocks) {}

  /// As [org.flambeau.spi.Kernels#nllLoss]; x may have the dtype of arithmetic instead of `out`'s.
  void forward(Reduction reduction, Strided out, Strided total, Strided x, Strided target, @Nullable Strided weight, long ignoreIndex) {
    int at = classDimension(x);
    boolean each = reduction == NONE;
    int rank = target.rank();
    List<Piece> pieces = new ArrayList<>(1);
    Space.of(target.sizes().clone(), target.strides().clone(), without(at, x.strides()), each ? out.strides().clone() : new long[rank])
        .forEachPart((space, offsets) -> pieces
            .add(new Piece(space, offsets, Math.max(1, gpu.blocksOf(LEAST_PER_BLOCK, space.numel())))));
    int count = pieces.stream().mapToInt(Piece::blocks).sum();
    Kernel kernel = forms.get(x.dtype() == out.dtype() ? Form.LOSS : Form.LOSS_OF_COMPUTED, out.dtype());
    try (var parts = Workspace.of(gpu, count == 1 ? 0 : (long) count * SUMS)) {
      long part = parts.address();
      for (Piece piece : pieces) {
        Launch launch = Launch.begin();
        writeOperand(launch, x, piece.space, 1, piece.offsets[1]);
        launch.word(x.stride(at)).word(x.size(at));
        writeTargets(launch, target, piece.space, 0, piece.offsets[0], weight, ignoreIndex);
        if (each) {
          writeOperand(launch, out, piece.space, 2, piece.offsets[2]);
        } else {
          launch.word(0).structure(Space.STEPS, 8);
        }
        piece.space.writeTo(launch).integer((int) piece.space.numel());
        writeResults(launch, reduction, out, total);
        launch.word(part);
        gpu.complaints().writeTo(launch, "nll_loss", at).run(gpu, kernel, piece.blocks, THREADS);
        part += (long) piece.blocks * SUMS;
      }
      if (count > 1) {
        Launch launch = Launch.begin().word(parts.address()).integer(count);
        writeResults(launch, reduction, out, total);
        launch.run(gpu, forms.get(Form.LOSS_OF_PARTS, out.dtype()), 1, THREADS);
      }
    }
  }

  /// As [org.flambeau.spi.Kernels#nllLossBackward].
  void backward(Strided gradX, Strided grad, @Nullable Strided total, Strided target, @Nullable Strided weight, long ignoreIndex) {
    int at = classDimension(gradX);
    long[] classes = new long[gradX.rank()]; // of an operand that lies nowhere, whose offset is the class
    classes[at] = 1;
    Space.of(gradX.sizes().clone(), gradX.strides().clone(), with(at, grad.strides()), with(at, target.strides()), classes)
        .forEachPart((space, offsets) -> {
          if (space.numel() == 0) {
            return;
          }
          Launch launch = Launch.begin();
          writeOperand(launch, gradX, space, 0, offsets[0]);
          writeOperand(launch, grad, space, 1, offsets[1]);
          writeTargets(launch, target, space, 2, offsets[2], weight, ignoreIndex);
          space.writeSteps(3, launch.structure(Space.STEPS, 8));
          launch.word(offsets[3]).word(total == null ? 0 : total.address());
          space.writeTo(launch).integer((int) space.numel());
          launch.run(gpu, forms.get(Form.BACKWARD, gradX.dtype()), gpu.blocks(space.numel()), Gpu.BLOCK);
        });
  }

  private static int classDimension(Strided x) {
    return x.rank() == 1 ? 0 : 1;
  }

  private static long[] without(int dim, long[] strides) {
    long[] rest = new long[strides.length - 1];
    System.arraycopy(strides, 0, rest, 0, dim);
    System.arraycopy(strides, dim + 1, rest, dim, rest.length - dim);
    return rest;
  }

  /// With a dimension in which the operand stays where it is.
  private static long[] with(int dim, long[] strides) {
    long[] all = new long[strides.length + 1];
    System.arraycopy(strides, 0, all, 0, dim);
    System.arraycopy(strides, dim, all, dim + 1, strides.length - dim);
    return all;
  }

  /// Writes an address and the structure `Steps` as the launch's next parameters.
  private static void writeOperand(Launch launch, Strided operand, Space space, int k, long offset) {
    launch.word(operand.address() + offset * operand.dtype().size());
    space.writeSteps(k, launch.structure(Space.STEPS, 8));
  }

  private static void writeTargets(Launch launch, Strided target, Space space, int k, long offset, @Nullable Strided weight,
      long ignoreIndex) {
    long at = launch.structure(TARGETS, 8);
    ALL.set(LONG, at, target.address() + offset * Long.BYTES);
    space.writeSteps(k, at + 8);
    ALL.set(LONG, at + 8 + Space.STEPS, ignoreIndex);
    ALL.set(LONG, at + 16 + Space.STEPS, weight == null ? 0 : weight.address());
    ALL.set(LONG, at + 24 + Space.STEPS, weight == null ? 0 : weight.stride(0));
  }

  private static void writeResults(Launch launch, Reduction reduction, Strided out, Strided total) {
    long at = launch.structure(RESULTS, 8);
    ALL.set(LONG, at, reduction == NONE ? 0 : out.address());
    ALL.set(LONG, at + 8, total.address());
    ALL.set(BYTE, at + 16, (byte) (reduction == MEAN ? 1 : 0));
  }
}
