// The negative log-likelihood of targets, both ways.
#include "complaint.cuh"
#include "rows.cuh"
#include "space.cuh"
#include "types.cuh"

namespace flambeau {

// A class for each place of a space, and what each class weighs.
template <class T>
struct Targets {
  const int64 *data;
  Steps steps;
  int64 ignored;
  const T *weights;  // or null: each class weighs 1
  int64 weightStep;

  __device__ __forceinline__ int64 of(const Space &space, const Coordinates &c) const { return data[steps.offset(space, c)]; }
  __device__ __forceinline__ double weight(int64 target) const {
    return weights ? static_cast<double>(load(weights[target * weightStep])) : 1;
  }
};

// Losses and the weights that counted, added up.
using Sums = TwoTotals<double>;

// Where the sums go: that of the losses to `out`, if it is given, divided by the other where that is `mean`.
template <class T>
struct Results {
  T *out, *total;
  bool mean;

  __device__ __forceinline__ void put(const Sums &sums) const {
    *total = store<T>(sums.second);
    if (out) *out = store<T>(mean ? sums.first / sums.second : sums.first);
  }
};

// −weight[target]·x[target] for each place, kept where `each` is given, and their sums: of one block the results, of several their parts.
template <class T, class X>
__global__ void __launch_bounds__(THREADS) nllLoss(const X *x, Steps steps, int64 classStep, int64 classes, Targets<X> targets, T *each,
    Steps eachSteps, Space space, unsigned n, Results<T> results, Sums *parts, Complaints complaints) {
  Sums sums;
  for (unsigned i = blockIdx.x * THREADS + threadIdx.x; i < n; i += gridDim.x * THREADS) {
    Coordinates c = space.locate(i);
    int64 target = targets.of(space, c);
    double loss = 0;
    if (target != targets.ignored && complaints.within(target, classes)) {
      double weight = targets.weight(target);
      loss = -weight * load(x[steps.offset(space, c) + target * classStep]);
      sums.first += loss;
      sums.second += weight;
    }
    if (each) each[eachSteps.offset(space, c)] = store<T>(loss);
  }
  sums = Team(THREADS, true).merge(sums);
  if (threadIdx.x > 0) return;
  if (parts) {
    parts[blockIdx.x] = sums;
  } else {
    results.put(sums);
  }
}

// The results of the parts, in one block.
template <class T>
__global__ void __launch_bounds__(THREADS) nllLossOfParts(const Sums *parts, int count, Results<T> results) {
  Sums sums;
  for (int i = threadIdx.x; i < count; i += THREADS) sums.merge(parts[i]);
  sums = Team(THREADS, true).merge(sums);
  if (threadIdx.x == 0) results.put(sums);
}

// For each class of each place, −weight·grad where the target names it, else 0. `classOf` says which class a place of the space is, counted from
// `firstClass`.
template <class T>
__global__ void nllLossBackward(T *gradX, Steps steps, const T *grad, Steps gradSteps, Targets<T> targets, Steps classOf, int64 firstClass,
    const T *total, Space space, unsigned n) {
  for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
    Coordinates c = space.locate(i);
    int64 target = targets.of(space, c);
    double slope = 0;
    if (target != targets.ignored && target == firstClass + classOf.offset(space, c)) {
      slope = -targets.weight(target) * load(grad[gradSteps.offset(space, c)]);
      if (total) slope /= load(*total);
    }
    gradX[steps.offset(space, c)] = store<T>(slope);
  }
}

}  // namespace flambeau
