package org.flambeau.backend.cuda;

import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.flambeau.DeviceOutOfMemoryException;
import org.flambeau.backend.cuda.binding.CublasLt;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The plans of one GPU: made when a product is first met, and the best of cuBLASLt's proposals found by a [Trial] there and then, or while
/// a graph is captured, by who comes later. A proposal that fails gives way to the next, and one that there is no memory for, while that is
/// so, to one that needs less.
final class GemmPlans {
  private static final Logger LOG = LoggerFactory.getLogger(GemmPlans.class);
  /// What Hopper's algorithms make use of.
  static final long WORKSPACE = 32 << 20;
  /// Beyond this many products of different shapes, plans are made anew.
  private static final int MOST = 1 << 14;

  private final Gpu gpu;
  private final long handle;
  /// Nothing for products that cuBLASLt cannot do.
  private final ConcurrentHashMap<Gemm, Optional<GemmPlan>> plans = new ConcurrentHashMap<>();

  /// With the GPU's context current.
  GemmPlans(Gpu gpu) {
    this.gpu = gpu;
    this.handle = CublasLt.create();
  }

  /// Computes D; false where cuBLASLt cannot, nothing being done then.
  boolean run(Gemm gemm, long a, long b, long d, long bias) {
    Optional<GemmPlan> known = plans.get(gemm);
    GemmPlan plan = (known != null ? known : find(gemm, a, b, d, bias)).orElse(null);
    if (plan == null) {
      return false;
    }
    gpu.makeCurrent();
    int proposal = plan.chosen();
    while (proposal < plan.proposals()) {
      try {
        int status = issue(plan, proposal, a, b, d, bias);
        if (status == CublasLt.SUCCESS) {
          gpu.launched(plan.name());
          return true;
        }
        LOG.warn("{}: proposal {} of cuBLASLt {} failed: {}", gemm, proposal, CublasLt.version(), CublasLt.message(status));
        plan.refuse(proposal);
        proposal = plan.chosen();
      } catch (DeviceOutOfMemoryException e) {
        proposal = plan.leaner(proposal).orElseThrow(() -> e);
      }
    }
    plans.put(gemm, none(gemm));
    return false;
  }

  private int issue(GemmPlan plan, int proposal, long a, long b, long d, long bias) {
    long bytes = plan.workspaceBytes(proposal);
    if (bytes == 0) {
      return plan.run(proposal, a, b, d, bias, 0, 0, gpu.stream());
    }
    try (Workspace workspace = Workspace.of(gpu, bytes)) {
      return plan.run(proposal, a, b, d, bias, workspace.address(), bytes, gpu.stream());
    }
  }

  private static Optional<GemmPlan> none(Gemm gemm) {
    LOG.info("{}: cuBLASLt {} has no algorithm, so that slower kernels do it", gemm, CublasLt.version());
    return Optional.empty();
  }

  int size() {
    return plans.size();
  }

  private synchronized Optional<GemmPlan> find(Gemm gemm, long a, long b, long d, long bias) {
    Optional<GemmPlan> known = plans.get(gemm);
    if (known != null) {
      return known;
    }
    if (plans.size() >= MOST) {
      plans.clear();
    }
    gpu.makeCurrent();
    GemmPlan plan = GemmPlan.of(handle, gemm, bias, WORKSPACE);
    Optional<GemmPlan> found = plan == null ? none(gemm) : Optional.of(plan);
    if (plan != null && plan.proposals() > 1 && Trial.pays(gemm.operations())) {
      if (gpu.capture() != null) {
        return found; // and let who comes later try
      }
      tryOut(gemm, plan, a, b, d, bias);
    }
    plans.put(gemm, found);
    return found;
  }

  /// Chooses the fastest proposal on the operands themselves.
  private void tryOut(Gemm gemm, GemmPlan plan, long a, long b, long d, long bias) {
    try (Workspace workspace = Workspace.of(gpu, WORKSPACE); Trial trial = new Trial(gpu)) {
      for (int i = 0; i < plan.proposals(); i++) {
        int proposal = i;
        if (trial.prefers(
            () -> plan.run(proposal, a, b, d, bias, workspace.address(), WORKSPACE, gpu.stream()) == CublasLt.SUCCESS)) {
          plan.choose(proposal);
        }
      }
    } catch (DeviceOutOfMemoryException _) {
      LOG.info("{}: there is no memory to try cuBLASLt's proposals", gemm);
    }
  }
}
