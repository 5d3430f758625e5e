package org.flambeau.vision;

/// How the pixels of a resized image are made of the original's. All but [#NEAREST] smooth when an image shrinks.
public enum Interpolation {
  NEAREST("nearest", 0) {
    @Override
    double weight(double x) {
      throw new IllegalStateException();
    }
  },
  BILINEAR("bilinear", 1) {
    @Override
    double weight(double x) {
      double distance = Math.abs(x);
      return distance < 1 ? 1 - distance : 0;
    }
  },
  BICUBIC("bicubic", 2) {
    private static final double A = -0.5;

    @Override
    double weight(double x) {
      double distance = Math.abs(x);
      if (distance < 1) {
        return ((A + 2) * distance - (A + 3)) * distance * distance + 1;
      }
      return distance < 2 ? (((distance - 5) * distance + 8) * distance - 4) * A : 0;
    }
  };

  private final String label;
  private final double support;

  Interpolation(String label, double support) {
    this.label = label;
    this.support = support;
  }

  /// PyTorch's name for it.
  public String label() {
    return label;
  }

  /// How far from its centre a pixel has an influence.
  double support() {
    return support;
  }

  /// The influence of a pixel at distance `x`.
  abstract double weight(double x);
}
