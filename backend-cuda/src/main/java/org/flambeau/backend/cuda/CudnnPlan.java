package org.flambeau.backend.cuda;

import java.util.concurrent.atomic.AtomicInteger;

/// A graph made runnable by one of cuDNN's engines, for one thread at a time. It lives until its context and all CUDA graphs that contain
/// its work have closed it.
final class CudnnPlan implements AutoCloseable {
  private final int number;
  private final CudnnDescriptor plan;
  /// The plan refers to it.
  private final CudnnDescriptor config;
  private final long workspaceBytes;
  private final AtomicInteger holders = new AtomicInteger(1);

  /// Takes over both descriptors.
  CudnnPlan(int number, CudnnDescriptor plan, CudnnDescriptor config) {
    this.number = number;
    this.plan = plan;
    this.config = config;
    this.workspaceBytes = plan.getLong(CudnnAttribute.PLAN_WORKSPACE_SIZE);
  }

  /// Which of cuDNN's proposals it is: the same in all contexts of a GPU.
  int number() {
    return number;
  }

  long workspaceBytes() {
    return workspaceBytes;
  }

  long address() {
    return plan.address();
  }

  /// One more who will close it.
  void hold() {
    holders.incrementAndGet();
  }

  @Override
  public void close() {
    if (holders.decrementAndGet() == 0) {
      plan.close();
      config.close();
    }
  }
}
