// What the kernels of attention on plain units and on tensor cores share.
#pragma once

#include "types.cuh"

namespace flambeau {

// A tensor (batch, head, row, column), by strides in elements.
template <class T>
struct Heads {
  T *data;
  int64 batch, head, row, column;

  __device__ __forceinline__ T *of(int number, int heads) const { return data + number / heads * batch + number % heads * head; }
};

// What all tensors of a call share.
struct Shape {
  int heads, queries, keys, width;
  float scale;
  int causal;

  // Whether the query counts the key.
  __device__ __forceinline__ bool counts(int query, int key) const {
    return query < queries && key < keys && (!causal || key <= query);
  }
};

__device__ __forceinline__ Pack<float, 4> four(const float *at) { return *reinterpret_cast<const Pack<float, 4> *>(at); }

}  // namespace flambeau
