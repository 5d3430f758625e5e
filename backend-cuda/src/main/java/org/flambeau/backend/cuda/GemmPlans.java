package org.flambeau.backend.cuda;

import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.flambeau.backend.cuda.binding.CublasLt;
import org.flambeau.backend.cuda.binding.Driver;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The plans of one GPU: made when a product is first met, and the best of cuBLASLt's proposals found by trying them there and then.
///
/// The trial waits for the GPU, once per product. It is left out while a graph is captured, for products that a launch takes longer than,
/// and with `-Dflambeau.cuda.autotune=false`: then cuBLASLt's own first choice is used, the same in every process.
final class GemmPlans {
  private static final Logger LOG = LoggerFactory.getLogger(GemmPlans.class);
  private static final boolean AUTOTUNE = Boolean.parseBoolean(System.getProperty("flambeau.cuda.autotune", "true"));
  /// What Hopper's algorithms make use of.
  static final long WORKSPACE = 32 << 20;
  /// Products of fewer operations are over before they could be told apart.
  private static final double WORTHWHILE = 1 << 26;
  /// Of each proposal, after one that warms up.
  private static final int RUNS = 4;
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
    if (plan.workspaceBytes() == 0) {
      plan.run(a, b, d, bias, 0, gpu.stream());
    } else {
      try (Workspace workspace = Workspace.of(gpu, plan.workspaceBytes())) {
        plan.run(a, b, d, bias, workspace.address(), gpu.stream());
      }
    }
    gpu.launched(plan.name());
    return true;
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
    if (plan == null) {
      LOG.info("{}: cuBLASLt {} has no algorithm, so that slower kernels do it", gemm, CublasLt.version());
    }
    Optional<GemmPlan> found = Optional.ofNullable(plan);
    if (plan != null && isWorthTrying(plan, gemm)) {
      if (gpu.capture() != null) {
        return found; // and let who comes later try
      }
      plan.choose(fastest(plan, a, b, d, bias));
    }
    plans.put(gemm, found);
    return found;
  }

  private static boolean isWorthTrying(GemmPlan plan, Gemm gemm) {
    return AUTOTUNE && plan.proposals() > 1 && gemm.operations() >= WORTHWHILE;
  }

  /// Tries the proposals on the operands themselves: D is written anew by whichever is used in the end.
  private int fastest(GemmPlan plan, long a, long b, long d, long bias) {
    long start = Driver.eventCreate(true);
    long end = Driver.eventCreate(true);
    try (Workspace workspace = Workspace.of(gpu, WORKSPACE)) {
      int fastest = 0;
      float least = Float.POSITIVE_INFINITY;
      for (int proposal = 0; proposal < plan.proposals(); proposal++) {
        float time = time(plan, proposal, a, b, d, bias, workspace.address(), start, end);
        if (time < least) {
          least = time;
          fastest = proposal;
        }
      }
      return fastest;
    } finally {
      Driver.eventDestroy(start);
      Driver.eventDestroy(end);
    }
  }

  /// Milliseconds, infinitely many where the proposal is refused after all.
  private float time(GemmPlan plan, int proposal, long a, long b, long d, long bias, long workspace, long start, long end) {
    long stream = gpu.stream();
    for (int run = 0; run <= RUNS; run++) {
      if (run == 1) {
        Driver.eventRecord(start, stream);
      }
      if (plan.run(proposal, a, b, d, bias, workspace, WORKSPACE, stream) != CublasLt.SUCCESS) {
        return Float.POSITIVE_INFINITY;
      }
    }
    Driver.eventRecord(end, stream);
    Driver.eventSynchronize(end);
    return Driver.eventElapsedTime(start, end);
  }
}
