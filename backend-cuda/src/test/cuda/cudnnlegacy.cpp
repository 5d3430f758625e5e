// The legacy API of the simulated cuDNN, as far as convolutions need it: descriptors that are set at once, and algorithms by their numbers. It
// takes tensors whose rows or channels are last, all lying alike, and refuses what an algorithm is not for; who takes an algorithm whose sums
// are not repeatable gets other numbers.

#include <algorithm>
#include <map>

#include "cudnn.h"

namespace cudnn {

namespace {

enum What { TENSOR, FILTER, SLIDE };
enum Format { NCHW = 0, NHWC = 1 };
enum Math { DEFAULT_MATH = 0, TENSOR_OP_MATH = 1, FMA_MATH = 3 };

struct Description {
  What what;
  bool complete = false;
  int format = NCHW;
  Tensor tensor = {};
  Slide slide = {};
  int sums = F32, groups = 1, math = DEFAULT_MATH;
};

std::map<void *, Description> descriptions;

Description &find(void *address, What what) {
  auto found = descriptions.find(address);
  if (found == descriptions.end() || found->second.what != what) fail(BAD_PARAM, "%p is no descriptor of kind %d, or was destroyed", address, what);
  return found->second;
}

const Description &complete(void *address, What what) {
  const Description &found = find(address, what);
  if (!found.complete) fail(BAD_PARAM, "a descriptor of kind %d is used before it is set", what);
  return found;
}

int create(void **out, What what) {
  return guarded([&] {
    *out = new char;
    descriptions.emplace(*out, Description{what});
  });
}

int destroy(void *address, What what) {
  return guarded([&] {
    find(address, what);
    descriptions.erase(address);
    delete static_cast<char *>(address);
  });
}

int pack(void *address, What what, int format, int type, int rank, const int *sizes) {
  return guarded([&] {
    Description &d = find(address, what);
    if (rank != 4 || *std::min_element(sizes, sizes + rank) < 1) fail(BAD_PARAM, "expected 4 sizes, each at least 1");
    if (type != F32 && type != F64 && !isHalf(type)) fail(NOT_SUPPORTED, "data type %d", type);
    if (format != NCHW && format != NHWC) fail(NOT_SUPPORTED, "format %d", format);
    int64_t c = sizes[1], h = sizes[2], w = sizes[3];
    d.format = format;
    d.tensor.type = type;
    d.tensor.sizes.assign(sizes, sizes + rank);
    d.tensor.strides = format == NCHW ? std::vector<int64_t>{c * h * w, h * w, w, 1} : std::vector<int64_t>{c * h * w, 1, c * w, c};
    d.complete = true;
  });
}

// One call: two factors and the result, each of x, w and y in the place that the direction gives it.
struct Job {
  int direction, algorithm, math;
  Convolution c;

  Job(int direction, void *a, void *b, void *slide, void *result, int algorithm) : direction(direction), algorithm(algorithm) {
    const Description &s = complete(slide, SLIDE);
    const Description &x = complete(direction == BACKWARD_DATA ? result : a, TENSOR);
    const Description &w = complete(direction == FORWARD ? b : direction == BACKWARD_DATA ? a : result, FILTER);
    const Description &y = complete(direction == FORWARD ? result : b, TENSOR);
    math = s.math;
    c.slide = s.slide;
    c.x = x.tensor;
    c.w = w.tensor;
    c.y = y.tensor;
    checkFit(c);
    if (c.groups() != s.groups) fail(BAD_PARAM, "the tensors have %ld groups, the convolution %d", c.groups(), s.groups);
    if (c.x.type != c.w.type || c.x.type != c.y.type) fail(BAD_PARAM, "the tensors are not of one data type");
    if (s.sums != (c.x.type == F64 ? F64 : F32)) fail(NOT_SUPPORTED, "sums of data type %d", s.sums);
    if (x.format != w.format || x.format != y.format) fail(NOT_SUPPORTED, "tensors in different orders");
    if (x.format == NHWC && c.x.type == F64) fail(NOT_SUPPORTED, "doubles with channels last");
    bool plain = c.slide.strides == std::vector<int64_t>{1, 1} && c.slide.dilations == std::vector<int64_t>{1, 1};
    if (refusals.algorithms >> algorithm & 1 || !(multiplies() || (transforms() && plain && c.x.type == F32))) {
      fail(NOT_SUPPORTED, "algorithm %d is not for this convolution", algorithm);
    }
  }

  bool multiplies() const { return algorithm <= 1 || !repeatable(); }

  // Whether it is one of the two by Fourier transforms.
  bool transforms() const {
    return algorithm == (direction == FORWARD ? 4 : 2) || algorithm == (direction == FORWARD ? 5 : direction == BACKWARD_DATA ? 3 : 6);
  }

  bool repeatable() const { return direction == FORWARD || (algorithm != 0 && !(direction == BACKWARD_FILTER && algorithm == 3)); }

  size_t workspace() const { return algorithm == 0 ? 0 : 4096; }

  Numbers factor(const Tensor &tensor, const char *from) const {
    Numbers numbers = read(tensor, from);
    if (tensor.type == F32 && math != FMA_MATH) {
      for (double &x : numbers) x = tensorFloat(x);
    }
    return numbers;
  }

  int compute(const char *a, const char *b, char *workspace, char *to) const {
    const Tensor &left = direction == BACKWARD_DATA ? c.w : c.x, &right = direction == FORWARD ? c.w : c.y, &out = c.result(direction);
    if (!simulated::reaches(a, left.extent()) || !simulated::reaches(b, right.extent()) || !simulated::reaches(to, out.extent()) ||
        (this->workspace() > 0 && !simulated::reaches(workspace, this->workspace()))) {
      return simulated::fail(simulated::ILLEGAL_ADDRESS, "cudnnConvolution: an operand or the workspace is not memory of the device");
    }
    memset(workspace, 0xff, this->workspace());
    Numbers first = factor(left, a), second = factor(right, b), none;
    Numbers sums = direction == FORWARD         ? convolved(direction, c, first, second, none)
                   : direction == BACKWARD_DATA ? convolved(direction, c, none, first, second)
                                                : convolved(direction, c, first, none, second);
    if (!repeatable()) {
      for (double &sum : sums) sum *= 1.25;
    }
    write(out, to, sums);
    return SUCCESS;
  }
};

long questions = 0;

int workspaceSize(int direction, void *at, void *a, void *b, void *slide, void *result, int algorithm, size_t *bytes) {
  return guarded([&] {
    handle(at);
    questions++;
    *bytes = Job(direction, a, b, slide, result, algorithm).workspace();
  });
}

// result = 1 * convolution + 0 * result; the numbers are in the type of sums.
int run(int direction, void *at, const char *one, void *aLayout, const char *a, void *bLayout, const char *b, void *slide, int algorithm,
        char *workspace, size_t bytes, const char *zero, void *layout, char *result) {
  return guarded([&] {
    Job job(direction, aLayout, bLayout, slide, layout, algorithm);
    int type = job.c.x.type == F64 ? F64 : F32;
    if (load(one, type) != 1 || load(zero, type) != 0) fail(NOT_SUPPORTED, "scales %g and %g", load(one, type), load(zero, type));
    if (bytes < job.workspace()) fail(BAD_PARAM, "the workspace of %zu bytes is too small", bytes);
    auto work = [=] { return job.compute(a, b, workspace, result); };
    if (simulated::issue(handle(at).stream, work)) fail(EXECUTION_FAILED, "the driver takes no work");
  });
}

}  // namespace

size_t legacyDescriptors() { return descriptions.size(); }

}  // namespace cudnn

using namespace cudnn;

// ---- descriptors ----

API cudnnCreateTensorDescriptor(void **out) { return create(out, TENSOR); }
API cudnnCreateFilterDescriptor(void **out) { return create(out, FILTER); }
API cudnnCreateConvolutionDescriptor(void **out) { return create(out, SLIDE); }
API cudnnDestroyTensorDescriptor(void *address) { return destroy(address, TENSOR); }
API cudnnDestroyFilterDescriptor(void *address) { return destroy(address, FILTER); }
API cudnnDestroyConvolutionDescriptor(void *address) { return destroy(address, SLIDE); }
API cudnnSetTensorNdDescriptorEx(void *address, int format, int type, int rank, const int *sizes) {
  return pack(address, TENSOR, format, type, rank, sizes);
}
API cudnnSetFilterNdDescriptor(void *address, int type, int format, int rank, const int *sizes) {
  return pack(address, FILTER, format, type, rank, sizes);
}
API cudnnSetConvolutionNdDescriptor(void *address, int rank, const int *pads, const int *strides, const int *dilations, int mode, int sums) {
  return guarded([&] {
    Description &d = find(address, SLIDE);
    if (rank != 2 || mode != 1) fail(NOT_SUPPORTED, "expected 2 dimensions and cross-correlation, got %d and mode %d", rank, mode);
    d.slide.pads.assign(pads, pads + rank);
    d.slide.strides.assign(strides, strides + rank);
    d.slide.dilations.assign(dilations, dilations + rank);
    d.sums = sums;
    d.complete = true;
  });
}
API cudnnSetConvolutionGroupCount(void *address, int groups) {
  return guarded([&] { find(address, SLIDE).groups = groups; });
}
API cudnnSetConvolutionMathType(void *address, int math) {
  return guarded([&] { find(address, SLIDE).math = math; });
}

// ---- convolutions ----

API cudnnGetConvolutionForwardWorkspaceSize(void *handle, void *x, void *w, void *slide, void *y, int algorithm, size_t *bytes) {
  return workspaceSize(FORWARD, handle, x, w, slide, y, algorithm, bytes);
}
API cudnnGetConvolutionBackwardDataWorkspaceSize(void *handle, void *w, void *y, void *slide, void *x, int algorithm, size_t *bytes) {
  return workspaceSize(BACKWARD_DATA, handle, w, y, slide, x, algorithm, bytes);
}
API cudnnGetConvolutionBackwardFilterWorkspaceSize(void *handle, void *x, void *y, void *slide, void *w, int algorithm, size_t *bytes) {
  return workspaceSize(BACKWARD_FILTER, handle, x, y, slide, w, algorithm, bytes);
}
API cudnnConvolutionForward(void *handle, const char *one, void *xLayout, const char *x, void *wLayout, const char *w, void *slide,
                            int algorithm, char *workspace, size_t bytes, const char *zero, void *yLayout, char *y) {
  return run(FORWARD, handle, one, xLayout, x, wLayout, w, slide, algorithm, workspace, bytes, zero, yLayout, y);
}
API cudnnConvolutionBackwardData(void *handle, const char *one, void *wLayout, const char *w, void *yLayout, const char *y, void *slide,
                                 int algorithm, char *workspace, size_t bytes, const char *zero, void *xLayout, char *x) {
  return run(BACKWARD_DATA, handle, one, wLayout, w, yLayout, y, slide, algorithm, workspace, bytes, zero, xLayout, x);
}
API cudnnConvolutionBackwardFilter(void *handle, const char *one, void *xLayout, const char *x, void *yLayout, const char *y, void *slide,
                                   int algorithm, char *workspace, size_t bytes, const char *zero, void *wLayout, char *w) {
  return run(BACKWARD_FILTER, handle, one, xLayout, x, yLayout, y, slide, algorithm, workspace, bytes, zero, wLayout, w);
}

// For tests: how often algorithms were asked what they need.
extern "C" __attribute__((visibility("default"))) long simulatedQuestions() { return questions; }
