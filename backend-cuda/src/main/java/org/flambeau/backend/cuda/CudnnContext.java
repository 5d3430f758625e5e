package org.flambeau.backend.cuda;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.FLOAT;
import static org.flambeau.spi.NativeMemory.LONG;

import java.lang.foreign.Arena;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.function.Function;
import org.flambeau.backend.cuda.binding.Cudnn;

/// cuDNN's handle and the plans that were made with it, for one thread at a time: neither may be shared.
final class CudnnContext implements CudnnPlan.Target, AutoCloseable {
  /// Plans that are kept; those go first that were not used for longest.
  private static final int MAX_PLANS = 1000;
  private static final int MAX_TENSORS = 16;

  private final Pool pool;
  private final long handle;
  private final Arena arena = Arena.ofAuto();
  private final long uids = arena.allocate((2L * MAX_TENSORS + 2) * Long.BYTES, Long.BYTES).address();
  private final long addresses = uids + MAX_TENSORS * Long.BYTES;
  private final long single = addresses + MAX_TENSORS * Long.BYTES;
  /// Nothing for graphs that have no plan.
  private final Map<Object, Optional<CudnnPlan>> plans = new LinkedHashMap<>(16, 0.75f, true) {
    private static final long serialVersionUID = 1;

    @Override
    protected boolean removeEldestEntry(Map.Entry<Object, Optional<CudnnPlan>> eldest) {
      boolean full = size() > MAX_PLANS;
      if (full) {
        eldest.getValue().ifPresent(CudnnPlan::close);
      }
      return full;
    }
  };
  private long stream = -1;

  private CudnnContext(Pool pool) {
    this.pool = pool;
    this.handle = Cudnn.create();
    for (int i = 0; i < MAX_TENSORS; i++) {
      ALL.set(LONG, uids + (long) i * Long.BYTES, i + 1L);
    }
  }

  /// The contexts of one GPU: as many as threads compute with cuDNN at once.
  static final class Pool {
    private final Gpu gpu;
    private final ConcurrentLinkedDeque<CudnnContext> idle = new ConcurrentLinkedDeque<>();

    Pool(Gpu gpu) {
      this.gpu = gpu;
    }

    /// A context for the calling thread and its stream, until it is closed.
    CudnnContext take() {
      gpu.makeCurrent();
      CudnnContext found = idle.pollFirst();
      CudnnContext context = found == null ? new CudnnContext(this) : found;
      if (context.stream != gpu.stream()) {
        context.stream = gpu.stream();
        Cudnn.setStream(context.handle, context.stream);
      }
      return context;
    }
  }

  @Override
  public void close() {
    pool.idle.addFirst(this);
  }

  long handle() {
    return handle;
  }

  /// The plan that is kept under a key, which `make` gives the first time.
  Optional<CudnnPlan> plan(Object key, Function<CudnnContext, Optional<CudnnPlan>> make) {
    Optional<CudnnPlan> known = plans.get(key);
    if (known == null) {
      known = make.apply(this);
      plans.put(key, known);
    }
    return known;
  }

  /// Where the host keeps a number that the next run is passed.
  long number(float value) {
    ALL.set(FLOAT, single + Long.BYTES, value);
    return single + Long.BYTES;
  }

  /// Issues a plan's work.
  ///
  /// @param workspace as many bytes as the plan needs
  /// @param tensors where the tensors with uid 1, 2, … lie
  void run(CudnnPlan plan, long workspace, long... tensors) {
    for (int i = 0; i < tensors.length; i++) {
      ALL.set(LONG, addresses + (long) i * Long.BYTES, tensors[i]);
    }
    ALL.set(LONG, single, workspace);
    long pack = Cudnn.createDescriptor(CudnnDescriptor.VARIANT_PACK);
    try {
      Cudnn.setAttribute(pack, 1000, CudnnDescriptor.INT64, tensors.length, uids);
      Cudnn.setAttribute(pack, 1001, CudnnDescriptor.POINTER, tensors.length, addresses);
      Cudnn.setAttribute(pack, 1003, CudnnDescriptor.POINTER, 1, single);
      Cudnn.finalizeDescriptor(pack);
      Cudnn.execute(handle, plan.address(), pack);
    } finally {
      Cudnn.destroyDescriptor(pack);
    }
  }

  // ---- as what plans are made for ----

  @Override
  public void nameFor(CudnnDescriptor graph) {
    graph.setHandle(800, handle);
  }

  /// Heuristics ask the graph.
  @Override
  public void nameForHeuristics(CudnnDescriptor heuristics) {}

  @Override
  public void nameForPlan(CudnnDescriptor plan) {
    plan.setHandle(400, handle);
  }
}
