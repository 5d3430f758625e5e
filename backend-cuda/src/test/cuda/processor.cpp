#include "processor.h"

#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <atomic>
#include <condition_variable>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

__thread uint3 threadIdx, blockIdx, blockDim, gridDim;
__thread unsigned char *simulatedDynamicShared;

extern "C" void *__tls_get_addr(size_t *moduleAndOffset);

namespace simulated {
namespace {

constexpr int ILLEGAL_ADDRESS = 700, MISALIGNED_ADDRESS = 716, LAUNCH_FAILED = 719;
constexpr int POISON = 0xff;
constexpr size_t PAGE = 4096;
constexpr size_t STACK = 64 << 10;
constexpr size_t SIGNAL_STACK = 64 << 10;
constexpr size_t MAX_SHARED = 228 << 10;
constexpr unsigned WARPS = MAX_THREADS / 32;

Order order = Order::FORWARD;

#define INLINE inline __attribute__((always_inline))

// ---- fibers ----

struct Context {
  void *pc, *sp, *bp, *bx;
};

// Goes on at `to`; returns when somebody goes on at `from`. A jump instead of a return keeps the branch predictor's stack right, since
// fibers mostly wait for each other in the same place.
INLINE void change(Context *from, const Context *to) {
  asm volatile(
      "leaq 1f(%%rip), %%rax\n\t"
      "movq %%rax, 0(%0)\n\t"
      "movq %%rsp, 8(%0)\n\t"
      "movq %%rbp, 16(%0)\n\t"
      "movq %%rbx, 24(%0)\n\t"
      "movq 8(%1), %%rsp\n\t"
      "movq 16(%1), %%rbp\n\t"
      "movq 24(%1), %%rbx\n\t"
      "jmp *0(%1)\n"
      "1:"
      : "+D"(from), "+S"(to)
      :
      : "rax", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4",
        "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}

// Of cp.async.
struct Copy {
  void *to;
  const void *from;
  unsigned count;
  uint64_t group;
};

// What a thread has begun to copy.
struct Copies {
  std::deque<Copy> begun;
  uint64_t groups = 0;  // that it has ended
};

// A thread that waits: where, and what it brings to an exchange.
struct Lane {
  Context context;
  int stack, line;
  unsigned mask;
  int source;
  uint64_t value, result;
  Exchange kind;
};

// Sets of lanes, by bits.
struct Warp {
  unsigned fresh;      // not begun
  unsigned ready;      // waited, and may go on
  unsigned alive;      // not ended
  unsigned atBarrier, atExchange;
  Lane lanes[32];
};

// What a launch has come to, for all who run its blocks.
struct Progress {
  const Launch &launch;
  uint64_t blocks, chunk;
  std::atomic<uint64_t> next;
  std::atomic<bool> failed;
  Fault fault;
};

uint3 at(uint64_t index, uint3 size) {
  return {unsigned(index % size.x), unsigned(index / size.x % size.y), unsigned(index / size.x / size.y)};
}

// What runs blocks, one at a time, on one thread of the host.
class Processor {
 public:
  Processor() {
    stacks = reserve(MAX_THREADS * STACK);
    for (unsigned i = 0; i < MAX_THREADS; i++) mprotect(stacks + i * STACK, PAGE, PROT_NONE);
    shared = reserve(MAX_SHARED + PAGE);
    mprotect(shared + MAX_SHARED, PAGE, PROT_NONE);
    signals = reserve(SIGNAL_STACK);
  }

  void work(Progress &progress);
  void runFresh();
  int barrier(bool predicate, int line);
  uint64_t exchange(Exchange kind, unsigned mask, uint64_t value, int source, int line);
  void beginCopy(Copy copy);
  void endCopies();
  void awaitCopies(uint64_t groups);
  void record(int status, uintptr_t address, const char *reason);
  [[noreturn]] void abandon() {
    Context nowhere;
    change(&nowhere, &main);
    __builtin_unreachable();
  }
  const Context &home() const { return main; }
  bool outOfStack(uintptr_t address) const {
    size_t offset = address - reinterpret_cast<uintptr_t>(stacks);
    return offset < MAX_THREADS * STACK && offset % STACK < PAGE;
  }

 private:
  static char *reserve(size_t bytes) {
    void *at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return at == MAP_FAILED ? nullptr : static_cast<char *>(at);
  }

  Warp &warp(int thread) { return warps[thread / 32]; }
  Lane &lane(int thread) { return warps[thread / 32].lanes[thread % 32]; }
  void runBlock(uint64_t block);
  void suspend(int thread);
  INLINE int pick(unsigned set, int last);
  INLINE int choose(int last);
  INLINE void begin(int thread);
  Context fiber();
  void wake(Warp &warp, unsigned lanes);
  void openBarrier();
  bool complete(Warp &warp, unsigned mask);
  void finish(int thread);
  [[noreturn]] void deadlock();

  char *stacks, *shared, *signals;
  int freeStacks[MAX_THREADS], freeCount;
  int stack;     // that runs now
  int starting;  // the thread that a new fiber begins with
  Context main;
  Progress *progress;
  Warp warps[WARPS];
  std::vector<Copies> copies{MAX_THREADS};
  unsigned count, alive, busy;  // threads; those not ended; the warps that have a lane to run
  unsigned waiting, predicates, lastPredicates;
  int barrierLine;
  uint64_t random = 1;
};

__thread Processor *current;  // where a kernel runs on this thread

int self() { return threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z); }

void enter() {
  current->runFresh();
  __builtin_unreachable();
}

// ---- which thread is next ----

int Processor::pick(unsigned set, int last) {
  switch (order) {
    case Order::FORWARD: {
      unsigned after = set & ~((2u << last) - 1);
      return __builtin_ctz(after ? after : set);
    }
    case Order::REVERSE: {
      unsigned before = set & ((1u << last) - 1);
      return 31 - __builtin_clz(before ? before : set);
    }
    default:
      random = random * 6364136223846793005u + 1442695040888963407u;
      for (unsigned skip = (random >> 33) % __builtin_popcount(set); skip > 0; skip--) set &= set - 1;
      return __builtin_ctz(set);
  }
}

// One that can run, of the warp of `last` while there is one, or any where `last` is -1; -1 where there is none.
int Processor::choose(int last) {
  int warp = last / 32, edge = order == Order::FORWARD ? 31 : 0, lane = last % 32;
  if (last < 0 || !(warps[warp].fresh | warps[warp].ready)) {
    if (!busy) return -1;
    warp = pick(busy, last < 0 ? edge : warp);
    lane = edge;
  }
  return warp * 32 + pick(warps[warp].fresh | warps[warp].ready, lane);
}

void Processor::begin(int thread) {
  Warp &mine = warp(thread);
  unsigned rest = ~(1u << thread % 32);
  mine.fresh &= rest;
  mine.ready &= rest;
  if (!(mine.fresh | mine.ready)) busy &= ~(1u << thread / 32);
}

// One that begins with the thread `starting`.
Context Processor::fiber() {
  stack = freeStacks[--freeCount];
  char *top = stacks + (stack + 1) * STACK - stack % 61 * 64;  // so that their tops do not share a set of the cache
  return {reinterpret_cast<void *>(&enter), top - 8, nullptr, nullptr};  // aligned as after a call
}

// ---- the life of a thread ----

// On a fiber of its own: runs one thread after the other until one that has waited can go on.
void Processor::runFresh() {
  for (;;) {
    int thread = starting;
    begin(thread);
    threadIdx = blockDim.x == count ? uint3{unsigned(thread), 0, 0} : at(thread, blockDim);
    progress->launch.kernel->run(progress->launch.parameters);
    finish(thread);
    int next = choose(thread);
    if (next < 0) {
      if (alive > 0) deadlock();
      abandon();
    }
    if (warp(next).fresh >> next % 32 & 1) {
      starting = next;
    } else {
      freeStacks[freeCount++] = stack;
      begin(next);
      stack = lane(next).stack;
      Context nowhere;
      change(&nowhere, &lane(next).context);
    }
  }
}

// Lets others run until this thread may go on.
void Processor::suspend(int thread) {
  uint3 place = threadIdx;
  Lane &mine = lane(thread);
  int next = choose(thread);
  if (next < 0) deadlock();
  mine.stack = stack;
  if (warp(next).fresh >> next % 32 & 1) {
    starting = next;
    Context fresh = fiber();
    change(&mine.context, &fresh);
  } else {
    begin(next);
    stack = lane(next).stack;
    change(&mine.context, &lane(next).context);
  }
  threadIdx = place;
}

void Processor::finish(int thread) {
  Warp &mine = warp(thread);
  mine.alive &= ~(1u << thread % 32);
  alive--;
  if (waiting > 0 && waiting == alive) openBarrier();
  for (unsigned rest = mine.atExchange; rest; rest &= rest - 1) complete(mine, mine.lanes[__builtin_ctz(rest)].mask);
}

void Processor::wake(Warp &warp, unsigned lanes) {
  if (!lanes) return;
  warp.ready |= lanes;
  busy |= 1u << (&warp - warps);
}

void Processor::deadlock() {
  unsigned inExchange = 0;
  int exchangeLine = 0;
  for (unsigned w = 0; w * 32 < count; w++) {
    Warp &warp = warps[w];
    if (!warp.atExchange) continue;
    inExchange += __builtin_popcount(warp.atExchange);
    exchangeLine = warp.lanes[__builtin_ctz(warp.atExchange)].line;
  }
  char at[64] = "";
  if (waiting > 0) snprintf(at, sizeof at, "%u wait in __syncthreads at line %d", waiting, barrierLine);
  if (inExchange == 0) fail(LAUNCH_FAILED, "threads wait for each other for ever: %s", at);
  fail(LAUNCH_FAILED, "threads wait for each other for ever: %s%s%u wait in a warp function at line %d", at, waiting > 0 ? ", " : "",
       inExchange, exchangeLine);
}

// ---- barriers ----

void Processor::openBarrier() {
  for (unsigned w = 0; w * 32 < count; w++) {
    wake(warps[w], warps[w].atBarrier);
    warps[w].atBarrier = 0;
  }
  lastPredicates = predicates;
  waiting = predicates = 0;
}

int Processor::barrier(bool predicate, int line) {
  int thread = self();
  if (waiting == 0) barrierLine = line;
  if (line != barrierLine) fail(LAUNCH_FAILED, "threads of a block wait in different __syncthreads, at line %d and at line %d", barrierLine, line);
  predicates += predicate;
  waiting++;
  if (waiting == alive) {
    openBarrier();
  } else {
    warp(thread).atBarrier |= 1u << thread % 32;
    suspend(thread);
  }
  return lastPredicates;
}

// ---- exchanges ----

uint64_t combined(Exchange kind, uint64_t x, uint64_t y) {
  switch (kind) {
    case Exchange::ADD: return unsigned(x + y);
    case Exchange::AND: return x & y;
    case Exchange::XOR: return x ^ y;
    case Exchange::MIN: return int(x) < int(y) ? x : y;
    case Exchange::MAX: return int(x) > int(y) ? x : y;
    case Exchange::UNSIGNED_MIN: return x < y ? x : y;
    case Exchange::UNSIGNED_MAX: return x > y ? x : y;
    default: return x | y;
  }
}

// Adds the product of all lanes' factors to their sums, in the layout of PTX: lane 4g + t has of the left factor, by rows and columns,
// (g, t), (g + 8, t), (g, t + 4) and (g + 8, t + 4), of the right one (t, g) and (t + 4, g), of the sums (g, 2t), (g, 2t + 1), (g + 8, 2t)
// and (g + 8, 2t + 1).
void multiply(const Warp &warp) {
  constexpr int TERMS = 8;
  float left[16][TERMS], right[TERMS][8];
  auto factor = [](unsigned bits) {  // what a tensor core reads of it
    bits &= ~0u << 13;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
  };
  auto fragment = [&](int lane) -> const Fragment & { return *reinterpret_cast<const Fragment *>(warp.lanes[lane].value); };
  for (int l = 0; l < 32; l++) {
    const Fragment &own = fragment(l);
    for (int i = 0; i < 4; i++) left[l / 4 + i % 2 * 8][l % 4 + i / 2 * 4] = factor(own.left[i]);
    for (int i = 0; i < 2; i++) right[l % 4 + i * 4][l / 4] = factor(own.right[i]);
  }
  for (int l = 0; l < 32; l++) {
    for (int i = 0; i < 4; i++) {
      int row = l / 4 + i / 2 * 8, column = l % 4 * 2 + i % 2;
      float &sum = fragment(l).sums[i];
      for (int k = 0; k < TERMS; k++) sum += left[row][k] * right[k][column];
    }
  }
}

// Whether all lanes of the mask that live have come; then they may go on with what came of it.
bool Processor::complete(Warp &warp, unsigned mask) {
  unsigned lanes = mask & warp.alive;
  if (!lanes || (warp.atExchange & lanes) != lanes) return false;
  Lane &first = warp.lanes[__builtin_ctz(lanes)];
  uint64_t all = 0;
  for (unsigned rest = lanes; rest; rest &= rest - 1) {
    int l = __builtin_ctz(rest);
    Lane &lane = warp.lanes[l];
    if (lane.line != first.line || lane.mask != mask)
      fail(LAUNCH_FAILED, "lanes of a warp wait in different functions, at line %d with mask %08x and at line %d with mask %08x", first.line,
           first.mask, lane.line, lane.mask);
    if (lane.kind == Exchange::SHUFFLE) {
      if (!(lanes >> lane.source & 1))
        fail(LAUNCH_FAILED, "the shuffle at line %d reads lane %d, which takes no part (mask %08x)", lane.line, lane.source, mask);
      lane.result = warp.lanes[lane.source].value;
    } else {
      uint64_t mine = lane.kind == Exchange::BALLOT ? lane.value << l : lane.value;
      all = &lane == &first ? mine : combined(lane.kind, all, mine);
    }
  }
  if (first.kind == Exchange::MULTIPLY) {
    if (lanes != ~0u) fail(LAUNCH_FAILED, "the product at line %d misses lanes that have ended (lanes %08x)", first.line, lanes);
    multiply(warp);
  } else if (first.kind != Exchange::SHUFFLE) {
    for (unsigned rest = lanes; rest; rest &= rest - 1) warp.lanes[__builtin_ctz(rest)].result = all;
  }
  warp.atExchange &= ~lanes;
  wake(warp, lanes);
  return true;
}

uint64_t Processor::exchange(Exchange kind, unsigned mask, uint64_t value, int source, int line) {
  int thread = self();
  Warp &mine = warp(thread);
  Lane &lane = mine.lanes[thread % 32];
  unsigned bit = 1u << thread % 32;
  if (!(mask & bit)) fail(LAUNCH_FAILED, "lane %d calls a warp function at line %d without being in its mask %08x", thread % 32, line, mask);
  lane.kind = kind;
  lane.mask = mask;
  lane.value = value;
  lane.source = source;
  lane.line = line;
  mine.atExchange |= bit;
  if (complete(mine, mask)) {
    begin(thread);  // no need to wait
  } else {
    suspend(thread);
  }
  return lane.result;
}

// ---- copies ----

void arrive(const Copy &copy) {
  if (copy.from) {
    memcpy(copy.to, copy.from, copy.count);
  } else {
    memset(copy.to, 0, copy.count);
  }
}

// It may arrive at once, or not before it is waited for.
void Processor::beginCopy(Copy copy) {
  if (reinterpret_cast<uintptr_t>(copy.to) % copy.count != 0 || reinterpret_cast<uintptr_t>(copy.from) % copy.count != 0)
    fail(MISALIGNED_ADDRESS, "cp.async copies %u bytes from %p to %p, addresses that are no multiples of that", copy.count, copy.from, copy.to);
  Copies &mine = copies[self()];
  copy.group = mine.groups;
  if (order == Order::FORWARD || (order == Order::RANDOM && pick(3, 0))) {
    mine.begun.push_back(copy);
  } else {
    arrive(copy);
  }
}

void Processor::endCopies() { copies[self()].groups++; }

void Processor::awaitCopies(uint64_t groups) {
  Copies &mine = copies[self()];
  for (; !mine.begun.empty() && mine.begun.front().group + groups < mine.groups; mine.begun.pop_front()) arrive(mine.begun.front());
}

// ---- blocks ----

void Processor::runBlock(uint64_t block) {
  const Launch &launch = progress->launch;
  blockIdx = at(block, launch.grid);
  if (launch.sharedBytes > 0) {
    size_t start[] = {launch.sharedModule, 0};
    memset(__tls_get_addr(start), POISON, launch.sharedBytes);
  }
  if (launch.dynamicBytes > 0) memset(simulatedDynamicShared, POISON, launch.dynamicBytes);
  alive = count;
  waiting = predicates = busy = 0;
  for (unsigned w = 0; w * 32 < count; w++) {
    unsigned lanes = count - w * 32 < 32 ? (1u << count % 32) - 1 : ~0u;
    warps[w].fresh = warps[w].alive = lanes;
    warps[w].ready = warps[w].atBarrier = warps[w].atExchange = 0;
    busy |= 1u << w;
  }
  for (unsigned i = 0; i < count; i++) copies[i].begun.clear();
  freeCount = MAX_THREADS;
  for (unsigned i = 0; i < MAX_THREADS; i++) freeStacks[i] = MAX_THREADS - 1 - i;
  starting = choose(-1);
  Context first = fiber();
  change(&main, &first);
}

void Processor::work(Progress &shared) {
  progress = &shared;
  const Launch &launch = progress->launch;
  blockDim = launch.block;
  gridDim = launch.grid;
  count = blockDim.x * blockDim.y * blockDim.z;
  simulatedDynamicShared = reinterpret_cast<unsigned char *>(this->shared) + MAX_SHARED - (launch.dynamicBytes + 15) / 16 * 16;
  stack_t before, mine = {};
  mine.ss_sp = signals;
  mine.ss_size = SIGNAL_STACK;
  sigaltstack(&mine, &before);
  current = this;
  for (uint64_t from; !progress->failed && (from = progress->next.fetch_add(progress->chunk)) < progress->blocks;) {
    for (uint64_t i = from; i < from + progress->chunk && i < progress->blocks && !progress->failed; i++) {
      runBlock(order == Order::REVERSE ? progress->blocks - 1 - i : i);
    }
  }
  current = nullptr;
  sigaltstack(&before, nullptr);
}

// Of all that go wrong, the first counts.
void Processor::record(int status, uintptr_t address, const char *reason) {
  if (progress->failed.exchange(true)) return;
  char place[160];
  snprintf(place, sizeof place, "block (%u, %u, %u), thread (%u, %u, %u): ", blockIdx.x, blockIdx.y, blockIdx.z, threadIdx.x, threadIdx.y,
           threadIdx.z);
  progress->fault = {status, place + std::string(reason), address};
}

// ---- faults ----

struct sigaction previous[NSIG];

void pass(int signal, siginfo_t *info, void *context) {
  struct sigaction &action = previous[signal];
  if (action.sa_flags & SA_SIGINFO) {
    action.sa_sigaction(signal, info, context);
  } else if (action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN) {
    action.sa_handler(signal);
  } else {
    sigaction(signal, &action, nullptr);  // the instruction is tried again, and ends the process
  }
}

// In a kernel, ends the launch and goes on after the block; elsewhere it is none of our business.
void caught(int signal, siginfo_t *info, void *context) {
  if (!current) return pass(signal, info, context);
  auto &registers = static_cast<ucontext_t *>(context)->uc_mcontext.gregs;
  bool addressed = (signal == SIGSEGV || signal == SIGBUS) && info->si_code != SI_KERNEL;
  auto address = addressed ? reinterpret_cast<uintptr_t>(info->si_addr) : 0;
  char reason[100];
  if (addressed && current->outOfStack(address)) {
    current->record(LAUNCH_FAILED, 0, "the stack of 60 KiB is full");
  } else if (addressed) {
    snprintf(reason, sizeof reason, "%s 0x%lx", registers[REG_ERR] & 2 ? "writes" : "reads", address);
    current->record(ILLEGAL_ADDRESS, address, reason);
  } else if (signal == SIGFPE) {
    current->record(LAUNCH_FAILED, 0, "divides an integer by zero");
  } else if (signal == SIGILL) {
    current->record(LAUNCH_FAILED, 0, "reaches what is said not to be reached");
  } else {
    current->record(MISALIGNED_ADDRESS, 0, "an address is not a multiple of what is read or written there, or no address at all");
  }
  const Context &home = current->home();
  registers[REG_RIP] = reinterpret_cast<greg_t>(home.pc);
  registers[REG_RSP] = reinterpret_cast<greg_t>(home.sp);
  registers[REG_RBP] = reinterpret_cast<greg_t>(home.bp);
  registers[REG_RBX] = reinterpret_cast<greg_t>(home.bx);
}

void catchFaults() {
  struct sigaction action = {};
  action.sa_sigaction = caught;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
  for (int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL}) sigaction(signal, &action, &previous[signal]);
}

// ---- many processors ----

// The other threads of the host, which live as long as the process.
class Pool {
 public:
  void run(Progress &progress, unsigned helpers) {
    if (helpers == 0) return caller.work(progress);
    std::unique_lock lock(mutex);
    while (threads < helpers) std::thread(&Pool::serve, this, threads++).detach();
    job = &progress;
    wanted = left = helpers;
    round++;
    begin.notify_all();
    lock.unlock();
    caller.work(progress);
    lock.lock();
    end.wait(lock, [&] { return left == 0; });
  }

 private:
  void serve(unsigned index) {
    auto processor = new Processor;
    uint64_t last = 0;
    for (std::unique_lock lock(mutex);;) {
      begin.wait(lock, [&] { return round != last; });
      last = round;
      if (index >= wanted) continue;
      Progress &mine = *job;
      lock.unlock();
      processor->work(mine);
      lock.lock();
      if (--left == 0) end.notify_all();
    }
  }

  Processor caller;
  std::mutex mutex;
  std::condition_variable begin, end;
  Progress *job = nullptr;
  unsigned threads = 0, wanted = 0, left = 0;
  uint64_t round = 0;
};

}  // namespace

void setOrder(Order to) { order = to; }

Fault run(const Launch &launch) {
  static Pool &pool = *new Pool;
  static std::once_flag once;
  std::call_once(once, catchFaults);
  constexpr uint64_t WORTH_HELP = 4096;
  uint64_t blocks = uint64_t(launch.grid.x) * launch.grid.y * launch.grid.z, threads = blocks * launch.block.x * launch.block.y * launch.block.z;
  uint64_t cores = std::thread::hardware_concurrency(), helpers = threads < WORTH_HELP ? 0 : (cores < blocks ? cores : blocks) - 1;
  uint64_t chunk = blocks / (16 * cores);
  Progress progress{launch, blocks, chunk < 1 ? 1 : chunk > 64 ? 64 : chunk, {0}, {false}, {}};
  pool.run(progress, helpers);
  return progress.fault;
}

int barrier(bool predicate, int line) { return current->barrier(predicate, line); }

uint64_t exchange(Exchange kind, unsigned mask, uint64_t value, int source, int line) {
  return current->exchange(kind, mask, value, source, line);
}

void beginCopy(void *to, const void *from, unsigned count) { current->beginCopy({to, from, count, 0}); }

void endCopies() { current->endCopies(); }

void awaitCopies(unsigned groups) { current->awaitCopies(groups); }

void fail(int status, const char *format, ...) {
  char reason[400];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(reason, sizeof reason, format, arguments);
  va_end(arguments);
  current->record(status, 0, reason);
  current->abandon();
}

}  // namespace simulated

// ---- what g++ has kernels ask for, see SimulatedDriver.KERNELS ----

namespace {

// As in GCC's libubsan.
struct Place {
  const char *file;
  uint32_t line, column;
};
struct Mismatch {
  Place place;
  const void *type;
  unsigned char logAlignment, kind;
};
struct OutOfBounds {
  Place place;
  const void *arrayType, *indexType;
};

}  // namespace

#define HANDLER extern "C" [[noreturn]] SIMULATED_EXPORT void

HANDLER __ubsan_handle_type_mismatch_v1_abort(const Mismatch *found, uintptr_t address) {
  simulated::fail(simulated::MISALIGNED_ADDRESS, "0x%lx is no multiple of %d, at %s:%u", address, 1 << found->logAlignment, found->place.file,
                  found->place.line);
}
HANDLER __ubsan_handle_out_of_bounds_abort(const OutOfBounds *found, uintptr_t index) {
  simulated::fail(simulated::LAUNCH_FAILED, "an array has no element %ld, at %s:%u", long(index), found->place.file, found->place.line);
}
