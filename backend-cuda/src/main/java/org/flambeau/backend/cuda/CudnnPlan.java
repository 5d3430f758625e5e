package org.flambeau.backend.cuda;

import static org.flambeau.backend.cuda.CudnnDescriptor.HEURISTIC_MODE;
import static org.flambeau.backend.cuda.CudnnDescriptor.NUMERICAL_NOTE;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.flambeau.backend.cuda.CudnnOperation.Tensor;
import org.flambeau.backend.cuda.binding.Cudnn;

/// A graph made runnable by one of cuDNN's engines, for one thread at a time.
final class CudnnPlan {
  /// What engines note of how they compute, cudnnBackendNumericalNote_t.
  static final int TENSOR_CORE = 0;
  static final int DOWN_CONVERTED_INPUTS = 1;
  static final int REDUCED_PRECISION_SUMS = 2;
  static final int NONDETERMINISTIC = 4;
  private static final int NOTES = 16;

  // cudnnBackendHeurMode_t, in the order in which engines are asked for
  private static final int[] MODES = {3, 2};

  private final CudnnDescriptor plan;
  /// The plan refers to it.
  private final CudnnDescriptor engine;
  private final long workspaceBytes;

  private CudnnPlan(CudnnDescriptor plan, CudnnDescriptor engine) {
    this.plan = plan;
    this.engine = engine;
    this.workspaceBytes = plan.getLong(402);
  }

  /// The GPU that plans are made for.
  interface Target {
    void nameFor(CudnnDescriptor graph);

    void nameForHeuristics(CudnnDescriptor heuristics);

    void nameForPlan(CudnnDescriptor plan);
  }

  /// What an engine must keep to.
  ///
  /// @param refused notes that it must not have
  /// @param workspaceBytes what it may use
  record Limits(Set<Integer> refused, long workspaceBytes) {}

  long workspaceBytes() {
    return workspaceBytes;
  }

  long address() {
    return plan.address();
  }

  void close() {
    plan.close();
    engine.close();
  }

  /// The plans for a graph within the limits, those first that cuDNN's heuristics expect to be fastest; at most `most`.
  static List<CudnnPlan> find(Target target, List<CudnnOperation> operations, Limits limits, int most) {
    try (var description = new Description()) {
      CudnnDescriptor graph = description.graph(target, operations);
      List<CudnnPlan> plans = new ArrayList<>();
      for (int mode : MODES) {
        if (plans.size() < most) {
          find(target, graph, mode, limits, most, plans);
        }
      }
      return plans;
    }
  }

  private static void find(Target target, CudnnDescriptor graph, int mode, Limits limits, int most, List<CudnnPlan> plans) {
    try (var heuristics = new CudnnDescriptor(CudnnDescriptor.HEURISTICS)) {
      heuristics.set(201, graph).setConstant(200, HEURISTIC_MODE, mode);
      target.nameForHeuristics(heuristics);
      if (!heuristics.tryFinish()) {
        return;
      }
      for (CudnnDescriptor config : heuristics.getDescriptors(202, CudnnDescriptor.ENGINE_CONFIG)) {
        if (plans.size() == most || !Collections.disjoint(notes(config), limits.refused) || !make(target, config, limits, plans)) {
          config.close();
        }
      }
    }
  }

  private static List<Integer> notes(CudnnDescriptor config) {
    List<CudnnDescriptor> engines = config.getDescriptors(300, CudnnDescriptor.ENGINE);
    List<Integer> notes = engines.getFirst().getConstants(1303, NUMERICAL_NOTE, NOTES);
    engines.forEach(CudnnDescriptor::close);
    return notes;
  }

  private static boolean make(Target target, CudnnDescriptor config, Limits limits, List<CudnnPlan> plans) {
    CudnnDescriptor descriptor = new CudnnDescriptor(CudnnDescriptor.EXECUTION_PLAN).set(401, config);
    target.nameForPlan(descriptor);
    if (descriptor.tryFinish()) {
      CudnnPlan plan = new CudnnPlan(descriptor, config);
      if (plan.workspaceBytes <= limits.workspaceBytes) {
        plans.add(plan);
        return true;
      }
    }
    descriptor.close();
    return false;
  }

  /// Why there are no plans, as far as cuDNN tells.
  static String reason() {
    String error = Cudnn.lastError();
    return error.isEmpty() ? "" : ": " + error;
  }

  /// The descriptors of a graph.
  private static final class Description implements CudnnOperation.Scope, AutoCloseable {
    private final List<CudnnDescriptor> descriptors = new ArrayList<>();
    private final Map<Long, CudnnDescriptor> tensors = new HashMap<>();

    CudnnDescriptor graph(Target target, List<CudnnOperation> operations) {
      CudnnDescriptor[] described = operations.stream().map(operation -> keep(operation.describe(this))).toArray(CudnnDescriptor[]::new);
      CudnnDescriptor graph = keep(new CudnnDescriptor(CudnnDescriptor.OPERATION_GRAPH).set(801, described));
      target.nameFor(graph);
      return graph.finish();
    }

    @Override
    public CudnnDescriptor of(Tensor tensor) {
      return tensors.computeIfAbsent(tensor.uid(), _ -> keep(tensor.describe()));
    }

    @Override
    public CudnnDescriptor keep(CudnnDescriptor descriptor) {
      descriptors.add(descriptor);
      return descriptor;
    }

    @Override
    public void close() {
      descriptors.reversed().forEach(CudnnDescriptor::close);
    }
  }
}
