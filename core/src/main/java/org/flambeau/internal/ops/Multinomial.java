package org.flambeau.internal.ops;

import java.util.List;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.Generator;
import org.flambeau.Tensor;

/// Positions that are drawn by their weights.
public final class Multinomial {
  private static final long MOST = 1 << 24;

  private Multinomial() {}

  /// The draws of each row of `weights`, int64.
  public static Tensor draw(Tensor weights, long draws, boolean replacement, Generator generator) {
    long positions = weights.dim() == 0 ? 0 : weights.size(-1);
    check(weights.dtype().isFloating(), "only supports floating-point dtypes for input, got: " + weights.dtype().label());
    check(weights.dim() == 1 || weights.dim() == 2, "prob_dist must be 1 or 2 dim, got sizes " + Shapes.show(weights.sizes()));
    check(draws > 0, "cannot sample n_sample <= 0 samples, got " + draws);
    check(positions > 0 && positions <= MOST, "the number of categories must be at least 1 and cannot exceed 2^24, got sizes "
        + Shapes.show(weights.sizes()));
    check(replacement || draws <= positions, "cannot sample n_sample > prob_dist.size(-1) samples without replacement: " + draws + " of "
        + positions);
    if (weights.device().type() == Device.Type.CPU && weights.numel() > 0) { // others would have to be waited for
      checkValues(weights.detach());
    }
    return Op.scoped("multinomial", () -> {
      Tensor x = weights.detach();
      return replacement && draws > 1 ? withReplacement(x, draws, generator) : withoutReplacement(x, draws, generator);
    });
  }

  private static void checkValues(Tensor weights) {
    check(weights.ge(0).logicalAnd(weights.lt(Double.POSITIVE_INFINITY)).all().toBoolean(),
        "probability tensor contains either `inf`, `nan` or element < 0");
    check(weights.sum(-1).gt(0).all().toBoolean(), "invalid multinomial distribution (sum of probabilities <= 0)");
  }

  private static void check(boolean holds, String message) {
    if (!holds) {
      throw new IllegalArgumentException("[multinomial] " + message);
    }
  }

  /// The largest ratios of weights to exponential numbers: as if each were drawn from what the ones before have left.
  private static Tensor withoutReplacement(Tensor weights, long draws, Generator generator) {
    Tensor ratios = weights.div(weights.zerosLike().exponential_(1, generator));
    return draws == 1 ? ratios.argmax(-1, true) : ratios.topk(draws).indices();
  }

  /// How many of the weights' running sums lie below uniform numbers: the place that a number has among all, less that which it has among the
  /// numbers.
  private static Tensor withReplacement(Tensor weights, long draws, Generator generator) {
    Tensor sums = (weights.dtype().size() < 4 ? weights.to(DType.FLOAT32) : weights).cumsum(-1);
    long last = sums.size(-1) - 1;
    Tensor shares = sums.div(sums.narrow(-1, last, 1)).to(DType.FLOAT64);
    shares.select(-1, last).fill_(1);
    long[] sizes = Shapes.resized(weights.sizes(), weights.dim() - 1, draws);
    Tensor uniform = Tensor.rand(generator, DType.FLOAT64, sizes);
    return places(Tensor.cat(List.of(uniform, shares), -1)).narrow(-1, 0, draws).sub(places(uniform));
  }

  /// The place of each element in its row when that is sorted; of equal ones the first comes first.
  private static Tensor places(Tensor x) {
    Tensor order = x.argsort(-1, false);
    return order.zerosLike().scatter_(-1, order, Tensor.arange(x.device(), DType.INT64, 0, x.size(-1), 1).expand(order.sizes()));
  }
}
