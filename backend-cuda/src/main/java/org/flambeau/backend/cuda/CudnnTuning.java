package org.flambeau.backend.cuda;

import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.flambeau.DeviceOutOfMemoryException;
import org.flambeau.backend.cuda.binding.Driver;

/// Chooses among a computation's plans by trying them, once, which waits for the GPU; not while a CUDA graph is captured. With
/// `-Dflambeau.cuda.autotune=false` cuDNN's own first choice is taken, the same in every process.
final class CudnnTuning {
  private static final boolean AUTOTUNE = Boolean.parseBoolean(System.getProperty("flambeau.cuda.autotune", "true"));
  /// Plans that are tried.
  private static final int PROPOSALS = 8;
  /// Runs of each that count, after one that warms up.
  private static final int RUNS = 3;

  private final Gpu gpu;

  CudnnTuning(Gpu gpu) {
    this.gpu = gpu;
  }

  /// How many plans to look for.
  int proposals() {
    return AUTOTUNE ? PROPOSALS : 1;
  }

  /// The fastest plan, if there is any; the others are closed. What they compute is computed again by whichever is used in the end.
  Optional<CudnnPlan> fastest(CudnnContext context, List<CudnnPlan> plans, long... tensors) {
    boolean tries = plans.size() > 1 && gpu.capture() == null;
    Optional<CudnnPlan> fastest = tries ? tried(context, plans, tensors) : plans.stream().findFirst();
    plans.stream().filter(plan -> plan != fastest.orElseThrow()).forEach(CudnnPlan::close);
    return fastest;
  }

  /// The fastest, or where there is no memory to try them, the one that needs least.
  private Optional<CudnnPlan> tried(CudnnContext context, List<CudnnPlan> plans, long... tensors) {
    long start = Driver.eventCreate(true);
    long end = Driver.eventCreate(true);
    long bytes = plans.stream().mapToLong(CudnnPlan::workspaceBytes).max().orElseThrow();
    try (Workspace workspace = Workspace.of(gpu, bytes)) {
      CudnnPlan fastest = plans.getFirst();
      float least = Float.POSITIVE_INFINITY;
      for (CudnnPlan plan : plans) {
        context.run(plan, workspace.address(), tensors);
        Driver.eventRecord(start, gpu.stream());
        for (int run = 0; run < RUNS; run++) {
          context.run(plan, workspace.address(), tensors);
        }
        Driver.eventRecord(end, gpu.stream());
        Driver.eventSynchronize(end);
        float time = Driver.eventElapsedTime(start, end);
        if (time < least) {
          least = time;
          fastest = plan;
        }
      }
      return Optional.of(fastest);
    } catch (DeviceOutOfMemoryException _) {
      return plans.stream().min(Comparator.comparingLong(CudnnPlan::workspaceBytes));
    } finally {
      Driver.eventDestroy(start);
      Driver.eventDestroy(end);
    }
  }
}
