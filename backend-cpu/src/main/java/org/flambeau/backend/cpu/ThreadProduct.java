package org.flambeau.backend.cpu;

import org.flambeau.DType;

/// A product of matrices of one shape that the calling thread computes alone, for kernels that share out among threads what it is a part
/// of. One thread at a time may use it.
public interface ThreadProduct extends AutoCloseable {
  /// C = A·B, by the addresses of their first elements.
  void run(long a, long b, long c);

  @Override
  void close();

  /// C (m, n) of dtype `result` from A (m, k) and B (k, n) of dtype `factors`. Steps are in elements; C's columns are neighbours.
  record Shape(DType factors, DType result, int m, int n, int k, long aRow, long aColumn, long bRow, long bColumn, long cRow) {}
}
