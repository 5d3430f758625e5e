package org.flambeau.backend.cuda;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.FLOAT;
import static org.flambeau.spi.NativeMemory.LONG;

import java.lang.foreign.Arena;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedDeque;
import org.flambeau.backend.cuda.binding.Cudnn;
import org.flambeau.backend.cuda.binding.Driver;
import org.jspecify.annotations.Nullable;

/// cuDNN's handle and the plans that were made with it, for one thread at a time: neither may be shared.
final class CudnnContext implements CudnnProposals.Target, AutoCloseable {
  /// Requests that are kept; those go first that were not met for longest.
  private static final int MAX_REQUESTS = 1000;
  private static final int MAX_TENSORS = 16;
  /// That a handle has no stream which can be relied on.
  private static final long NONE = -1;

  private final Pool pool;
  private final long handle;
  private final Arena arena = Arena.ofAuto();
  private final long uids = arena.allocate((2L * MAX_TENSORS + 2) * Long.BYTES, Long.BYTES).address();
  private final long addresses = uids + MAX_TENSORS * Long.BYTES;
  private final long single = addresses + MAX_TENSORS * Long.BYTES;
  private final Map<CudnnRequest, Answer> answers = new LinkedHashMap<>(16, 0.75f, true) {
    private static final long serialVersionUID = 1;

    @Override
    protected boolean removeEldestEntry(Map.Entry<CudnnRequest, Answer> eldest) {
      boolean full = size() > MAX_REQUESTS;
      if (full) {
        retire(eldest.getValue());
      }
      return full;
    }
  };
  private long stream = NONE;

  private CudnnContext(Pool pool) {
    this.pool = pool;
    this.handle = pool.gpu.handle(Cudnn::create);
    for (int i = 0; i < MAX_TENSORS; i++) {
      ALL.set(LONG, uids + (long) i * Long.BYTES, i + 1L);
    }
  }

  /// What a request is done by in this context.
  ///
  /// @param plan null where nothing of cuDNN's does it
  /// @param settled whether that will do for good, or only until plans may be tried
  record Answer(@Nullable CudnnPlan plan, boolean settled) {}

  /// The contexts of one GPU: as many as threads compute with cuDNN at once.
  static final class Pool {
    private final Gpu gpu;
    private final ConcurrentLinkedDeque<CudnnContext> idle = new ConcurrentLinkedDeque<>();

    Pool(Gpu gpu) {
      this.gpu = gpu;
    }

    /// A context for the calling thread and its stream, until it is closed. A thread that captures is lent the capture's.
    CudnnContext take() {
      Capture capture = gpu.capture();
      CudnnContext lent = capture == null ? null : capture.cudnn();
      CudnnContext found = lent != null ? lent : idle.pollFirst();
      CudnnContext context = found == null ? new CudnnContext(this) : found;
      if (context.stream != gpu.stream()) {
        context.stream = gpu.stream();
        Cudnn.setStream(context.handle(), context.stream);
      }
      return context;
    }
  }

  /// A stream that work is captured from ends with the capture, and the next may have its handle: it is not one to remember.
  @Override
  public void close() {
    if (pool.gpu.capture() != null) {
      return; // it is the capture's as long as that runs
    }
    if (stream != pool.gpu.stream()) {
      stream = NONE;
    }
    pool.idle.addFirst(this);
  }

  /// For calls of the thread, which has the GPU current from now on.
  long handle() {
    pool.gpu.makeCurrent();
    return handle;
  }

  /// What is known of a request here; null where nothing is.
  @Nullable Answer answer(CudnnRequest request) {
    return answers.get(request);
  }

  /// Has a request answered so from now on.
  void answer(CudnnRequest request, Answer answer) {
    forget(request);
    answers.put(request, answer);
  }

  void forget(CudnnRequest request) {
    Answer before = answers.remove(request);
    if (before != null) {
      retire(before);
    }
  }

  /// Closes a plan as soon as none of its work is queued any more.
  private void retire(Answer answer) {
    CudnnPlan plan = answer.plan;
    Capture capture = pool.gpu.capture();
    if (plan != null && capture != null) {
      capture.setAside(plan::close);
    } else if (plan != null) {
      pool.gpu.makeCurrent();
      Driver.streamSynchronize(pool.gpu.stream());
      plan.close();
    }
  }

  /// Where the host keeps a number that the next run is passed.
  long number(float value) {
    ALL.set(FLOAT, single + Long.BYTES, value);
    return single + Long.BYTES;
  }

  /// What plans run on.
  ///
  /// @param workspace as many bytes as the plans need
  /// @param tensors where the tensors with uid 1, 2, … lie
  Operands operands(long workspace, long... tensors) {
    for (int i = 0; i < tensors.length; i++) {
      ALL.set(LONG, addresses + (long) i * Long.BYTES, tensors[i]);
    }
    ALL.set(LONG, single, workspace);
    Operands operands = new Operands();
    Cudnn.setAttribute(operands.pack.address(), CudnnAttribute.PACK_UIDS, CudnnDescriptor.INT64, tensors.length, uids);
    Cudnn.setAttribute(operands.pack.address(), CudnnAttribute.PACK_POINTERS, CudnnDescriptor.POINTER, tensors.length, addresses);
    Cudnn.setAttribute(operands.pack.address(), CudnnAttribute.PACK_WORKSPACE, CudnnDescriptor.POINTER, 1, single);
    operands.pack.finish();
    return operands;
  }

  final class Operands implements AutoCloseable {
    private final CudnnDescriptor pack = new CudnnDescriptor(CudnnDescriptor.VARIANT_PACK);

    private Operands() {}

    /// Issues a plan's work; cuDNN's status.
    int run(CudnnPlan plan) {
      return Cudnn.execute(handle(), plan.address(), pack.address());
    }

    @Override
    public void close() {
      pack.close();
    }
  }

  // ---- as what plans are made for ----

  @Override
  public void nameFor(CudnnDescriptor graph) {
    graph.setHandle(CudnnAttribute.GRAPH_HANDLE, handle());
  }

  /// Heuristics ask the graph.
  @Override
  public void nameForHeuristics(CudnnDescriptor heuristics) {}

  @Override
  public void nameForPlan(CudnnDescriptor plan) {
    plan.setHandle(CudnnAttribute.PLAN_HANDLE, handle());
  }
}
