// What every call of the API does before its own work: locks, counts, faults, earlier errors.
#pragma once

#include <mutex>

#include "emulated/runtime_api.h"

namespace emulated {

// Whether a call may be made while a stream captures: those that touch memory at once may not.
enum class During { CAPTURE, NO_CAPTURE };

std::recursive_mutex& calls_lock();

// Success, or why the call must not do its work.
cudaError_t before_call(During when);

// Keeps an error for cudaGetLastError; after one that ruins a context every later call fails too.
cudaError_t after_call(cudaError_t outcome);

template <class Work>
cudaError_t call(During when, Work work) {
  const std::lock_guard<std::recursive_mutex> lock(calls_lock());
  const cudaError_t refused = before_call(when);
  return after_call(refused == cudaSuccess ? work() : refused);
}

// In stream_api.cpp: streams, of which one may capture.
bool is_capturing();
void invalidate_capture();
void abandon_captures();

}  // namespace emulated
