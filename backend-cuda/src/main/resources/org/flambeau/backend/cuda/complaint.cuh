// What a kernel finds wrong with its data. The host reads it when it next waits; the kernel leaves the element out and goes on.
#pragma once

#include "types.cuh"

namespace flambeau {

// In memory of the host. The first complaint stays until the host has read it.
struct Complaint {
  int claimed;
  int ticket;  // of the launch, never 0; written last
  int64 index;
  int64 size;
};

// Where a kernel complains, and as which launch.
struct Complaints {
  Complaint *first;
  int ticket;

  // Whether `index` lies in [0, size), or where `negative` is allowed in [−size, size).
  __device__ __forceinline__ bool within(int64 index, int64 size, bool negative = false) const {
    bool holds = index < size && index >= (negative ? -size : 0);
    if (!holds) say(index, size);
    return holds;
  }

  // Whether `p` lies in [0, 1]; said by its bits.
  __device__ __forceinline__ bool isProbability(double p) const {
    bool holds = p >= 0 && p <= 1;
    if (!holds) say(__double_as_longlong(p), 1);
    return holds;
  }

  __device__ __forceinline__ void say(int64 index, int64 size) const {
    if (atomicCAS(&first->claimed, 0, 1) == 0) {
      first->index = index;
      first->size = size;
      __threadfence_system();
      first->ticket = ticket;
    }
  }
};

}  // namespace flambeau
