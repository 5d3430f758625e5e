package org.flambeau.nn;

import org.flambeau.Reduction;
import org.flambeau.Tensor;
import org.flambeau.internal.ops.CrossEntropy;
import org.flambeau.internal.ops.LikelihoodLosses;
import org.flambeau.internal.ops.Losses;
import org.flambeau.internal.ops.MarginLosses;
import org.jspecify.annotations.Nullable;

/// The part of [Functional] that measures how far predictions are from targets. Losses reduce to their mean unless told
/// otherwise.
abstract sealed class LossFunctions extends ActivationFunctions permits LayerFunctions {
  /// The target that counts for nothing, unless another is given.
  public static final long IGNORE_INDEX = -100;

  LossFunctions() {}

  // ---- classes ----

  /// [#crossEntropy(Tensor, Tensor, Tensor, Reduction, long, double)] with no weights and no smoothing, as the mean.
  public static Tensor crossEntropy(Tensor input, Tensor target) {
    return crossEntropy(input, target, Reduction.MEAN);
  }

  /// [#crossEntropy(Tensor, Tensor, Tensor, Reduction, long, double)] with no weights and no smoothing.
  public static Tensor crossEntropy(Tensor input, Tensor target, Reduction reduction) {
    return crossEntropy(input, target, null, reduction, IGNORE_INDEX, 0);
  }

  /// How badly scores predict classes: `−weight[y]·log softmax(x)[y]`, or for probabilities y `−Σ weight·y·log softmax(x)`.
  ///
  /// With smoothing s the target is y with 1 − s, and all classes alike with s. The mean over classes y divides by the sum
  /// of the weights of the targets that count, that over probabilities by the number of places.
  ///
  /// Shapes: input (classes), (n, classes) or (n, classes, …); target the same without classes, int64 or uint8, or the same,
  /// float; weight (classes). DTypes: float. Autograd: input, and target where it is float.
  ///
  /// Reference: Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", 2016, for smoothing.
  ///
  /// @param ignoreIndex the class whose places do not count
  /// @throws IndexOutOfBoundsException if a class is none of the scores'
  public static Tensor crossEntropy(Tensor input, Tensor target, @Nullable Tensor weight, Reduction reduction, long ignoreIndex,
      double labelSmoothing) {
    return CrossEntropy.crossEntropy(input, target, weight, reduction, ignoreIndex, labelSmoothing);
  }

  /// [#nllLoss(Tensor, Tensor, Tensor, Reduction, long)] with no weights, as the mean.
  public static Tensor nllLoss(Tensor input, Tensor target) {
    return nllLoss(input, target, null, Reduction.MEAN, IGNORE_INDEX);
  }

  /// [#nllLoss(Tensor, Tensor, Tensor, Reduction, long)] with no weights.
  public static Tensor nllLoss(Tensor input, Tensor target, Reduction reduction) {
    return nllLoss(input, target, null, reduction, IGNORE_INDEX);
  }

  /// `−weight[y]·x[y]` for log-probabilities x, as [#logSoftmax] gives them, and classes y.
  ///
  /// Shapes: input (classes), (n, classes) or (n, classes, …); target the same without classes; weight (classes).
  ///
  /// @throws IndexOutOfBoundsException if a class is none of the probabilities'
  public static Tensor nllLoss(Tensor input, Tensor target, @Nullable Tensor weight, Reduction reduction, long ignoreIndex) {
    return CrossEntropy.nllLoss(input, target, weight, reduction, ignoreIndex);
  }

  // ---- numbers ----

  /// The mean of `(x − y)²`.
  public static Tensor mseLoss(Tensor input, Tensor target) {
    return mseLoss(input, target, Reduction.MEAN);
  }

  /// `(x − y)²`. Different sizes broadcast, with a warning.
  public static Tensor mseLoss(Tensor input, Tensor target, Reduction reduction) {
    return Losses.mse(input, target, reduction);
  }

  /// The mean of `|x − y|`.
  public static Tensor l1Loss(Tensor input, Tensor target) {
    return l1Loss(input, target, Reduction.MEAN);
  }

  /// `|x − y|`. Different sizes broadcast, with a warning.
  public static Tensor l1Loss(Tensor input, Tensor target, Reduction reduction) {
    return Losses.l1(input, target, reduction);
  }

  /// [#smoothL1Loss(Tensor, Tensor, Reduction, double)] with a beta of 1, as the mean.
  public static Tensor smoothL1Loss(Tensor input, Tensor target) {
    return smoothL1Loss(input, target, Reduction.MEAN, 1);
  }

  /// `(x − y)²/(2·beta)` where `|x − y| < beta`, else `|x − y| − beta/2`.
  ///
  /// Reference: Girshick, "Fast R-CNN", 2015.
  ///
  /// @throws IllegalArgumentException if beta is negative
  public static Tensor smoothL1Loss(Tensor input, Tensor target, Reduction reduction, double beta) {
    return Losses.smoothL1(input, target, reduction, beta);
  }

  /// [#huberLoss(Tensor, Tensor, Reduction, double)] with a delta of 1, as the mean.
  public static Tensor huberLoss(Tensor input, Tensor target) {
    return huberLoss(input, target, Reduction.MEAN, 1);
  }

  /// `(x − y)²/2` where `|x − y| ≤ delta`, else `delta·(|x − y| − delta/2)`.
  ///
  /// Reference: Huber, "Robust Estimation of a Location Parameter", 1964.
  ///
  /// @throws IllegalArgumentException if delta is not positive
  public static Tensor huberLoss(Tensor input, Tensor target, Reduction reduction, double delta) {
    return Losses.huber(input, target, reduction, delta);
  }

  // ---- probabilities ----

  /// [#binaryCrossEntropy(Tensor, Tensor, Tensor, Reduction)] with no weights, as the mean.
  public static Tensor binaryCrossEntropy(Tensor input, Tensor target) {
    return binaryCrossEntropy(input, target, null, Reduction.MEAN);
  }

  /// [#binaryCrossEntropy(Tensor, Tensor, Tensor, Reduction)] with no weights.
  public static Tensor binaryCrossEntropy(Tensor input, Tensor target, Reduction reduction) {
    return binaryCrossEntropy(input, target, null, reduction);
  }

  /// `−weight·(y·log x + (1 − y)·log(1 − x))` for probabilities x and y, with logarithms of at least −100.
  ///
  /// Shapes: input and target alike; weight broadcasts to them. Autograd: input and target.
  ///
  /// @throws IllegalArgumentException if sizes differ, or on the CPU if an element of input is not within [0, 1]
  public static Tensor binaryCrossEntropy(Tensor input, Tensor target, @Nullable Tensor weight, Reduction reduction) {
    return Losses.binaryCrossEntropy(input, target, weight, reduction);
  }

  /// [#binaryCrossEntropyWithLogits(Tensor, Tensor, Tensor, Reduction, Tensor)] with no weights, as the mean.
  public static Tensor binaryCrossEntropyWithLogits(Tensor input, Tensor target) {
    return binaryCrossEntropyWithLogits(input, target, null, Reduction.MEAN, null);
  }

  /// [#binaryCrossEntropyWithLogits(Tensor, Tensor, Tensor, Reduction, Tensor)] with no weights.
  public static Tensor binaryCrossEntropyWithLogits(Tensor input, Tensor target, Reduction reduction) {
    return binaryCrossEntropyWithLogits(input, target, null, reduction, null);
  }

  /// [#binaryCrossEntropy(Tensor, Tensor, Tensor, Reduction)] of σ(x), computed without overflow:
  /// `weight·((1 − y)·x + (1 + (posWeight − 1)·y)·log(1 + exp(−x)))`.
  ///
  /// Shapes: input and target alike; weight and posWeight broadcast to them. Autograd: input and target.
  ///
  /// @param posWeight how much more than the others answers of yes count
  public static Tensor binaryCrossEntropyWithLogits(Tensor input, Tensor target, @Nullable Tensor weight, Reduction reduction,
      @Nullable Tensor posWeight) {
    return Losses.binaryCrossEntropyWithLogits(input, target, weight, posWeight, reduction);
  }

  /// [#klDiv(Tensor, Tensor, Reduction, boolean)] from probabilities.
  public static Tensor klDiv(Tensor input, Tensor target, Reduction reduction) {
    return klDiv(input, target, reduction, false);
  }

  /// The Kullback-Leibler divergence `y·(log y − x)` for log-probabilities x and probabilities y, or where `logTarget` their
  /// logarithms. By its definition it is reduced with [Reduction#BATCH_MEAN].
  public static Tensor klDiv(Tensor input, Tensor target, Reduction reduction, boolean logTarget) {
    return Losses.klDiv(input, target, reduction, logTarget);
  }

  // ---- likelihoods ----

  /// The negative logarithm of how likely counts y are under a Poisson distribution of the rate exp(x), or where `logInput` is false x, but for
  /// log y!: `exp(x) − y·x`, or `x − y·log(x + eps)`.
  ///
  /// @param full whether to add Stirling's approximation of log y! where y is more than 1: `y·log y − y + log(2π·y)/2`
  public static Tensor poissonNllLoss(Tensor input, Tensor target, boolean logInput, boolean full, double eps, Reduction reduction) {
    return LikelihoodLosses.poissonNll(input, target, logInput, full, eps, reduction);
  }

  /// The negative logarithm of how likely targets y are under a normal distribution of mean x and variance v, but for a constant:
  /// `(log max(v, eps) + (x − y)²/max(v, eps))/2`.
  ///
  /// Shapes: input and target alike; var the same, or with a 1 in place of one size, or without the last one.
  ///
  /// Reference: Nix and Weigend, "Estimating the Mean and Variance of the Target Probability Distribution", 1994.
  ///
  /// @param full whether to add the constant, `log(2π)/2`
  /// @throws IllegalArgumentException if a variance is negative
  public static Tensor gaussianNllLoss(Tensor input, Tensor target, Tensor var, boolean full, double eps, Reduction reduction) {
    return LikelihoodLosses.gaussianNll(input, target, var, full, eps, reduction);
  }

  // ---- margins ----

  /// `max(0, margin − y·(x1 − x2))`: x1 is to be the larger where y is 1, x2 where it is −1.
  ///
  /// Shapes: input1, input2 and target with as many dimensions; they broadcast.
  public static Tensor marginRankingLoss(Tensor input1, Tensor input2, Tensor target, double margin, Reduction reduction) {
    return MarginLosses.marginRanking(input1, input2, target, margin, reduction);
  }

  /// Of distances x: `x` where y is 1, `max(0, margin − x)` where it is −1.
  public static Tensor hingeEmbeddingLoss(Tensor input, Tensor target, double margin, Reduction reduction) {
    return MarginLosses.hingeEmbedding(input, target, margin, reduction);
  }

  /// `1 − cos(x1, x2)` where y is 1, `max(0, cos(x1, x2) − margin)` where it is −1.
  ///
  /// Shapes: input1 and input2 (n, d), target (n); or (d), and a target of one number.
  public static Tensor cosineEmbeddingLoss(Tensor input1, Tensor input2, Tensor target, double margin, Reduction reduction) {
    return MarginLosses.cosineEmbedding(input1, input2, target, margin, reduction);
  }

  /// `max(0, ‖anchor − positive + eps‖ − ‖anchor − negative + eps‖ + margin)`, with norms of order p along the last dimension.
  ///
  /// Reference: Balntas et al., "Learning Local Feature Descriptors with Triplets and Shallow Convolutional Neural Networks", 2016.
  ///
  /// @param swap whether the distance of positive and negative stands for that of anchor and negative where it is the smaller
  /// @throws IllegalArgumentException if the margin is not positive
  public static Tensor tripletMarginLoss(Tensor anchor, Tensor positive, Tensor negative, double margin, double p, double eps,
      boolean swap, Reduction reduction) {
    return MarginLosses.tripletMargin(anchor, positive, negative, margin, p, eps, swap, reduction);
  }
}
