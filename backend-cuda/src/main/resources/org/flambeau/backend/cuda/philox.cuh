// Philox4x32-10 (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", 2011): random words by number, without a state. Seed, thread
// and counter lie in key and block as cuRAND puts them, and the numbers made of the words are cuRAND's.
#pragma once

#include "types.cuh"

namespace flambeau {

using uint32 = unsigned;
using uint64 = unsigned long long;

struct Words {
  uint32 at[4];
};

__device__ __forceinline__ Words philox(Words block, uint32 key0, uint32 key1) {
#pragma unroll
  for (int round = 0; round < 10; round++) {
    uint32 high0 = __umulhi(0xD2511F53u, block.at[0]), low0 = 0xD2511F53u * block.at[0];
    uint32 high1 = __umulhi(0xCD9E8D57u, block.at[2]), low1 = 0xCD9E8D57u * block.at[2];
    block = {high1 ^ block.at[1] ^ key0, low1, high0 ^ block.at[3] ^ key1, low0};
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return block;
}

// The sequences of one seed, one for each thread, from a place on that counts four words each.
struct Philox {
  uint64 seed;
  uint64 first;

  __device__ __forceinline__ Words words(uint64 thread, uint64 i = 0) const {
    uint64 at = first + i;
    Words block = {static_cast<uint32>(at), static_cast<uint32>(at >> 32), static_cast<uint32>(thread), static_cast<uint32>(thread >> 32)};
    return philox(block, static_cast<uint32>(seed), static_cast<uint32>(seed >> 32));
  }
};

// Where a launch finds its sequences: in its parameters or, in a captured graph, by the generator's state on the device, which is another in each
// replay, and from which `first` counts on.
struct Generator {
  const Philox *state;
  Philox own;

  __device__ __forceinline__ Philox get() const { return state ? Philox{state->seed, state->first + own.first} : own; }
};

// What four words make.
template <class N, int COUNT>
struct Numbers {
  static constexpr int count = COUNT;
  N at[COUNT];
};

__device__ __forceinline__ uint64 bits53(uint32 low, uint32 high) { return low ^ static_cast<uint64>(high) << 21; }

// Real numbers in (0, 1].
template <class C>
__device__ __forceinline__ auto uniform(const Words &words) {
  if constexpr (sizeof(C) == sizeof(double)) {
    Numbers<double, 2> u;
#pragma unroll
    for (int i = 0; i < 2; i++) u.at[i] = fma(static_cast<double>(bits53(words.at[2 * i], words.at[2 * i + 1])), 0x1p-53, 0x1p-54);
    return u;
  } else {
    Numbers<float, 4> u;
#pragma unroll
    for (int i = 0; i < 4; i++) u.at[i] = fmaf(static_cast<float>(words.at[i]), 0x1p-32f, 0x1p-33f);
    return u;
  }
}

// Normal numbers (Box and Muller, 1958), of mean 0 and variance 1.
template <class C>
__device__ __forceinline__ auto normal(const Words &words) {
  auto u = uniform<C>(words);
  if constexpr (sizeof(C) == sizeof(double)) {
    double radius = sqrt(-2.0 * log(u.at[0])), sine, cosine;
    sincospi(fma(static_cast<double>(bits53(words.at[2], words.at[3])), 0x1p-52, 0x1p-53), &sine, &cosine);
    return Numbers<double, 2>{{radius * sine, radius * cosine}};
  } else {
    constexpr float ANGLE = 0x1p-32f * 6.2831855f;
    Numbers<float, 4> y;
#pragma unroll
    for (int i = 0; i < 4; i += 2) {
      float radius = sqrtf(-2.0f * logf(u.at[i])), sine, cosine;
      __sincosf(fmaf(static_cast<float>(words.at[i + 1]), ANGLE, ANGLE / 2), &sine, &cosine);
      y.at[i] = radius * sine;
      y.at[i + 1] = radius * cosine;
    }
    return y;
  }
}

}  // namespace flambeau
