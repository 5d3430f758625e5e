package org.flambeau.backend.cuda;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.flambeau.BackendException;
import org.flambeau.backend.cuda.binding.Driver;
import org.flambeau.spi.Backend;
import org.flambeau.spi.Reclaimable;
import org.jspecify.annotations.Nullable;

/// Work that one thread issued to a GPU, recorded as a CUDA graph.
///
/// Memory that is allocated meanwhile comes from a pool of the graph's own, so that nobody else is given an address that a replay writes to;
/// what was allocated before and is given back meanwhile, by any thread, stays set aside. Both are returned when the graph is closed.
final class Capture implements Backend.Graph {
  private final Gpu gpu;
  private final Thread thread = Thread.currentThread();
  private long stream;
  /// For as long as work is recorded.
  private @Nullable CudnnContext cudnn;
  private final CachingAllocator.Pool pool = new CachingAllocator.Pool();
  private final Map<Philox, GraphDraws> draws = new HashMap<>();
  /// Guards itself and `open`, and is held while nothing else is asked for: an allocator holds its own lock when it sets memory aside.
  private final List<Runnable> returns = new ArrayList<>();
  private boolean open = true;
  private long executable;

  private Capture(Gpu gpu) {
    this.gpu = gpu;
  }

  /// Records what `work` issues on this thread.
  static Capture of(Gpu gpu, Runnable work) {
    gpu.refuseInCapture("captures itself");
    gpu.synchronize(); // what is under way belongs to no graph, and its faults are not ours
    Reclaimable.collect(1); // the graph's memory is its own, and while it is recorded nothing can be given back
    gpu.allocator().emptyCache();
    var capture = new Capture(gpu);
    gpu.capture(capture);
    try {
      capture.prepare();
      gpu.recording(() -> capture.record(work));
      return capture;
    } finally {
      gpu.capture(null);
      capture.release();
      if (capture.executable == 0) {
        capture.close();
      }
    }
  }

  private void prepare() {
    gpu.makeCurrent();
    stream = Driver.streamCreate();
    cudnn = gpu.kernels().libraries();
  }

  private void release() {
    if (cudnn != null) {
      cudnn.close();
      cudnn = null;
    }
  }

  private void record(Runnable work) {
    gpu.makeCurrent();
    Driver.streamBeginCapture(stream);
    try {
      work.run();
    } catch (Throwable failure) {
      try {
        Driver.graphDestroy(end());
      } catch (BackendException e) {
        failure.addSuppressed(e); // the work's failure counts, not what the driver says of the fragment
      }
      throw failure;
    }
    long graph = end();
    try {
      executable = Driver.graphInstantiate(graph);
    } finally {
      Driver.graphDestroy(graph);
    }
  }

  private long end() {
    gpu.makeCurrent();
    return Driver.streamEndCapture(stream);
  }

  boolean isOfThisThread() {
    return thread == Thread.currentThread();
  }

  long stream() {
    return stream;
  }

  /// What the thread is lent wherever it computes with cuDNN; null where nothing is recorded yet.
  @Nullable CudnnContext cudnn() {
    return cudnn;
  }

  CachingAllocator.Pool pool() {
    return pool;
  }

  /// What the graph draws from `source`.
  GraphDraws draws(Philox source, Supplier<Kernel> begin) {
    return draws.computeIfAbsent(source, _ -> new GraphDraws(gpu, begin.get(), source));
  }

  /// Keeps memory that the graph may use from being handed out until the graph is closed; false where it is already.
  boolean setAside(Runnable giveBack) {
    synchronized (returns) {
      return open && returns.add(giveBack);
    }
  }

  /// What was set aside, at the first call; nothing is from then on.
  private @Nullable List<Runnable> shut() {
    synchronized (returns) {
      if (!open) {
        return null;
      }
      open = false;
      return List.copyOf(returns);
    }
  }

  @Override
  public synchronized void replay() {
    if (gpu.capture() != null) {
      throw new IllegalStateException("[replay] cannot be captured in another graph");
    }
    if (executable == 0) {
      throw new IllegalStateException("[replay] the graph is closed");
    }
    gpu.makeCurrent();
    draws.values().forEach(GraphDraws::begin);
    Driver.graphLaunch(executable, gpu.stream());
    gpu.launched("a replayed graph");
  }

  @Override
  public synchronized void close() {
    List<Runnable> given = shut();
    if (given == null) {
      return;
    }
    gpu.makeCurrent();
    try {
      if (executable != 0) {
        gpu.synchronize();
      }
    } finally {
      destroy();
      given.forEach(Runnable::run);
    }
  }

  private void destroy() {
    if (executable != 0) {
      Driver.graphExecDestroy(executable);
      executable = 0;
    }
    if (stream != 0) {
      Driver.streamDestroy(stream);
    }
    draws.values().forEach(GraphDraws::close);
    pool.close();
  }

  /// Where operations have the names by which programs call them, and what else may stand between those and a driver's call.
  private static final Pattern OPERATIONS = Pattern
      .compile("org\\.flambeau\\.(Tensor|TensorFactories|\\w+Methods|nn\\.(Functional|\\w+Functions))");
  private static final Pattern INNER = Pattern.compile(OPERATIONS + "|org\\.flambeau\\.(internal|spi|backend)\\..*|java\\..*");

  /// The operation that the program, or a derivative, called last: of operations that consist of others, the outermost.
  static String culprit() {
    return StackWalker.getInstance().walk(frames -> frames
        .takeWhile(frame -> INNER.matcher(frame.getClassName()).matches())
        .filter(frame -> OPERATIONS.matcher(frame.getClassName()).matches())
        .reduce((_, outer) -> outer).map(StackWalker.StackFrame::getMethodName).orElse("an operation"));
  }
}
