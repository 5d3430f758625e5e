package org.flambeau.spi;

/// An element-wise function with all that it depends on besides its operands, as a value: what one call of [Kernels] computes, for who wants
/// to look at a computation before it runs.
public sealed interface Pointwise {
  /// Computes it by the kernel of its own.
  void run(Kernels kernels, Strided out, Strided... operands);

  /// How many operands it has.
  int operands();

  /// [Kernels#copy]: the operand's value, cast to the result's dtype.
  record Copy() implements Pointwise {
    @Override
    public void run(Kernels kernels, Strided out, Strided... operands) {
      kernels.copy(out, operands[0]);
    }

    @Override
    public int operands() {
      return 1;
    }
  }

  /// [Kernels#unary].
  record Unary(UnaryOp op) implements Pointwise {
    @Override
    public void run(Kernels kernels, Strided out, Strided... operands) {
      kernels.unary(op, out, operands[0]);
    }

    @Override
    public int operands() {
      return 1;
    }
  }

  /// [Kernels#binary].
  record Binary(BinaryOp op) implements Pointwise {
    @Override
    public void run(Kernels kernels, Strided out, Strided... operands) {
      kernels.binary(op, out, operands[0], operands[1]);
    }

    @Override
    public int operands() {
      return 2;
    }
  }

  /// [Kernels#addScaled].
  record AddScaled(double alpha) implements Pointwise {
    @Override
    public void run(Kernels kernels, Strided out, Strided... operands) {
      kernels.addScaled(out, operands[0], operands[1], alpha);
    }

    @Override
    public int operands() {
      return 2;
    }
  }

  /// [Kernels#where]; the condition is the first operand.
  record Where() implements Pointwise {
    @Override
    public void run(Kernels kernels, Strided out, Strided... operands) {
      kernels.where(out, operands[0], operands[1], operands[2]);
    }

    @Override
    public int operands() {
      return 3;
    }
  }

  /// [Kernels#clamp].
  record Clamp(double low, double high) implements Pointwise {
    @Override
    public void run(Kernels kernels, Strided out, Strided... operands) {
      kernels.clamp(out, operands[0], low, high);
    }

    @Override
    public int operands() {
      return 1;
    }
  }

  /// [Kernels#leakyRelu].
  record LeakyRelu(double slope) implements Pointwise {
    @Override
    public void run(Kernels kernels, Strided out, Strided... operands) {
      kernels.leakyRelu(out, operands[0], slope);
    }

    @Override
    public int operands() {
      return 1;
    }
  }

  /// [Kernels#elu].
  record Elu(double alpha, double scale) implements Pointwise {
    @Override
    public void run(Kernels kernels, Strided out, Strided... operands) {
      kernels.elu(out, operands[0], alpha, scale);
    }

    @Override
    public int operands() {
      return 1;
    }
  }
}
