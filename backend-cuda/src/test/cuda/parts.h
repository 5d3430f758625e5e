// What the parts of the simulated driver share.
//
// It is stricter than a real one where that finds mistakes: what is issued to a stream is done only when somebody waits for it; memory is
// poisoned when it is allocated, out of reach once it is freed, and lies between pages that cannot be touched.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#define API extern "C" __attribute__((visibility("default"))) int

enum Status {
  SUCCESS = 0,
  INVALID_VALUE = 1,
  OUT_OF_MEMORY = 2,
  NOT_INITIALIZED = 3,
  INVALID_DEVICE = 101,
  INVALID_IMAGE = 200,
  INVALID_CONTEXT = 201,
  INVALID_HANDLE = 400,
  ILLEGAL_STATE = 401,
  NOT_FOUND = 500,
  NOT_READY = 600,
  ILLEGAL_ADDRESS = 700,
  OUT_OF_RESOURCES = 701,
  ASSERT = 710,
  MISALIGNED_ADDRESS = 716,
  LAUNCH_FAILED = 719,
  CAPTURE_UNSUPPORTED = 900,
  CAPTURE_INVALIDATED = 901,
  CAPTURE_MERGE = 902,
  CAPTURE_UNMATCHED = 903,
  CAPTURE_UNJOINED = 904,
  CAPTURE_ISOLATION = 905,
  CAPTURE_IMPLICIT = 906,
  CAPTURED_EVENT = 907,
  CAPTURE_WRONG_THREAD = 908,
};

constexpr int DEVICES = 2;

struct Stream;

// The primary context of a device.
struct Context {
  size_t used = 0;             // bytes of memory
  int sticky = SUCCESS;        // after a fault, all that it is asked fails, as on a GPU
  std::shared_ptr<Stream> legacy;  // the stream that is no handle
};

extern Context contexts[DEVICES];
extern thread_local Context *current;

// One call at a time.
extern std::recursive_mutex driver;
using Lock = std::lock_guard<std::recursive_mutex>;

// Why a call cannot be served at all.
int ready();

// ---- memory ----

bool inside(uintptr_t address, size_t bytes);
bool pinned(uintptr_t address, size_t bytes);

// Where an address that cannot be reached lies, as a subordinate clause.
std::string whereabouts(uintptr_t address);

// Finds writes just outside of blocks that no page caught.
int checkEdges();
void mendEdges();

// ---- streams ----

using Work = std::function<int()>;

// Puts work at the end of a stream of the current context, or into what is captured there.
int issue(void *stream, Work work);

// Does all that was issued to a context.
int finish(Context &context);

// Ends the captures that a call which may wait for the device must not meet, with the status for it.
int waits();

// Ends those that a call which does wait for the current device must not meet: all that are captured there.
int waitsForAll();

bool capturing(void *stream);
void invalidate(void *stream);

// Empties all streams.
void forget();

// ---- faults ----

// What was done wrong last, and its status again.
int fault(int status, const std::string &text);
