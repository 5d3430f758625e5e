package org.flambeau.nn;

/// Checks of the sizes that layers are made with.
final class Sizes {
  private Sizes() {}

  static int positive(String layer, String name, int size) {
    if (size <= 0) {
      throw new IllegalArgumentException("[" + layer + "] expected " + name + " > 0, got " + size);
    }
    return size;
  }

  static int positiveOrZero(String layer, String name, int size) {
    if (size < 0) {
      throw new IllegalArgumentException("[" + layer + "] expected " + name + " >= 0, got " + size);
    }
    return size;
  }

  static double probability(String layer, double p) {
    if (!(p >= 0 && p <= 1)) {
      throw new IllegalArgumentException("[" + layer + "] dropout probability has to be between 0 and 1, but got " + PythonText.of(p));
    }
    return p;
  }
}
