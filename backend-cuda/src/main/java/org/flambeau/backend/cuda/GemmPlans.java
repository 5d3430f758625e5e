package org.flambeau.backend.cuda;

import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.ConcurrentHashMap;
import org.flambeau.backend.cuda.binding.CublasLt;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The plans of one GPU: made when a product is first met, and the best of cuBLASLt's proposals found by a [Trial] there and then, or while
/// a graph is captured or there is no memory for that, by who comes later. A proposal that fails gives way to the next, and one that there is
/// no memory for, while that is so, to one that needs less; the collector is waited for only where none does.
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

  GemmPlans(Gpu gpu) {
    this.gpu = gpu;
    this.handle = gpu.handle(CublasLt::create);
  }

  /// Computes D; false where cuBLASLt cannot, nothing being done then.
  boolean run(Gemm gemm, long a, long b, long d, long bias) {
    Optional<GemmPlan> known = plans.get(gemm);
    GemmPlan plan = (known != null ? known : find(gemm, a, b, d, bias)).orElse(null);
    if (plan == null) {
      return false;
    }
    int proposal = plan.chosen();
    while (proposal < plan.proposals()) {
      long bytes = plan.workspaceBytes(proposal);
      Workspace room = Workspace.ifThereIsRoom(gpu, bytes);
      OptionalInt leaner = room == null ? plan.leaner(proposal) : OptionalInt.empty();
      if (leaner.isPresent()) {
        proposal = leaner.getAsInt();
        continue;
      }
      int status;
      try (Workspace workspace = room == null ? Workspace.of(gpu, bytes) : room) {
        status = plan.run(gpu, proposal, a, b, d, bias, workspace.address(), bytes);
      }
      if (status == CublasLt.SUCCESS) {
        gpu.launched(plan.name());
        return true;
      }
      gpu.refuseAfterFault();
      LOG.warn("{}: proposal {} of cuBLASLt {} failed: {}", gemm, proposal, CublasLt.version(), CublasLt.message(status));
      plan.refuse(proposal);
      proposal = plan.chosen();
    }
    plans.put(gemm, none(gemm));
    return false;
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
    if (plan != null && plan.proposals() > 1 && Trial.pays(gemm.operations())
        && (gpu.capture() != null || !triedOut(plan, a, b, d, bias))) {
      return found; // and let who comes later try
    }
    plans.put(gemm, found);
    return found;
  }

  /// Chooses the fastest proposal on the operands themselves; false where there is no memory for that.
  private boolean triedOut(GemmPlan plan, long a, long b, long d, long bias) {
    try (Workspace workspace = Workspace.ifThereIsRoom(gpu, WORKSPACE); Trial trial = new Trial(gpu)) {
      if (workspace == null) {
        return false;
      }
      for (int i = 0; i < plan.proposals(); i++) {
        int proposal = i;
        if (trial.prefers(
            () -> plan.run(gpu, proposal, a, b, d, bias, workspace.address(), WORKSPACE) == CublasLt.SUCCESS)) {
          plan.choose(proposal);
        }
      }
      return true;
    }
  }
}
