// Launches of kernels, whose parameters' types say how to copy them.
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

#include "runtime_api.h"

struct cudaFuncAttributes;

namespace emulated {

// Every parameter has a slot of its own, so that none straddles another's alignment.
constexpr std::size_t slots(std::size_t bytes) { return (bytes + 15) / 16 * 16; }

// A kernel without its type: `call` reads the parameters from their slots.
struct Kernel {
  void (*function)();
  void (*call)(void (*function)(), const unsigned char* parameters);
  const std::size_t* sizes;
  std::size_t count;
};

template <class... Parameters>
struct Signature {
  static_assert((std::is_trivially_copyable_v<Parameters> && ...),
                "kernels take numbers, pointers and plain structures");
  static constexpr std::size_t sizes[] = {sizeof(Parameters)..., 0};

  static constexpr std::size_t offset(std::size_t index) {
    std::size_t sum = 0;
    for (std::size_t k = 0; k < index; k++) sum += slots(sizes[k]);
    return sum;
  }

  template <std::size_t... index>
  static void call(void (*function)(), const unsigned char* parameters,
                   std::index_sequence<index...>) {
    reinterpret_cast<void (*)(Parameters...)>(function)(
        *reinterpret_cast<const Parameters*>(parameters + offset(index))...);
  }

  static void call(void (*function)(), const unsigned char* parameters) {
    call(function, parameters, std::index_sequence_for<Parameters...>());
  }
};

// In runtime/launch.cpp.
cudaError_t launch(const Kernel& kernel, dim3 grid, dim3 block, void** arguments,
                   std::size_t dynamic_shared, cudaStream_t stream);
cudaError_t allow_dynamic_shared(void (*function)(), int attribute, int value);
cudaError_t find_attributes(cudaFuncAttributes* found, void (*function)());

}  // namespace emulated

// What of it is known here; registers are the compiler's affair.
struct cudaFuncAttributes {
  std::size_t sharedSizeBytes;
  int maxThreadsPerBlock;
};

enum cudaFuncAttribute {
  cudaFuncAttributeMaxDynamicSharedMemorySize = 8,
  cudaFuncAttributePreferredSharedMemoryCarveout = 9,
};

template <class... Parameters>
cudaError_t cudaLaunchKernel(void (*kernel)(Parameters...), dim3 grid, dim3 block,
                             void** arguments, std::size_t dynamic_shared = 0,
                             cudaStream_t stream = nullptr) {
  using Signature = emulated::Signature<Parameters...>;
  void (*call)(void (*)(), const unsigned char*) = Signature::call;
  return emulated::launch({reinterpret_cast<void (*)()>(kernel), call, Signature::sizes,
                           sizeof...(Parameters)},
                          grid, block, arguments, dynamic_shared, stream);
}

template <class... Parameters>
cudaError_t cudaFuncSetAttribute(void (*kernel)(Parameters...), cudaFuncAttribute attribute,
                                 int value) {
  return emulated::allow_dynamic_shared(reinterpret_cast<void (*)()>(kernel), attribute, value);
}

template <class... Parameters>
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* found, void (*kernel)(Parameters...)) {
  return emulated::find_attributes(found, reinterpret_cast<void (*)()>(kernel));
}
