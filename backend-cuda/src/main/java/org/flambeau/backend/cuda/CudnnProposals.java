package org.flambeau.backend.cuda;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntPredicate;
import org.flambeau.backend.cuda.CudnnOperation.Tensor;
import org.flambeau.backend.cuda.binding.Cudnn;
import org.jspecify.annotations.Nullable;

/// The engines that cuDNN proposes for a request, the most promising first, and numbered in that order. Each is made a plan when it is asked
/// for: that takes most of them a tenth of a millisecond, but those that compile their kernel half a second and more.
final class CudnnProposals implements AutoCloseable {
  /// cudnnBackendHeurMode_t: by a model of what is fast, and what is slow but does nearly everything.
  private static final int[] MODES = {3, 2};
  private static final int MOST_NOTES = 16;

  private final Target target;
  private final CudnnRequest.Limits limits;
  private final Description description = new Description();
  private final @Nullable CudnnDescriptor graph;
  /// Those of the modes asked so far that are still to come.
  private final Deque<CudnnDescriptor> configs = new ArrayDeque<>();
  private int modes;
  private int number;

  private CudnnProposals(Target target, CudnnRequest request) {
    this.target = target;
    this.limits = request.limits();
    this.graph = description.graph(target, request.operations());
  }

  /// The GPU that plans are made for.
  interface Target {
    void nameFor(CudnnDescriptor graph);

    void nameForHeuristics(CudnnDescriptor heuristics);

    void nameForPlan(CudnnDescriptor plan);
  }

  /// None where cuDNN does not do what the request describes.
  static CudnnProposals of(Target target, CudnnRequest request) {
    return new CudnnProposals(target, request);
  }

  /// The next plan that keeps to the request's limits; null where there is none.
  ///
  /// @param wanted which numbers are made plans at all
  /// @param fallback whether also what is slow but does nearly everything
  @Nullable CudnnPlan next(IntPredicate wanted, boolean fallback) {
    int most = fallback ? MODES.length : 1;
    for (CudnnDescriptor config = nextConfig(most); config != null; config = nextConfig(most)) {
      CudnnPlan plan = wanted.test(number) && limits.allow(notes(config)) ? plan(config) : null;
      number++;
      if (plan != null) {
        return plan;
      }
      config.close();
    }
    return null;
  }

  private @Nullable CudnnDescriptor nextConfig(int most) {
    while (configs.isEmpty() && modes < most && graph != null) {
      ask(graph, MODES[modes++]);
    }
    return configs.pollFirst();
  }

  private void ask(CudnnDescriptor graph, int mode) {
    try (var heuristics = new CudnnDescriptor(CudnnDescriptor.HEURISTICS)) {
      heuristics.set(CudnnAttribute.HEURISTICS_GRAPH, graph)
          .setConstant(CudnnAttribute.HEURISTICS_MODE, CudnnDescriptor.HEURISTIC_MODE, mode);
      target.nameForHeuristics(heuristics);
      if (heuristics.tryFinish()) {
        configs.addAll(heuristics.getDescriptors(CudnnAttribute.HEURISTICS_RESULTS, CudnnDescriptor.ENGINE_CONFIG));
      }
    }
  }

  private static List<Integer> notes(CudnnDescriptor config) {
    List<CudnnDescriptor> engines = config.getDescriptors(CudnnAttribute.CONFIG_ENGINE, CudnnDescriptor.ENGINE);
    List<Integer> notes = engines.getFirst().getConstants(CudnnAttribute.ENGINE_NUMERICAL_NOTE, CudnnDescriptor.NUMERICAL_NOTE,
        MOST_NOTES);
    engines.forEach(CudnnDescriptor::close);
    return notes;
  }

  private @Nullable CudnnPlan plan(CudnnDescriptor config) {
    CudnnDescriptor descriptor = new CudnnDescriptor(CudnnDescriptor.EXECUTION_PLAN).set(CudnnAttribute.PLAN_CONFIG, config);
    target.nameForPlan(descriptor);
    if (descriptor.tryFinish() && descriptor.getLong(CudnnAttribute.PLAN_WORKSPACE_SIZE) <= limits.workspaceBytes()) {
      return new CudnnPlan(number, descriptor, config);
    }
    descriptor.close();
    return null;
  }

  @Override
  public void close() {
    configs.forEach(CudnnDescriptor::close);
    description.close();
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

    @Nullable CudnnDescriptor graph(Target target, List<CudnnOperation> operations) {
      try {
        CudnnDescriptor[] described = operations.stream().map(operation -> operation.describe(this)).toArray(CudnnDescriptor[]::new);
        CudnnDescriptor graph = create(CudnnDescriptor.OPERATION_GRAPH).set(CudnnAttribute.GRAPH_OPERATIONS, described);
        target.nameFor(graph);
        return graph.finish();
      } catch (CudnnDescriptor.NotSupported _) {
        return null;
      } catch (RuntimeException e) {
        close();
        throw e;
      }
    }

    @Override
    public CudnnDescriptor create(int type) {
      CudnnDescriptor descriptor = new CudnnDescriptor(type);
      descriptors.add(descriptor);
      return descriptor;
    }

    @Override
    public CudnnDescriptor of(Tensor tensor) {
      CudnnDescriptor known = tensors.get(tensor.uid());
      if (known == null) {
        known = tensor.describe(this);
        tensors.put(tensor.uid(), known);
      }
      return known;
    }

    @Override
    public void close() {
      descriptors.reversed().forEach(CudnnDescriptor::close);
    }
  }
}
