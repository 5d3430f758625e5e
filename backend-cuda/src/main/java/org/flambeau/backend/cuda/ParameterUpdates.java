package org.flambeau.backend.cuda;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.BYTE;
import static org.flambeau.spi.NativeMemory.DOUBLE;
import static org.flambeau.spi.NativeMemory.INT;
import static org.flambeau.spi.NativeMemory.LONG;

import org.flambeau.DType;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// Steps of optimizers, and the scaling of gradients before them: `update.cu`, many tensors in one launch.
///
/// Core hands over only parameters, gradients and states that lie alike without gaps and have one dtype.
final class ParameterUpdates {
  private static final String SOURCE = "update.cu";
  /// Bytes of the structures in update.cu.
  private static final int NUMBER = 24;
  private static final int SGD_OPTIONS = NUMBER + 3 * 8 + 8;
  private static final int ADAM_OPTIONS = 2 * NUMBER + 4 * 8 + 8;

  /// Functors in update.cu, with and without an optional state.
  private enum Step {
    SCALE("SCALE", 1),
    SGD("SGD", 2),
    SGD_MOMENTUM("SGD", 3),
    ADAM("ADAM", 4),
    ADAM_LARGEST("ADAM", 5);

    private final String functor;
    private final int depth;

    Step(String functor, int depth) {
      this.functor = functor;
      this.depth = depth;
    }

    String instance(DType dtype) {
      String type = Elementwise.type(dtype);
      return "update<" + functor + "<" + type + ">, " + type + ", " + depth + ">";
    }
  }

  /// Writes the options' structure as the launch's next parameter.
  private interface Options {
    void writeTo(Launch launch);
  }

  private final Gpu gpu;
  private final KernelTable<Step, DType> kernels;

  ParameterUpdates(Gpu gpu, KernelLibrary library) {
    this.gpu = gpu;
    this.kernels = new KernelTable<>(library, SOURCE, Step.class, DType.class, KernelTable::floating, Step::instance);
  }

  /// As [org.flambeau.spi.Kernels#sgdStep].
  void sgd(Strided[] parameters, Strided[] gradients, Strided @Nullable [] velocities, boolean firstStep, Strided lr, double momentum,
      double dampening, double weightDecay, boolean nesterov, boolean maximize) {
    Options options = launch -> {
      long at = writeNumber(launch.structure(SGD_OPTIONS, 8), lr);
      at = writeReals(at, momentum, 1 - dampening, weightDecay);
      writeFlags(at, firstStep, nesterov, maximize);
    };
    if (velocities == null) {
      run(Step.SGD, options, parameters, gradients);
    } else {
      run(Step.SGD_MOMENTUM, options, parameters, gradients, velocities);
    }
  }

  /// As [org.flambeau.spi.Kernels#adamStep].
  void adam(Strided[] parameters, Strided[] gradients, Strided[] averages, Strided[] squares, Strided @Nullable [] largest, Strided lr,
      Strided step, double beta1, double beta2, double eps, double weightDecay, boolean decoupled, boolean maximize) {
    Options options = launch -> {
      long at = writeNumber(launch.structure(ADAM_OPTIONS, 8), lr);
      at = writeNumber(at, step);
      at = writeReals(at, beta1, beta2, eps, weightDecay);
      writeFlags(at, decoupled, maximize);
    };
    if (largest == null) {
      run(Step.ADAM, options, parameters, gradients, averages, squares);
    } else {
      run(Step.ADAM_LARGEST, options, parameters, gradients, averages, squares, largest);
    }
  }

  /// As [org.flambeau.spi.Kernels#multiTensorScale].
  void scale(Strided[] xs, Strided factor) {
    run(Step.SCALE, launch -> writeNumber(launch.structure(NUMBER, 8), factor), xs);
  }

  private void run(Step step, Options options, Strided[]... operands) {
    if (operands[0].length > 0) {
      TensorTable.run(gpu, kernels.get(step, operands[0][0].dtype()), (launch, _) -> options.writeTo(launch), operands);
    }
  }

  /// Writes the structure `Number`: where it lies, or what it is.
  ///
  /// @return the address after it
  private static long writeNumber(long at, Strided number) {
    boolean host = number.isHostScalar();
    ALL.set(LONG, at, host ? 0 : number.address());
    ALL.set(DOUBLE, at + 8, host ? number.scalarDouble() : 0);
    ALL.set(INT, at + 16, host ? 0 : kind(number.dtype()));
    return at + NUMBER;
  }

  /// As in update.cu.
  private static int kind(DType dtype) {
    return switch (dtype) {
      case FLOAT64 -> 0;
      case FLOAT32 -> 1;
      case FLOAT16 -> 2;
      case BFLOAT16 -> 3;
      case INT64 -> 4;
      case INT32 -> 5;
      default -> throw new IllegalArgumentException("expected a learning rate, a step or a factor of a float dtype, "
          + "int64 or int32, got " + dtype.label());
    };
  }

  private static long writeReals(long at, double... values) {
    for (int i = 0; i < values.length; i++) {
      ALL.set(DOUBLE, at + 8L * i, values[i]);
    }
    return at + 8L * values.length;
  }

  private static void writeFlags(long at, boolean... values) {
    for (int i = 0; i < values.length; i++) {
      ALL.set(BYTE, at + i, (byte) (values[i] ? 1 : 0));
    }
  }
}
