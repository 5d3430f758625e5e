package org.flambeau.nn;

/// The QR decomposition by reflections, in double precision.
///
/// Reference: Householder, "Unitary triangularization of a nonsymmetric matrix", 1958.
final class Householder {
  private Householder() {}

  /// The columns of Q in the decomposition A = Q·R in which no diagonal element of R is negative.
  ///
  /// @param columns A's columns, one after the other, overwritten
  /// @param count how many there are, at most `length`
  static double[] orthonormalize(double[] columns, int count, int length) {
    double[] beta = new double[count];
    double[] sign = new double[count];
    for (int k = 0; k < count; k++) {
      int pivot = k * length + k;
      double norm = Math.sqrt(dot(columns, pivot, pivot, length - k));
      // the reflection goes to the far side, so that nothing cancels
      double diagonal = columns[pivot] > 0 ? -norm : norm;
      sign[k] = Math.signum(diagonal);
      columns[pivot] -= diagonal;
      double squared = dot(columns, pivot, pivot, length - k);
      beta[k] = squared == 0 ? 0 : 2 / squared;
      for (int j = k + 1; j < count; j++) {
        reflect(columns, pivot, columns, j * length + k, length - k, beta[k]);
      }
    }
    double[] q = new double[count * length];
    for (int j = 0; j < count; j++) {
      q[j * length + j] = sign[j];
      for (int k = j; k >= 0; k--) {
        reflect(columns, k * length + k, q, j * length + k, length - k, beta[k]);
      }
    }
    return q;
  }

  private static void reflect(double[] v, int vAt, double[] x, int xAt, int n, double beta) {
    double sum = 0;
    for (int i = 0; i < n; i++) {
      sum += v[vAt + i] * x[xAt + i];
    }
    sum *= beta;
    for (int i = 0; i < n; i++) {
      x[xAt + i] -= sum * v[vAt + i];
    }
  }

  private static double dot(double[] x, int a, int b, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) {
      sum += x[a + i] * x[b + i];
    }
    return sum;
  }
}
