package org.flambeau.internal.ops;

import org.flambeau.Generator;
import org.flambeau.Tensor;
import org.flambeau.spi.Distribution;

/// Random numbers in the place of a tensor's elements, with the checks that each distribution asks for.
public final class RandomFills {
  private RandomFills() {}

  public static Tensor uniform(Tensor x, double from, double to, Generator generator) {
    requireFloat("uniform_", x);
    check(from <= to, "[uniform_] expects to return a [from, to) range, but found from=" + from + " > to=" + to);
    return Creation.randomInPlace(x, Distribution.UNIFORM, from, to, generator);
  }

  public static Tensor normal(Tensor x, double mean, double std, Generator generator) {
    requireFloat("normal_", x);
    check(std >= 0, "[normal_] expects std >= 0.0, but found std " + std);
    return Creation.randomInPlace(x, Distribution.NORMAL, mean, std, generator);
  }

  public static Tensor integers(Tensor x, long low, long high, Generator generator) {
    check(low < high, "[random_int_] expects 'from' to be less than 'to', but got from=" + low + " >= to=" + high);
    return Creation.randomInPlace(x, Distribution.INTEGER, low, high, generator);
  }

  public static Tensor bernoulli(Tensor x, double p, Generator generator) {
    check(p >= 0 && p <= 1, "[bernoulli_] expects p to be in [0, 1], but got p=" + p);
    return Creation.randomInPlace(x, Distribution.BERNOULLI, p, 0, generator);
  }

  public static Tensor exponential(Tensor x, double rate, Generator generator) {
    requireFloat("exponential_", x);
    check(rate > 0, "[exponential_] expects lambda > 0.0, but found lambda=" + rate);
    return Creation.randomInPlace(x, Distribution.EXPONENTIAL, rate, 0, generator);
  }

  private static void requireFloat(String op, Tensor x) {
    check(x.dtype().isFloating(), "[" + op + "] expected a tensor of a float dtype, got " + x.dtype().label());
  }

  private static void check(boolean holds, String message) {
    if (!holds) {
      throw new IllegalArgumentException(message);
    }
  }
}
