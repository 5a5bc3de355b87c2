#include "calls.h"

#include <cstdlib>

namespace emulated {

namespace {

cudaError_t ruined = cudaSuccess;  // what a kernel did wrong
cudaError_t last = cudaSuccess;
long made;

bool no_device() { return std::getenv("SIGHTLINE_CUDA_NO_DEVICE") != nullptr; }

// SIGHTLINE_CUDA_FAIL_CALL=7 makes the seventh call fail, =7:2 with the error of this number.
cudaError_t fault() {
  const char* text = std::getenv("SIGHTLINE_CUDA_FAIL_CALL");
  if (!text) return cudaSuccess;
  char* end = nullptr;
  if (std::strtol(text, &end, 10) != made) return cudaSuccess;
  return *end == ':' ? static_cast<cudaError_t>(std::strtol(end + 1, nullptr, 10))
                     : cudaErrorUnknown;
}

}  // namespace

std::recursive_mutex& calls_lock() {
  static std::recursive_mutex lock;
  return lock;
}

cudaError_t before_call(During when) {
  made++;
  if (no_device()) return cudaErrorNoDevice;
  if (ruined != cudaSuccess) return ruined;
  if (const cudaError_t injected = fault(); injected != cudaSuccess) return injected;
  if (when == During::NO_CAPTURE && is_capturing()) {
    invalidate_capture();
    return cudaErrorStreamCaptureUnsupported;
  }
  return cudaSuccess;
}

cudaError_t after_call(cudaError_t outcome) {
  if (outcome == cudaSuccess || outcome == cudaErrorNotReady) return outcome;
  last = outcome;
  const bool ruins = outcome == cudaErrorIllegalAddress || outcome == cudaErrorLaunchFailure ||
                     outcome == cudaErrorMisalignedAddress;
  if (ruins) ruined = outcome;
  return outcome;
}

}  // namespace emulated

extern "C" {

cudaError_t cudaGetLastError() {
  const cudaError_t found = emulated::last;
  emulated::last = emulated::ruined;
  return found;
}

cudaError_t cudaPeekAtLastError() { return emulated::last; }

// How many calls were made that can fail.
long sightline_calls() { return emulated::made; }

// As if the library was loaded anew: but what was created stays.
void sightline_forget_errors() {
  emulated::abandon_captures();
  emulated::ruined = emulated::last = cudaSuccess;
  emulated::made = 0;
}
}
