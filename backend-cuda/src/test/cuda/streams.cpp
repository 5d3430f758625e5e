// Streams, events, and the graphs that are captured from them.

#include <chrono>
#include <deque>
#include <map>
#include <set>
#include <thread>
#include <vector>

#include "parts.h"

// How far each stream of a capture had come at a point of one of them.
using Clock = std::map<Stream *, uint64_t>;

enum class Mode { GLOBAL, THREAD_LOCAL, RELAXED };

// Work in the order in which it was issued, which is an order that it can be done in.
struct Graph {
  Context *context;
  std::vector<Work> work;
};

struct Capture {
  Stream *origin;
  Mode mode;
  std::thread::id thread;
  Graph graph;
  std::map<Stream *, Clock> clocks;
  bool valid = true, active = true;
};

struct Stream {
  explicit Stream(Context *context) : context(context) {}

  Context *context;
  std::deque<Work> queue;
  uint64_t issued = 0, done = 0;
  std::shared_ptr<Capture> capture;
};

struct Event {
  std::shared_ptr<Stream> stream;
  uint64_t position = 0;
  std::chrono::steady_clock::time_point passed;
  std::shared_ptr<Capture> capture;  // where it was recorded during one
  Clock clock;
};

namespace {

std::chrono::milliseconds pretended{0};  // that work is to have taken longer than it did

std::map<void *, std::shared_ptr<Stream>> streams;
std::set<Event *> events;
std::set<std::shared_ptr<Capture>> captures;
std::set<Graph *> graphs, executables;
bool edgesUnchecked;

std::shared_ptr<Stream> find(void *stream) {
  if (!stream) {
    if (!current->legacy) current->legacy = std::make_shared<Stream>(current);
    return current->legacy;
  }
  auto found = streams.find(stream);
  return found == streams.end() ? nullptr : found->second;
}

int work(Stream &stream, uint64_t position) {
  int &sticky = stream.context->sticky;
  while (sticky == SUCCESS && stream.done < position && !stream.queue.empty()) {
    Work next = std::move(stream.queue.front());
    stream.queue.pop_front();
    stream.done++;
    edgesUnchecked = true;
    sticky = next();
  }
  return sticky;
}

// For who has waited for a stream.
int settled(int status) {
  if (status != SUCCESS || !edgesUnchecked) return status;
  edgesUnchecked = false;
  return current->sticky = checkEdges();
}

void end(Capture &capture) { capture.valid = false; }

int breaks(const std::shared_ptr<Capture> &capture, int status) {
  end(*capture);
  return status;
}

void merge(Clock &into, const Clock &from) {
  for (auto &[stream, count] : from) {
    uint64_t &mine = into[stream];
    if (mine < count) mine = count;
  }
}

// A stream that waits for an event of a capture belongs to it from then on.
int join(const std::shared_ptr<Stream> &stream, Event &event) {
  const auto &capture = event.capture;
  if (!capture->active) return CAPTURED_EVENT;
  if (!capture->valid) return CAPTURE_INVALIDATED;
  if (stream == stream->context->legacy) return breaks(capture, CAPTURE_IMPLICIT);
  if (stream->capture && stream->capture != capture) {
    end(*stream->capture);
    return breaks(capture, CAPTURE_MERGE);
  }
  if (!stream->capture) capture->clocks[stream.get()][stream.get()] = 1;
  stream->capture = capture;
  merge(capture->clocks[stream.get()], event.clock);
  return SUCCESS;
}

int launch(Graph &graph) {
  for (auto &work : graph.work) {
    if (int status = work()) return status;
  }
  return SUCCESS;
}

}  // namespace

int issue(void *handle, Work work) {
  if (int status = ready()) return status;
  auto stream = find(handle);
  if (!stream || stream->context != current) return INVALID_HANDLE;  // who launches has made the GPU current
  if (auto &capture = stream->capture) {
    if (!capture->valid) return CAPTURE_INVALIDATED;
    capture->graph.work.push_back(std::move(work));
    capture->clocks[stream.get()][stream.get()]++;
    return SUCCESS;
  }
  if (!handle) {
    for (auto &capture : captures) {
      if (capture->graph.context == current) return breaks(capture, CAPTURE_IMPLICIT);
    }
  }
  stream->queue.push_back(std::move(work));
  stream->issued++;
  return SUCCESS;
}

int finish(Context &context) {
  if (context.legacy) work(*context.legacy, context.legacy->issued);
  for (auto &[handle, stream] : streams) {
    if (stream->context == &context) work(*stream, stream->issued);
  }
  return settled(context.sticky);
}

int waits() {
  for (auto &capture : captures) {
    bool meets = capture->mode == Mode::GLOBAL || (capture->mode == Mode::THREAD_LOCAL && capture->thread == std::this_thread::get_id());
    if (meets) return breaks(capture, CAPTURE_UNSUPPORTED);
  }
  return SUCCESS;
}

int waitsForAll() {
  for (auto &capture : captures) {
    if (capture->graph.context == current) return breaks(capture, CAPTURE_UNSUPPORTED);
  }
  return waits();
}

bool capturing(void *handle) {
  auto stream = find(handle);
  return stream && stream->capture;
}

void invalidate(void *handle) { end(*find(handle)->capture); }

void forget() {
  auto clear = [](Stream &stream) {
    stream.queue.clear();
    stream.done = stream.issued;
    stream.capture = nullptr;
  };
  for (auto &[handle, stream] : streams) clear(*stream);
  for (Context &context : contexts) {
    if (context.legacy) clear(*context.legacy);
  }
  captures.clear();
  edgesUnchecked = false;
}

// ---- streams ----

API cuStreamCreate(void **out, unsigned) {
  Lock lock(driver);
  if (int status = ready()) return status;
  auto stream = std::make_shared<Stream>(current);
  *out = stream.get();
  streams[*out] = stream;
  return SUCCESS;
}
API cuStreamDestroy_v2(void *handle) {
  Lock lock(driver);
  if (!handle || !streams.count(handle)) return INVALID_HANDLE;
  auto stream = find(handle);
  if (stream->capture) end(*stream->capture);
  work(*stream, stream->issued);
  streams.erase(handle);
  return SUCCESS;
}
API cuStreamSynchronize(void *handle) {
  Lock lock(driver);
  if (int status = ready()) return status;
  auto stream = find(handle);
  if (!stream) return INVALID_HANDLE;
  if (stream->capture) return breaks(stream->capture, CAPTURE_UNSUPPORTED);
  return settled(work(*stream, stream->issued));
}
API cuCtxSynchronize() {
  Lock lock(driver);
  if (int status = ready()) return status;
  if (int status = waitsForAll()) return status;
  return finish(*current);
}
API cuStreamWaitEvent(void *handle, Event *event, unsigned) {
  Lock lock(driver);
  if (int status = ready()) return status;
  auto stream = find(handle);
  if (!stream || !events.count(event)) return INVALID_HANDLE;
  if (event->capture) return join(stream, *event);
  if (stream->capture) return breaks(stream->capture, CAPTURE_ISOLATION);
  auto before = event->stream;
  uint64_t position = event->position;
  return issue(handle, [=] { return before ? work(*before, position) : int(SUCCESS); });
}

// ---- events ----

API cuEventCreate(Event **out, unsigned) {
  Lock lock(driver);
  if (int status = ready()) return status;
  events.insert(*out = new Event);
  return SUCCESS;
}
API cuEventDestroy_v2(Event *event) {
  Lock lock(driver);
  if (!events.count(event)) return INVALID_HANDLE;
  if (event->stream && event->stream->done < event->position) work(*event->stream, event->position);
  events.erase(event);
  delete event;
  return SUCCESS;
}
API cuEventRecord(Event *event, void *handle) {
  Lock lock(driver);
  if (int status = ready()) return status;
  auto stream = find(handle);
  if (!stream || !events.count(event)) return INVALID_HANDLE;
  event->capture = stream->capture;
  if (stream->capture) {
    if (!stream->capture->valid) return CAPTURE_INVALIDATED;
    event->clock = stream->capture->clocks[stream.get()];
    return SUCCESS;
  }
  int status = issue(handle, [=] {
    if (events.count(event)) event->passed = std::chrono::steady_clock::now() + pretended;
    return int(SUCCESS);
  });
  if (status) return status;
  event->stream = stream;
  event->position = stream->issued;
  return SUCCESS;
}
// Who asks again and again must get through some day: each question does one piece of work.
API cuEventQuery(Event *event) {
  Lock lock(driver);
  if (int status = ready()) return status;
  if (!events.count(event)) return INVALID_HANDLE;
  if (event->capture) return breaks(event->capture, CAPTURED_EVENT);
  if (int status = waits()) return status;
  if (!event->stream || event->stream->done >= event->position) return SUCCESS;
  int status = work(*event->stream, event->stream->done + 1);
  return status ? status : NOT_READY;
}
API cuEventSynchronize(Event *event) {
  Lock lock(driver);
  if (int status = ready()) return status;
  if (!events.count(event)) return INVALID_HANDLE;
  if (event->capture) return breaks(event->capture, CAPTURED_EVENT);
  if (int status = waits()) return status;
  return event->stream ? settled(work(*event->stream, event->position)) : SUCCESS;
}
API cuEventElapsedTime(float *milliseconds, Event *start, Event *end) {
  Lock lock(driver);
  for (Event *event : {start, end}) {
    if (!events.count(event) || !event->stream) return INVALID_HANDLE;
    if (event->capture) return CAPTURED_EVENT;
    if (event->stream->done < event->position) return NOT_READY;
  }
  *milliseconds = std::chrono::duration<float, std::milli>(end->passed - start->passed).count();
  return ready();
}

// ---- graphs ----

API cuStreamBeginCapture_v2(void *handle, Mode mode) {
  Lock lock(driver);
  if (int status = ready()) return status;
  auto stream = find(handle);
  if (!stream) return INVALID_HANDLE;
  if (!handle) return CAPTURE_UNSUPPORTED;
  if (stream->capture) return ILLEGAL_STATE;
  stream->capture = std::make_shared<Capture>(Capture{stream.get(), mode, std::this_thread::get_id(),{current, {}}, {}});
  stream->capture->clocks[stream.get()];
  captures.insert(stream->capture);
  return SUCCESS;
}
API cuStreamEndCapture(void *handle, Graph **out) {
  Lock lock(driver);
  if (int status = ready()) return status;
  *out = nullptr;
  auto stream = find(handle);
  if (!stream) return INVALID_HANDLE;
  auto capture = stream->capture;
  if (!capture) return ILLEGAL_STATE;
  if (capture->origin != stream.get()) return breaks(capture, CAPTURE_UNMATCHED);
  if (capture->mode != Mode::RELAXED && capture->thread != std::this_thread::get_id()) return CAPTURE_WRONG_THREAD;
  captures.erase(capture);
  capture->active = false;
  Clock &last = capture->clocks[stream.get()];
  bool joined = true;
  for (auto &[member, clock] : capture->clocks) {
    joined &= last[member] >= clock[member];
    if (streams.count(member)) member->capture = nullptr;
  }
  if (!capture->valid) return CAPTURE_INVALIDATED;
  if (!joined) return CAPTURE_UNJOINED;
  graphs.insert(*out = new Graph(std::move(capture->graph)));
  return SUCCESS;
}
API cuGraphInstantiateWithFlags(Graph **out, Graph *graph, unsigned long long) {
  Lock lock(driver);
  if (int status = ready()) return status;
  if (!graphs.count(graph)) return INVALID_VALUE;
  executables.insert(*out = new Graph(*graph));
  return SUCCESS;
}
API cuGraphLaunch(Graph *executable, void *stream) {
  Lock lock(driver);
  if (int status = ready()) return status;
  if (!executables.count(executable)) return INVALID_VALUE;
  auto copy = std::make_shared<Graph>(*executable);  // it may be destroyed before this is done
  return issue(stream, [copy] { return launch(*copy); });
}
API cuGraphDestroy(Graph *graph) {
  Lock lock(driver);
  if (!graphs.erase(graph)) return INVALID_VALUE;
  delete graph;
  return SUCCESS;
}
API cuGraphExecDestroy(Graph *executable) {
  Lock lock(driver);
  if (!executables.erase(executable)) return INVALID_VALUE;
  delete executable;
  return SUCCESS;
}

// ---- for libraries beside the driver, see driver.h ----

extern "C" __attribute__((visibility("default"))) void simulatedPretend(int milliseconds) {
  pretended += std::chrono::milliseconds(milliseconds);
}
