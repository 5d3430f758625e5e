package org.flambeau.internal.ops;

import java.util.function.Consumer;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.Tensor;
import org.flambeau.autograd.Derivative;
import org.flambeau.internal.Backends;
import org.flambeau.internal.ThreadState;
import org.flambeau.internal.memory.DeviceMemory;
import org.flambeau.internal.memory.ScopeMembers;
import org.flambeau.internal.memory.Scopes;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;

/// Changes of dtype and of device.
public final class Casts {
  private static final Op<DType> TO = Op.of("to", Derivative.of("ToCopyBackward0", Derivative.term((g, s, _) -> g.to(s.dtype(0)))));
  private static final Op<DType> LOWERED = Op.of("to",
      Derivative.takingDtypeOfOperand("ToCopyBackward0", Derivative.term((g, s, _) -> g.to(s.dtype(0)))));
  private static final Op<Device> TO_DEVICE = Op.of("to_device",
      Derivative.of("ToCopyBackward0", Derivative.term((g, _, from) -> g.to(from))));

  private Casts() {}

  /// `x` in `dtype`: itself where it has that already.
  public static Tensor to(Tensor x, DType dtype) {
    return cast(TO, x, dtype);
  }

  /// [#to(Tensor, DType)] for autocast, which alone sees the result: the gradient of a lower precision comes in the dtype of `x`. That of a higher
  /// one is rounded here, after it has been added up.
  public static Tensor forAutocast(Tensor x, DType dtype) {
    return cast(dtype.size() < x.dtype().size() ? LOWERED : TO, x, dtype);
  }

  private static Tensor cast(Op<DType> op, Tensor x, DType dtype) {
    if (x.dtype() == dtype) {
      return x;
    }
    Strided in = x.strided();
    return op.run(dtype, dtype, Layout.like(in), x, (k, out) -> k.copy(out, in));
  }

  /// `x` on `device`: itself where it is there already. Where it has no gaps, its strides stay as they are.
  public static Tensor to(Tensor x, Device device) {
    if (x.device().equals(device)) {
      return x;
    }
    Tensor dense = Layout.isDense(x.strided()) ? x : x.contiguous();
    return TO_DEVICE.run(x.device(), x.dtype(), Layout.like(dense.strided()), device, new Tensor[] {dense},
        (k, out) -> Copies.acrossDevices(Layout.asStretch(out), Layout.asStretch(dense.strided())));
  }

  /// Gives `use` the elements of `x` in `dtype`, in a temporary where that takes a cast, which lives no longer than `use`.
  static void with(Tensor x, DType dtype, Consumer<Strided> use) {
    if (x.dtype() == dtype || x.strided().isHostScalar()) {
      use.accept(x.strided());
    } else {
      cast(x, dtype, use);
    }
  }

  /// Gives `use` the elements of `x` cast to `dtype`, in a temporary, which lives no longer than `use`.
  static void cast(Tensor x, DType dtype, Consumer<Strided> use) {
    Strided in = x.strided();
    ThreadState thread = ThreadState.current();
    ScopeMembers scope = Scopes.openInner(thread);
    try {
      Storage storage = DeviceMemory.of(x.device()).allocate(in.numel(), dtype, thread);
      Strided cast = Layout.like(in).over(storage, dtype);
      Backends.kernels(x.device()).copy(cast, in);
      use.accept(cast);
    } finally {
      Scopes.close(thread, scope);
    }
  }
}
