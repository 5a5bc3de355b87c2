// Kernels with one mistake each, and next to each a sound twin. `in` has 64 floats and `out` too,
// `scratch` 64 that nobody wrote; a launch has 64 threads in each of two blocks.

#include <mma.h>

#define KERNEL extern "C" __global__ void

// --- barriers

KERNEL written_then_read(const float* in, float* out, float*) {
  __shared__ float tile[64];
  tile[threadIdx.x] = in[threadIdx.x];
  __syncthreads();
  if (blockIdx.x == 0) out[threadIdx.x] = tile[63 - threadIdx.x];
}

KERNEL written_then_read_wrong(const float* in, float* out, float*) {
  __shared__ float tile[64];
  tile[threadIdx.x] = in[threadIdx.x];
  if (blockIdx.x == 0) out[threadIdx.x] = tile[63 - threadIdx.x];  // mistake
}

KERNEL read_then_written(const float* in, float* out, float*) {
  __shared__ float tile[64];
  float sum = 0.0f;
  for (int round = 0; round < 3; round++) {
    __syncthreads();
    tile[threadIdx.x] = in[threadIdx.x] + round;
    __syncthreads();
    sum += tile[63 - threadIdx.x];
  }
  if (blockIdx.x == 0) out[threadIdx.x] = sum;
}

KERNEL read_then_written_wrong(const float* in, float* out, float*) {
  __shared__ float tile[64];
  float sum = 0.0f;
  for (int round = 0; round < 3; round++) {
    tile[threadIdx.x] = in[threadIdx.x] + round;  // mistake
    __syncthreads();
    sum += tile[63 - threadIdx.x];
  }
  if (blockIdx.x == 0) out[threadIdx.x] = sum;
}

KERNEL bytes_of_one_word(const float* in, float* out, float*) {
  __shared__ signed char tile[64];
  tile[threadIdx.x] = static_cast<signed char>(in[threadIdx.x]);
  __syncthreads();
  if (blockIdx.x == 0) out[threadIdx.x] = tile[63 - threadIdx.x];
}

KERNEL bytes_of_one_word_wrong(const float* in, float* out, float*) {
  __shared__ signed char tile[64];
  tile[threadIdx.x] = static_cast<signed char>(in[threadIdx.x]);
  tile[threadIdx.x & 62] = 1;  // mistake
  __syncthreads();
  if (blockIdx.x == 0) out[threadIdx.x] = tile[63 - threadIdx.x];
}

KERNEL in_one_warp(const float* in, float* out, float*) {
  __shared__ float tile[64];
  tile[threadIdx.x] = in[threadIdx.x];
  __syncwarp();
  if (blockIdx.x == 0) out[threadIdx.x] = tile[threadIdx.x ^ 1];
}

KERNEL in_one_warp_wrong(const float* in, float* out, float*) {
  __shared__ float tile[64];
  tile[threadIdx.x] = in[threadIdx.x];
  __syncwarp();
  if (blockIdx.x == 0) out[threadIdx.x] = tile[threadIdx.x ^ 32];  // mistake
}

KERNEL barrier_for_some(const float* in, float* out, float*) {
  __shared__ float tile[64];
  tile[threadIdx.x] = in[threadIdx.x];
  __syncthreads();
  if (threadIdx.x >= 32) return;
  if (blockIdx.x == 0) out[threadIdx.x] = tile[63 - threadIdx.x];
}

KERNEL barrier_for_some_wrong(const float* in, float* out, float*) {
  __shared__ float tile[64];
  tile[threadIdx.x] = in[threadIdx.x];
  if (threadIdx.x >= 32) return;
  __syncthreads();  // mistake
  if (blockIdx.x == 0) out[threadIdx.x] = tile[31 - threadIdx.x];
}

KERNEL two_barriers(const float* in, float* out, float*) {
  __shared__ float tile[64];
  if (blockIdx.x == 0) {
    tile[threadIdx.x] = in[threadIdx.x];
    __syncthreads();
    out[threadIdx.x] = tile[63 - threadIdx.x];
  } else {
    __syncthreads();
  }
}

KERNEL two_barriers_wrong(const float* in, float* out, float*) {
  __shared__ float tile[64];
  tile[threadIdx.x] = in[threadIdx.x];
  if (threadIdx.x < 32) {
    __syncthreads();
    if (blockIdx.x == 0) out[threadIdx.x] = tile[63 - threadIdx.x];
  } else {
    __syncthreads();  // mistake
  }
}

KERNEL shuffle_of_all(const float* in, float* out, float*) {
  const float sum = in[threadIdx.x] + __shfl_xor_sync(0xffffffffu, in[threadIdx.x], 1);
  if (blockIdx.x == 0) out[threadIdx.x] = sum;
}

KERNEL shuffle_of_all_wrong(const float* in, float* out, float*) {
  float sum = in[threadIdx.x];
  if (threadIdx.x < 40) sum += __shfl_xor_sync(0xffffffffu, sum, 1);  // mistake
  if (blockIdx.x == 0) out[threadIdx.x] = sum;
}

// --- order in memory of the device

KERNEL own_element(const float* in, float* out, float*) {
  if (blockIdx.x == 0) out[threadIdx.x] = in[threadIdx.x];
}

KERNEL own_element_wrong(const float* in, float* out, float*) {
  out[threadIdx.x] = in[threadIdx.x];  // mistake
}

KERNEL handed_on(const float* in, float* out, float*) {
  if (blockIdx.x == 1) return;
  out[threadIdx.x] = in[threadIdx.x];
  __syncthreads();
  const float other = out[63 - threadIdx.x];
  __syncthreads();
  out[threadIdx.x] = other;
}

KERNEL handed_on_wrong(const float* in, float* out, float*) {
  if (blockIdx.x == 1) return;
  out[threadIdx.x] = in[threadIdx.x];
  __syncthreads();
  out[threadIdx.x] = out[63 - threadIdx.x];  // mistake
}

KERNEL read_by_other_blocks(const float* in, float* out, float*) {
  if (blockIdx.x == 1) out[threadIdx.x] = in[threadIdx.x] + in[0];
}

KERNEL read_by_other_blocks_wrong(const float* in, float* out, float*) {
  if (blockIdx.x == 0) out[threadIdx.x] = in[threadIdx.x] + in[0];
  if (blockIdx.x == 1 && threadIdx.x == 5) const_cast<float*>(in)[0] = 1.0f;  // mistake
}

// --- bounds and addresses

KERNEL whole_arrays(const float* in, float* out, float*) {
  __shared__ float first[64], second[64];
  first[threadIdx.x] = second[threadIdx.x] = in[threadIdx.x];
  __syncthreads();
  if (blockIdx.x == 0) out[threadIdx.x] = first[63 - threadIdx.x] + second[threadIdx.x];
}

KERNEL whole_arrays_wrong(const float* in, float* out, float*) {
  __shared__ float first[64], second[64];
  first[threadIdx.x] = second[threadIdx.x] = in[threadIdx.x];
  __syncthreads();
  const float* beyond = first + 64 - threadIdx.x;
  if (blockIdx.x == 0) out[threadIdx.x] = *beyond + second[threadIdx.x];  // mistake
}

KERNEL dynamic_array(const float* in, float* out, float*) {
  extern __shared__ __align__(16) unsigned char room[];
  reinterpret_cast<float*>(room)[threadIdx.x] = in[threadIdx.x];
  __syncthreads();
  if (blockIdx.x == 0) out[threadIdx.x] = reinterpret_cast<float*>(room)[63 - threadIdx.x];
}

KERNEL dynamic_array_wrong(const float* in, float* out, float*) {
  extern __shared__ __align__(16) unsigned char room[];
  reinterpret_cast<float*>(room)[threadIdx.x + 1] = in[threadIdx.x];  // mistake
  __syncthreads();
  if (blockIdx.x == 0) out[threadIdx.x] = reinterpret_cast<float*>(room)[64 - threadIdx.x];
}

KERNEL registers(const float* in, float* out, float*) {
  float own[4] = {1.0f, 2.0f, 3.0f, 4.0f};
  if (blockIdx.x == 0) out[threadIdx.x] = in[threadIdx.x] + own[static_cast<int>(in[0]) & 3];
}

KERNEL registers_wrong(const float* in, float* out, float*) {
  float own[4] = {1.0f, 2.0f, 3.0f, 4.0f};
  if (blockIdx.x == 0) out[threadIdx.x] = own[static_cast<int>(in[0]) + 4];  // mistake
}

KERNEL last_element(const float* in, float* out, float*) {
  if (blockIdx.x == 0) out[threadIdx.x] = in[63 - threadIdx.x];
}

KERNEL last_element_wrong(const float* in, float* out, float*) {
  if (blockIdx.x == 0) out[threadIdx.x + 1] = in[threadIdx.x];  // mistake
}

KERNEL first_element(const float* in, float* out, float*) {
  if (blockIdx.x == 0) out[threadIdx.x] = in[threadIdx.x];
}

KERNEL first_element_wrong(const float* in, float* out, float*) {
  const float* before = in - 1;
  if (blockIdx.x == 0) out[threadIdx.x] = before[threadIdx.x];  // mistake
}

KERNEL aligned(const float* in, float* out, float*) {
  if (blockIdx.x == 0 && threadIdx.x < 16)
    reinterpret_cast<float4*>(out)[threadIdx.x] = reinterpret_cast<const float4*>(in)[threadIdx.x];
}

KERNEL aligned_wrong(const float* in, float* out, float*) {
  const float* shifted = in + 1;
  if (blockIdx.x == 0 && threadIdx.x < 15)
    reinterpret_cast<float4*>(out)[threadIdx.x] =
        *reinterpret_cast<const float4*>(shifted + 4 * threadIdx.x);  // mistake
}

KERNEL tile_in_place(const float* in, float* out, float*) {
  nvcuda::wmma::fragment<nvcuda::wmma::accumulator, 16, 16, 16, float> tile;
  __shared__ alignas(32) float room[16 * 20];
  nvcuda::wmma::fill_fragment(tile, 1.0f);
  if (threadIdx.x < 32)
    nvcuda::wmma::store_matrix_sync(room, tile, 20, nvcuda::wmma::mem_row_major);
  __syncthreads();
  if (blockIdx.x == 0) out[threadIdx.x] = room[threadIdx.x / 16 * 20 + threadIdx.x % 16] + in[0];
}

KERNEL tile_in_place_wrong(const float* in, float* out, float*) {
  nvcuda::wmma::fragment<nvcuda::wmma::accumulator, 16, 16, 16, float> tile;
  __shared__ alignas(32) float room[16 * 18];
  nvcuda::wmma::fill_fragment(tile, 1.0f);
  if (threadIdx.x < 32)
    nvcuda::wmma::store_matrix_sync(room, tile, 18, nvcuda::wmma::mem_row_major);  // mistake
  __syncthreads();
  if (blockIdx.x == 0) out[threadIdx.x] = room[threadIdx.x / 16 * 18 + threadIdx.x % 16] + in[0];
}

// --- what was never written

KERNEL written_first(const float* in, float* out, float* scratch) {
  if (blockIdx.x == 1) return;
  scratch[threadIdx.x] = in[threadIdx.x];
  out[threadIdx.x] = scratch[threadIdx.x];
}

KERNEL written_first_wrong(const float* in, float* out, float* scratch) {
  if (blockIdx.x == 1) return;
  if (threadIdx.x != 7) scratch[threadIdx.x] = in[threadIdx.x];
  out[threadIdx.x] = scratch[threadIdx.x];  // mistake
}

KERNEL filled(const float* in, float* out, float*) {
  __shared__ float tile[64];
  tile[threadIdx.x] = in[threadIdx.x];
  if (blockIdx.x == 0) out[threadIdx.x] = tile[threadIdx.x];
}

KERNEL filled_wrong(const float* in, float* out, float*) {
  __shared__ float tile[64];
  if (blockIdx.x == 0) tile[threadIdx.x] = in[threadIdx.x];
  if (blockIdx.x == 1) out[threadIdx.x] = tile[threadIdx.x];  // mistake
}

// --- the host

#define RETURN_IF(call)                                                   \
  do {                                                                    \
    const cudaError_t error = call;                                       \
    if (error != cudaSuccess) return static_cast<int>(error);             \
  } while (0)

typedef void (*Kernel)(const float*, float*, float*);

static int run(Kernel kernel, const float* in, float* out) {
  const size_t bytes = 64 * sizeof(float);
  float *device_in, *device_out, *scratch;
  RETURN_IF(cudaMalloc(&device_in, bytes));
  RETURN_IF(cudaMalloc(&device_out, bytes));
  RETURN_IF(cudaMalloc(&scratch, bytes));
  RETURN_IF(cudaMemcpy(device_in, in, bytes, cudaMemcpyHostToDevice));
  RETURN_IF(cudaMemset(device_out, 0, bytes));
  void* arguments[] = {&device_in, &device_out, &scratch};
  RETURN_IF(cudaLaunchKernel(kernel, dim3(2), dim3(64), arguments, bytes));
  RETURN_IF(cudaDeviceSynchronize());
  RETURN_IF(cudaMemcpy(out, device_out, bytes, cudaMemcpyDeviceToHost));
  RETURN_IF(cudaFree(device_in));
  RETURN_IF(cudaFree(device_out));
  RETURN_IF(cudaFree(scratch));
  return 0;
}

#define RUN(kernel)                                                                              \
  extern "C" int run_##kernel(const float* in, float* out) { return run(kernel, in, out); }     \
  extern "C" int run_##kernel##_wrong(const float* in, float* out) {                             \
    return run(kernel##_wrong, in, out);                                                         \
  }

RUN(written_then_read)
RUN(read_then_written)
RUN(bytes_of_one_word)
RUN(in_one_warp)
RUN(barrier_for_some)
RUN(two_barriers)
RUN(shuffle_of_all)
RUN(own_element)
RUN(handed_on)
RUN(read_by_other_blocks)
RUN(whole_arrays)
RUN(dynamic_array)
RUN(registers)
RUN(last_element)
RUN(first_element)
RUN(aligned)
RUN(tile_in_place)
RUN(written_first)
RUN(filled)

// A pointer of the host, and one that was freed: mistakes of the host.

extern "C" int run_own_element_on_host_memory(const float* in, float* out) {
  float* device_out;
  RETURN_IF(cudaMalloc(&device_out, 64 * sizeof(float)));
  void* arguments[] = {&in, &device_out, &device_out};
  RETURN_IF(cudaLaunchKernel(own_element, dim3(2), dim3(64), arguments));
  RETURN_IF(cudaDeviceSynchronize());
  RETURN_IF(cudaMemcpy(out, device_out, 64 * sizeof(float), cudaMemcpyDeviceToHost));
  RETURN_IF(cudaFree(device_out));
  return 0;
}

extern "C" int run_own_element_after_free(const float*, float*) {
  float* device_out;
  RETURN_IF(cudaMalloc(&device_out, 64 * sizeof(float)));
  RETURN_IF(cudaMemset(device_out, 0, 64 * sizeof(float)));
  RETURN_IF(cudaFree(device_out));
  void* arguments[] = {&device_out, &device_out, &device_out};
  RETURN_IF(cudaLaunchKernel(own_element, dim3(2), dim3(64), arguments));
  RETURN_IF(cudaDeviceSynchronize());
  return 0;
}

extern "C" int run_own_element_of_null(const float*, float* out) {
  float *nothing = nullptr, *device_out;
  RETURN_IF(cudaMalloc(&device_out, 64 * sizeof(float)));
  void* arguments[] = {&nothing, &device_out, &device_out};
  RETURN_IF(cudaLaunchKernel(own_element, dim3(2), dim3(64), arguments));
  RETURN_IF(cudaDeviceSynchronize());
  RETURN_IF(cudaMemcpy(out, device_out, 64 * sizeof(float), cudaMemcpyDeviceToHost));
  return 0;
}
