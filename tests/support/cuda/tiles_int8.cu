// tanh(0.01 a b + bias) of int8 factors, 64x48 and 48x32, as TVM 0.27 generated it, and at the end a
// function of ours that runs it. Kept, for it takes TVM a minute and a half: it reads all of its
// matrix instructions first.

#ifdef __CUDACC_RTC__
  #include <cuda/std/cstdint>
  using cuda::std::uint8_t;
  using cuda::std::uint16_t;
  using cuda::std::uint32_t;
  using cuda::std::uint64_t;
  using cuda::std::int8_t;
  using cuda::std::int16_t;
  using cuda::std::int32_t;
  using cuda::std::int64_t;

  #include <cuda/std/type_traits>
  namespace std {
    using cuda::std::is_same;
    using cuda::std::is_same_v;
    using cuda::std::is_integral;
    using cuda::std::is_signed;
    using cuda::std::is_unsigned;
    using cuda::std::is_floating_point;
    using cuda::std::enable_if;
    using cuda::std::conditional;
  }

  // NVRTC uses asm/volatile instead of __asm__/__volatile__ (gcc extension).
  #ifndef __asm__
  #define __asm__ asm
  #endif
  #ifndef __volatile__
  #define __volatile__ volatile
  #endif
#else
  #include <cstdint>
  #include <type_traits>
  #include <cuda.h>
#endif

#include <mma.h>

#if (((__CUDACC_VER_MAJOR__ == 11) && (__CUDACC_VER_MINOR__ >= 4)) || \
     (__CUDACC_VER_MAJOR__ > 11))
#define TVM_ENABLE_L2_PREFETCH 1
#else
#define TVM_ENABLE_L2_PREFETCH 0
#endif

#ifdef _WIN32
  using uint = unsigned int;
  using uchar = unsigned char;
  using ushort = unsigned short;
  using int64_t = long long;
  using uint64_t = unsigned long long;
#else
  #define uint unsigned int
  #define uchar unsigned char
  #define ushort unsigned short
#endif
extern "C" __global__ void __launch_bounds__(128) tiles_kernel(signed char* __restrict__ a_ptr, signed char* __restrict__ b_ptr, float* __restrict__ bias_ptr, float* __restrict__ out_ptr);
extern "C" __global__ void __launch_bounds__(128) tiles_kernel(signed char* __restrict__ a_ptr, signed char* __restrict__ b_ptr, float* __restrict__ bias_ptr, float* __restrict__ out_ptr) {
  extern __shared__ __align__(64) uchar buf_dyn_shmem_ptr[];
  nvcuda::wmma::fragment<nvcuda::wmma::accumulator, 16, 16, 16, int> sums_shared_dyn_wmma_accumulator_ptr[1];
  nvcuda::wmma::fragment<nvcuda::wmma::matrix_a, 16, 16, 16, signed char, nvcuda::wmma::row_major> a_shared_dyn_wmma_matrix_a_ptr[1];
  nvcuda::wmma::fragment<nvcuda::wmma::matrix_b, 16, 16, 16, signed char, nvcuda::wmma::row_major> b_shared_dyn_wmma_matrix_b_ptr[1];
  nvcuda::wmma::fill_fragment(sums_shared_dyn_wmma_accumulator_ptr[0], 0x0p+0f/*0.000000e+00*/);
  for (int ax2_0_0 = 0; ax2_0_0 < 3; ++ax2_0_0) {
    __syncthreads();
    for (int ax0_ax1_fused_0 = 0; ax0_ax1_fused_0 < 2; ++ax0_ax1_fused_0) {
      *(char2*)(((signed char*)buf_dyn_shmem_ptr) + ((((ax0_ax1_fused_0 * 384) + (((int)threadIdx.y) * 96)) + ((((int)threadIdx.x) >> 3) * 24)) + ((((int)threadIdx.x) & 7) * 2))) = *(char2*)(a_ptr + ((((((((int)blockIdx.x) * 1536) + (ax0_ax1_fused_0 * 768)) + (((int)threadIdx.y) * 192)) + ((((int)threadIdx.x) >> 3) * 48)) + (ax2_0_0 * 16)) + ((((int)threadIdx.x) & 7) * 2)));
    }
    for (int ax0_ax1_fused_0_1 = 0; ax0_ax1_fused_0_1 < 2; ++ax0_ax1_fused_0_1) {
      *(char2*)(((signed char*)buf_dyn_shmem_ptr) + (((((ax0_ax1_fused_0_1 * 320) + (((int)threadIdx.y) * 80)) + ((((int)threadIdx.x) >> 4) * 40)) + ((((int)threadIdx.x) & 15) * 2)) + 768)) = *(char2*)(b_ptr + ((((ax2_0_0 * 512) + (ax0_ax1_fused_0_1 * 256)) + (((int)threadIdx.y) * 64)) + (((int)threadIdx.x) * 2)));
    }
    __syncthreads();
    nvcuda::wmma::load_matrix_sync(a_shared_dyn_wmma_matrix_a_ptr[0], (&(((signed char*)buf_dyn_shmem_ptr)[((((int)threadIdx.y) >> 1) * 384)])), 24);
    nvcuda::wmma::load_matrix_sync(b_shared_dyn_wmma_matrix_b_ptr[0], (&(((signed char*)buf_dyn_shmem_ptr)[(((((int)threadIdx.y) & 1) * 16) + 768)])), 40);
    nvcuda::wmma::mma_sync(sums_shared_dyn_wmma_accumulator_ptr[0], a_shared_dyn_wmma_matrix_a_ptr[0], b_shared_dyn_wmma_matrix_b_ptr[0], sums_shared_dyn_wmma_accumulator_ptr[0]);
  }
  __syncthreads();
  nvcuda::wmma::store_matrix_sync((&(((int*)buf_dyn_shmem_ptr)[(((((int)threadIdx.y) >> 1) * 512) + ((((int)threadIdx.y) & 1) * 16))])), sums_shared_dyn_wmma_accumulator_ptr[0], 32, nvcuda::wmma::mem_row_major);
  __syncthreads();
  for (int m_1_n_fused_0 = 0; m_1_n_fused_0 < 8; ++m_1_n_fused_0) {
    out_ptr[((((((int)blockIdx.x) * 1024) + (m_1_n_fused_0 * 128)) + (((int)threadIdx.y) * 32)) + ((int)threadIdx.x))] = tanhf(((((float)((int*)buf_dyn_shmem_ptr)[(((m_1_n_fused_0 * 128) + (((int)threadIdx.y) * 32)) + ((int)threadIdx.x))]) * 0x1.47ae147ae147bp-7f/*1.000000e-02*/) + bias_ptr[((int)threadIdx.x)]));
  }
}


extern "C" int run(void* a, int a_bytes, void* b, int b_bytes, void* bias, int bias_bytes, void* out, int out_bytes) {
  void* a_device;
  if (cudaError_t error = cudaMalloc(&a_device, a_bytes)) return error;
  if (cudaError_t error = cudaMemcpy(a_device, a, a_bytes, cudaMemcpyHostToDevice)) return error;
  void* b_device;
  if (cudaError_t error = cudaMalloc(&b_device, b_bytes)) return error;
  if (cudaError_t error = cudaMemcpy(b_device, b, b_bytes, cudaMemcpyHostToDevice)) return error;
  void* bias_device;
  if (cudaError_t error = cudaMalloc(&bias_device, bias_bytes)) return error;
  if (cudaError_t error = cudaMemcpy(bias_device, bias, bias_bytes, cudaMemcpyHostToDevice)) return error;
  void* out_device;
  if (cudaError_t error = cudaMalloc(&out_device, out_bytes)) return error;
  void* arguments[] = {&a_device, &b_device, &bias_device, &out_device};
  if (cudaError_t error = cudaLaunchKernel(tiles_kernel, dim3(2), dim3(32, 4, 1), arguments, 4096)) return error;
  if (cudaError_t error = cudaMemcpy(out, out_device, out_bytes, cudaMemcpyDeviceToHost)) return error;
  if (cudaError_t error = cudaFree(a_device)) return error;
  if (cudaError_t error = cudaFree(b_device)) return error;
  if (cudaError_t error = cudaFree(bias_device)) return error;
  if (cudaError_t error = cudaFree(out_device)) return error;
  return 0;
}
