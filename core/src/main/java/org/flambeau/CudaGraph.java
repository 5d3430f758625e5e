package org.flambeau;

import java.lang.ref.WeakReference;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import org.flambeau.internal.Backends;
import org.flambeau.internal.CastCache;
import org.flambeau.internal.ThreadState;
import org.flambeau.spi.Backend;
import org.flambeau.spi.Storage;

/// Work on a GPU, recorded once and issued again as a whole, which costs one call in place of one for each kernel.
///
/// ```java
/// Tensor input = Tensor.zeros(Device.cuda(0), DType.FLOAT32, 8, 3, 224, 224);
/// Tensor[] output = new Tensor[1];
/// model.call(input);                                            // compiles kernels, chooses algorithms
/// try (CudaGraph graph = CudaGraph.capture(() -> output[0] = model.call(input))) {
///   for (Tensor batch : batches) {
///     input.copy_(batch);
///     graph.replay();
///     IO.println(output[0]);
///   }
/// }
/// ```
///
/// A replay reads and writes the very memory that the recorded work did: inputs are copied into the tensors it read, results appear in the
/// tensors it made. Tensors that it read have to be kept by the program for as long as it is replayed; those it made have memory that nobody
/// else is given until [#close()]. Numbers that were plain Java values when it was recorded stay what they were.
/// Random numbers are drawn anew: each replay draws what the work, done one operation after the other, would have drawn in its place, and
/// leaves the generator behind in the same state.
///
/// A whole training step is recorded after it has been taken a few times, which makes the optimizer's states; the optimizer has to be
/// `capturable`, so that the learning rate and the count of steps are on the GPU:
///
/// ```java
/// var optimizer = new AdamW(model.parameters(), AdamW.options().lr(1e-3).capturable(true));
/// var scheduler = new CosineAnnealingLr(optimizer, steps);
/// Tensor images = Tensor.zeros(32, 3, 224, 224).to(Device.cuda(0));
/// Tensor labels = Tensor.zeros(DType.INT64, 32).to(Device.cuda(0));
/// Tensor loss = Tensor.zeros().to(Device.cuda(0));
/// Runnable step = () -> {
///   optimizer.zeroGrad();
///   Tensor now = Functional.crossEntropy(model.call(images), labels);
///   now.backward();
///   optimizer.step();
///   loss.copy_(now.detach());
/// };
/// step.run();                                                   // on a batch of its own
/// try (CudaGraph graph = CudaGraph.capture(step)) {
///   for (Batch batch : loader) {
///     images.copy_(batch.input());
///     labels.copy_(batch.target());
///     graph.replay();
///     scheduler.step();                                         // reaches the next replay
///   }
/// }
/// ```
///
/// State dicts are loaded before the capture, since they replace the states that a replay changes.
///
/// Errors: whatever needs the host in between cannot be recorded (values brought to the host, sizes that depend on data, copies from the
/// host); it throws an `IllegalStateException` that names the operation, and nothing is recorded.
public final class CudaGraph implements AutoCloseable {
  private final Backend.Graph graph;
  /// What each replay changes in place.
  private final List<WeakReference<Storage>> changes;

  private CudaGraph(Backend.Graph graph, Set<Storage> changes) {
    this.graph = graph;
    this.changes = changes.stream().map(WeakReference::new).toList();
  }

  /// Records what `work` does on `cuda:0`.
  public static CudaGraph capture(Runnable work) {
    return capture(Device.cuda(0), work);
  }

  /// Records what `work` does on `device`, in this thread, without doing it.
  ///
  /// @throws UnsupportedOperationException if the device has no graphs
  /// @throws IllegalStateException if `work` needs the host in between, or another graph is being recorded on the device
  public static CudaGraph capture(Device device, Runnable work) {
    Set<Storage> changes = Collections.newSetFromMap(new IdentityHashMap<>());
    return new CudaGraph(Backends.of(device).capture(device.index(), () -> record(work, changes)), changes);
  }

  private static void record(Runnable work, Set<Storage> changes) {
    ThreadState thread = ThreadState.current();
    int modes = thread.modes;
    CastCache outside = thread.casts;
    CastCache inside = outside == null ? null : new CastCache(outside.dtype());
    thread.modes = modes | ThreadState.CAPTURING;
    thread.casts = inside; // a replay casts parameters as they are then
    thread.changes = changes;
    try {
      work.run();
    } finally {
      thread.modes = modes;
      thread.casts = outside;
      thread.changes = null;
      if (inside != null) {
        inside.close();
      }
    }
  }

  /// Whether this thread is recording a graph.
  public static boolean isCapturing() {
    return ThreadState.current().is(ThreadState.CAPTURING);
  }

  /// Does the recorded work, behind all that was issued before. Like an operation, it does not wait.
  ///
  /// @throws IllegalStateException if the graph is closed, or this thread is recording another one
  public void replay() {
    graph.replay();
    for (WeakReference<Storage> each : changes) {
      Storage changed = each.get();
      if (changed != null) {
        changed.bumpVersion();
      }
    }
  }

  /// Gives back the graph and, once they are unreachable, the memory of the tensors it made.
  @Override
  public void close() {
    graph.close();
  }
}
