// Calls about streams, and events in them.

#include <ctime>

#include "calls.h"
#include "handles.h"
#include "streams.h"

namespace emulated {

namespace {

Handles<CUstream_st> streams;
Handles<CUevent_st> events;

// Time of the processor, so that a busy machine tells the same as an idle one.
double milliseconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return 1e3 * static_cast<double>(now.tv_sec) + 1e-6 * static_cast<double>(now.tv_nsec);
}

cudaError_t make_stream(cudaStream_t* stream, unsigned int flags) {
  if (!stream || flags > cudaStreamNonBlocking) return cudaErrorInvalidValue;
  *stream = streams.add({flags, cudaStreamCaptureStatusNone, nullptr, {}});
  return cudaSuccess;
}

cudaError_t make_event(cudaEvent_t* event, unsigned int flags) {
  if (!event) return cudaErrorInvalidValue;
  *event = events.add({flags, false, 0, nullptr, {}});
  return cudaSuccess;
}

// Waiting for what captures would wait for what was not done.
cudaError_t wait_for(cudaStream_t stream) {
  if (!is_stream(stream)) return cudaErrorInvalidResourceHandle;
  if (!stream || stream->status != cudaStreamCaptureStatusActive) return cudaSuccess;
  invalidate_capture();
  return cudaErrorStreamCaptureUnsupported;
}

cudaError_t wait_for(cudaEvent_t event) {
  if (!events.has(event)) return cudaErrorInvalidResourceHandle;
  return event->capture ? cudaErrorCapturedEvent : cudaSuccess;
}

cudaError_t record(cudaEvent_t event, cudaStream_t stream) {
  const bool captures = stream && stream->status == cudaStreamCaptureStatusActive;
  event->capture = captures ? stream->capture : nullptr;
  event->ends = captures ? stream->ends : Numbers();
  if (captures) return cudaSuccess;
  return enqueue(stream, [event] {
    event->recorded = true;
    event->milliseconds = milliseconds();
    return cudaSuccess;
  });
}

// What comes next in a stream comes after what was recorded. Outside of captures that is done.
cudaError_t wait(cudaStream_t stream, const CUevent_st& event) {
  const bool captures = stream && stream->status == cudaStreamCaptureStatusActive;
  if (!event.capture) {
    if (!captures || !event.recorded) return cudaSuccess;
    invalidate_capture();
    return cudaErrorStreamCaptureIsolation;
  }
  // Of a capture that ended nobody can wait for a part.
  const cudaStream_t origin = event.capture->origin;
  if (!streams.has(origin) || origin->capture != event.capture) return cudaErrorCapturedEvent;
  if (!stream) return cudaErrorStreamCaptureImplicit;
  stream->status = origin->status;
  stream->capture = event.capture;
  stream->ends.insert(event.ends.begin(), event.ends.end());
  return cudaSuccess;
}

}  // namespace

bool is_stream(cudaStream_t stream) { return !stream || streams.has(stream); }

bool is_capturing() {
  for (const CUstream_st* each : streams.all())
    if (each->status == cudaStreamCaptureStatusActive) return true;
  return false;
}

void invalidate_capture() {
  for (CUstream_st* each : streams.all())
    if (each->status == cudaStreamCaptureStatusActive)
      each->status = cudaStreamCaptureStatusInvalidated;
}

void abandon_captures() {
  for (const CUstream_st* each : streams.all())
    if (each->capture) leave(*each->capture);
}

bool all_joined(const Capture& capture, const Numbers& ends) {
  Numbers over = ends;
  for (std::size_t number = capture.graph.nodes.size(); number-- > 0;) {
    const Numbers& after = capture.graph.nodes[number].after;
    if (over.count(number)) over.insert(after.begin(), after.end());
  }
  for (const CUstream_st* each : streams.all())
    if (each->capture.get() == &capture)
      for (const std::size_t end : each->ends)
        if (!over.count(end)) return false;
  return true;
}

void leave(const Capture& capture) {
  const Capture* left = &capture;
  for (CUstream_st* each : streams.all()) {
    if (each->capture.get() != left) continue;
    each->status = cudaStreamCaptureStatusNone;
    each->ends.clear();
    each->capture.reset();
  }
}

cudaError_t enqueue(cudaStream_t stream, Work work) {
  if (!is_stream(stream)) return cudaErrorInvalidResourceHandle;
  if (!stream) {
    // The legacy stream waits for all streams that do not say otherwise.
    for (const CUstream_st* each : streams.all())
      if (each->status == cudaStreamCaptureStatusActive && each->flags == cudaStreamDefault) {
        invalidate_capture();
        return cudaErrorStreamCaptureImplicit;
      }
    return work();
  }
  if (stream->status == cudaStreamCaptureStatusNone) return work();
  if (stream->status == cudaStreamCaptureStatusInvalidated)
    return cudaErrorStreamCaptureInvalidated;
  std::vector<Node>& nodes = stream->capture->graph.nodes;
  nodes.push_back({std::move(work), stream->ends});
  stream->ends = {nodes.size() - 1};
  return cudaSuccess;
}

std::size_t living_streams() { return streams.size(); }

std::size_t living_events() { return events.size(); }

}  // namespace emulated

using namespace emulated;

extern "C" {

cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  return call(During::CAPTURE, [&] { return make_stream(stream, cudaStreamDefault); });
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned int flags) {
  return call(During::CAPTURE, [&] { return make_stream(stream, flags); });
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  return call(During::CAPTURE, [&] {
    return streams.remove(stream) ? cudaSuccess : cudaErrorInvalidResourceHandle;
  });
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return call(During::CAPTURE, [&] { return wait_for(stream); });
}

cudaError_t cudaStreamQuery(cudaStream_t stream) {
  return call(During::CAPTURE, [&] { return wait_for(stream); });
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned int flags) {
  return call(During::CAPTURE, [&] { return make_event(event, flags); });
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  return call(During::CAPTURE, [&] {
    return events.remove(event) ? cudaSuccess : cudaErrorInvalidResourceHandle;
  });
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  return call(During::CAPTURE, [&] { return wait_for(event); });
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  return call(During::CAPTURE, [&] { return wait_for(event); });
}

cudaError_t cudaEventElapsedTime(float* elapsed, cudaEvent_t start, cudaEvent_t end) {
  return call(During::CAPTURE, [&] {
    if (!elapsed) return cudaErrorInvalidValue;
    if (!events.has(start) || !events.has(end)) return cudaErrorInvalidResourceHandle;
    const bool timed = !((start->flags | end->flags) & cudaEventDisableTiming);
    if (!timed || !start->recorded || !end->recorded) return cudaErrorInvalidResourceHandle;
    *elapsed = static_cast<float>(end->milliseconds - start->milliseconds);
    return cudaSuccess;
  });
}

}  // extern "C"

cudaError_t cudaEventCreate(cudaEvent_t* event, unsigned int flags) {
  return call(During::CAPTURE, [&] { return make_event(event, flags); });
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  return call(During::CAPTURE, [&] {
    if (!events.has(event) || !is_stream(stream)) return cudaErrorInvalidResourceHandle;
    return record(event, stream);
  });
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned int) {
  return call(During::CAPTURE, [&] {
    if (!events.has(event) || !is_stream(stream)) return cudaErrorInvalidResourceHandle;
    return wait(stream, *event);
  });
}
