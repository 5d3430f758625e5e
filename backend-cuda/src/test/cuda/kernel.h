// What the simulated driver and the kernels that it runs know of each other.
#pragma once

#include <cstdint>

struct uint3 {
  unsigned x, y, z;
};

namespace simulated {

#define SIMULATED_EXPORT __attribute__((visibility("default")))
#define SIMULATED_THREAD_LOCAL extern "C" SIMULATED_EXPORT __attribute__((tls_model("initial-exec"))) __thread

// Threads of a block that any kernel has registers for: of these a thread takes 255 at most, and a multiprocessor has 65,536.
constexpr unsigned ALWAYS_FIT = 256;

// A kernel of a module. A module's table of them, simulatedKernels, ends with one that has no name.
struct Kernel {
  const char *name;
  void (*run)(void **parameters);  // as one thread
  unsigned count;                  // of parameters
  const unsigned *sizes;           // of each, in bytes
  unsigned threads;                // of a block, at most: its launch bounds
};

enum class Exchange { SHUFFLE, BALLOT, ADD, AND, OR, XOR, MIN, MAX, UNSIGNED_MIN, UNSIGNED_MAX, MULTIPLY };

// What a lane has of the factors and of the sums of mma.m16n8k8.
struct Fragment {
  float *sums;                   // 4
  const unsigned *left, *right;  // 4 and 2, in TF32
};

// Waits for all threads of the block; how many came with a true predicate.
SIMULATED_EXPORT int barrier(bool predicate, int line);

// Waits for the lanes of the mask, and combines what they bring: for MULTIPLY each the address of its fragment, whose sums are added to.
SIMULATED_EXPORT uint64_t exchange(Exchange kind, unsigned mask, uint64_t value, int source, int line);

// cp.async of `count` bytes, or as many zeros where `from` is null. What is copied arrives when the thread that began it waits, where
// threads run forward, at once where they run in reverse, and otherwise at random.
SIMULATED_EXPORT void beginCopy(void *to, const void *from, unsigned count);
SIMULATED_EXPORT void endCopies();
SIMULATED_EXPORT void awaitCopies(unsigned groups);

// Ends the launch with a status and the reason.
[[noreturn]] SIMULATED_EXPORT void fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

}  // namespace simulated

// Where the thread that runs is, and the dynamic shared memory of its block.
SIMULATED_THREAD_LOCAL uint3 threadIdx, blockIdx, blockDim, gridDim;
SIMULATED_THREAD_LOCAL unsigned char *simulatedDynamicShared;
