package org.flambeau.backend.cpu.onednn;

import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import org.flambeau.backend.cpu.Workspace;
import org.flambeau.spi.Allocator;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// How oneDNN computes one operation for one shape: a primitive, and reorders between the layouts of its operands and
/// those that it asked for.
final class Plan {
  enum Role {
    INPUT,
    /// An input that may stay the same from run to run.
    WEIGHTS,
    OUTPUT
  }

  /// One operand of a plan: which argument it is, and how it lies.
  record Operand(int argument, Role role, long layout) {}

  /// What a plan does for one operand: nothing where `reorder` is null.
  private record Port(Role role, @Nullable Reorder reorder) {}

  /// The way between an operand's layout and the one that the primitive asked for, which takes `bytes`.
  private record Reorder(Primitive primitive, long bytes, Layout from, Layout to) {}

  private final @Nullable Primitive primitive;
  private final Port[] ports;
  private final AtomicInteger owners = new AtomicInteger(1);
  volatile long lastUse;

  private Plan(@Nullable Primitive primitive, Port[] ports) {
    this.primitive = primitive;
    this.ports = ports;
  }

  /// For what oneDNN has no kernel, or only its slow reference.
  static Plan none() {
    return new Plan(null, new Port[0]);
  }

  /// Takes over a primitive descriptor, or 0 for none. Operands are given to [#run] in the order they have here.
  static Plan of(long primitiveDesc, Descriptors descriptors, Operand... operands) {
    if (primitiveDesc == 0) {
      return none();
    }
    if (Dnnl.implementation(primitiveDesc).startsWith("ref")) {
      Dnnl.destroyPrimitiveDesc(primitiveDesc);
      return none();
    }
    Primitive primitive = new Primitive(primitiveDesc, Arrays.stream(operands).mapToInt(Operand::argument).toArray());
    Port[] ports = Arrays.stream(operands).map(each -> port(each, primitive.layout(each.argument), descriptors)).toArray(Port[]::new);
    return new Plan(primitive, ports);
  }

  private static Port port(Operand operand, long wanted, Descriptors descriptors) {
    if (Dnnl.equal(operand.layout, wanted)) {
      return new Port(operand.role, null);
    }
    long bytes = Dnnl.bytes(wanted);
    return new Port(operand.role, operand.role == Role.OUTPUT
        ? reorder(wanted, operand.layout, bytes, descriptors)
        : reorder(operand.layout, wanted, bytes, descriptors));
  }

  private static Reorder reorder(long from, long to, long bytes, Descriptors descriptors) {
    Primitive primitive = new Primitive(Dnnl.reorder(from, to, descriptors.attributes()), Dnnl.ARG_SRC, Dnnl.ARG_DST);
    return new Reorder(primitive, bytes, new Layout(from), new Layout(to));
  }

  /// Of a plan that is usable.
  Primitive primitive() {
    return Objects.requireNonNull(primitive, "a plan that is not usable");
  }

  boolean isUsable() {
    return primitive != null;
  }

  /// @param keep whether weights in the layout that the primitive asked for are kept on their storage
  void run(Allocator allocator, boolean keep, Strided... operands) {
    try (Weights weights = weights(allocator, keep, operands)) {
      run(allocator, weights, operands);
    }
  }

  /// Brings the weights among the operands into the layout that the primitive asked for, for any number of runs.
  Weights weights(Allocator allocator, boolean keep, Strided... operands) {
    Weights weights = new Weights(allocator);
    for (int i = 0; i < ports.length; i++) {
      if (ports[i].role == Role.WEIGHTS) {
        weights.bring(operands[i], ports[i].reorder, keep);
      }
    }
    return weights;
  }

  void run(Allocator allocator, Weights weights, Strided... operands) {
    long[] addresses = new long[ports.length];
    try (Workspace workspace = new Workspace(allocator)) {
      for (int i = 0; i < ports.length; i++) {
        Reorder reorder = ports[i].reorder;
        if (ports[i].role == Role.WEIGHTS) {
          addresses[i] = weights.address;
        } else if (reorder == null) {
          addresses[i] = operands[i].address();
        } else {
          addresses[i] = workspace.take(reorder.bytes);
          if (ports[i].role != Role.OUTPUT) {
            reorder.primitive.run(workspace, operands[i].address(), addresses[i]);
          }
        }
      }
      primitive().run(workspace, addresses);
      for (int i = 0; i < ports.length; i++) {
        Reorder reorder = ports[i].reorder;
        if (ports[i].role == Role.OUTPUT && reorder != null) {
          reorder.primitive.run(workspace, addresses[i], operands[i].address());
        }
      }
    }
  }

  /// The weights of some runs, which read them until this closes.
  static final class Weights implements AutoCloseable {
    private final Allocator allocator;
    private final Workspace workspace;
    private PackedWeights.@Nullable Block kept;
    private long address;

    private Weights(Allocator allocator) {
      this.allocator = allocator;
      this.workspace = new Workspace(allocator);
    }

    private void bring(Strided operand, @Nullable Reorder reorder, boolean keep) {
      if (reorder == null) {
        address = operand.address();
        return;
      }
      try {
        if (keep) {
          kept = PackedWeights.acquire(operand.storage(), new PackedWeights.Form(operand.offset(), reorder.from, reorder.to), allocator,
              reorder.bytes, to -> reorder.primitive.run(workspace, operand.address(), to));
        }
        if (kept != null) {
          address = kept.address();
        } else {
          address = workspace.take(reorder.bytes);
          reorder.primitive.run(workspace, operand.address(), address);
        }
      } catch (Throwable e) {
        close();
        throw e;
      }
    }

    @Override
    public void close() {
      workspace.close();
      if (kept != null) {
        kept.release();
      }
    }
  }

  /// Becomes one user more, unless it is gone already.
  boolean retain() {
    int count;
    do {
      count = owners.get();
      if (count == 0) {
        return false;
      }
    } while (!owners.weakCompareAndSetVolatile(count, count + 1));
    return true;
  }

  void release() {
    if (owners.decrementAndGet() == 0 && primitive != null) {
      primitive.close();
      for (Port port : ports) {
        if (port.reorder != null) {
          port.reorder.primitive.close();
        }
      }
    }
  }
}
