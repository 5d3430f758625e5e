package org.flambeau.backend.cpu.gemm;

import org.flambeau.DType;
import org.flambeau.backend.cpu.Copy;
import org.flambeau.backend.cpu.Workspace;
import org.flambeau.spi.Epilogue;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;

/// Operands in the dtype and the row-major layout that a kernel takes.
public final class Copies {
  private Copies() {}

  /// `operand` itself where it is contiguous and of `dtype`, else a copy that is.
  public static Strided input(Workspace workspace, DType dtype, Strided operand) {
    Strided copy = output(workspace, dtype, operand);
    if (copy != operand) {
      Copy.copy(copy, operand);
    }
    return copy;
  }

  /// An epilogue for results of `dtype`.
  public static Epilogue input(Workspace workspace, DType dtype, Epilogue epilogue) {
    Strided bias = epilogue.bias();
    Strided residual = epilogue.residual();
    return new Epilogue(epilogue.scale(), bias == null ? null : input(workspace, dtype, bias),
        residual == null ? null : input(workspace, dtype, residual), epilogue.activation());
  }

  /// `operand` itself where it is contiguous and of `dtype`, else room for a result that [#deliver] brings there.
  public static Strided output(Workspace workspace, DType dtype, Strided operand) {
    if (operand.isContiguous() && operand.dtype() == dtype) {
      return operand;
    }
    long bytes = operand.numel() * dtype.size();
    return Strided.contiguous(new Storage(operand.device(), workspace.take(bytes), bytes), dtype, operand.sizes());
  }

  /// Brings what was computed in [#output] to where it belongs.
  public static void deliver(Strided operand, Strided computed) {
    if (computed != operand) {
      Copy.copy(operand, computed);
    }
  }
}
