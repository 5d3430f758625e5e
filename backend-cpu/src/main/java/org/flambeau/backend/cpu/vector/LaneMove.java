package org.flambeau.backend.cpu.vector;

/// Moves contiguous elements of one dtype to and from tiles of one compute type, vector by vector.
interface LaneMove {
  /// How many elements a vector has; both ways move multiples of that.
  int lanes();

  void load(long from, long tile, int n);

  void store(long tile, long to, int n);
}
