// Many tensors in one launch: a table of where they lie, whose elements blocks share out in chunks.
#pragma once

#include "types.cuh"

namespace flambeau {

// Places of one block.
constexpr int CHUNK = 1 << 13;
// Bytes of the table, so that it fits a kernel's parameters with all else.
constexpr int TABLE = 3840;

// The part of a tensor that a block has.
struct Chunk {
  int tensor;
  int64 from;
  int n;
};

// DEPTH operands of several tensors, each without gaps and in one order.
template <int DEPTH>
struct Tensors {
  static constexpr int MOST = (TABLE - 8) / (8 * DEPTH + 12);
  int count;
  void *data[DEPTH][MOST];
  int64 numel[MOST];
  unsigned firstBlock[MOST];

  __device__ __forceinline__ Chunk chunk(unsigned block) const {
    int tensor = 0;
    for (int high = count; high - tensor > 1;) {
      int middle = (tensor + high) / 2;
      (firstBlock[middle] <= block ? tensor : high) = middle;
    }
    int64 from = static_cast<int64>(block - firstBlock[tensor]) * CHUNK;
    int64 left = numel[tensor] - from;
    return {tensor, from, left < CHUNK ? static_cast<int>(left) : CHUNK};
  }
};

}  // namespace flambeau
