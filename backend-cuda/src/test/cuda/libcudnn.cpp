// A cuDNN that computes on this machine, in the order of the simulated driver's streams. It reads graphs of the backend API as the real one
// does, is as strict about their descriptors, and computes them by plain loops over doubles. Its engines have the notes of real ones, and
// differ as those do: who takes one that he should not gets other numbers.

#include <cmath>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "driver.h"

#pragma GCC optimize("O3")

#define API extern "C" __attribute__((visibility("default"))) int

namespace {

enum Status {
  SUCCESS = 0,
  BAD_PARAM = 2000,
  NOT_FINALIZED = 2004,
  NOT_SUPPORTED = 3000,
  EXECUTION_FAILED = 5000,
};

const std::map<int, const char *> NAMES = {{SUCCESS, "CUDNN_STATUS_SUCCESS"},
                                           {BAD_PARAM, "CUDNN_STATUS_BAD_PARAM"},
                                           {NOT_FINALIZED, "CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED"},
                                           {NOT_SUPPORTED, "CUDNN_STATUS_NOT_SUPPORTED"},
                                           {EXECUTION_FAILED, "CUDNN_STATUS_EXECUTION_FAILED"}};

thread_local std::string message;

struct Failure {
  int status;
};

[[noreturn]] __attribute__((format(printf, 2, 3))) void fail(int status, const char *format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  message = text;
  throw Failure{status};
}

std::recursive_mutex mutex;

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

// ---- descriptors ----

enum Kind {
  POINTWISE = 0,
  CONVOLUTION = 1,
  ENGINE = 2,
  CONFIG = 3,
  HEURISTICS = 4,
  PLAN = 5,
  FORWARD = 10,
  BACKWARD_FILTER = 11,
  BACKWARD_DATA = 12,
  POINTWISE_OPERATION = 13,
  GRAPH = 15,
  VARIANT_PACK = 16,
  TENSOR = 17,
  ATTENTION = 41,
};

enum Type {
  HANDLE = 0,
  DATA_TYPE = 1,
  BOOLEAN = 2,
  INT64 = 3,
  FLOAT = 4,
  DOUBLE = 5,
  POINTER = 6,
  CONVOLUTION_MODE = 7,
  HEURISTIC_MODE = 8,
  NOTE = 11,
  POINTWISE_MODE = 14,
  DESCRIPTOR = 15,
};

size_t bytes(int type) {
  switch (type) {
    case BOOLEAN: return 1;
    case DATA_TYPE:
    case FLOAT:
    case CONVOLUTION_MODE:
    case HEURISTIC_MODE:
    case NOTE:
    case POINTWISE_MODE: return 4;
    default: return 8;
  }
}

// What an attribute must be.
struct Rule {
  int type;
  long least, most;
  bool required = true;
  std::set<int> kinds = {};  // of descriptors
};

const long ANY = 64;
const Rule NUMBERS = {INT64, 2, 2}, TENSORS = {DESCRIPTOR, 1, 1, true, {TENSOR}}, SCALE = {FLOAT, 1, 1};

const std::map<int, std::map<int, Rule>> RULES = {
    {POINTWISE, {{0, {POINTWISE_MODE, 1, 1}}, {1, {DATA_TYPE, 1, 1}}}},
    {CONVOLUTION,
     {{100, {DATA_TYPE, 1, 1}}, {101, {CONVOLUTION_MODE, 1, 1}}, {102, NUMBERS}, {103, NUMBERS}, {104, NUMBERS}, {105, NUMBERS},
      {106, {INT64, 1, 1}}}},
    {ENGINE, {}},
    {CONFIG, {}},
    {HEURISTICS, {{200, {HEURISTIC_MODE, 1, 1}}, {201, {DESCRIPTOR, 1, 1, true, {GRAPH}}}}},
    {PLAN, {{400, {HANDLE, 1, 1}}, {401, {DESCRIPTOR, 1, 1, true, {CONFIG}}}}},
    {FORWARD,
     {{700, SCALE}, {701, SCALE}, {702, {DESCRIPTOR, 1, 1, true, {CONVOLUTION}}}, {703, TENSORS}, {704, TENSORS}, {705, TENSORS}}},
    {BACKWARD_DATA,
     {{706, SCALE}, {707, SCALE}, {708, {DESCRIPTOR, 1, 1, true, {CONVOLUTION}}}, {709, TENSORS}, {710, TENSORS}, {711, TENSORS}}},
    {BACKWARD_FILTER,
     {{712, SCALE}, {713, SCALE}, {714, {DESCRIPTOR, 1, 1, true, {CONVOLUTION}}}, {715, TENSORS}, {716, TENSORS}, {717, TENSORS}}},
    {POINTWISE_OPERATION, {{750, {DESCRIPTOR, 1, 1, true, {POINTWISE}}}, {751, TENSORS}, {752, TENSORS}, {753, TENSORS}}},
    {GRAPH,
     {{800, {HANDLE, 1, 1}},
      {801, {DESCRIPTOR, 1, ANY, true, {FORWARD, BACKWARD_DATA, BACKWARD_FILTER, POINTWISE_OPERATION, ATTENTION}}}}},
    {VARIANT_PACK, {{1000, {INT64, 1, ANY}}, {1001, {POINTER, 1, ANY}}, {1003, {POINTER, 1, 1}}}},
    {TENSOR,
     {{900, {INT64, 1, 1}}, {901, {DATA_TYPE, 1, 1}}, {902, {INT64, 1, 8}}, {903, {INT64, 1, 8}}, {906, {INT64, 1, 1}},
      {907, {BOOLEAN, 1, 1, false}}, {908, {BOOLEAN, 1, 1, false}}}},
    {ATTENTION, {{2800, TENSORS}, {2801, TENSORS}, {2802, TENSORS}, {2803, TENSORS}, {2804, TENSORS}, {2805, TENSORS}}},
};

struct Descriptor;
using Shared = std::shared_ptr<Descriptor>;

struct Value {
  int type;
  std::vector<char> bytes;
  std::vector<Shared> descriptors;
};

struct Descriptor {
  int kind;
  bool finished = false;
  std::map<int, Value> values = {};
  // of engines and their configurations
  int engine = -1;
  Shared graph = nullptr;

  const Value *find(int attribute) const {
    auto found = values.find(attribute);
    return found == values.end() ? nullptr : &found->second;
  }

  template <class T = int64_t>
  std::vector<T> list(int attribute) const {
    const Value *value = find(attribute);
    std::vector<T> list(value->bytes.size() / sizeof(T));
    memcpy(list.data(), value->bytes.data(), value->bytes.size());
    return list;
  }

  template <class T = int64_t>
  T one(int attribute) const {
    return list<T>(attribute).front();
  }

  bool flag(int attribute) const {
    const Value *value = find(attribute);
    return value && value->bytes[0];
  }

  const Descriptor &at(int attribute) const { return *find(attribute)->descriptors.front(); }
};

std::map<void *, Shared> alive;

Shared find(void *address) {
  auto found = alive.find(address);
  if (found == alive.end()) fail(BAD_PARAM, "%p is no descriptor, or was destroyed", address);
  return found->second;
}

struct Handle {
  void *stream = nullptr;
};

std::set<void *> handles;

Handle &handle(void *address) {
  if (!handles.count(address)) fail(BAD_PARAM, "%p is no handle, or was destroyed", address);
  return *static_cast<Handle *>(address);
}

// ---- tensors ----

enum Data { F32 = 0, F64 = 1, F16 = 2, BF16 = 9 };

size_t width(int type) { return type == F64 ? 8 : type == F32 ? 4 : 2; }

struct Tensor {
  int64_t uid = 0, alignment = 0;
  int type = F32;
  std::vector<int64_t> sizes, strides;
  bool isVirtual = false, byValue = false;

  Tensor() = default;
  explicit Tensor(const Descriptor &d)
      : uid(d.one(906)), alignment(d.one(900)), type(d.one<int>(901)), sizes(d.list(902)), strides(d.list(903)), isVirtual(d.flag(907)),
        byValue(d.flag(908)) {}

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

double load(const char *from, int type) {
  if (type == F64) return *reinterpret_cast<const double *>(from);
  if (type == F32) return *reinterpret_cast<const float *>(from);
  if (type == F16) return float(*reinterpret_cast<const _Float16 *>(from));
  uint32_t bits = uint32_t(*reinterpret_cast<const uint16_t *>(from)) << 16;
  float y;
  memcpy(&y, &bits, sizeof y);
  return y;
}

// Sums are float32's, halves are rounded from there.
void store(char *to, int type, double x) {
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

double tensorFloat(double x) {
  float y = float(x);
  uint32_t bits;
  memcpy(&bits, &y, sizeof bits);
  if ((bits & 0x7f800000) != 0x7f800000) bits = (bits + 0xfff + (bits >> 13 & 1)) & ~0x1fffu;
  memcpy(&y, &bits, sizeof y);
  return y;
}

template <class Body>
void forEach(const Tensor &tensor, Body body) {
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

Numbers read(const Tensor &tensor, const char *from) {
  Numbers numbers(tensor.count());
  forEach(tensor, [&](size_t i, int64_t offset) { numbers[i] = load(from + offset, tensor.type); });
  return numbers;
}

void write(const Tensor &tensor, char *to, const Numbers &numbers) {
  forEach(tensor, [&](size_t i, int64_t offset) { store(to + offset, tensor.type, numbers[i]); });
}

// ---- what fits together ----

struct Slide {
  std::vector<int64_t> dilations, strides, pads;

  explicit Slide(const Descriptor &d) : dilations(d.list(102)), strides(d.list(103)), pads(d.list(105)) {}
};

// The three tensors of a convolution and what it computes.
struct Convolution {
  Slide slide;
  Tensor w, x, y;

  explicit Convolution(const Descriptor &d)
      : slide(d.at(d.kind == FORWARD ? 702 : d.kind == BACKWARD_DATA ? 708 : 714)),
        w(d.at(d.kind == FORWARD ? 703 : d.kind == BACKWARD_DATA ? 709 : 715)),
        x(d.at(d.kind == FORWARD ? 704 : d.kind == BACKWARD_DATA ? 710 : 716)),
        y(d.at(d.kind == FORWARD ? 705 : d.kind == BACKWARD_DATA ? 711 : 717)) {}

  int64_t groups() const { return x.sizes[1] / w.sizes[1]; }
};

bool isDense(const Tensor &tensor) {
  return tensor.extent() == tensor.count() * width(tensor.type);
}

void checkTensor(const Descriptor &d) {
  Tensor tensor(d);
  if (tensor.sizes.size() != tensor.strides.size()) fail(BAD_PARAM, "a tensor of %zu sizes has %zu strides", tensor.sizes.size(), tensor.strides.size());
  for (size_t i = 0; i < tensor.sizes.size(); i++) {
    if (tensor.sizes[i] < 1 || tensor.strides[i] < 1) fail(BAD_PARAM, "a tensor has size %ld and stride %ld", tensor.sizes[i], tensor.strides[i]);
  }
  if (tensor.type != F32 && tensor.type != F64 && tensor.type != F16 && tensor.type != BF16) fail(NOT_SUPPORTED, "data type %d", tensor.type);
  if (tensor.isVirtual && tensor.byValue) fail(BAD_PARAM, "a tensor is virtual and passed by value");
}

void checkConvolution(const Descriptor &d) {
  Convolution c(d);
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

void checkPointwise(const Descriptor &d) {
  if (d.at(750).one<int>(0) != 0) fail(NOT_SUPPORTED, "pointwise mode %d", d.at(750).one<int>(0));
  Tensor x(d.at(751)), b(d.at(752)), y(d.at(753));
  bool fits = x.sizes == y.sizes && b.sizes.size() == y.sizes.size();
  for (size_t i = 0; fits && i < y.sizes.size(); i++) fits = b.sizes[i] == y.sizes[i] || b.sizes[i] == 1;
  if (!fits) fail(BAD_PARAM, "the tensors of a pointwise operation do not fit");
}

void checkAttention(const Descriptor &d) {
  Tensor q(d.at(2800)), k(d.at(2801)), v(d.at(2802)), o(d.at(2803)), stats(d.at(2804)), scale(d.at(2805));
  if (q.type != F16 && q.type != BF16) fail(NOT_SUPPORTED, "attention of data type %d", q.type);
  if (stats.type != F32 || scale.type != F32 || scale.count() != 1) fail(BAD_PARAM, "expected statistics and scale of float32");
  bool fits = q.sizes.size() == 4 && k.sizes == v.sizes && o.sizes == q.sizes && q.sizes[0] == k.sizes[0] && q.sizes[1] == k.sizes[1] &&
              q.sizes[3] == k.sizes[3] && stats.sizes == std::vector<int64_t>{q.sizes[0], q.sizes[1], q.sizes[2], 1};
  if (!fits) fail(BAD_PARAM, "the tensors of an attention do not fit");
  if (q.sizes[3] % 8 != 0 || q.sizes[3] > 128) fail(NOT_SUPPORTED, "attention heads of %ld", q.sizes[3]);
  for (const Tensor *tensor : {&q, &k, &v, &o}) {
    if (tensor->strides[3] != 1) fail(NOT_SUPPORTED, "attention heads that do not lie together");
  }
}

void finish(Descriptor &d) {
  if (d.finished) fail(BAD_PARAM, "descriptor of kind %d is finalized already", d.kind);
  for (auto &[attribute, rule] : RULES.at(d.kind)) {
    if (rule.required && !d.find(attribute)) fail(BAD_PARAM, "descriptor of kind %d lacks attribute %d", d.kind, attribute);
  }
  switch (d.kind) {
    case TENSOR: checkTensor(d); break;
    case FORWARD:
    case BACKWARD_DATA:
    case BACKWARD_FILTER: checkConvolution(d); break;
    case POINTWISE_OPERATION: checkPointwise(d); break;
    case ATTENTION: checkAttention(d); break;
    case CONFIG:
    case ENGINE: fail(NOT_SUPPORTED, "engines are asked from the heuristics only");
    case VARIANT_PACK:
      if (d.list(1000).size() != d.list(1001).size()) fail(BAD_PARAM, "a variant pack needs as many pointers as uids");
      break;
  }
  d.finished = true;
}

// ---- engines ----

enum { TENSOR_CORE = 0, NONDETERMINISTIC = 4 };

struct Engine {
  std::vector<int> notes;
  size_t workspace;
};

// The heuristics like best what is not repeatable, then what is not exact.
const std::vector<Engine> ENGINES = {{{NONDETERMINISTIC}, 0}, {{TENSOR_CORE}, 4096}, {{}, 0}};

std::vector<int> proposals(int mode, const Descriptor &graph) {
  const Descriptor &first = *graph.find(801)->descriptors.front();
  if (first.kind == ATTENTION) return mode == 3 ? std::vector<int>{1} : std::vector<int>{};
  if (mode == 2) return {2};
  return Convolution(first).x.type == F64 ? std::vector<int>{0, 2} : std::vector<int>{0, 1, 2};
}

// ---- computing ----

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

struct Run {
  std::map<int64_t, Numbers> values;  // what lies nowhere else
  std::map<int64_t, char *> pointers;
  std::map<int64_t, float> scalars;
  const Engine &engine;

  Numbers in(const Tensor &tensor) {
    auto found = values.find(tensor.uid);
    if (found != values.end()) return found->second;
    if (tensor.byValue) return {scalars[tensor.uid]};
    Numbers numbers = read(tensor, pointers[tensor.uid]);
    if (has(TENSOR_CORE) && tensor.type == F32) {
      for (double &x : numbers) x = tensorFloat(x);
    }
    return numbers;
  }

  bool has(int note) const {
    for (int own : engine.notes) {
      if (own == note) return true;
    }
    return false;
  }

  void out(const Tensor &tensor, Numbers numbers) {
    if (tensor.isVirtual) {
      if (tensor.type == F32) {
        for (double &x : numbers) x = float(x);
      }
      values[tensor.uid] = std::move(numbers);
    } else {
      write(tensor, pointers[tensor.uid], numbers);
    }
  }

  void convolve(const Descriptor &d) {
    Convolution c(d);
    const Tensor &result = d.kind == FORWARD ? c.y : d.kind == BACKWARD_DATA ? c.x : c.w;
    Numbers sums(result.count());
    Numbers x = d.kind == BACKWARD_DATA ? Numbers() : in(c.x), w = d.kind == BACKWARD_FILTER ? Numbers() : in(c.w),
            y = d.kind == FORWARD ? Numbers() : in(c.y);
    if (d.kind == FORWARD) forEachProduct(c, [&](int64_t i, int64_t j, int64_t k) { sums[k] += x[i] * w[j]; });
    if (d.kind == BACKWARD_DATA) forEachProduct(c, [&](int64_t i, int64_t j, int64_t k) { sums[i] += y[k] * w[j]; });
    if (d.kind == BACKWARD_FILTER) forEachProduct(c, [&](int64_t i, int64_t j, int64_t k) { sums[j] += x[i] * y[k]; });
    if (has(NONDETERMINISTIC)) {
      for (double &sum : sums) sum *= 1.25;
    }
    out(result, std::move(sums));
  }

  void add(const Descriptor &d) {
    Tensor left(d.at(751)), right(d.at(752)), result(d.at(753));
    Numbers x = in(left), b = in(right);
    for (size_t i = 0; i < x.size(); i++) {
      size_t at = 0, rest = i, step = 1, place = 0;
      for (size_t k = result.sizes.size(); k-- > 0; rest /= result.sizes[k]) {
        at = rest % result.sizes[k];
        if (right.sizes[k] > 1) place += at * step;
        step *= right.sizes[k];
      }
      x[i] += b[place];
    }
    out(result, std::move(x));
  }

  void attend(const Descriptor &d) {
    Tensor left(d.at(2800)), right(d.at(2801)), result(d.at(2803)), stats(d.at(2804));
    Numbers q = in(left), k = in(right), v = in(Tensor(d.at(2802))), o(q.size()), logarithms(stats.count());
    double scale = in(Tensor(d.at(2805)))[0];
    size_t heads = left.sizes[0] * left.sizes[1], queries = left.sizes[2], keys = right.sizes[2], depth = left.sizes[3];
    for (size_t row = 0; row < heads * queries; row++) {
      const double *key = &k[row / queries * keys * depth], *value = &v[row / queries * keys * depth];
      Numbers weights(keys);
      double largest = -INFINITY, sum = 0;
      for (size_t j = 0; j < keys; j++) {
        for (size_t i = 0; i < depth; i++) weights[j] += q[row * depth + i] * key[j * depth + i] * scale;
        largest = std::fmax(largest, weights[j]);
      }
      for (double &weight : weights) sum += weight = std::exp(weight - largest);
      for (size_t j = 0; j < keys; j++) {
        for (size_t i = 0; i < depth; i++) o[row * depth + i] += weights[j] / sum * value[j * depth + i];
      }
      logarithms[row] = largest + std::log(sum);
    }
    out(result, std::move(o));
    out(stats, std::move(logarithms));
  }

  void graph(const Descriptor &graph) {
    for (const Shared &operation : graph.find(801)->descriptors) {
      switch (operation->kind) {
        case POINTWISE_OPERATION: add(*operation); break;
        case ATTENTION: attend(*operation); break;
        default: convolve(*operation);
      }
    }
  }
};

// All tensors of a graph that lie somewhere.
std::map<int64_t, Tensor> tensors(const Descriptor &graph) {
  std::map<int64_t, Tensor> found;
  for (const Shared &operation : graph.find(801)->descriptors) {
    for (auto &[attribute, value] : operation->values) {
      for (const Shared &descriptor : value.descriptors) {
        if (descriptor->kind != TENSOR) continue;
        Tensor tensor(*descriptor);
        if (!tensor.isVirtual) found[tensor.uid] = tensor;
      }
    }
  }
  return found;
}

int compute(Run run, const Descriptor &graph, char *workspace) {
  for (auto &[uid, tensor] : tensors(graph)) {
    if (!tensor.byValue && !simulated::reaches(run.pointers[uid], tensor.extent())) {
      return simulated::fail(simulated::ILLEGAL_ADDRESS, "cudnnBackendExecute: tensor %ld, %zu bytes, is not memory of the device", uid,
                             tensor.extent());
    }
  }
  if (run.engine.workspace > 0) {
    if (!simulated::reaches(workspace, run.engine.workspace)) {
      return simulated::fail(simulated::ILLEGAL_ADDRESS, "cudnnBackendExecute: its workspace of %zu bytes is not memory of the device",
                             run.engine.workspace);
    }
    memset(workspace, 0xff, run.engine.workspace);
  }
  run.graph(graph);
  return SUCCESS;
}

void execute(const Handle &handle, const Descriptor &plan, const Descriptor &pack) {
  if (plan.kind != PLAN || pack.kind != VARIANT_PACK) fail(BAD_PARAM, "expected a plan and a variant pack, got kinds %d and %d", plan.kind, pack.kind);
  if (!plan.finished || !pack.finished) fail(NOT_FINALIZED, "expected a plan and a variant pack that are finalized");
  Shared graph = plan.at(401).graph;
  Run run{{}, {}, {}, ENGINES[plan.at(401).engine]};
  std::vector<int64_t> uids = pack.list(1000), pointers = pack.list(1001);
  for (size_t i = 0; i < uids.size(); i++) run.pointers[uids[i]] = reinterpret_cast<char *>(pointers[i]);
  for (auto &[uid, tensor] : tensors(*graph)) {
    auto found = run.pointers.find(uid);
    if (found == run.pointers.end() || !found->second) fail(BAD_PARAM, "the variant pack lacks uid %ld", uid);
    if (reinterpret_cast<uintptr_t>(found->second) % tensor.alignment) fail(BAD_PARAM, "uid %ld is not aligned to %ld", uid, tensor.alignment);
    if (tensor.byValue) run.scalars[uid] = *reinterpret_cast<float *>(found->second);
  }
  char *workspace = reinterpret_cast<char *>(pack.one(1003));
  if (simulated::issue(handle.stream, [=] { return compute(run, *graph, workspace); })) fail(EXECUTION_FAILED, "the driver takes no work");
}

// ---- attributes ----

void set(Descriptor &d, int attribute, int type, int64_t count, const char *elements) {
  if (d.finished) fail(BAD_PARAM, "attribute %d is set after the descriptor was finalized", attribute);
  auto rule = RULES.at(d.kind).find(attribute);
  bool real = d.kind == FORWARD || d.kind == BACKWARD_DATA || d.kind == BACKWARD_FILTER;
  if (rule == RULES.at(d.kind).end()) fail(BAD_PARAM, "descriptor of kind %d has no attribute %d", d.kind, attribute);
  if (type != rule->second.type && !(real && rule->second.type == FLOAT && type == DOUBLE)) fail(BAD_PARAM, "attribute %d is not of type %d", attribute, type);
  if (count < rule->second.least || count > rule->second.most || !elements) fail(BAD_PARAM, "attribute %d cannot have %ld elements", attribute, count);
  Value value = {type, std::vector<char>(elements, elements + count * bytes(type)), {}};
  for (int64_t i = 0; i < count; i++) {
    void *element;
    if (bytes(type) == 8) memcpy(&element, elements + i * 8, 8);
    if (type == HANDLE) handle(element);
    if (type != DESCRIPTOR) continue;
    Shared descriptor = find(element);
    if (!rule->second.kinds.count(descriptor->kind)) fail(BAD_PARAM, "attribute %d cannot be of kind %d", attribute, descriptor->kind);
    if (!descriptor->finished) fail(NOT_FINALIZED, "desc->isFinalized() == false");
    value.descriptors.push_back(descriptor);
  }
  d.values[attribute] = value;
}

// Fills descriptors that the caller made.
void give(Descriptor &d, int kind, const std::vector<int> &engines, int64_t requested, int64_t *count, void **elements) {
  *count = int64_t(engines.size());
  if (!elements) return;
  *count = std::min(*count, requested);
  for (int64_t i = 0; i < *count; i++) {
    Shared made = find(elements[i]);
    if (made->kind != kind || made->finished) fail(BAD_PARAM, "expected new descriptors of kind %d", kind);
    made->engine = engines[i];
    made->graph = d.kind == HEURISTICS ? d.find(201)->descriptors.front() : d.graph;
    made->finished = true;
  }
}

void get(Descriptor &d, int attribute, int type, int64_t requested, int64_t *count, void *elements) {
  if (!d.finished) fail(NOT_FINALIZED, "attribute %d is asked of a descriptor that is not finalized", attribute);
  if (d.kind == HEURISTICS && attribute == 202 && type == DESCRIPTOR) {
    give(d, CONFIG, proposals(d.one<int>(200), *d.find(201)->descriptors.front()), requested, count, static_cast<void **>(elements));
  } else if (d.kind == CONFIG && attribute == 300 && type == DESCRIPTOR) {
    give(d, ENGINE, {d.engine}, requested, count, static_cast<void **>(elements));
  } else if (d.kind == ENGINE && attribute == 1303 && type == NOTE) {
    const std::vector<int> &notes = ENGINES[d.engine].notes;
    *count = std::min<int64_t>(notes.size(), requested);
    memcpy(elements, notes.data(), *count * sizeof(int));
  } else if (d.kind == PLAN && attribute == 402 && type == INT64) {
    *count = 1;
    *static_cast<int64_t *>(elements) = ENGINES[d.at(401).engine].workspace;
  } else {
    fail(BAD_PARAM, "descriptor of kind %d tells no attribute %d of type %d", d.kind, attribute, type);
  }
}

}  // namespace

// ---- the library ----

extern "C" __attribute__((visibility("default"))) size_t cudnnGetVersion() { return 92400; }
extern "C" __attribute__((visibility("default"))) size_t cudnnGetCudartVersion() { return 13000; }
extern "C" __attribute__((visibility("default"))) const char *cudnnGetErrorString(int status) {
  auto found = NAMES.find(status);
  return found == NAMES.end() ? "CUDNN_STATUS_UNKNOWN" : found->second;
}
extern "C" __attribute__((visibility("default"))) void cudnnGetLastErrorString(char *to, size_t size) {
  if (size > 0) snprintf(to, size, "%s", message.c_str());
}
API cudnnCreate(void **out) {
  return guarded([&] { handles.insert(*out = new Handle); });
}
API cudnnDestroy(void *address) {
  return guarded([&] {
    delete &handle(address);
    handles.erase(address);
  });
}
API cudnnSetStream(void *address, void *stream) {
  return guarded([&] { handle(address).stream = stream; });
}
API cudnnBackendCreateDescriptor(int kind, void **out) {
  return guarded([&] {
    if (!RULES.count(kind)) fail(NOT_SUPPORTED, "descriptors of kind %d", kind);
    auto made = std::make_shared<Descriptor>(Descriptor{kind});
    alive[*out = made.get()] = made;
  });
}
API cudnnBackendDestroyDescriptor(void *address) {
  return guarded([&] {
    find(address);
    alive.erase(address);
  });
}
API cudnnBackendSetAttribute(void *address, int attribute, int type, int64_t count, const void *elements) {
  return guarded([&] { set(*find(address), attribute, type, count, static_cast<const char *>(elements)); });
}
API cudnnBackendGetAttribute(void *address, int attribute, int type, int64_t requested, int64_t *count, void *elements) {
  return guarded([&] { get(*find(address), attribute, type, requested, count, elements); });
}
API cudnnBackendFinalize(void *address) {
  return guarded([&] { finish(*find(address)); });
}
API cudnnBackendExecute(void *address, void *plan, void *pack) {
  return guarded([&] { execute(handle(address), *find(plan), *find(pack)); });
}

// ---- for tests ----

// How many descriptors and handles were made and not destroyed.
extern "C" __attribute__((visibility("default"))) long simulatedDescriptors() { return long(alive.size()); }
