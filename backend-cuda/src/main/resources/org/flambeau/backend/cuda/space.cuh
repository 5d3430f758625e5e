// An index space that several strided operands share: what Space.java says, on the device.
#pragma once

namespace flambeau {

constexpr int MAX_RANK = 8;

// Division by what is known before the launch: x / divisor = (mulhi(x, magic) + x) >> shift for x below 2³¹.
struct Divider {
  unsigned divisor, magic, shift;

  __device__ __forceinline__ unsigned divide(unsigned x) const { return (__umulhi(x, magic) + x) >> shift; }
};

struct Coordinates {
  unsigned at[MAX_RANK];
};

// Fewer than 2³¹ places; the last dimension runs fastest.
struct Space {
  int rank;
  Divider sizes[MAX_RANK];

  __device__ __forceinline__ Coordinates locate(unsigned place) const {
    Coordinates c;
#pragma unroll
    for (int d = MAX_RANK - 1; d >= 0; d--) {
      if (d < rank) {
        unsigned outer = sizes[d].divide(place);
        c.at[d] = place - outer * sizes[d].divisor;
        place = outer;
      }
    }
    return c;
  }
};

// Where an operand's elements lie in a space, in elements.
struct Steps {
  long long of[MAX_RANK];

  __device__ __forceinline__ long long offset(const Space &space, const Coordinates &c) const {
    long long offset = 0;
#pragma unroll
    for (int d = 0; d < MAX_RANK; d++) {
      if (d < space.rank) offset += c.at[d] * of[d];
    }
    return offset;
  }
};

}  // namespace flambeau
