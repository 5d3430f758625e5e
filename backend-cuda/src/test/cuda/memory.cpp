// Device memory is memory of the host.

#include <sys/mman.h>

#include <cstring>
#include <deque>
#include <map>

#include "parts.h"

namespace {

constexpr size_t PAGE = 4096;
constexpr size_t ALIGNMENT = 16;
constexpr size_t CHECKED = 64;   // blocks that are looked at on each occasion: the latest, and as many of all in turn
constexpr size_t EDGE = 64;    // what is looked at on each occasion of the poison before a block
constexpr int POISON = 0xff;   // a NaN in every floating-point format
constexpr size_t MOST = 8192;  // blocks at a time: each is two mappings, of which Linux gives a process 65,530 for everything

size_t total = size_t(1) << 30;

struct Block {
  Context *context;
  size_t bytes;
  char *map;
  size_t mapped;
  bool pinned;
};

std::map<uintptr_t, Block> blocks, freed;
uintptr_t nextChecked;
std::deque<uintptr_t> latest;  // the blocks that were made last

size_t rounded(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

// A page that cannot be touched, poison, the block, what alignment takes, and another such page.
bool map(size_t bytes, uintptr_t &address) {
  if (blocks.size() >= MOST) return false;
  size_t body = rounded(bytes, ALIGNMENT), mapped = rounded(body, PAGE) + 2 * PAGE;
  void *at = mmap(nullptr, mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) return false;
  char *start = static_cast<char *>(at) + PAGE, *end = start + mapped - 2 * PAGE;
  if (mprotect(start, end - start, PROT_READ | PROT_WRITE) != 0) {
    munmap(at, mapped);
    return false;
  }
  memset(start, POISON, end - start);
  address = reinterpret_cast<uintptr_t>(end - body);
  blocks[address] = {current, bytes, static_cast<char *>(at), mapped, false};
  latest.push_back(address);
  if (latest.size() > CHECKED) latest.pop_front();
  return true;
}

// The one that begins at or before an address.
const std::pair<const uintptr_t, Block> *before(const std::map<uintptr_t, Block> &all, uintptr_t address) {
  auto after = all.upper_bound(address);
  return after == all.begin() ? nullptr : &*std::prev(after);
}

bool contains(const std::pair<const uintptr_t, Block> *block, uintptr_t address, size_t bytes) {
  if (!block) return false;
  size_t offset = address - block->first;
  return offset <= block->second.bytes && bytes <= block->second.bytes - offset;
}

int checkEdges(uintptr_t address, const Block &block, size_t edge) {
  if (block.pinned) return SUCCESS;
  uintptr_t start = reinterpret_cast<uintptr_t>(block.map) + PAGE, end = reinterpret_cast<uintptr_t>(block.map) + block.mapped - PAGE;
  uintptr_t from = address - start < edge ? start : address - edge, last = address + block.bytes;
  auto poisoned = [](uintptr_t at) { return *reinterpret_cast<unsigned char *>(at) == POISON; };
  for (uintptr_t at = address; at-- > from;) {
    if (!poisoned(at)) return fault(ILLEGAL_ADDRESS, "a kernel has written " + std::to_string(address - at) + " bytes before a block of " +
                                                         std::to_string(block.bytes) + " bytes");
  }
  for (uintptr_t at = last; at < end; at++) {
    if (!poisoned(at)) return fault(ILLEGAL_ADDRESS, "a kernel has written " + std::to_string(at - last) + " bytes after a block of " +
                                                         std::to_string(block.bytes) + " bytes");
  }
  return SUCCESS;
}

// Poison where nothing else belongs.
void poisonEdges(uintptr_t address, const Block &block) {
  char *start = block.map + PAGE, *end = block.map + block.mapped - PAGE, *body = reinterpret_cast<char *>(address);
  memset(start, POISON, body - start);
  memset(body + block.bytes, POISON, end - body - block.bytes);
}

int release(uintptr_t address, bool pinned) {
  Lock lock(driver);
  if (int status = ready()) return status;
  if (int status = waitsForAll()) return status;
  if (int status = finish(*current)) return status;
  auto block = blocks.find(address);
  if (block == blocks.end() || block->second.pinned != pinned) return INVALID_VALUE;
  if (int status = checkEdges(address, block->second, PAGE)) return current->sticky = status;
  if (!pinned) block->second.context->used -= block->second.bytes;
  mmap(block->second.map, block->second.mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  freed.insert(*block);
  blocks.erase(block);
  return SUCCESS;
}

template <class T>
int fill(uintptr_t to, T value, size_t count, void *stream) {
  Lock lock(driver);
  if (int status = ready()) return status;
  if (!inside(to, count * sizeof(T))) return INVALID_VALUE;
  return issue(stream, [=] {
    if (!inside(to, count * sizeof(T))) return fault(ILLEGAL_ADDRESS, "a memset reaches memory that is freed");
    for (size_t i = 0; i < count; i++) reinterpret_cast<T *>(to)[i] = value;
    return int(SUCCESS);
  });
}

// A graph copies to and from pinned memory only, and may outlive what it was captured with.
int copy(uintptr_t to, bool toDevice, uintptr_t from, bool fromDevice, size_t bytes, void *stream) {
  Lock lock(driver);
  if (int status = ready()) return status;
  if ((toDevice && !inside(to, bytes)) || (fromDevice && !inside(from, bytes))) return INVALID_VALUE;
  bool captured = capturing(stream);
  if (captured && !((toDevice || pinned(to, bytes)) && (fromDevice || pinned(from, bytes)))) {
    invalidate(stream);
    return CAPTURE_UNSUPPORTED;
  }
  return issue(stream, [=] {
    if (((toDevice || captured) && !inside(to, bytes)) || ((fromDevice || captured) && !inside(from, bytes))) {
      return fault(ILLEGAL_ADDRESS, "a copy reaches memory that is freed");
    }
    memmove(reinterpret_cast<void *>(to), reinterpret_cast<void *>(from), bytes);
    return int(SUCCESS);
  });
}

}  // namespace

bool inside(uintptr_t address, size_t bytes) { return contains(before(blocks, address), address, bytes); }

bool pinned(uintptr_t address, size_t bytes) {
  auto block = before(blocks, address);
  return contains(block, address, bytes) && block->second.pinned;
}

std::string whereabouts(uintptr_t address) {
  constexpr size_t NEAR = 1 << 20;
  auto ended = before(freed, address);
  if (contains(ended, address, 1)) return ", in a block of " + std::to_string(ended->second.bytes) + " bytes that was freed";
  auto block = before(blocks, address);
  if (block && address - block->first - block->second.bytes < NEAR) {
    return ", " + std::to_string(address - block->first - block->second.bytes) + " bytes after a block of " +
           std::to_string(block->second.bytes) + " bytes";
  }
  auto after = blocks.upper_bound(address);
  if (after == blocks.end() || after->first - address > NEAR) return "";
  return ", " + std::to_string(after->first - address) + " bytes before a block of " + std::to_string(after->second.bytes) + " bytes";
}

int checkEdges() {
  for (uintptr_t address : latest) {
    auto made = blocks.find(address);
    if (made == blocks.end()) continue;
    if (int status = checkEdges(address, made->second, EDGE)) return status;
  }
  auto block = blocks.lower_bound(nextChecked);
  for (size_t i = 0; i < CHECKED; i++, block++) {
    if (block == blocks.end()) {
      nextChecked = 0;
      return SUCCESS;
    }
    if (int status = checkEdges(block->first, block->second, EDGE)) return status;
  }
  nextChecked = block == blocks.end() ? 0 : block->first;
  return SUCCESS;
}

void mendEdges() {
  for (auto &[address, block] : blocks) {
    if (!block.pinned) poisonEdges(address, block);
  }
}

API cuMemAlloc_v2(uintptr_t *out, size_t bytes) {
  Lock lock(driver);
  if (int status = ready()) return status;
  if (int status = waits()) return status;
  if (bytes == 0) return INVALID_VALUE;
  if (current->used > total || bytes > total - current->used || !map(bytes, *out)) return OUT_OF_MEMORY;
  current->used += bytes;
  return SUCCESS;
}
// The addresses are never used again: who still touches them is found out.
API cuMemFree_v2(uintptr_t address) { return release(address, false); }
API cuMemGetInfo_v2(size_t *free, size_t *all) {
  Lock lock(driver);
  if (int status = ready()) return status;
  *all = total;
  *free = current->used > total ? 0 : total - current->used;
  return SUCCESS;
}
API cuDeviceTotalMem_v2(size_t *bytes, int device) {
  *bytes = total;
  return device >= 0 && device < DEVICES ? SUCCESS : INVALID_DEVICE;
}
API cuMemHostAlloc(void **out, size_t bytes, unsigned) {
  Lock lock(driver);
  if (int status = ready()) return status;
  if (int status = waits()) return status;
  if (bytes == 0) return INVALID_VALUE;
  *out = mmap(nullptr, rounded(bytes, PAGE), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (*out == MAP_FAILED) return OUT_OF_MEMORY;
  blocks[reinterpret_cast<uintptr_t>(*out)] = {current, bytes, static_cast<char *>(*out), rounded(bytes, PAGE), true};
  return SUCCESS;
}
API cuMemFreeHost(void *address) { return release(reinterpret_cast<uintptr_t>(address), true); }
API cuMemcpyHtoDAsync_v2(uintptr_t to, uintptr_t from, size_t bytes, void *stream) { return copy(to, true, from, false, bytes, stream); }
API cuMemcpyDtoHAsync_v2(uintptr_t to, uintptr_t from, size_t bytes, void *stream) { return copy(to, false, from, true, bytes, stream); }
API cuMemcpyDtoDAsync_v2(uintptr_t to, uintptr_t from, size_t bytes, void *stream) { return copy(to, true, from, true, bytes, stream); }
API cuMemsetD8Async(uintptr_t to, unsigned char value, size_t count, void *stream) { return fill(to, value, count, stream); }
API cuMemsetD32Async(uintptr_t to, uint32_t value, size_t count, void *stream) { return fill(to, value, count, stream); }

// For tests: how much memory each device has.
API simulatedMemory(size_t bytes) {
  Lock lock(driver);
  total = bytes;
  return SUCCESS;
}
