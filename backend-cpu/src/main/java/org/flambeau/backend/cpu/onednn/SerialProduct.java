package org.flambeau.backend.cpu.onednn;

import org.flambeau.BackendException;
import org.flambeau.backend.cpu.ThreadProduct;
import org.flambeau.backend.cpu.Workspace;
import org.flambeau.backend.cpu.onednn.Plan.Operand;
import org.flambeau.backend.cpu.onednn.Plan.Role;
import org.flambeau.spi.Allocator;

/// A matrix product by oneDNN without a team of threads. Operands are taken as they lie.
final class SerialProduct implements ThreadProduct {
  private final Plan plan;
  private final Primitive primitive;
  private final Primitive.Invocation invocation;
  private final Workspace workspace;
  private final long scratchpad;
  private final long[] addresses = new long[3];

  /// @param plan by [#plan]; closing this releases it
  SerialProduct(Plan plan, Allocator allocator) {
    this.plan = plan;
    this.primitive = plan.primitive();
    this.workspace = new Workspace(allocator);
    try {
      this.scratchpad = primitive.scratchpad(workspace);
      this.invocation = primitive.borrow();
    } catch (Throwable e) {
      workspace.close();
      plan.release();
      throw e;
    }
  }

  static Plan plan(Shape shape) {
    try (Descriptors descriptors = new Descriptors()) {
      long a = descriptors.of(shape.factors(), new long[] {shape.m(), shape.k()}, new long[] {shape.aRow(), shape.aColumn()});
      long b = descriptors.of(shape.factors(), new long[] {shape.k(), shape.n()}, new long[] {shape.bRow(), shape.bColumn()});
      long c = descriptors.of(shape.result(), new long[] {shape.m(), shape.n()}, new long[] {shape.cRow(), 1});
      Plan plan = Dnnl.alone(() -> Plan.of(Dnnl.matmul(a, b, 0, c, descriptors.attributes()), descriptors,
          new Operand(Dnnl.ARG_DST, Role.OUTPUT, c), new Operand(Dnnl.ARG_SRC, Role.INPUT, a),
          new Operand(Dnnl.ARG_WEIGHTS, Role.INPUT, b)));
      if (!plan.isUsable()) {
        throw new BackendException("[oneDNN] no kernel for " + shape);
      }
      return plan;
    }
  }

  @Override
  public void run(long a, long b, long c) {
    addresses[0] = c;
    addresses[1] = a;
    addresses[2] = b;
    invocation.run(addresses, scratchpad);
  }

  @Override
  public void close() {
    primitive.giveBack(invocation);
    workspace.close();
    plan.release();
  }
}
