// What the two APIs of the simulated cuDNN share: statuses, handles, tensors, and convolution by plain loops over doubles.
#pragma once

#include <cmath>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <string>
#include <vector>

#include "driver.h"

#pragma GCC optimize("O3")

#define API extern "C" __attribute__((visibility("default"))) int

namespace cudnn {

enum Status {
  SUCCESS = 0,
  BAD_PARAM = 2000,
  NOT_FINALIZED = 2004,
  NOT_SUPPORTED = 3000,
  EXECUTION_FAILED = 5000,
};

// What cudnnGetLastErrorString tells.
extern thread_local std::string message;

struct Failure {
  int status;
};

[[noreturn]] __attribute__((format(printf, 2, 3))) inline void fail(int status, const char *format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  message = text;
  throw Failure{status};
}

extern std::recursive_mutex mutex;

template <class Body>
int guarded(Body body) {
  std::lock_guard<std::recursive_mutex> lock(mutex);
  message.clear();
  try {
    body();
    return SUCCESS;
  } catch (const Failure &failure) {
    return failure.status;
  }
}

struct Handle {
  void *stream = nullptr;
};

Handle &handle(void *address);

// ---- tensors ----

enum Data { F32 = 0, F64 = 1, F16 = 2, I32 = 4, BF16 = 9, BOOL = 11 };

inline size_t width(int type) { return type == F64 ? 8 : type == F32 || type == I32 ? 4 : type == BOOL ? 1 : 2; }

inline bool isHalf(int type) { return type == F16 || type == BF16; }

struct Descriptor;  // of the graph API

struct Tensor {
  int64_t uid = 0, alignment = 0;
  int type = F32;
  std::vector<int64_t> sizes, strides;
  bool isVirtual = false, byValue = false;

  Tensor() = default;
  explicit Tensor(const Descriptor &d);

  size_t count() const {
    size_t count = 1;
    for (int64_t size : sizes) count *= size;
    return count;
  }

  size_t extent() const {
    int64_t last = 0;
    for (size_t d = 0; d < sizes.size(); d++) last += (sizes[d] - 1) * strides[d];
    return (last + 1) * width(type);
  }
};

using Numbers = std::vector<double>;  // of a tensor, row by row

inline double load(const char *from, int type) {
  if (type == F64) return *reinterpret_cast<const double *>(from);
  if (type == F32) return *reinterpret_cast<const float *>(from);
  if (type == F16) return float(*reinterpret_cast<const _Float16 *>(from));
  uint32_t bits = uint32_t(*reinterpret_cast<const uint16_t *>(from)) << 16;
  float y;
  memcpy(&y, &bits, sizeof y);
  return y;
}

// Sums are float32's, halves are rounded from there.
inline void store(char *to, int type, double x) {
  if (type == F64) *reinterpret_cast<double *>(to) = x;
  if (type == F32) *reinterpret_cast<float *>(to) = float(x);
  if (type == F16) *reinterpret_cast<_Float16 *>(to) = _Float16(float(x));
  if (type == BF16) {
    float y = float(x);
    uint32_t bits;
    memcpy(&bits, &y, sizeof bits);
    *reinterpret_cast<uint16_t *>(to) = std::isnan(y) ? 0x7fc0 : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
  }
}

inline double rounded(int type, double x) {
  alignas(8) char place[8] = {};
  if (type == I32 || type == BOOL) return x;
  store(place, type, x);
  return load(place, type);
}

inline double tensorFloat(double x) {
  float y = float(x);
  uint32_t bits;
  memcpy(&bits, &y, sizeof bits);
  if ((bits & 0x7f800000) != 0x7f800000) bits = (bits + 0xfff + (bits >> 13 & 1)) & ~0x1fffu;
  memcpy(&y, &bits, sizeof y);
  return y;
}

template <class Body>
inline void forEach(const Tensor &tensor, Body body) {
  size_t rank = tensor.sizes.size();
  std::vector<int64_t> at(rank);
  int64_t offset = 0;
  for (size_t i = 0, count = tensor.count(); i < count; i++) {
    body(i, offset * int64_t(width(tensor.type)));
    for (size_t d = rank; d-- > 0;) {
      offset += tensor.strides[d];
      if (++at[d] < tensor.sizes[d]) break;
      offset -= at[d] * tensor.strides[d];
      at[d] = 0;
    }
  }
}

inline Numbers read(const Tensor &tensor, const char *from) {
  Numbers numbers(tensor.count());
  forEach(tensor, [&](size_t i, int64_t offset) { numbers[i] = load(from + offset, tensor.type); });
  return numbers;
}

inline void write(const Tensor &tensor, char *to, const Numbers &numbers) {
  forEach(tensor, [&](size_t i, int64_t offset) { store(to + offset, tensor.type, numbers[i]); });
}

inline bool isDense(const Tensor &tensor) {
  return tensor.extent() == tensor.count() * width(tensor.type);
}

// ---- what tests ask for ----

// What is refused that would be done otherwise: every plan of the graph API; the legacy API's algorithms whose bits are set; to finalize
// the kinds of descriptors whose bits are set; to execute plans of the engines whose bits are set.
struct Refusals {
  bool plans = false;
  unsigned algorithms = 0;
  uint64_t kinds = 0;
  unsigned engines = 0;
  int status = EXECUTION_FAILED;  // of the engines' plans
};

extern Refusals refusals;

size_t legacyDescriptors();  // that were not destroyed

// ---- convolution ----

// What a convolution computes, as the graph API numbers it.
enum Direction { FORWARD = 10, BACKWARD_FILTER = 11, BACKWARD_DATA = 12 };

struct Slide {
  std::vector<int64_t> dilations, strides, pads;

  Slide() = default;
  explicit Slide(const Descriptor &d);
};

// The three tensors of a convolution and how the kernel slides.
struct Convolution {
  Slide slide;
  Tensor w, x, y;

  Convolution() = default;
  explicit Convolution(const Descriptor &d);

  int64_t groups() const { return x.sizes[1] / w.sizes[1]; }

  const Tensor &result(int direction) const { return direction == FORWARD ? y : direction == BACKWARD_DATA ? x : w; }
};

inline void checkFit(const Convolution &c) {
  if (c.x.sizes.size() != 4 || c.w.sizes.size() != 4 || c.y.sizes.size() != 4) fail(BAD_PARAM, "expected tensors of 4 dimensions");
  bool fits = c.x.sizes[1] % c.w.sizes[1] == 0 && c.w.sizes[0] % c.groups() == 0 && c.y.sizes[0] == c.x.sizes[0] && c.y.sizes[1] == c.w.sizes[0];
  for (int i = 0; i < 2; i++) {
    int64_t room = c.x.sizes[2 + i] + 2 * c.slide.pads[i] - c.slide.dilations[i] * (c.w.sizes[2 + i] - 1) - 1;
    // in a backward pass x may have rows at its end that no kernel reached
    fits &= room >= 0 && c.y.sizes[2 + i] == room / c.slide.strides[i] + 1;
  }
  if (!fits) fail(BAD_PARAM, "the tensors of a convolution do not fit");
  if (!isDense(c.w)) fail(BAD_PARAM, "wDesc.getNumElementsWithStride() != wDesc.getNumElementsWithoutStride()");
}

// Calls body(place in x, place in w, place in y) for each product of a convolution.
template <class Body>
void forEachProduct(const Convolution &c, Body body) {
  int64_t channels = c.w.sizes[1], each = c.w.sizes[0] / c.groups();
  for (int64_t n = 0; n < c.y.sizes[0]; n++)
    for (int64_t o = 0; o < c.y.sizes[1]; o++)
      for (int64_t i = 0; i < channels; i++)
        for (int64_t r = 0; r < c.w.sizes[2]; r++)
          for (int64_t s = 0; s < c.w.sizes[3]; s++)
            for (int64_t row = 0; row < c.y.sizes[2]; row++) {
              int64_t h = row * c.slide.strides[0] - c.slide.pads[0] + r * c.slide.dilations[0];
              if (h < 0 || h >= c.x.sizes[2]) continue;
              int64_t atX = ((n * c.x.sizes[1] + o / each * channels + i) * c.x.sizes[2] + h) * c.x.sizes[3];
              int64_t atW = ((o * channels + i) * c.w.sizes[2] + r) * c.w.sizes[3] + s;
              int64_t atY = ((n * c.y.sizes[1] + o) * c.y.sizes[2] + row) * c.y.sizes[3];
              for (int64_t column = 0; column < c.y.sizes[3]; column++) {
                int64_t w = column * c.slide.strides[1] - c.slide.pads[1] + s * c.slide.dilations[1];
                if (w >= 0 && w < c.x.sizes[3]) body(atX + w, atW, atY + column);
              }
            }
}

// The sums that are the result, whose own numbers are not read.
inline Numbers convolved(int direction, const Convolution &c, const Numbers &x, const Numbers &w, const Numbers &y) {
  Numbers sums(c.result(direction).count());
  if (direction == FORWARD) forEachProduct(c, [&](int64_t i, int64_t j, int64_t k) { sums[k] += x[i] * w[j]; });
  if (direction == BACKWARD_DATA) forEachProduct(c, [&](int64_t i, int64_t j, int64_t k) { sums[i] += y[k] * w[j]; });
  if (direction == BACKWARD_FILTER) forEachProduct(c, [&](int64_t i, int64_t j, int64_t k) { sums[j] += x[i] * y[k]; });
  return sums;
}

}  // namespace cudnn
