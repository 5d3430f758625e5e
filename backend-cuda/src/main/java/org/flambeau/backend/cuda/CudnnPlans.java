package org.flambeau.backend.cuda;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.flambeau.BackendException;
import org.flambeau.backend.cuda.CudnnContext.Answer;
import org.flambeau.backend.cuda.CudnnRequest.Leaner;
import org.flambeau.backend.cuda.binding.Cudnn;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// How one GPU does what cuDNN is asked for: by the fastest of the first plans that cuDNN proposes, found by a [Trial] when a request is
/// first met, and from then on the same in all contexts, each of which makes the plan for itself.
///
/// While a graph is captured nothing can be tried: the first plan is taken, and who comes later tries.
///
/// A plan that fails, whatever the status, gives way to the next for good, and one that there is no memory for, while that is so, to one that
/// needs less; where there is none left, nothing is done and the caller has other means. cuDNN documents `CUDNN_STATUS_BAD_PARAM` as the
/// fault of the call, but single engines are known to say it of calls that all others take: only where every plan says so is the fault ours,
/// and thrown.
///
/// What a rival can do as well is tried against that, and left to it wherever nothing can be tried.
final class CudnnPlans {
  private static final Logger LOG = LoggerFactory.getLogger(CudnnPlans.class);
  /// Plans that are tried at most. Most requests have more, and to make one of an engine that is compiled takes less than a millisecond.
  private static final int TRIED = 10;
  /// Nanoseconds that making plans may take before no further one is made.
  private static final long ENOUGH = 1_000_000_000;
  /// In place of a plan's number where there is none.
  private static final int NONE = -1;
  /// Beyond this many requests choices are made anew.
  private static final int MOST = 1 << 14;

  private final Gpu gpu;
  /// The number of the plan that does a request.
  private final Map<CudnnRequest, Integer> choices = new ConcurrentHashMap<>();
  /// The numbers of those that could not, although they were made, and why.
  private final Map<CudnnRequest, Map<Integer, Failure>> failures = new ConcurrentHashMap<>();

  /// @param status cuDNN's
  private record Failure(int status, String message) {
    static @Nullable Failure of(int status) {
      return status == 0 ? null : new Failure(status, Cudnn.message("cudnnBackendExecute", status));
    }
  }

  CudnnPlans(Gpu gpu) {
    this.gpu = gpu;
  }

  /// Does what is asked for; false where cuDNN cannot, nothing being done then.
  ///
  /// @param tensors where the tensors with uid 1, 2, … lie
  boolean run(CudnnContext context, CudnnRequest request, long... tensors) {
    return run(context, request, null, tensors);
  }

  /// Does what is asked for where cuDNN does it faster than `rival`; false where it does not, the rival's work to be issued then.
  boolean runIfFaster(CudnnContext context, CudnnRequest request, Trial.Way rival, long... tensors) {
    return Trial.pays(request.work()) && run(context, request, rival, tensors);
  }

  private boolean run(CudnnContext context, CudnnRequest request, Trial.@Nullable Way rival, long... tensors) {
    CudnnRequest asked = request;
    while (true) {
      Answer known = context.answer(asked);
      CudnnPlan plan = (known != null && known.settled() ? known : find(context, asked, rival, tensors)).plan();
      if (plan == null) {
        return false;
      }
      Failure failure;
      try (Workspace workspace = Workspace.ifThereIsRoom(gpu, plan.workspaceBytes())) {
        if (workspace == null) {
          asked = new Leaner(request, plan.workspaceBytes());
          continue;
        }
        failure = issue(context, plan, workspace, tensors);
      }
      if (failure == null) {
        keepWhileCaptured(plan);
        return true;
      }
      if (gpu.capture() != null) {
        throw new BackendException(failure.message); // what was captured of it cannot be taken back
      }
      drop(asked, plan, failure);
      choices.remove(asked, plan.number());
      context.forget(asked);
    }
  }

  /// Issues the plan's work; null where that went well.
  private static @Nullable Failure issue(CudnnContext context, CudnnPlan plan, Workspace workspace, long... tensors) {
    try (var operands = context.operands(workspace.address(), tensors)) {
      return Failure.of(operands.run(plan));
    }
  }

  /// A graph launches the plan's kernels until it is closed.
  private void keepWhileCaptured(CudnnPlan plan) {
    Capture capture = gpu.capture();
    if (capture != null) {
      plan.hold();
      capture.setAside(plan::close);
    }
  }

  /// Has the plan not be used again.
  private void drop(CudnnRequest request, CudnnPlan plan, Failure failure) {
    gpu.refuseAfterFault();
    LOG.warn("{}: plan {} of cuDNN {} failed: {}", request, plan.number(), Cudnn.version(), failure.message);
    failures.computeIfAbsent(request.whole(), _ -> new ConcurrentHashMap<>()).put(plan.number(), failure);
  }

  /// Settles how a request is done, here or as another context did before.
  private synchronized Answer find(CudnnContext context, CudnnRequest request, Trial.@Nullable Way rival, long... tensors) {
    gpu.makeCurrent();
    Integer choice = choices.get(request);
    Answer known = context.answer(request);
    boolean postponed = choice == null && gpu.capture() != null && Trial.pays(request.work());
    if (postponed && known != null && known.plan() != null) {
      return known;
    }
    if (postponed && rival != null) {
      return new Answer(null, false);
    }
    Answer answer;
    try (var proposals = CudnnProposals.of(context, request)) {
      answer = choice != null ? new Answer(made(proposals, choice), true)
          : postponed || !Trial.pays(request.work()) ? new Answer(next(proposals, request, true), !postponed)
          : fastest(context, proposals, request, rival, tensors);
    }
    if (choice == null && answer.settled()) {
      settle(request, answer.plan(), rival != null);
    }
    context.answer(request, answer);
    return answer;
  }

  /// Where all plans found the call wrong.
  private void throwOwnFault(CudnnRequest request) {
    Collection<Failure> all = failures.getOrDefault(request, Map.of()).values();
    if (!all.isEmpty() && all.stream().allMatch(failure -> Cudnn.isBadParameter(failure.status))) {
      failures.remove(request);
      throw new BackendException(all.iterator().next().message);
    }
  }

  private void settle(CudnnRequest request, @Nullable CudnnPlan plan, boolean rivalled) {
    if (plan == null && !rivalled && request.whole() == request) {
      throwOwnFault(request);
    }
    if (choices.size() >= MOST) {
      choices.clear();
      failures.clear();
    }
    choices.put(request, plan == null ? NONE : plan.number());
    if (plan == null) {
      LOG.info("{}: cuDNN {} has no {}, so that other kernels do it{}", request, Cudnn.version(), rivalled ? "faster plan" : "plan",
          CudnnProposals.reason());
    }
  }

  private static @Nullable CudnnPlan made(CudnnProposals proposals, int choice) {
    return choice == NONE ? null : proposals.next(number -> number == choice, true);
  }

  private @Nullable CudnnPlan next(CudnnProposals proposals, CudnnRequest request, boolean fallback) {
    Map<Integer, Failure> failed = failures.getOrDefault(request.whole(), Map.of());
    gpu.makeCurrent();
    return proposals.next(number -> !failed.containsKey(number), fallback);
  }

  /// Of those that there is memory for; nothing is settled where that is none.
  private Answer fastest(CudnnContext context, CudnnProposals proposals, CudnnRequest request, Trial.@Nullable Way rival, long... tensors) {
    long making = 0;
    boolean room = true;
    List<CudnnPlan> losers = new ArrayList<>();
    CudnnPlan best = null;
    try (Trial trial = new Trial(gpu)) {
      boolean done = rival != null && trial.prefers(rival);
      for (int tried = 0; !done || tried < TRIED && making < ENOUGH; tried++) {
        long start = System.nanoTime();
        CudnnPlan plan = next(proposals, request, !done);
        making += System.nanoTime() - start;
        if (plan == null) {
          break;
        }
        losers.add(plan);
        try (Workspace workspace = Workspace.ifThereIsRoom(gpu, plan.workspaceBytes())) {
          if (workspace == null) {
            room = false;
          } else if (isFaster(context, trial, request, plan, workspace, tensors)) {
            best = plan;
            done = true;
          }
        }
      }
      losers.remove(best);
      return new Answer(best, done || room);
    } finally {
      losers.forEach(CudnnPlan::close);
    }
  }

  private boolean isFaster(CudnnContext context, Trial trial, CudnnRequest request, CudnnPlan plan, Workspace workspace,
      long... tensors) {
    try (var operands = context.operands(workspace.address(), tensors)) {
      return trial.prefers(() -> {
        Failure failure = Failure.of(operands.run(plan));
        if (failure != null) {
          drop(request, plan, failure);
        }
        return failure == null;
      });
    }
  }
}
