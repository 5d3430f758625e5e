package org.flambeau.internal.ops;

import static org.flambeau.internal.text.Shapes.list;

import java.util.Arrays;
import org.flambeau.GradMode;
import org.flambeau.Reduction;
import org.flambeau.Tensor;

/// Negative logarithms of how likely a target is under a distribution with predicted parameters. Composed of other operations.
public final class LikelihoodLosses {
  private LikelihoodLosses() {}

  /// exp(x) − y·x, or where x is no logarithm x − y·log(x + eps); `full` adds Stirling's approximation of log y! where y is more than 1.
  public static Tensor poissonNll(Tensor x, Tensor y, boolean logInput, boolean full, double eps, Reduction reduction) {
    AutocastPolicy policy = AutocastPolicy.of("poisson_nll_loss", x);
    if (policy != null) {
      return policy.run(c -> poissonNll(c[0], c[1], logInput, full, eps, reduction), x, y);
    }
    String op = "poisson_nll_loss";
    return Op.scoped(op, () -> {
      Tensor losses = logInput ? x.exp().sub(y.mul(x)) : x.sub(y.mul(x.add(eps).log()));
      if (full) {
        Tensor stirling = y.mul(y.log()).sub(y).add(y.mul(2 * Math.PI).log().mul(0.5));
        losses = losses.add(stirling.maskedFill(y.le(1), 0));
      }
      return Losses.reduce(op, losses, reduction);
    });
  }

  /// (log v + (x − y)²/v)/2 with the variance v, which counts as at least eps and has its gradient also where it is less.
  public static Tensor gaussianNll(Tensor x, Tensor y, Tensor var, boolean full, double eps, Reduction reduction) {
    String op = "gaussian_nll_loss";
    return Op.scoped(op, () -> {
      Tensor variance = fitting(op, x, var).clone();
      if (variance.lt(0).any().toBoolean()) {
        throw new IllegalArgumentException("[" + op + "] var has negative entry/entries");
      }
      try (var _ = GradMode.noGrad()) {
        variance.clampMin_(eps);
      }
      Tensor losses = variance.log().add(x.sub(y).square().div(variance)).mul(0.5);
      return Losses.reduce(op, full ? losses.add(0.5 * Math.log(2 * Math.PI)) : losses, reduction);
    });
  }

  /// `var` for each element of x, for each row, or for each place of all but one dimension.
  private static Tensor fitting(String op, Tensor x, Tensor var) {
    long[] sizes = x.sizes();
    long[] given = var.sizes();
    if (Arrays.equals(sizes, given)) {
      return var;
    }
    if (sizes.length > 0 && Arrays.equals(Arrays.copyOf(sizes, sizes.length - 1), given)) {
      return var.unsqueeze(-1);
    }
    long other = 0;
    for (int d = 0; sizes.length == given.length && d < sizes.length; d++) {
      other += sizes[d] == given[d] ? 0 : given[d];
    }
    if (other != 1) {
      throw new IllegalArgumentException(
          "[" + op + "] var is of incorrect size: expected " + list(sizes) + ", one dimension of it being 1 or "
              + "the last one missing, got " + list(given));
    }
    return var;
  }
}
