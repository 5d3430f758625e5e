// A cuBLASLt that computes on this machine, in the order of the simulated driver's streams. It takes what the real one takes and refuses
// what the real one refuses; on top of that it tells who gives it memory that is not the device's, or less aligned than was promised.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <map>
#include <mutex>
#include <numeric>
#include <set>
#include <vector>

#include "driver.h"

#pragma GCC optimize("O3")
#pragma GCC target("avx2,fma,f16c")

#define API extern "C" __attribute__((visibility("default")))

namespace {

enum Status { SUCCESS = 0, NOT_INITIALIZED = 1, INVALID_VALUE = 7, EXECUTION_FAILED = 13, NOT_SUPPORTED = 15 };

struct Text {
  const char *name, *text;
};

const std::map<int, Text> TEXTS = {
    {SUCCESS, {"CUBLAS_STATUS_SUCCESS", "success"}},
    {NOT_INITIALIZED, {"CUBLAS_STATUS_NOT_INITIALIZED", "the library was not initialized"}},
    {INVALID_VALUE, {"CUBLAS_STATUS_INVALID_VALUE", "an unsupported value or parameter was passed to the function"}},
    {EXECUTION_FAILED, {"CUBLAS_STATUS_EXECUTION_FAILED", "the GPU program failed to execute"}},
    {NOT_SUPPORTED, {"CUBLAS_STATUS_NOT_SUPPORTED", "the functionality requested is not supported"}},
};

enum Type { R_32F = 0, R_64F = 1, R_16F = 2, R_16BF = 14 };
enum Compute { COMPUTE_32F = 68, COMPUTE_64F = 70, COMPUTE_32F_FAST_TF32 = 77 };
enum Epilogue { DEFAULT = 1, RELU = 2, BIAS = 4, BIAS_GRADIENT_B = 512 };

// ---- element types ----

struct Half {
  uint16_t bits;
};
struct Brain {
  uint16_t bits;
};

float load(float x) { return x; }
double load(double x) { return x; }
float load(Half x) {
  _Float16 y;
  memcpy(&y, &x, sizeof y);
  return float(y);
}
float load(Brain x) {
  uint32_t bits = uint32_t(x.bits) << 16;
  float y;
  memcpy(&y, &bits, sizeof y);
  return y;
}

void store(float &to, float x) { to = x; }
void store(double &to, double x) { to = x; }
void store(Half &to, float x) {
  _Float16 y = _Float16(x);
  memcpy(&to, &y, sizeof y);
}
void store(Brain &to, float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  to.bits = std::isnan(x) ? 0x7fc0 : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

template <class T>
T tensorFloat(T x) {
  return x;
}
template <>
float tensorFloat(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  if ((bits & 0x7f800000) != 0x7f800000) bits = (bits + 0xfff + (bits >> 13 & 1)) & ~0x1fffu;
  memcpy(&x, &bits, sizeof x);
  return x;
}

int bytes(int type) { return type == R_64F ? 8 : type == R_32F ? 4 : 2; }

// ---- descriptors ----

struct Product {
  int compute, scale;
  int transposeA = 0, transposeB = 0, epilogue = DEFAULT;
  void *bias = nullptr;
};

struct Layout {
  int type;
  uint64_t rows, columns;
  int64_t leading;
  int batch = 1;
  int64_t stride = 0;

  // From the first element to the end of the last.
  size_t extent() const {
    return ((batch - 1) * stride + int64_t(columns - 1) * leading + int64_t(rows)) * bytes(type);
  }
};

struct Preference {
  uint64_t workspace = 0;
  uint32_t reductions = 7;
  uint32_t alignment[4] = {256, 256, 256, 256};
};

struct Handle {};

std::set<const void *> alive;  // handles and descriptors
int proposals = 1, latest = -1;
unsigned refused = 0;  // the proposals, as bits, that are not done after all

// What a real algorithm knows is its own affair; 64 bytes.
struct Algorithm {
  char mark[8];
  int number;
  uint32_t alignment[5];  // the last one the bias's
  uint64_t m, n, k, workspace;
};
static_assert(sizeof(Algorithm) <= 64);
const char MARK[8] = {'p', 'r', 'o', 'p', 'o', 's', 'a', 'l'};

struct Result {
  Algorithm algorithm;
  char rest[64 - sizeof(Algorithm)];
  uint64_t workspace;
  int state;
  float waves;
  int reserved[4];
};
static_assert(sizeof(Result) == 96);

template <class T, class... Parameters>
int create(T **out, Parameters... parameters) {
  *out = new T{parameters...};
  alive.insert(*out);
  return SUCCESS;
}

template <class T>
int destroy(T *object) {
  if (!alive.erase(object)) return INVALID_VALUE;
  delete object;
  return SUCCESS;
}

template <class T>
int set(T &to, const void *from, size_t size) {
  if (!from || size != sizeof(T)) return INVALID_VALUE;
  memcpy(&to, from, size);
  return SUCCESS;
}

// ---- what fits together ----

struct Problem {
  Product product;
  Layout a, b, d;
  uint64_t m, n, k;
};

int check(const Product *product, const Layout *a, const Layout *b, const Layout *c, const Layout *d, Problem &problem) {
  for (const void *descriptor : {static_cast<const void *>(product), static_cast<const void *>(a), static_cast<const void *>(b),
                                 static_cast<const void *>(c), static_cast<const void *>(d)}) {
    if (!alive.count(descriptor)) return INVALID_VALUE;
  }
  uint64_t m = product->transposeA ? a->columns : a->rows, k = product->transposeA ? a->rows : a->columns;
  uint64_t inner = product->transposeB ? b->columns : b->rows, n = product->transposeB ? b->rows : b->columns;
  if (inner != k || d->rows != m || d->columns != n || c->rows != m || c->columns != n || m == 0 || n == 0 || k == 0) return INVALID_VALUE;
  for (const Layout *layout : {a, b, c, d}) {
    bool overlaps = layout->leading < int64_t(layout->rows);
    if (overlaps || layout->batch != d->batch || layout->type != (layout == c || layout == d ? d : a)->type) return INVALID_VALUE;
    if (layout->rows > INT32_MAX || layout->columns > INT32_MAX || layout->batch > 65535) return NOT_SUPPORTED;
  }
  bool whole = d->type == R_64F ? product->compute == COMPUTE_64F && product->scale == R_64F
                                : product->compute != COMPUTE_64F && product->scale == R_32F;
  bool half = a->type == R_16F || a->type == R_16BF, wide = half && d->type == R_32F;
  if (a->type != d->type && !wide) return NOT_SUPPORTED;
  bool tensorFloat = product->compute == COMPUTE_32F_FAST_TF32 && a->type != R_32F;
  if (!whole || tensorFloat) return NOT_SUPPORTED;
  if (d->type == R_64F && product->epilogue != DEFAULT) return NOT_SUPPORTED;
  if (product->epilogue == BIAS_GRADIENT_B && d->batch > 1) return NOT_SUPPORTED;
  problem = {*product, *a, *b, *d, m, n, k};
  return SUCCESS;
}

// ---- computing ----

// op(X) as a dense column-major matrix of the type that is computed with.
template <class T, class C>
void gather(std::vector<C> &to, const T *from, uint64_t rows, uint64_t columns, int64_t leading, bool transpose, bool round) {
  to.resize(rows * columns);
  for (uint64_t j = 0; j < columns; j++) {
    for (uint64_t i = 0; i < rows; i++) {
      C x = load(transpose ? from[j + i * leading] : from[i + j * leading]);
      to[i + j * rows] = round ? tensorFloat(x) : x;
    }
  }
}

constexpr uint64_t ACROSS = 4, DOWN = 256;

// Columns [j, j + count) of the result, a part of the rows at a time.
template <class C>
void columns(C *__restrict sums, const C *__restrict a, const C *__restrict b, uint64_t m, uint64_t k, uint64_t from, uint64_t rows,
             uint64_t j, uint64_t count) {
  std::fill(sums, sums + ACROSS * DOWN, C(0));
  for (uint64_t p = 0; p < k; p++) {
    const C *left = a + p * m + from;
    for (uint64_t q = 0; q < count; q++) {
      C right = b[p + (j + q) * k];
      C *to = sums + q * DOWN;
      for (uint64_t i = 0; i < rows; i++) to[i] += left[i] * right;
    }
  }
}

template <class T, class R, class C>
void multiply(const Problem &problem, const T *a, const T *b, R *d, C alpha, C beta, const R *c, const R *bias, R *biasGradient) {
  static std::vector<C> left, right;  // one product at a time
  static C sums[ACROSS * DOWN];
  const auto &[product, layoutA, layoutB, layoutD, m, n, k] = problem;
  bool round = product.compute == COMPUTE_32F_FAST_TF32;
  for (int batch = 0; batch < layoutD.batch; batch++) {
    if (batch == 0 || layoutA.stride) gather(left, a + batch * layoutA.stride, m, k, layoutA.leading, product.transposeA, round);
    if (batch == 0 || layoutB.stride) gather(right, b + batch * layoutB.stride, k, n, layoutB.leading, product.transposeB, round);
    for (uint64_t j = 0; biasGradient && j < n; j++) store(biasGradient[j], std::accumulate(&right[j * k], &right[j * k] + k, C(0)));
    for (uint64_t j = 0; j < n; j += ACROSS) {
      uint64_t count = std::min(ACROSS, n - j);
      for (uint64_t from = 0; from < m; from += DOWN) {
        uint64_t rows = std::min(DOWN, m - from);
        columns(sums, left.data(), right.data(), m, k, from, rows, j, count);
        for (uint64_t q = 0; q < count; q++) {
          int64_t at = batch * layoutD.stride + int64_t(j + q) * layoutD.leading + int64_t(from);
          for (uint64_t i = 0; i < rows; i++) {
            C sum = alpha * sums[q * DOWN + i];
            if (beta != 0) sum += beta * load(c[at + i]);
            if (bias) sum += load(bias[from + i]);
            if (product.epilogue & RELU) sum = sum > 0 ? sum : 0;  // of NaN, too
            store(d[at + i], sum);
          }
        }
      }
    }
  }
}

// Under the driver's lock, in the stream's turn.
int compute(const Problem &problem, double alpha, double beta, const void *a, const void *b, const void *c, void *d) {
  void *bias = problem.product.bias;
  bool biased = problem.product.epilogue & BIAS, differentiated = problem.product.epilogue == BIAS_GRADIENT_B;
  const struct {
    const char *name;
    const void *address;
    size_t extent;
  } OPERANDS[] = {{"A", a, problem.a.extent()},
                  {"B", b, problem.b.extent()},
                  {"D", d, problem.d.extent()},
                  {"C", c, beta != 0 ? problem.d.extent() : 0},
                  {"the bias", bias, (biased ? problem.m : differentiated ? problem.n : 0) * bytes(problem.d.type)}};
  for (auto &operand : OPERANDS) {
    if (operand.extent > 0 && !simulated::reaches(operand.address, operand.extent)) {
      return simulated::fail(simulated::ILLEGAL_ADDRESS, "cublasLtMatmul of (%lu, %lu) x (%lu, %lu): %s, %zu bytes, is not memory of the device",
                             problem.m, problem.k, problem.k, problem.n, operand.name, operand.extent);
    }
  }
#define MULTIPLY(T, R, C)                                                                                                       \
  multiply<T, R, C>(problem, static_cast<const T *>(a), static_cast<const T *>(b), static_cast<R *>(d), C(alpha), C(beta), \
                    static_cast<const R *>(c), static_cast<const R *>(biased ? bias : nullptr),                                \
                    static_cast<R *>(differentiated ? bias : nullptr))
  bool wide = problem.d.type != problem.a.type;
  switch (problem.a.type) {
    case R_32F: MULTIPLY(float, float, float); break;
    case R_64F: MULTIPLY(double, double, double); break;
    case R_16F: wide ? MULTIPLY(Half, float, float) : MULTIPLY(Half, Half, float); break;
    case R_16BF: wide ? MULTIPLY(Brain, float, float) : MULTIPLY(Brain, Brain, float); break;
  }
#undef MULTIPLY
  return SUCCESS;
}

std::mutex mutex;
using Lock = std::lock_guard<std::mutex>;

}  // namespace

// ---- the library ----

API size_t cublasLtGetVersion() { return 130101; }
API size_t cublasLtGetCudartVersion() { return 13000; }
API const char *cublasLtGetStatusName(int status) {
  auto found = TEXTS.find(status);
  return found == TEXTS.end() ? "unknown" : found->second.name;
}
API const char *cublasLtGetStatusString(int status) {
  auto found = TEXTS.find(status);
  return found == TEXTS.end() ? "unknown" : found->second.text;
}
API int cublasLtCreate(Handle **out) {
  simulated::await();
  Lock lock(mutex);
  return create(out);
}
API int cublasLtDestroy(Handle *handle) {
  Lock lock(mutex);
  return destroy(handle);
}

// ---- descriptors ----

API int cublasLtMatmulDescCreate(Product **out, int compute, int scale) {
  Lock lock(mutex);
  return create(out, compute, scale);
}
API int cublasLtMatmulDescDestroy(Product *product) {
  Lock lock(mutex);
  return destroy(product);
}
API int cublasLtMatmulDescSetAttribute(Product *product, int attribute, const void *from, size_t size) {
  Lock lock(mutex);
  if (!alive.count(product)) return INVALID_VALUE;
  switch (attribute) {
    case 3: return set(product->transposeA, from, size);
    case 4: return set(product->transposeB, from, size);
    case 7: return set(product->epilogue, from, size);
    case 8: return set(product->bias, from, size);
    default: return INVALID_VALUE;
  }
}
API int cublasLtMatrixLayoutCreate(Layout **out, int type, uint64_t rows, uint64_t columns, int64_t leading) {
  Lock lock(mutex);
  return create(out, type, rows, columns, leading);
}
API int cublasLtMatrixLayoutDestroy(Layout *layout) {
  Lock lock(mutex);
  return destroy(layout);
}
API int cublasLtMatrixLayoutSetAttribute(Layout *layout, int attribute, const void *from, size_t size) {
  Lock lock(mutex);
  if (!alive.count(layout)) return INVALID_VALUE;
  switch (attribute) {
    case 5: return set(layout->batch, from, size);
    case 6: return set(layout->stride, from, size);
    default: return INVALID_VALUE;
  }
}
API int cublasLtMatmulPreferenceCreate(Preference **out) {
  Lock lock(mutex);
  return create(out);
}
API int cublasLtMatmulPreferenceDestroy(Preference *preference) {
  Lock lock(mutex);
  return destroy(preference);
}
API int cublasLtMatmulPreferenceSetAttribute(Preference *preference, int attribute, const void *from, size_t size) {
  Lock lock(mutex);
  if (!alive.count(preference)) return INVALID_VALUE;
  switch (attribute) {
    case 1: return set(preference->workspace, from, size);
    case 3: return set(preference->reductions, from, size);
    case 5:
    case 6:
    case 7:
    case 8: return set(preference->alignment[attribute - 5], from, size);
    default: return INVALID_VALUE;
  }
}

// ---- products ----

// Long sums want some working memory.
API int cublasLtMatmulAlgoGetHeuristic(Handle *handle, const Product *product, const Layout *a, const Layout *b, const Layout *c,
                                       const Layout *d, const Preference *preference, int most, Result *results, int *count) {
  Lock lock(mutex);
  *count = 0;
  if (!alive.count(handle) || !alive.count(preference) || most <= 0) return INVALID_VALUE;
  Problem problem;
  if (int status = check(product, a, b, c, d, problem)) return status;
  for (int i = 0; i < 4; i++) {
    if (preference->alignment[i] < uint32_t(bytes((i < 2 ? a : d)->type))) return NOT_SUPPORTED;
  }
  int found = std::min(most, proposals);
  for (; *count < found; ++*count) {
    Result &result = results[*count];
    memset(&result, 0, sizeof result);
    bool lean = problem.k < 256 || (found > 2 && *count == found - 1);
    uint64_t workspace = lean ? 0 : std::min<uint64_t>(preference->workspace, 4096);
    result.algorithm = {{}, *count, {}, problem.m, problem.n, problem.k, workspace};
    memcpy(result.algorithm.mark, MARK, sizeof MARK);
    memcpy(result.algorithm.alignment, preference->alignment, sizeof preference->alignment);
    uintptr_t bias = reinterpret_cast<uintptr_t>(product->bias) | 16;
    result.algorithm.alignment[4] = uint32_t(bias & -bias);
    result.workspace = workspace;
    result.waves = 1;
  }
  return SUCCESS;
}

API int cublasLtMatmul(Handle *handle, const Product *product, const void *alpha, const void *a, const Layout *layoutA, const void *b,
                       const Layout *layoutB, const void *beta, const void *c, const Layout *layoutC, void *d, const Layout *layoutD,
                       const Algorithm *algorithm, void *workspace, size_t workspaceBytes, void *stream) {
  Lock lock(mutex);
  Problem problem;
  if (!alive.count(handle)) return NOT_INITIALIZED;
  if (int status = check(product, layoutA, layoutB, layoutC, layoutD, problem)) return status;
  bool same = algorithm && memcmp(algorithm->mark, MARK, sizeof MARK) == 0 && algorithm->m == problem.m && algorithm->n == problem.n &&
              algorithm->k == problem.k;
  if (!same || workspaceBytes < algorithm->workspace || (algorithm->workspace && !workspace)) return INVALID_VALUE;
  if (refused >> algorithm->number & 1) return EXECUTION_FAILED;
  const void *addresses[] = {a, b, c, d};
  for (int i = 0; i < 4; i++) {
    if (reinterpret_cast<uintptr_t>(addresses[i]) % algorithm->alignment[i] != 0) return INVALID_VALUE;
  }
  bool biased = product->epilogue & (BIAS | BIAS_GRADIENT_B);
  if (biased && reinterpret_cast<uintptr_t>(product->bias) % algorithm->alignment[4] != 0) return INVALID_VALUE;
  if (!a || !b || !d || (biased && !product->bias)) return INVALID_VALUE;
  auto number = [&](const void *at) {
    return product->scale == R_64F ? *static_cast<const double *>(at) : *static_cast<const float *>(at);
  };
  double one = number(alpha), zero = number(beta);
  size_t working = algorithm->workspace;
  latest = algorithm->number;
  int delay = 60'000 * (proposals - 1 - algorithm->number);
  return simulated::issue(stream, [=] {
    if (working && !simulated::reaches(workspace, working)) {
      return simulated::fail(simulated::ILLEGAL_ADDRESS, "cublasLtMatmul: its workspace of %zu bytes is not memory of the device", working);
    }
    if (working) memset(workspace, 0xff, working);
    simulated::pretend(delay);
    return compute(problem, one, zero, a, b, c, d);
  }) ? EXECUTION_FAILED : SUCCESS;
}

// ---- for tests ----

// How many algorithms are proposed, each of which is a minute faster, by the events' clock, than the one before.
API int simulatedProposals(int count) {
  Lock lock(mutex);
  proposals = count;
  return SUCCESS;
}

// The number of the proposal that was used last.
API int simulatedProposal() { return latest; }

API int simulatedRefused(int bits) {
  Lock lock(mutex);
  refused = unsigned(bits);
  return SUCCESS;
}
