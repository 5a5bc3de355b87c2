// Calls about the device: there is one, like an NVIDIA H100 in what it allows.

#include <algorithm>
#include <cstring>

#include "calls.h"
#include "limits.h"

using emulated::call;
using emulated::During;

namespace {

struct Named {
  cudaError_t error;
  const char* name;
  const char* text;
};

const Named errors[] = {
    {cudaSuccess, "cudaSuccess", "no error"},
    {cudaErrorInvalidValue, "cudaErrorInvalidValue", "invalid argument"},
    {cudaErrorMemoryAllocation, "cudaErrorMemoryAllocation", "out of memory"},
    {cudaErrorInvalidConfiguration, "cudaErrorInvalidConfiguration",
     "invalid configuration argument"},
    {cudaErrorInvalidMemcpyDirection, "cudaErrorInvalidMemcpyDirection",
     "invalid copy direction for memcpy"},
    {cudaErrorInsufficientDriver, "cudaErrorInsufficientDriver",
     "CUDA driver version is insufficient for CUDA runtime version"},
    {cudaErrorNoDevice, "cudaErrorNoDevice", "no CUDA-capable device is detected"},
    {cudaErrorInvalidDevice, "cudaErrorInvalidDevice", "invalid device ordinal"},
    {cudaErrorInvalidDeviceFunction, "cudaErrorInvalidDeviceFunction", "invalid device function"},
    {cudaErrorNoKernelImageForDevice, "cudaErrorNoKernelImageForDevice",
     "no kernel image is available for execution on the device"},
    {cudaErrorInvalidResourceHandle, "cudaErrorInvalidResourceHandle", "invalid resource handle"},
    {cudaErrorNotReady, "cudaErrorNotReady", "device not ready"},
    {cudaErrorIllegalAddress, "cudaErrorIllegalAddress",
     "an illegal memory access was encountered"},
    {cudaErrorHostMemoryAlreadyRegistered, "cudaErrorHostMemoryAlreadyRegistered",
     "part or all of the requested memory range is already mapped"},
    {cudaErrorHostMemoryNotRegistered, "cudaErrorHostMemoryNotRegistered",
     "pointer does not correspond to a registered memory region"},
    {cudaErrorMisalignedAddress, "cudaErrorMisalignedAddress", "misaligned address"},
    {cudaErrorLaunchFailure, "cudaErrorLaunchFailure", "unspecified launch failure"},
    {cudaErrorNotSupported, "cudaErrorNotSupported", "operation not supported"},
    {cudaErrorStreamCaptureUnsupported, "cudaErrorStreamCaptureUnsupported",
     "operation not permitted when stream is capturing"},
    {cudaErrorStreamCaptureInvalidated, "cudaErrorStreamCaptureInvalidated",
     "operation failed due to a previous error during capture"},
    {cudaErrorStreamCaptureUnmatched, "cudaErrorStreamCaptureUnmatched",
     "capture was not ended in the same stream as it began"},
    {cudaErrorStreamCaptureUnjoined, "cudaErrorStreamCaptureUnjoined",
     "capturing stream has unjoined work"},
    {cudaErrorStreamCaptureIsolation, "cudaErrorStreamCaptureIsolation",
     "dependency created on uncaptured work in another stream"},
    {cudaErrorStreamCaptureImplicit, "cudaErrorStreamCaptureImplicit",
     "operation would make the legacy stream depend on a capturing blocking stream"},
    {cudaErrorCapturedEvent, "cudaErrorCapturedEvent",
     "operation not permitted on an event last recorded in a capturing stream"},
    {cudaErrorUnknown, "cudaErrorUnknown", "unknown error"},
};

const Named& named(cudaError_t error) {
  static const Named unknown{error, "cudaErrorUnrecognized", "unrecognized error code"};
  for (const Named& each : errors)
    if (each.error == error) return each;
  return unknown;
}

cudaDeviceProp properties_of_the_device() {
  cudaDeviceProp found{};
  std::strcpy(found.name, "Sightline emulator");
  found.totalGlobalMem = emulated::DEVICE_BYTES;
  found.sharedMemPerBlock = emulated::SHARED_BYTES;
  found.sharedMemPerBlockOptin = emulated::SHARED_BYTES_OPTIN;
  found.sharedMemPerMultiprocessor = emulated::SHARED_BYTES_OPTIN + 1024;
  found.totalConstMem = 65536;
  found.regsPerBlock = found.regsPerMultiprocessor = 65536;
  found.warpSize = emulated::WARP;
  found.maxThreadsPerBlock = emulated::THREADS_OF_BLOCK;
  found.maxThreadsPerMultiProcessor = 2048;
  std::copy_n(emulated::BLOCK_LIMITS, 3, found.maxThreadsDim);
  std::copy_n(emulated::GRID_LIMITS, 3, found.maxGridSize);
  found.major = 9;
  found.multiProcessorCount = 132;
  found.memoryBusWidth = 5120;
  found.l2CacheSize = 50 << 20;
  found.concurrentKernels = found.unifiedAddressing = 1;
  return found;
}

}  // namespace

extern "C" {

const char* cudaGetErrorName(cudaError_t error) { return named(error).name; }

const char* cudaGetErrorString(cudaError_t error) { return named(error).text; }

cudaError_t cudaGetDeviceCount(int* count) {
  if (count) *count = 0;
  return call(During::CAPTURE, [&] {
    if (!count) return cudaErrorInvalidValue;
    *count = 1;
    return cudaSuccess;
  });
}

cudaError_t cudaGetDevice(int* device) {
  return call(During::CAPTURE, [&] {
    if (!device) return cudaErrorInvalidValue;
    *device = 0;
    return cudaSuccess;
  });
}

cudaError_t cudaSetDevice(int device) {
  return call(During::CAPTURE,
              [&] { return device == 0 ? cudaSuccess : cudaErrorInvalidDevice; });
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  return call(During::CAPTURE, [&] {
    if (!properties) return cudaErrorInvalidValue;
    if (device != 0) return cudaErrorInvalidDevice;
    *properties = properties_of_the_device();
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  return call(During::CAPTURE, [&] {
    const cudaDeviceProp found = properties_of_the_device();
    if (!value) return cudaErrorInvalidValue;
    if (device != 0) return cudaErrorInvalidDevice;
    switch (attribute) {
      case cudaDevAttrMaxThreadsPerBlock: *value = found.maxThreadsPerBlock; break;
      case cudaDevAttrMaxSharedMemoryPerBlock: *value = int(found.sharedMemPerBlock); break;
      case cudaDevAttrWarpSize: *value = found.warpSize; break;
      case cudaDevAttrMultiProcessorCount: *value = found.multiProcessorCount; break;
      case cudaDevAttrComputeCapabilityMajor: *value = found.major; break;
      case cudaDevAttrComputeCapabilityMinor: *value = found.minor; break;
      case cudaDevAttrMaxSharedMemoryPerBlockOptin:
        *value = int(found.sharedMemPerBlockOptin);
        break;
      default: return cudaErrorInvalidValue;
    }
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceSynchronize() {
  return call(During::NO_CAPTURE, [] { return cudaSuccess; });
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  return call(During::CAPTURE, [&] {
    if (!version) return cudaErrorInvalidValue;
    *version = 13000;
    return cudaSuccess;
  });
}

cudaError_t cudaDriverGetVersion(int* version) { return cudaRuntimeGetVersion(version); }
}
