package org.flambeau.nn.optim;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.flambeau.GradMode;
import org.flambeau.MemoryScope;
import org.flambeau.Tensor;
import org.flambeau.internal.ops.Captures;
import org.jspecify.annotations.Nullable;

/// L-BFGS: Newton's method with an inverse Hessian H that is made of the last changes of parameters and gradients. For losses without noise, as
/// of a whole data set.
///
/// ```java
/// var optimizer = new Lbfgs(model.parameters(), Lbfgs.options().strongWolfe(true));
/// optimizer.step(() -> {
///   optimizer.zeroGrad();
///   Tensor loss = lossOf(model);
///   loss.backward();
///   return loss;
/// });
/// ```
/// One step has up to `maxIter` iterations, each of which calls the closure. With g the gradient for all parameters x, sᵢ and yᵢ the last changes of
/// x and g, and ρᵢ = 1/(yᵢ·sᵢ):
/// ```
/// H ← (I − ρᵢ·sᵢ·yᵢᵀ)·H·(I − ρᵢ·yᵢ·sᵢᵀ) + ρᵢ·sᵢ·sᵢᵀ     for each i in turn, from H = (s·y)/(y·y)·I of the last change
/// x ← x − t·H·g
/// ```
/// where t is the learning rate, in the very first iteration times min(1, 1/Σ|g|), or with `strongWolfe` what a search along the line
/// finds from there. All parameters are in one group, on one device.
///
/// Reference: Liu and Nocedal, "On the limited memory BFGS method for large scale optimization", Mathematical Programming 45, 1989; in PyTorch's form.
public final class Lbfgs extends Optimizer<Lbfgs.Options> {
  private static final double LEAST_CURVATURE = 1e-10;

  /// How [Lbfgs] goes. Immutable: methods with an argument return changed copies.
  ///
  /// @param lr the learning rate, 1 unless set
  /// @param maxIter how many iterations a step has at most, 20 unless set
  /// @param maxEval from how many calls of the closure on a step ends, maxIter·5/4 unless set
  /// @param toleranceGrad a step ends where no element of the gradient is larger, 10⁻⁷ unless set
  /// @param toleranceChange a step ends where the loss, or every parameter, changes by less, 10⁻⁹ unless set
  /// @param historySize of how many changes H is made, 100 unless set
  /// @param strongWolfe whether to search along each line
  public record Options(double lr, int maxIter, int maxEval, double toleranceGrad, double toleranceChange, int historySize,
      boolean strongWolfe) implements OptimizerOptions<Options> {
    @Override
    public Options lr(double lr) {
      return new Options(lr, maxIter, maxEval, toleranceGrad, toleranceChange, historySize, strongWolfe);
    }

    /// These options with other limits of a step: as many iterations, and 5/4 as many calls of the closure.
    public Options maxIter(int maxIter) {
      return new Options(lr, maxIter, (int) Math.min(maxIter * 5L / 4, Integer.MAX_VALUE), toleranceGrad, toleranceChange, historySize,
          strongWolfe);
    }

    /// These options with another limit of calls, to be set after `maxIter`.
    public Options maxEval(int maxEval) {
      return new Options(lr, maxIter, maxEval, toleranceGrad, toleranceChange, historySize, strongWolfe);
    }

    /// These options with another tolerance of gradients.
    public Options toleranceGrad(double toleranceGrad) {
      return new Options(lr, maxIter, maxEval, toleranceGrad, toleranceChange, historySize, strongWolfe);
    }

    /// These options with another tolerance of changes.
    public Options toleranceChange(double toleranceChange) {
      return new Options(lr, maxIter, maxEval, toleranceGrad, toleranceChange, historySize, strongWolfe);
    }

    /// These options with another length of history.
    public Options historySize(int historySize) {
      return new Options(lr, maxIter, maxEval, toleranceGrad, toleranceChange, historySize, strongWolfe);
    }

    /// These options with a search along lines or without; PyTorch's `line_search_fn="strong_wolfe"`.
    public Options strongWolfe(boolean strongWolfe) {
      return new Options(lr, maxIter, maxEval, toleranceGrad, toleranceChange, historySize, strongWolfe);
    }

    @Override
    public void validate() {
      OptimizerOptions.require("Lbfgs", lr >= 0, "Invalid learning rate: ", lr);
      OptimizerOptions.require("Lbfgs", historySize >= 1, "Invalid history size: ", historySize);
    }

    @Override
    @SuppressWarnings("NullAway") // PyTorch looks for the entry, and for None in it
    public Map<String, Object> describe() {
      Map<String, Object> all = new TreeMap<>(Map.of("lr", lr, "max_iter", (long) maxIter, "max_eval", (long) maxEval,
          "tolerance_grad", toleranceGrad, "tolerance_change", toleranceChange, "history_size", (long) historySize));
      all.put("line_search_fn", strongWolfe ? "strong_wolfe" : null);
      return all;
    }

    @Override
    public Options restore(SavedOptions saved) {
      return new Options(saved.number("lr"), (int) saved.number("max_iter"), (int) saved.number("max_eval"), saved.number("tolerance_grad"),
          saved.number("tolerance_change"), (int) saved.number("history_size"), saved.isGiven("line_search_fn"));
    }
  }

  /// PyTorch's defaults: a learning rate of 1, 20 iterations, no search.
  public static Options options() {
    return new Options(1, 20, 25, 1e-7, 1e-9, 100, false);
  }

  private final List<Tensor> parameters;

  /// @throws IllegalArgumentException if there are no parameters, or the options make no sense
  public Lbfgs(Iterable<Tensor> parameters, Options options) {
    super(parameters, options);
    this.parameters = parameterGroups().getFirst().parameters();
  }

  /// With [#options()].
  public Lbfgs(Iterable<Tensor> parameters) {
    this(parameters, options());
  }

  /// What is remembered from iteration to iteration, by PyTorch's names, of all parameters under the first one's.
  private final class History {
    final Map<String, Object> values = memory(parameters.getFirst());
    final List<Tensor> yields = list("old_dirs");
    final List<Tensor> steps = list("old_stps");
    final List<Tensor> curvatures = list("ro");

    @SuppressWarnings("unchecked") // lists in it are of tensors
    private List<Tensor> list(String name) {
      return (List<Tensor>) values.computeIfAbsent(name, _ -> new ArrayList<Tensor>());
    }

    long count(String name) {
      return values.get(name) instanceof Number number ? number.longValue() : 0;
    }

    long add(String name, long count) {
      values.put(name, count(name) + count);
      return count(name);
    }

    Tensor tensor(String name) {
      return Objects.requireNonNull((Tensor) values.get(name), name);
    }

    void put(String name, Tensor value) {
      values.put(name, MemoryScope.escape(value));
    }

    /// The direction −H·g, after the change that led here.
    Tensor direction(Tensor gradient, int size) {
      Tensor y = gradient.sub(tensor("prev_flat_grad"));
      Tensor s = tensor("d").mul(values.get("t") instanceof Number t ? t.doubleValue() : 0);
      Tensor curvature = y.dot(s);
      if (curvature.toDouble() > LEAST_CURVATURE) {
        if (yields.size() == size) {
          List.of(yields, steps, curvatures).forEach(List::removeFirst);
        }
        yields.add(MemoryScope.escape(y));
        steps.add(MemoryScope.escape(s));
        curvatures.add(MemoryScope.escape(curvature.reciprocal()));
        put("H_diag", curvature.div(y.dot(y)));
      }
      double[] shares = new double[yields.size()];
      Tensor d = gradient.neg();
      for (int i = shares.length - 1; i >= 0; i--) {
        shares[i] = steps.get(i).dot(d).mul(curvatures.get(i)).toDouble();
        d.add_(yields.get(i), -shares[i]);
      }
      d.mul_(tensor("H_diag"));
      for (int i = 0; i < shares.length; i++) {
        d.add_(steps.get(i), shares[i] - yields.get(i).dot(d).mul(curvatures.get(i)).toDouble());
      }
      return d;
    }
  }

  /// Takes a step, in which `closure` is called several times: it sets the gradients to null, computes the loss, goes backward, and returns the loss.
  ///
  /// @return the loss before the step
  /// @throws IllegalStateException while a [org.flambeau.CudaGraph] is captured, as it decides by the loss what comes next
  @Override
  public Tensor step(Supplier<Tensor> closure) {
    Captures.refuse("Lbfgs", "how far a step goes depends on the loss, which a replay does not look at");
    noteStep();
    Tensor first = lossOf(closure);
    try (var _ = GradMode.noGrad()) {
      iterate(closure, first.toDouble());
    }
    return first;
  }

  private static Tensor lossOf(Supplier<Tensor> closure) {
    try (var _ = GradMode.enableGrad()) {
      return closure.get();
    }
  }

  private void iterate(Supplier<Tensor> closure, double loss) {
    Options o = parameterGroups().getFirst().options();
    History history = new History();
    history.add("func_evals", 1);
    int evaluations = 1;
    Tensor gradient = gradient();
    boolean done = largest(gradient) <= o.toleranceGrad;
    for (int iteration = 1; !done && iteration <= o.maxIter; iteration++) {
      try (var scope = MemoryScope.open()) {
        boolean begins = history.add("n_iter", 1) == 1;
        if (begins) {
          history.put("H_diag", Tensor.scalar(1).to(gradient.dtype()).to(gradient.device()));
        }
        Tensor d = begins ? gradient.neg() : history.direction(gradient, o.historySize);
        double t = begins ? Math.min(1, gradient.abs().sum().reciprocal().toDouble()) * o.lr : o.lr;
        double slope = gradient.dot(d).toDouble();
        history.put("d", d);
        history.put("prev_flat_grad", gradient);
        history.values.put("prev_loss", loss);
        double before = loss;
        done = slope > -o.toleranceChange;
        if (!done && o.strongWolfe) {
          Tensor[] origin = parameters.stream().map(Tensor::clone).toArray(Tensor[]::new);
          var start = new StrongWolfe.Point(0, loss, gradient, slope);
          var search = new StrongWolfe(at -> look(closure, origin, d, at), start, largest(d), o.maxEval - evaluations);
          var found = search.search(t);
          move(d, found.t());
          t = found.t();
          loss = found.loss();
          gradient = scope.keep(found.gradient());
          evaluations += search.evaluations();
          history.add("func_evals", search.evaluations());
          done = largest(gradient) <= o.toleranceGrad;
        } else if (!done) {
          move(d, t);
          if (iteration < o.maxIter) {
            loss = lossOf(closure).toDouble();
            gradient = scope.keep(gradient());
            evaluations++;
            history.add("func_evals", 1);
            done = largest(gradient) <= o.toleranceGrad;
          }
        }
        history.values.put("t", t);
        done |= evaluations >= o.maxEval || largest(d.mul(t)) <= o.toleranceChange || Math.abs(loss - before) < o.toleranceChange;
      }
    }
  }

  /// The line from `origin` along `d` at `t`; the parameters come back to the origin.
  private StrongWolfe.Point look(Supplier<Tensor> closure, Tensor[] origin, Tensor d, double t) {
    move(d, t);
    double loss = lossOf(closure).toDouble();
    Tensor gradient = gradient();
    for (int i = 0; i < origin.length; i++) {
      parameters.get(i).copy_(origin[i]);
    }
    return new StrongWolfe.Point(t, loss, gradient, gradient.dot(d).toDouble());
  }

  private static double largest(Tensor x) {
    return x.abs().max().toDouble();
  }

  /// The gradients of all parameters as one vector; those that are null count as zeros.
  private Tensor gradient() {
    List<Tensor> parts = new ArrayList<>();
    for (Tensor parameter : parameters) {
      Tensor grad = parameter.grad();
      parts.add((grad == null ? parameter.zerosLike() : grad).reshape(-1));
    }
    return Tensor.cat(parts, 0);
  }

  private void move(Tensor d, double t) {
    long at = 0;
    for (Tensor parameter : parameters) {
      parameter.add_(d.narrow(0, at, parameter.numel()).reshape(parameter.sizes()), t);
      at += parameter.numel();
    }
  }

  @Override
  protected void update(ParameterGroup<Options> group, List<Tensor> members) {
    throw new IllegalStateException("[Lbfgs] a step computes the loss several times: call step(closure)");
  }

  @Override
  void begin(Tensor parameter, Options options) {
    if (!parameterGroups().isEmpty()) {
      throw new IllegalArgumentException("[Lbfgs] LBFGS doesn't support per-parameter options (parameter groups)");
    }
  }

  @Override
  Map<String, Object> copyOf(Map<?, ?> saved, Tensor parameter, Object number) {
    long count = parameters.stream().mapToLong(Tensor::numel).sum();
    Map<String, Object> copy = new LinkedHashMap<>();
    saved.forEach((key, value) -> {
      String name = String.valueOf(key);
      if (!name.equals("al")) { // PyTorch's room for the shares of a direction, whose content no step finds again
        copy.put(name, copyOf(name, value, count));
      }
    });
    return copy;
  }

  /// A copy of saved state; of what PyTorch has as a number or a tensor, as it came about, in the form that [History] looks for.
  private Object copyOf(String name, @Nullable Object value, long count) {
    return switch (value) {
      case Tensor tensor when name.equals("t") -> tensor.toDouble();
      case Number n when name.equals("H_diag") -> copyOf(name, Tensor.scalar(n.doubleValue()), count);
      case Tensor tensor -> copyOf(name, tensor, count);
      case List<?> list when list.stream().allMatch(Tensor.class::isInstance) -> {
        List<Tensor> tensors = new ArrayList<>();
        list.forEach(each -> tensors.add(copyOf(name, (Tensor) each, count)));
        yield tensors;
      }
      case Number n -> n;
      case null, default -> throw new IllegalArgumentException("[Lbfgs] expected tensors, lists of tensors and numbers as saved state, got "
          + value + " as \"" + name + "\"");
    };
  }

  private Tensor copyOf(String name, Tensor saved, long count) {
    if (saved.dim() > 1 || saved.dim() == 1 && saved.numel() != count) {
      throw new IllegalArgumentException("[Lbfgs] state \"" + name + "\" has sizes " + Arrays.toString(saved.sizes())
          + ", but the parameters have " + count + " elements");
    }
    Tensor parameter = parameters.getFirst();
    return MemoryScope.escape(saved.detach().to(parameter.dtype()).to(parameter.device()).clone());
  }
}
