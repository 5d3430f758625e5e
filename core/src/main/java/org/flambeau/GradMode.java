package org.flambeau;

import org.flambeau.internal.ThreadState;

/// Whether operations of the current thread record what a backward pass needs.
///
/// Each mode holds until its handle is closed, also by an exception; modes nest, and other threads do not notice.
/// ```java
/// try (var _ = GradMode.noGrad()) {
///   logits = model.call(images);
/// }
/// ```
public final class GradMode {
  /// Restores the modes that held before.
  public static final class Guard implements AutoCloseable {
    private final ThreadState thread;
    private final int before;

    private Guard(int clear, int set) {
      thread = ThreadState.current();
      before = thread.modes;
      thread.modes = before & ~clear | set;
    }

    @Override
    public void close() {
      thread.modes = before;
    }
  }

  private GradMode() {}

  /// Operations do not record.
  public static Guard noGrad() {
    return new Guard(0, ThreadState.NO_GRAD);
  }

  /// Operations record, within [#noGrad()] too; within [#inferenceMode()] they still do not.
  public static Guard enableGrad() {
    return new Guard(ThreadState.NO_GRAD, 0);
  }

  /// Operations do not record, and their results can never be saved for a backward.
  public static Guard inferenceMode() {
    return new Guard(0, ThreadState.NO_GRAD | ThreadState.INFERENCE);
  }

  /// Records or not, by `enabled`.
  public static Guard set(boolean enabled) {
    return enabled ? enableGrad() : noGrad();
  }

  /// Nodes remember the stack of their recording, backward passes show it when they fail, and a gradient that is NaN
  /// is an error.
  public static Guard detectAnomaly() {
    return new Guard(0, ThreadState.ANOMALY);
  }

  public static boolean isEnabled() {
    return ThreadState.current().records();
  }

  public static boolean isInferenceMode() {
    return ThreadState.current().is(ThreadState.INFERENCE);
  }
}
