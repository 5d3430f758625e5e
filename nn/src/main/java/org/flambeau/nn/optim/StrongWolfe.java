package org.flambeau.nn.optim;

import org.flambeau.Tensor;

/// A search along a line for a step that meets the strong Wolfe conditions: the loss φ(t) falls by enough, φ(t) ≤ φ(0) + c₁·t·φ′(0), and the line
/// has become flat, |φ′(t)| ≤ c₂·|φ′(0)|. Steps grow until a minimum is bracketed, and then the bracket shrinks; cubics say where to look next.
///
/// Reference: Nocedal and Wright, "Numerical Optimization", 2006, algorithms 3.5 and 3.6; in PyTorch's form.
final class StrongWolfe {
  private static final double C1 = 1e-4;
  private static final double C2 = 0.9;
  private static final double LEAST_BRACKET = 1e-9;

  /// The line at t: its loss, the gradient of all parameters, and what of it goes along the line.
  record Point(double t, double loss, Tensor gradient, double slope) {}

  /// Looks at the line.
  @FunctionalInterface
  interface Line {
    Point at(double t);
  }

  private final Line line;
  private final Point start;
  private final double steepness;
  private final int limit;
  private int evaluations;

  /// @param start the line at 0
  /// @param steepness the largest of its direction's elements
  /// @param limit how often it may look again after the first guess
  StrongWolfe(Line line, Point start, double steepness, int limit) {
    this.line = line;
    this.start = start;
    this.steepness = steepness;
    this.limit = limit;
  }

  /// How often it looked at the line.
  int evaluations() {
    return evaluations;
  }

  private Point look(double t) {
    evaluations++;
    return line.at(t);
  }

  /// Where to go, with `t` as the first guess.
  Point search(double t) {
    Point before = start;
    Point now = look(t);
    for (int iteration = 0; iteration < limit; iteration++) {
      if (isHigh(now) || iteration > 1 && now.loss >= before.loss) {
        return zoom(before, now, iteration);
      }
      if (isFlat(now)) {
        return now;
      }
      if (now.slope >= 0) {
        return zoom(before, now, iteration);
      }
      double next = lowest(before, now, now.t + 0.01 * (now.t - before.t), now.t * 10);
      before = now;
      now = look(next);
    }
    return start.loss <= now.loss ? start : now;
  }

  private boolean isHigh(Point point) {
    return point.loss > start.loss + C1 * point.t * start.slope;
  }

  private boolean isFlat(Point point) {
    return Math.abs(point.slope) <= -C2 * start.slope;
  }

  /// Shrinks a bracket; of its ends, `low` is the one with the smaller loss.
  private Point zoom(Point first, Point second, int iteration) {
    boolean ordered = first.loss <= second.loss;
    Point low = ordered ? first : second;
    Point high = ordered ? second : first;
    boolean lowIsFirst = ordered;
    boolean slow = false;
    for (; iteration < limit; iteration++) {
      double least = Math.min(low.t, high.t);
      double most = Math.max(low.t, high.t);
      if ((most - least) * steepness < LEAST_BRACKET) {
        return low;
      }
      double t = lowIsFirst ? lowest(low, high, least, most) : lowest(high, low, least, most);
      double margin = 0.1 * (most - least);
      boolean atEnd = Math.min(most - t, t - least) < margin;
      if (atEnd && (slow || t >= most || t <= least)) { // twice near the end: away from it
        t = Math.abs(t - most) < Math.abs(t - least) ? most - margin : least + margin;
        slow = false;
      } else {
        slow = atEnd;
      }
      Point now = look(t);
      if (isHigh(now) || now.loss >= low.loss) {
        high = now;
        Point former = lowIsFirst ? low : high;
        Point latter = lowIsFirst ? high : low;
        lowIsFirst = former.loss <= latter.loss;
        low = lowIsFirst ? former : latter;
        high = lowIsFirst ? latter : former;
      } else {
        if (isFlat(now)) {
          return now;
        }
        if (now.slope * (high.t - low.t) >= 0) {
          high = low;
        }
        low = now;
      }
    }
    return low;
  }

  /// Where between `least` and `most` the cubic through both points, with their slopes, is lowest; the middle where it has no lowest point.
  private static double lowest(Point a, Point b, double least, double most) {
    double mean = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t);
    double square = mean * mean - a.slope * b.slope;
    if (!(square >= 0)) {
      return (least + most) / 2;
    }
    double root = Math.sqrt(square);
    double at = a.t <= b.t
        ? b.t - (b.t - a.t) * ((b.slope + root - mean) / (b.slope - a.slope + 2 * root))
        : a.t - (a.t - b.t) * ((a.slope + root - mean) / (a.slope - b.slope + 2 * root));
    return Math.min(Math.max(at, least), most);
  }
}
