package org.flambeau;

import org.flambeau.internal.ops.Multinomial;
import org.flambeau.internal.ops.RandomFills;

/// How the elements of every tensor are overwritten with random numbers, or drawn by, from the device's default generator unless one is given.
sealed interface RandomMethods permits Tensor {
  private Tensor self() {
    return (Tensor) this;
  }

  /// Overwrites the elements with real numbers drawn uniformly from [from, to).
  default Tensor uniform_(double from, double to) {
    return RandomFills.uniform(self(), from, to, Generator.defaultOf(self().device()));
  }

  /// Overwrites the elements with real numbers drawn uniformly from [from, to), from a generator.
  default Tensor uniform_(double from, double to, Generator generator) {
    return RandomFills.uniform(self(), from, to, generator);
  }

  /// Overwrites the elements with normally distributed numbers.
  default Tensor normal_(double mean, double std) {
    return RandomFills.normal(self(), mean, std, Generator.defaultOf(self().device()));
  }

  /// Overwrites the elements with normally distributed numbers, from a generator.
  default Tensor normal_(double mean, double std, Generator generator) {
    return RandomFills.normal(self(), mean, std, generator);
  }

  /// Overwrites the elements with whole numbers drawn uniformly from [low, high).
  default Tensor randomInt_(long low, long high) {
    return RandomFills.integers(self(), low, high, Generator.defaultOf(self().device()));
  }

  /// Overwrites the elements with whole numbers drawn uniformly from [low, high), from a generator.
  default Tensor randomInt_(long low, long high, Generator generator) {
    return RandomFills.integers(self(), low, high, generator);
  }

  /// Overwrites each element with 1 with probability p, else 0.
  default Tensor bernoulli_(double p) {
    return RandomFills.bernoulli(self(), p, Generator.defaultOf(self().device()));
  }

  /// Overwrites each element with 1 with probability p, else 0, from a generator.
  default Tensor bernoulli_(double p, Generator generator) {
    return RandomFills.bernoulli(self(), p, generator);
  }

  /// Overwrites the elements with exponentially distributed numbers of the given rate.
  default Tensor exponential_(double rate) {
    return RandomFills.exponential(self(), rate, Generator.defaultOf(self().device()));
  }

  /// Overwrites the elements with exponentially distributed numbers of the given rate, from a generator.
  default Tensor exponential_(double rate, Generator generator) {
    return RandomFills.exponential(self(), rate, generator);
  }

  /// [#multinomial(long, boolean, Generator)] without replacement.
  default Tensor multinomial(long draws) {
    return Multinomial.draw(self(), draws, false, Generator.defaultOf(self().device()));
  }

  /// [#multinomial(long, boolean, Generator)] from the device's default generator.
  default Tensor multinomial(long draws, boolean replacement) {
    return Multinomial.draw(self(), draws, replacement, Generator.defaultOf(self().device()));
  }

  /// As many positions of this vector, or of each row of this matrix, as probable as the elements say, which need not add up to 1: with
  /// `replacement` each may be drawn again. Values are looked at on the CPU alone; what others draw from wrong ones is not defined.
  ///
  /// Shapes: (k) → (draws), (n, k) → (n, draws). DTypes: float; the positions are int64.
  default Tensor multinomial(long draws, boolean replacement, Generator generator) {
    return Multinomial.draw(self(), draws, replacement, generator);
  }
}
