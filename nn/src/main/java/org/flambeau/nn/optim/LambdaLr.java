package org.flambeau.nn.optim;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.function.LongToDoubleFunction;

/// Learning rates that are a function of the epoch times what they start from.
public final class LambdaLr extends EpochScheduler {
  private final List<LongToDoubleFunction> factors;

  /// One function for all groups.
  public LambdaLr(Optimizer<?> optimizer, LongToDoubleFunction factor) {
    this(optimizer, Collections.nCopies(optimizer.parameterGroups().size(), factor));
  }

  /// A function for each group.
  ///
  /// @throws IllegalArgumentException if there are not as many functions as groups
  public LambdaLr(Optimizer<?> optimizer, List<LongToDoubleFunction> factors) {
    if (factors.size() != optimizer.parameterGroups().size()) {
      throw new IllegalArgumentException(
          "[LambdaLr] Expected " + optimizer.parameterGroups().size() + " lr_lambdas, but got " + factors.size());
    }
    this.factors = List.copyOf(factors);
    super(optimizer);
  }

  @Override
  protected double nextLr(int group) {
    return baseLr(group) * factors.get(group).applyAsDouble(lastEpoch());
  }

  /// PyTorch looks for a place for each function's own fields.
  @Override
  void save(Map<String, Object> state) {
    super.save(state);
    state.put("lr_lambdas", new ArrayList<>(Collections.nCopies(factors.size(), null)));
  }
}
