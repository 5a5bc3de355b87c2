// Launches: their limits, and their parameters, which are copied when the call is made.

#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>

#include "block.h"
#include "calls.h"
#include "findings.h"
#include "limits.h"
#include "regions.h"
#include "streams.h"

namespace emulated {

namespace {

std::map<void (*)(), std::size_t> allowed_dynamic;  // by cudaFuncSetAttribute

bool within(const dim3& size, const unsigned int (&limits)[3]) {
  return size.x - 1 < limits[0] && size.y - 1 < limits[1] && size.z - 1 < limits[2];
}

cudaError_t refusal(const Kernel& kernel, const dim3& grid, const dim3& block,
                    std::size_t dynamic_shared) {
  if (!kernel.function) return cudaErrorInvalidValue;
  const std::uint64_t threads = std::uint64_t(block.x) * block.y * block.z;
  if (!within(grid, GRID_LIMITS) || !within(block, BLOCK_LIMITS) || threads > THREADS_OF_BLOCK)
    return cudaErrorInvalidConfiguration;
  const auto found = allowed_dynamic.find(kernel.function);
  const std::size_t allowed = found == allowed_dynamic.end() ? SHARED_BYTES : found->second;
  const std::size_t fixed = static_bytes(symbol_of(kernel.function));
  const std::size_t limit = allowed > SHARED_BYTES ? SHARED_BYTES_OPTIN : SHARED_BYTES;
  if (dynamic_shared > allowed || fixed > SHARED_BYTES || fixed + dynamic_shared > limit)
    return cudaErrorInvalidValue;
  return cudaSuccess;
}

cudaError_t prepare(Launch& launch, void** arguments) {
  std::size_t offset = 0;
  for (std::size_t k = 0; k < launch.kernel.count; k++) {
    const std::size_t bytes = launch.kernel.sizes[k];
    if (offset + slots(bytes) > PARAMETER_BYTES) return cudaErrorInvalidValue;
    if (!arguments || !arguments[k]) return cudaErrorInvalidValue;
    std::memcpy(launch.parameters + offset, arguments[k], bytes);
    offset += slots(bytes);
  }
  return cudaSuccess;
}

}  // namespace

cudaError_t launch(const Kernel& kernel, dim3 grid, dim3 block, void** arguments,
                   std::size_t dynamic_shared, cudaStream_t stream) {
  return call(During::CAPTURE, [&] {
    const cudaError_t refused = refusal(kernel, grid, block, dynamic_shared);
    if (refused != cudaSuccess) return refused;
    const auto prepared = std::make_shared<Launch>();
    prepared->kernel = kernel;
    prepared->grid = grid;
    prepared->block = block;
    prepared->dynamic_shared = dynamic_shared;
    const cudaError_t outcome = prepare(*prepared, arguments);
    if (outcome != cudaSuccess) return outcome;
    return enqueue(stream, [prepared] { return run(*prepared); });
  });
}

cudaError_t find_attributes(cudaFuncAttributes* found, void (*function)()) {
  return call(During::CAPTURE, [&] {
    if (!found || !function) return cudaErrorInvalidValue;
    if (std::getenv("SIGHTLINE_CUDA_NO_CODE")) return cudaErrorNoKernelImageForDevice;
    *found = {static_bytes(symbol_of(function)), int(THREADS_OF_BLOCK)};
    return cudaSuccess;
  });
}

cudaError_t allow_dynamic_shared(void (*function)(), int attribute, int value) {
  return call(During::CAPTURE, [&] {
    if (!function || value < 0) return cudaErrorInvalidValue;
    if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaSuccess;
    const std::size_t fixed = static_bytes(symbol_of(function));
    if (fixed + static_cast<std::size_t>(value) > SHARED_BYTES_OPTIN) return cudaErrorInvalidValue;
    allowed_dynamic[function] = static_cast<std::size_t>(value);
    return cudaSuccess;
  });
}

}  // namespace emulated
