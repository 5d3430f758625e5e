package org.flambeau;

import org.flambeau.internal.CastCache;
import org.flambeau.internal.ThreadState;
import org.jspecify.annotations.Nullable;

/// A region of the current thread in which operations choose the precision they compute in: matrix products and convolutions that of
/// `dtype`, functions that need range or add up many numbers float32, everything else that of its operands.
///
/// ```java
/// try (var _ = Autocast.open(DType.BFLOAT16)) {
///   loss = crossEntropy(model.call(images), labels);
/// }
/// loss.backward();                  // outside: gradients flow in the dtypes that the forward pass chose
/// ```
///
/// Which operation computes in what are PyTorch's lists, which differ between the CPU and CUDA: the device of the operands decides.
/// Float64, integers and results written in place are left alone. Gradients pass through the casts, so that those of float32 parameters are
/// float32. A backward pass computes in the dtypes of its forward pass, also where it is called inside a region, which it does not see.
///
/// A parameter is cast once and used again until it changes or the outermost region closes. Regions nest, and close in the
/// reverse order of opening; other threads do not notice. With FLOAT16 small gradients vanish: scale the loss with a
/// `GradScaler`.
///
/// @see <a href="https://arxiv.org/abs/1710.03740">Micikevicius et al., Mixed Precision Training, 2018</a>
public final class Autocast implements AutoCloseable {
  private final ThreadState thread;
  private final int modesBefore;
  private final @Nullable CastCache before;
  private boolean closed;

  private Autocast(boolean enabled, @Nullable DType dtype) {
    thread = ThreadState.current();
    modesBefore = thread.modes;
    before = thread.casts;
    CastCache casts = dtype == null ? before : before == null ? new CastCache(dtype) : before.in(dtype);
    thread.casts = casts;
    thread.modes = enabled ? modesBefore | ThreadState.AUTOCAST : modesBefore & ~ThreadState.AUTOCAST;
  }

  /// Opens a region with BFLOAT16 or FLOAT16 as the lower precision.
  public static Autocast open(DType dtype) {
    return open(dtype, true);
  }

  /// Opens a region, or where not `enabled` one in which nothing is cast, inside another one too.
  public static Autocast open(DType dtype, boolean enabled) {
    if (dtype != DType.BFLOAT16 && dtype != DType.FLOAT16) {
      throw new IllegalArgumentException("[Autocast] expected bfloat16 or float16, got " + dtype.label()
          + ": operations that keep their precision need no region");
    }
    return new Autocast(enabled, dtype);
  }

  /// Opens a region in which nothing is cast. Operands that come from outside may be of the lower precision: cast them with `to(FLOAT32)`.
  public static Autocast disabled() {
    return new Autocast(false, null);
  }

  /// Whether operations of this thread choose their precision now.
  public static boolean isEnabled() {
    return ThreadState.current().is(ThreadState.AUTOCAST);
  }

  /// The lower precision of the innermost region, or null where none is open.
  public static @Nullable DType dtype() {
    CastCache casts = ThreadState.current().casts;
    return casts == null ? null : casts.dtype();
  }

  /// Closes the region; the outermost one drops the casts of parameters.
  ///
  /// @throws IllegalStateException on another thread than it was opened on
  @Override
  public void close() {
    if (closed) {
      return;
    }
    if (ThreadState.current() != thread) {
      throw new IllegalStateException("[Autocast] a region is closed by the thread that opened it");
    }
    closed = true;
    CastCache casts = thread.casts;
    if (before == null && casts != null) {
      casts.close();
    }
    thread.casts = before;
    thread.modes = thread.modes & ~ThreadState.AUTOCAST | modesBefore & ThreadState.AUTOCAST;
  }
}
