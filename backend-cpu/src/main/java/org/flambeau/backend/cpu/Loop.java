package org.flambeau.backend.cpu;

/// One element-wise operation over contiguous operands of one compute type, given by their addresses. An operation of
/// fewer operands ignores the last ones, which may be any readable addresses. `out` may be one of the operands.
@FunctionalInterface
public interface Loop {
  void run(long out, long a, long b, long c, int n);
}
