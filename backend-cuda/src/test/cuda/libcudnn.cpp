// A cuDNN that computes on this machine, in the order of the simulated driver's streams. It reads graphs of the backend API as the real one
// does, is as strict about their descriptors, and computes them by plain loops over doubles. Its engines have the notes of real ones, and
// differ as those do: who takes one that he should not gets other numbers.

#include <chrono>
#include <cmath>
#include <map>
#include <memory>
#include <set>
#include <thread>

#include "cudnn.h"

namespace cudnn {

thread_local std::string message;
std::recursive_mutex mutex;
Refusals refusals;

const std::map<int, const char *> NAMES = {{SUCCESS, "CUDNN_STATUS_SUCCESS"},
                                           {BAD_PARAM, "CUDNN_STATUS_BAD_PARAM"},
                                           {NOT_FINALIZED, "CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED"},
                                           {NOT_SUPPORTED, "CUDNN_STATUS_NOT_SUPPORTED"},
                                           {EXECUTION_FAILED, "CUDNN_STATUS_EXECUTION_FAILED"}};

// ---- descriptors ----

enum Kind {
  POINTWISE = 0,
  CONVOLUTION = 1,
  ENGINE = 2,
  CONFIG = 3,
  HEURISTICS = 4,
  PLAN = 5,
  POINTWISE_OPERATION = 13,
  GRAPH = 15,
  VARIANT_PACK = 16,
  TENSOR = 17,
  MATMUL = 18,
  MATMUL_OPERATION = 19,
  REDUCTION = 21,
  REDUCTION_OPERATION = 22,
  RESHAPE_OPERATION = 31,
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
  NAN_PROPAGATION = 10,
  NOTE = 11,
  POINTWISE_MODE = 14,
  DESCRIPTOR = 15,
  REDUCTION_MODE = 18,
};

size_t bytes(int type) {
  switch (type) {
    case BOOLEAN: return 1;
    case DATA_TYPE:
    case FLOAT:
    case CONVOLUTION_MODE:
    case HEURISTIC_MODE:
    case NAN_PROPAGATION:
    case NOTE:
    case POINTWISE_MODE:
    case REDUCTION_MODE: return 4;
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
const Rule NUMBERS = {INT64, 2, 2}, TENSORS = {DESCRIPTOR, 1, 1, true, {TENSOR}}, OPTIONAL = {DESCRIPTOR, 1, 1, false, {TENSOR}},
           SCALE = {FLOAT, 1, 1};

const std::map<int, std::map<int, Rule>> RULES = {
    {POINTWISE, {{0, {POINTWISE_MODE, 1, 1}}, {1, {DATA_TYPE, 1, 1}}, {2, {NAN_PROPAGATION, 1, 1, false}}, {9, {INT64, 1, 1, false}}}},
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
    {POINTWISE_OPERATION,
     {{750, {DESCRIPTOR, 1, 1, true, {POINTWISE}}}, {751, TENSORS}, {752, OPTIONAL}, {753, TENSORS}, {758, OPTIONAL}}},
    {GRAPH,
     {{800, {HANDLE, 1, 1}},
      {801, {DESCRIPTOR, 1, ANY, true, {FORWARD, BACKWARD_DATA, BACKWARD_FILTER, POINTWISE_OPERATION, MATMUL_OPERATION,
                                        REDUCTION_OPERATION, RESHAPE_OPERATION}}}}},
    {VARIANT_PACK, {{1000, {INT64, 1, ANY}}, {1001, {POINTER, 1, ANY}}, {1003, {POINTER, 1, 1}}}},
    {TENSOR,
     {{900, {INT64, 1, 1}}, {901, {DATA_TYPE, 1, 1}}, {902, {INT64, 1, 8}}, {903, {INT64, 1, 8}}, {906, {INT64, 1, 1}},
      {907, {BOOLEAN, 1, 1, false}}, {908, {BOOLEAN, 1, 1, false}}}},
    {MATMUL, {{1500, {DATA_TYPE, 1, 1}}}},
    {MATMUL_OPERATION, {{1520, TENSORS}, {1521, TENSORS}, {1522, TENSORS}, {1523, {DESCRIPTOR, 1, 1, true, {MATMUL}}}}},
    {REDUCTION, {{1600, {REDUCTION_MODE, 1, 1}}, {1601, {DATA_TYPE, 1, 1}}}},
    {REDUCTION_OPERATION, {{1610, TENSORS}, {1611, TENSORS}, {1612, {DESCRIPTOR, 1, 1, true, {REDUCTION}}}}},
    {RESHAPE_OPERATION, {{2200, TENSORS}, {2201, TENSORS}}},
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

std::set<void *> handles;
long streams = 0;  // that handles were given

Handle &handle(void *address) {
  if (!handles.count(address)) fail(BAD_PARAM, "%p is no handle, or was destroyed", address);
  return *static_cast<Handle *>(address);
}

Tensor::Tensor(const Descriptor &d)
    : uid(d.one(906)), alignment(d.one(900)), type(d.one<int>(901)), sizes(d.list(902)), strides(d.list(903)), isVirtual(d.flag(907)),
      byValue(d.flag(908)) {}

// ---- what fits together ----

Slide::Slide(const Descriptor &d) : dilations(d.list(102)), strides(d.list(103)), pads(d.list(105)) {}

Convolution::Convolution(const Descriptor &d)
    : slide(d.at(d.kind == FORWARD ? 702 : d.kind == BACKWARD_DATA ? 708 : 714)),
      w(d.at(d.kind == FORWARD ? 703 : d.kind == BACKWARD_DATA ? 709 : 715)),
      x(d.at(d.kind == FORWARD ? 704 : d.kind == BACKWARD_DATA ? 710 : 716)),
      y(d.at(d.kind == FORWARD ? 705 : d.kind == BACKWARD_DATA ? 711 : 717)) {}

void checkTensor(const Descriptor &d) {
  Tensor tensor(d);
  if (tensor.sizes.size() != tensor.strides.size()) fail(BAD_PARAM, "a tensor of %zu sizes has %zu strides", tensor.sizes.size(), tensor.strides.size());
  for (size_t i = 0; i < tensor.sizes.size(); i++) {
    if (tensor.sizes[i] < 1 || tensor.strides[i] < 1) fail(BAD_PARAM, "a tensor has size %ld and stride %ld", tensor.sizes[i], tensor.strides[i]);
  }
  if (tensor.alignment < 1 || tensor.alignment % width(tensor.type)) fail(BAD_PARAM, "a tensor of type %d is aligned to %ld", tensor.type, tensor.alignment);
  bool real = tensor.type == F32 || tensor.type == F64 || isHalf(tensor.type);
  if (!real && !((tensor.type == I32 || tensor.type == BOOL) && tensor.isVirtual)) fail(NOT_SUPPORTED, "data type %d", tensor.type);
  if (tensor.isVirtual && tensor.byValue) fail(BAD_PARAM, "a tensor is virtual and passed by value");
}

void checkConvolution(const Descriptor &d) {
  Convolution c(d);
  checkFit(c);
}

enum Mode { ADD = 0, MULTIPLY = 1, DIVIDE = 6, SUBTRACT = 9, EXP = 13, LOG = 15, RELU = 100, GELU = 104, AT_LEAST = 303, INDEX = 501, SELECT = 601 };

// How many tensors a mode has beside x and y, 0 or more; those that are not known are not supported.
int operands(int mode) {
  switch (mode) {
    case ADD:
    case MULTIPLY:
    case DIVIDE:
    case SUBTRACT:
    case AT_LEAST: return 1;
    case EXP:
    case LOG:
    case RELU:
    case GELU:
    case INDEX: return 0;
    case SELECT: return 2;
    default: fail(NOT_SUPPORTED, "pointwise mode %d", mode);
  }
}

void checkPointwise(const Descriptor &d) {
  int mode = d.at(750).one<int>(0), count = operands(mode);
  if ((d.find(752) != nullptr) != (count > 0) || (d.find(758) != nullptr) != (count > 1)) fail(BAD_PARAM, "pointwise mode %d has %d operands more", mode, count);
  if ((d.at(750).find(9) != nullptr) != (mode == INDEX)) fail(BAD_PARAM, "an axis is what mode %d needs, and no other", INDEX);
  Tensor x(d.at(751)), y(d.at(753)), b(d.at(count > 0 ? 752 : 751)), t(d.at(count > 1 ? 758 : 751));
  bool fits = x.sizes == y.sizes && t.sizes == y.sizes && b.sizes.size() == y.sizes.size();
  for (size_t i = 0; fits && i < y.sizes.size(); i++) fits = b.sizes[i] == y.sizes[i] || b.sizes[i] == 1;
  if (!fits) fail(BAD_PARAM, "the tensors of a pointwise operation do not fit");
  if (count > 1 && t.type != BOOL) fail(BAD_PARAM, "what selects is of data type %d", t.type);
}

void checkProduct(const Descriptor &d) {
  Tensor a(d.at(1520)), b(d.at(1521)), c(d.at(1522));
  size_t rank = c.sizes.size();
  bool fits = rank >= 3 && a.sizes.size() == rank && b.sizes.size() == rank;
  for (size_t i = 0; fits && i + 2 < rank; i++) fits = a.sizes[i] == c.sizes[i] && b.sizes[i] == c.sizes[i];
  fits = fits && a.sizes[rank - 2] == c.sizes[rank - 2] && b.sizes[rank - 1] == c.sizes[rank - 1] && a.sizes[rank - 1] == b.sizes[rank - 2];
  if (!fits) fail(BAD_PARAM, "the tensors of a product do not fit");
}

void checkReduction(const Descriptor &d) {
  Tensor x(d.at(1610)), y(d.at(1611));
  bool fits = x.sizes.size() == y.sizes.size();
  for (size_t i = 0; fits && i < y.sizes.size(); i++) fits = y.sizes[i] == x.sizes[i] || y.sizes[i] == 1;
  int mode = d.at(1612).one<int>(1600);
  if (!fits || (mode != 0 && mode != 3)) fail(BAD_PARAM, "the tensors of a reduction do not fit, or its mode %d is not known", mode);
}

void checkReshape(const Descriptor &d) {
  Tensor x(d.at(2200)), y(d.at(2201));
  if (x.count() != y.count() || x.extent() / width(x.type) != y.extent() / width(y.type)) fail(BAD_PARAM, "the tensors of a reshape do not fit");
}

int result(int kind) {
  switch (kind) {
    case FORWARD: return 705;
    case BACKWARD_DATA: return 710;
    case BACKWARD_FILTER: return 715;
    case POINTWISE_OPERATION: return 753;
    case MATMUL_OPERATION: return 1522;
    case REDUCTION_OPERATION: return 1611;
    default: return 2201;
  }
}

// What lies nowhere has to be computed before it is used.
void checkOrder(const Descriptor &graph) {
  std::set<int64_t> computed;
  for (const Shared &operation : graph.find(801)->descriptors) {
    for (auto &[attribute, value] : operation->values) {
      if (attribute == result(operation->kind) || value.descriptors.empty() || value.descriptors.front()->kind != TENSOR) continue;
      Tensor tensor(*value.descriptors.front());
      if (tensor.isVirtual && !computed.count(tensor.uid)) fail(BAD_PARAM, "virtual tensor %ld is used before it is computed", tensor.uid);
    }
    computed.insert(Tensor(operation->at(result(operation->kind))).uid);
  }
}

// How many elements of a matrix lie together, in its rows or in its columns; 0 where neither do.
int64_t together(const Tensor &tensor) {
  size_t last = tensor.sizes.size() - 1;
  return tensor.strides[last] == 1 ? tensor.sizes[last] : tensor.strides[last - 1] == 1 ? tensor.sizes[last - 1] : 0;
}

// The matrix products of a graph.
std::vector<const Descriptor *> products(const Descriptor &graph) {
  std::vector<const Descriptor *> found;
  for (const Shared &operation : graph.find(801)->descriptors) {
    if (operation->kind == MATMUL_OPERATION) found.push_back(operation.get());
  }
  return found;
}

// Whether `takes` says yes to every factor of products.
template <class Takes>
bool multiplies(const std::vector<const Descriptor *> &products, Takes takes) {
  for (const Descriptor *product : products) {
    if (!takes(Tensor(product->at(1520))) || !takes(Tensor(product->at(1521)))) return false;
  }
  return true;
}

// Engines of single products compile a kernel that cannot read factors of which neither rows nor columns lie together.
void checkPlan(const Descriptor &graph) {
  auto all = products(graph);
  if (all.size() == 1 && !multiplies(all, together)) fail(NOT_SUPPORTED, "Encountered runtime kernel compilation failure");
}

long plans = 0, graphs = 0;
std::chrono::milliseconds planning{0};  // that each plan takes to be made

void finish(Descriptor &d) {
  if (d.finished) fail(BAD_PARAM, "descriptor of kind %d is finalized already", d.kind);
  if (refusals.kinds >> d.kind & 1) fail(NOT_SUPPORTED, "descriptors of kind %d are not supported", d.kind);
  for (auto &[attribute, rule] : RULES.at(d.kind)) {
    if (rule.required && !d.find(attribute)) fail(BAD_PARAM, "descriptor of kind %d lacks attribute %d", d.kind, attribute);
  }
  switch (d.kind) {
    case POINTWISE:
      if (d.one<int>(0) == RELU && (!d.find(2) || d.one<int>(2) != 1)) fail(NOT_SUPPORTED, "a ReLU that makes 0 of NaN");
      break;
    case TENSOR: checkTensor(d); break;
    case FORWARD:
    case BACKWARD_DATA:
    case BACKWARD_FILTER: checkConvolution(d); break;
    case POINTWISE_OPERATION: checkPointwise(d); break;
    case MATMUL_OPERATION: checkProduct(d); break;
    case REDUCTION_OPERATION: checkReduction(d); break;
    case RESHAPE_OPERATION: checkReshape(d); break;
    case GRAPH:
      checkOrder(d);
      graphs++;
      break;
    case CONFIG:
    case ENGINE: fail(NOT_SUPPORTED, "engines are asked from the heuristics only");
    case PLAN:
      if (refusals.plans) fail(NOT_SUPPORTED, "no engine supports the graph");
      checkPlan(*d.at(401).graph);
      std::this_thread::sleep_for(planning);
      break;
    case VARIANT_PACK:
      if (d.list(1000).size() != d.list(1001).size()) fail(BAD_PARAM, "a variant pack needs as many pointers as uids");
      break;
  }
  d.finished = true;
  if (d.kind == PLAN) plans++;
}

// ---- engines ----

enum { TENSOR_CORE = 0, FFT = 3, NONDETERMINISTIC = 4, WINOGRAD = 5, WINOGRAD_4X4 = 6 };

struct Engine {
  std::vector<int> notes;
  size_t workspace;
};

const std::vector<Engine> ENGINES = {{{NONDETERMINISTIC}, 0}, {{TENSOR_CORE}, 4096}, {{}, 0}, {{WINOGRAD, WINOGRAD_4X4}, 4096}, {{FFT}, 0}};

// Milliseconds that each engine takes longer by the events' clock, and the engine that was executed last.
int delays[8];
int latest = -1;

// Fused engines of attention multiply halves whose rows or columns lie together in packs of 16 bytes; one of the two sides of a product may
// be what the engine itself computed.
bool takesHeads(const Tensor &tensor) {
  int64_t packed = together(tensor);
  return tensor.isVirtual || (isHalf(tensor.type) && packed > 0 && packed % 8 == 0 && packed <= 128);
}

// The heuristics like best what is not repeatable, then what is not exact.
std::vector<int> proposals(int mode, const Descriptor &graph) {
  const Descriptor &first = *graph.find(801)->descriptors.front();
  auto all = products(graph);
  if (all.size() == 1) {
    bool real = multiplies(all, [](const Tensor &factor) { return factor.type == F32 || isHalf(factor.type); });
    return real ? std::vector<int>{1} : std::vector<int>{};
  }
  if (all.size() > 1) return mode == 3 && multiplies(all, takesHeads) ? std::vector<int>{1, 2} : std::vector<int>{};
  if (mode == 2) return {2};
  int type = Convolution(first).x.type;
  return type == F64 ? std::vector<int>{0, 2} : type == F32 ? std::vector<int>{0, 1, 3, 4, 2} : std::vector<int>{0, 1, 2};
}

// ---- computing ----

struct Run {
  std::map<int64_t, Numbers> values;  // what lies nowhere else
  std::map<int64_t, char *> pointers;
  std::map<int64_t, float> scalars;
  const Engine &engine;

  Numbers in(const Tensor &tensor) {
    auto found = values.find(tensor.uid);
    if (found != values.end()) return found->second;
    if (tensor.byValue) return {scalars[tensor.uid]};
    return read(tensor, pointers[tensor.uid]);
  }

  // As tensor cores multiply it where the other factor is of a type.
  Numbers factor(const Tensor &tensor, int type) {
    Numbers numbers = in(tensor);
    if (has(TENSOR_CORE) && tensor.type == F32) {
      for (double &x : numbers) x = isHalf(type) ? rounded(type, x) : tensorFloat(x);
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
      for (double &x : numbers) x = rounded(tensor.type, x);
      values[tensor.uid] = std::move(numbers);
    } else {
      write(tensor, pointers[tensor.uid], numbers);
    }
  }

  void convolve(const Descriptor &d) {
    Convolution c(d);
    Numbers x = d.kind == BACKWARD_DATA ? Numbers() : factor(c.x, F32), w = d.kind == BACKWARD_FILTER ? Numbers() : factor(c.w, F32),
            y = d.kind == FORWARD ? Numbers() : factor(c.y, F32);
    Numbers sums = convolved(d.kind, c, x, w, y);
    double wrong = has(NONDETERMINISTIC) ? 0.25 : has(WINOGRAD) || has(FFT) ? 0x1p-11 : 0;
    for (double &sum : sums) sum += wrong * sum;
    out(c.result(d.kind), std::move(sums));
  }

  // Where a tensor that is broadcast to `sizes` has its element for place i of those.
  static size_t broadcast(const Tensor &tensor, const std::vector<int64_t> &sizes, size_t i) {
    size_t step = 1, place = 0;
    for (size_t k = sizes.size(); k-- > 0; i /= sizes[k]) {
      if (tensor.sizes[k] > 1) place += i % sizes[k] * step;
      step *= tensor.sizes[k];
    }
    return place;
  }

  static double apply(int mode, double x, double b) {
    switch (mode) {
      case ADD: return x + b;
      case MULTIPLY: return x * b;
      case DIVIDE: return x / b;
      case SUBTRACT: return x - b;
      case EXP: return std::exp(x);
      case LOG: return std::log(x);
      case RELU: return x < 0 ? 0 : x;  // a NaN stays one
      case GELU: return x * ((1 + std::erf(float(x) / 1.41421356237f)) * 0.5f);  // as inexact far left as the real one's
      default: return x >= b;
    }
  }

  void pointwise(const Descriptor &d) {
    int mode = d.at(750).one<int>(0);
    Tensor left(d.at(751)), result(d.at(753));
    if (mode == INDEX) return out(result, indices(left, d.at(750).one(9)));
    Numbers x = in(left), chosen;
    if (mode == SELECT) chosen = in(Tensor(d.at(758)));
    if (d.find(752)) {
      Tensor right(d.at(752));
      Numbers b = in(right);
      for (size_t i = 0; i < x.size(); i++) {
        double other = b[broadcast(right, result.sizes, i)];
        x[i] = mode == SELECT ? (chosen[i] != 0 ? x[i] : other) : apply(mode, x[i], other);
      }
    } else {
      for (double &number : x) number = apply(mode, number, 0);
    }
    out(result, std::move(x));
  }

  static Numbers indices(const Tensor &tensor, int64_t axis) {
    Numbers numbers(tensor.count());
    size_t inner = 1;
    for (size_t k = axis + 1; k < tensor.sizes.size(); k++) inner *= tensor.sizes[k];
    for (size_t i = 0; i < numbers.size(); i++) numbers[i] = double(i / inner % tensor.sizes[axis]);
    return numbers;
  }

  void multiply(const Descriptor &d) {
    Tensor left(d.at(1520)), right(d.at(1521)), result(d.at(1522));
    Numbers a = factor(left, right.type), b = factor(right, left.type), c(result.count());
    size_t rank = result.sizes.size(), rows = result.sizes[rank - 2], columns = result.sizes[rank - 1], terms = left.sizes[rank - 1];
    for (size_t row = 0; row < c.size() / columns; row++) {
      for (size_t k = 0; k < terms; k++) {
        for (size_t column = 0; column < columns; column++) {
          c[row * columns + column] += a[row * terms + k] * b[(row / rows * terms + k) * columns + column];
        }
      }
    }
    out(result, std::move(c));
  }

  void reduce(const Descriptor &d) {
    Tensor from(d.at(1610)), to(d.at(1611));
    bool sum = d.at(1612).one<int>(1600) == 0;
    Numbers x = in(from), y(to.count(), sum ? 0 : -INFINITY);
    for (size_t i = 0; i < x.size(); i++) {
      double &place = y[broadcast(to, from.sizes, i)];
      place = sum ? place + x[i] : std::fmax(place, x[i]);
    }
    out(to, std::move(y));
  }

  // The same elements by other strides.
  void reshape(const Descriptor &d) {
    Tensor from(d.at(2200)), to(d.at(2201));
    Numbers x = in(from), places(from.extent() / width(from.type)), y(to.count());
    forEach(from, [&](size_t i, int64_t offset) { places[offset / width(from.type)] = x[i]; });
    forEach(to, [&](size_t i, int64_t offset) { y[i] = places[offset / width(to.type)]; });
    out(to, std::move(y));
  }

  void graph(const Descriptor &graph) {
    for (const Shared &operation : graph.find(801)->descriptors) {
      switch (operation->kind) {
        case POINTWISE_OPERATION: pointwise(*operation); break;
        case MATMUL_OPERATION: multiply(*operation); break;
        case REDUCTION_OPERATION: reduce(*operation); break;
        case RESHAPE_OPERATION: reshape(*operation); break;
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

void execute(const Handle &handle, const Shared &shared, const Descriptor &pack) {
  const Descriptor &plan = *shared;
  if (plan.kind != PLAN || pack.kind != VARIANT_PACK) fail(BAD_PARAM, "expected a plan and a variant pack, got kinds %d and %d", plan.kind, pack.kind);
  if (!plan.finished || !pack.finished) fail(NOT_FINALIZED, "expected a plan and a variant pack that are finalized");
  Shared graph = plan.at(401).graph;
  int engine = plan.at(401).engine;
  if (refusals.engines >> engine & 1) fail(refusals.status, "engine %d fails", engine);
  latest = engine;
  Run run{{}, {}, {}, ENGINES[engine]};
  std::vector<int64_t> uids = pack.list(1000), pointers = pack.list(1001);
  for (size_t i = 0; i < uids.size(); i++) run.pointers[uids[i]] = reinterpret_cast<char *>(pointers[i]);
  for (auto &[uid, tensor] : tensors(*graph)) {
    auto found = run.pointers.find(uid);
    if (found == run.pointers.end() || !found->second) fail(BAD_PARAM, "the variant pack lacks uid %ld", uid);
    if (reinterpret_cast<uintptr_t>(found->second) % tensor.alignment) fail(BAD_PARAM, "uid %ld is not aligned to %ld", uid, tensor.alignment);
    if (tensor.byValue) run.scalars[uid] = *reinterpret_cast<float *>(found->second);
  }
  char *workspace = reinterpret_cast<char *>(pack.one(1003));
  std::weak_ptr<Descriptor> alive = shared;
  auto work = [=] {
    if (alive.expired()) return simulated::fail(simulated::LAUNCH_FAILED, "cudnnBackendExecute: its plan was destroyed before");
    simulated::pretend(delays[engine]);
    return compute(run, *graph, workspace);
  };
  if (simulated::issue(handle.stream, work)) fail(EXECUTION_FAILED, "the driver takes no work");
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

}  // namespace cudnn

using namespace cudnn;

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
  simulated::await();
  return guarded([&] { handles.insert(*out = new Handle); });
}
API cudnnDestroy(void *address) {
  return guarded([&] {
    delete &handle(address);
    handles.erase(address);
  });
}
API cudnnSetStream(void *address, void *stream) {
  return guarded([&] {
    handle(address).stream = stream;
    streams++;
  });
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
  return guarded([&] { execute(handle(address), find(plan), *find(pack)); });
}

// ---- for tests ----

// How many plans were made so far.
extern "C" __attribute__((visibility("default"))) long simulatedPlans() { return plans; }

// How many graphs were described so far.
extern "C" __attribute__((visibility("default"))) long simulatedGraphs() { return graphs; }

// How many descriptors of either API were not destroyed.
extern "C" __attribute__((visibility("default"))) long simulatedDescriptors() { return long(alive.size() + legacyDescriptors()); }

// How often a handle was given a stream.
extern "C" __attribute__((visibility("default"))) long simulatedStreams() { return streams; }

// The engine whose plan was executed last.
extern "C" __attribute__((visibility("default"))) long simulatedEngine() { return latest; }

API simulatedRefusals(int plans, int algorithms) {
  refusals.plans = plans != 0;
  refusals.algorithms = unsigned(algorithms);
  return SUCCESS;
}
API simulatedUnsupported(int64_t kinds) {
  refusals.kinds = uint64_t(kinds);
  return SUCCESS;
}
API simulatedFailures(int engines, int status) {
  refusals.engines = unsigned(engines);
  refusals.status = status;
  return SUCCESS;
}
API simulatedDelay(int engine, int milliseconds) {
  delays[engine] = milliseconds;
  return SUCCESS;
}
API simulatedPlanning(int milliseconds) {
  planning = std::chrono::milliseconds(milliseconds);
  return SUCCESS;
}
