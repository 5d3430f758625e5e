// Runs kernels: blocks on threads of the host, the threads of a block one after the other, as fibers where they wait for each other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "kernel.h"

namespace simulated {

enum class Order { FORWARD, REVERSE, RANDOM };

struct Launch {
  const Kernel *kernel;
  uint3 grid, block;
  unsigned dynamicBytes;
  void **parameters;
  size_t sharedModule, sharedBytes;  // static shared memory is the thread-local storage of the kernel's module
};

// Why a kernel was ended.
struct Fault {
  int status = 0;  // 0 where it was not
  std::string reason;
  uintptr_t address = 0;  // that it could not reach
};

constexpr unsigned MAX_THREADS = 1024;

// One launch at a time.
Fault run(const Launch &launch);

// In which order threads run where nothing orders them.
void setOrder(Order order);

}  // namespace simulated
