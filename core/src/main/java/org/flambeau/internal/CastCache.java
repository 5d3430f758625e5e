package org.flambeau.internal;

import java.util.IdentityHashMap;
import java.util.Map;
import org.flambeau.DType;
import org.flambeau.Tensor;
import org.flambeau.internal.memory.ScopeMembers;
import org.flambeau.internal.memory.Scopes;
import org.flambeau.internal.ops.Casts;
import org.flambeau.spi.Strided;

/// The lower precision of an autocast region, and the parameters that were cast to it so far, which the regions inside the
/// outermost one share.
public final class CastCache {
  /// @param of what the parameter was when it was cast: it is another one after `setData`
  /// @param version how often that had been changed in place
  private record Cast(Strided of, int version, Tensor value) {
    boolean serves(Tensor x, DType dtype, ThreadState thread) {
      return of == x.strided() && version == x.version() && value.dtype() == dtype && (value.requiresGrad() || !thread.records());
    }
  }

  private final DType dtype;
  private final Map<Tensor, Cast> casts;
  /// Owns the memory of casts made inside a memory scope, which may close before the region does.
  private final ScopeMembers memory;

  public CastCache(DType dtype) {
    this(dtype, new IdentityHashMap<>(), Scopes.apart());
  }

  private CastCache(DType dtype, Map<Tensor, Cast> casts, ScopeMembers memory) {
    this.dtype = dtype;
    this.casts = casts;
    this.memory = memory;
  }

  /// For a region inside, of perhaps another precision.
  public CastCache in(DType other) {
    return other == dtype ? this : new CastCache(other, casts, memory);
  }

  public DType dtype() {
    return dtype;
  }

  /// `x` in `to`. The cast of a leaf that requires grad is kept: it is a parameter, used again by each step of a sequence and by each
  /// batch of an evaluation.
  public Tensor cast(ThreadState thread, Tensor x, DType to) {
    if (x.dtype() != DType.FLOAT32 || to == DType.FLOAT32 || !x.requiresGrad() || !x.isLeaf()
        || x.strided().storage().isExposed()) {
      return Casts.forAutocast(x, to);
    }
    Cast known = casts.get(x);
    if (known != null && known.serves(x, to, thread)) {
      return known.value;
    }
    Tensor value = thread.scope == null ? Casts.forAutocast(x, to) : inOwnScope(thread, x, to);
    casts.put(x, new Cast(x.strided(), x.version(), value));
    return value;
  }

  private Tensor inOwnScope(ThreadState thread, Tensor x, DType to) {
    ScopeMembers scope = thread.scope;
    thread.scope = memory;
    try {
      return Casts.forAutocast(x, to);
    } finally {
      thread.scope = scope;
    }
  }

  /// Whether `result` shows the memory of a kept cast.
  public boolean owns(Tensor result) {
    return result.strided().storage().scope() == memory;
  }

  /// Forgets the casts; what a graph has saved of them lives on with it.
  public void close() {
    casts.clear();
    memory.run();
  }
}
