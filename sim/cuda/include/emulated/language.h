// The words that CUDA adds to C++.
#pragma once

#include <cstddef>

#define __global__
#define __device__
#define __host__
#define __constant__ static
#define __forceinline__ inline __attribute__((always_inline))
#define __restrict__ __restrict
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))

// A thread_local in a function is static, and `extern thread_local` is allowed: the one storage
// class that serves both `__shared__ float tile[64]` and `extern __shared__ float tile[]`. The
// build gives each array a place between gaps, and a line in the table of shared arrays.
#define __shared__ thread_local

namespace emulated {

template <std::size_t bytes>
constexpr std::size_t alignment() {
  return bytes;
}

template <class T>
constexpr std::size_t alignment() {
  return __alignof__(T);
}

}  // namespace emulated

// nvcc takes `__shared__ alignas(64) float tile[64]`; g++ wants alignas before the storage class,
// but an attribute anywhere.
#define alignas(...) __attribute__((aligned(::emulated::alignment<__VA_ARGS__>())))

struct uint3 {
  unsigned int x, y, z;
};

struct dim3 {
  unsigned int x, y, z;
  constexpr dim3(unsigned int x = 1, unsigned int y = 1, unsigned int z = 1) : x(x), y(y), z(z) {}
  constexpr dim3(uint3 each) : x(each.x), y(each.y), z(each.z) {}
  constexpr operator uint3() const { return {x, y, z}; }
};

// For a thread these never change, so that a kernel may read them once: the runtime, which sees
// them as variables, sets them when it goes to another thread.
extern const uint3 threadIdx;
extern const uint3 blockIdx;
extern const uint3 blockDim;
extern const uint3 gridDim;
constexpr int warpSize = 32;

// The number of the thread in its block, x fastest.
extern "C" const unsigned int emulated_thread_number;
