// What libraries beside the simulated driver ask of it: they compute in the order of its streams and only on its memory.
#pragma once

#include <dlfcn.h>

#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>
#include <utility>

namespace simulated {

// The driver's own statuses for work that was issued.
constexpr int ILLEGAL_ADDRESS = 700, MISALIGNED_ADDRESS = 716, LAUNCH_FAILED = 719;

template <class T>
T *driverFunction(const char *name) {
  static void *driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_NOLOAD);
  return reinterpret_cast<T *>(driver ? dlsym(driver, name) : nullptr);
}

// Work that the stream does when its turn has come; its result is a status of the driver's, which after a fault stays.
inline int issue(void *stream, std::function<int()> work) {
  static auto function = driverFunction<int(void *, int (*)(void *), void (*)(void *), void *)>("simulatedIssue");
  if (!function) return 3;  // not initialized
  auto run = [](void *work) { return (*static_cast<std::function<int()> *>(work))(); };
  auto forget = [](void *work) { delete static_cast<std::function<int()> *>(work); };
  return function(stream, run, forget, new std::function<int()>(std::move(work)));
}

// Waits for the device, as libraries may when something of theirs is made: no graph may be captured meanwhile.
inline void await() {
  static auto function = driverFunction<int()>("cuCtxSynchronize");
  if (function) function();
}

// Whether the bytes are one block's of the device. To be asked by work that runs.
inline bool reaches(const void *address, size_t bytes) {
  static auto function = driverFunction<int(const void *, size_t)>("simulatedReaches");
  return function && function(address, bytes);
}

// What tests and the log are told of a fault; the status that work returns then.
__attribute__((format(printf, 2, 3))) inline int fail(int status, const char *format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  static auto function = driverFunction<void(const char *)>("simulatedComplain");
  if (function) function(text);
  return status;
}

// Has work that runs take so much longer by the events' clock.
inline void pretend(int milliseconds) {
  static auto function = driverFunction<void(int)>("simulatedPretend");
  if (function) function(milliseconds);
}

}  // namespace simulated
