package org.flambeau.spi;

/// An element-wise function with all that it depends on besides its operands, as a value: what one call of [Kernels] computes, for who wants
/// to look at a computation before it runs.
public sealed interface Pointwise {
  /// [Kernels#copy]: the operand's value, cast to the result's dtype.
  record Copy() implements Pointwise {}

  /// [Kernels#unary].
  record Unary(UnaryOp op) implements Pointwise {}

  /// [Kernels#binary].
  record Binary(BinaryOp op) implements Pointwise {}

  /// [Kernels#addScaled].
  record AddScaled(double alpha) implements Pointwise {}

  /// [Kernels#where]; the condition is the first operand.
  record Where() implements Pointwise {}

  /// [Kernels#clamp].
  record Clamp(double low, double high) implements Pointwise {}

  /// [Kernels#leakyRelu].
  record LeakyRelu(double slope) implements Pointwise {}

  /// [Kernels#elu].
  record Elu(double alpha, double scale) implements Pointwise {}

  /// How many operands it has.
  default int operands() {
    return switch (this) {
      case Copy _,Unary _,Clamp _,LeakyRelu _,Elu _ -> 1;
      case Binary _,AddScaled _ -> 2;
      case Where _ -> 3;
    };
  }

  /// Computes it by the kernel of its own.
  default void run(Kernels kernels, Strided out, Strided... x) {
    switch (this) {
      case Copy() -> kernels.copy(out, x[0]);
      case Unary(UnaryOp op) -> kernels.unary(op, out, x[0]);
      case Binary(BinaryOp op) -> kernels.binary(op, out, x[0], x[1]);
      case AddScaled(double alpha) -> kernels.addScaled(out, x[0], x[1], alpha);
      case Where() -> kernels.where(out, x[0], x[1], x[2]);
      case Clamp(double low, double high) -> kernels.clamp(out, x[0], low, high);
      case LeakyRelu(double slope) -> kernels.leakyRelu(out, x[0], slope);
      case Elu(double alpha, double scale) -> kernels.elu(out, x[0], alpha, scale);
    }
  }
}
