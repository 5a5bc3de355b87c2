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
  *stream = streams.add({flags, cudaStreamCaptureStatusNone, {}});
  return cudaSuccess;
}

cudaError_t make_event(cudaEvent_t* event, unsigned int flags) {
  if (!event) return cudaErrorInvalidValue;
  *event = events.add({flags, false, false, 0});
  return cudaSuccess;
}

// Waiting for what captures would wait for what was not done.
cudaError_t wait_for(cudaStream_t stream) {
  if (!is_stream(stream)) return cudaErrorInvalidResourceHandle;
  const bool captures = stream && stream->capture == cudaStreamCaptureStatusActive;
  if (!captures) return cudaSuccess;
  invalidate_capture();
  return cudaErrorStreamCaptureUnsupported;
}

cudaError_t wait_for(cudaEvent_t event) {
  if (!events.has(event)) return cudaErrorInvalidResourceHandle;
  return event->captured ? cudaErrorCapturedEvent : cudaSuccess;
}

}  // namespace

bool is_stream(cudaStream_t stream) { return !stream || streams.has(stream); }

bool is_capturing() {
  for (const CUstream_st* each : streams.all())
    if (each->capture == cudaStreamCaptureStatusActive) return true;
  return false;
}

void invalidate_capture() {
  for (CUstream_st* each : streams.all())
    if (each->capture == cudaStreamCaptureStatusActive)
      each->capture = cudaStreamCaptureStatusInvalidated;
}

void abandon_captures() {
  for (CUstream_st* each : streams.all()) {
    each->capture = cudaStreamCaptureStatusNone;
    each->captured.nodes.clear();
  }
}

cudaError_t enqueue(cudaStream_t stream, Work work) {
  if (!is_stream(stream)) return cudaErrorInvalidResourceHandle;
  if (!stream) {
    // The legacy stream waits for all streams that do not say otherwise.
    for (const CUstream_st* each : streams.all())
      if (each->capture == cudaStreamCaptureStatusActive && each->flags == cudaStreamDefault) {
        invalidate_capture();
        return cudaErrorStreamCaptureImplicit;
      }
    return work();
  }
  if (stream->capture == cudaStreamCaptureStatusNone) return work();
  if (stream->capture == cudaStreamCaptureStatusInvalidated)
    return cudaErrorStreamCaptureInvalidated;
  stream->captured.nodes.push_back(std::move(work));
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
    if (!events.has(event)) return cudaErrorInvalidResourceHandle;
    event->captured = stream && is_stream(stream) && stream->capture != cudaStreamCaptureStatusNone;
    return enqueue(stream, [=] {
      if (!events.has(event)) return cudaErrorInvalidResourceHandle;
      event->recorded = true;
      event->milliseconds = milliseconds();
      return cudaSuccess;
    });
  });
}

// All that was recorded is done. A capture has one stream here, and waits for no other.
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned int) {
  return call(During::CAPTURE, [&] {
    if (!events.has(event) || !is_stream(stream)) return cudaErrorInvalidResourceHandle;
    const bool captures = stream && stream->capture != cudaStreamCaptureStatusNone;
    return captures == event->captured || !event->recorded ? cudaSuccess
                                                           : cudaErrorStreamCaptureIsolation;
  });
}
