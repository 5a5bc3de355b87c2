// One kernel for each part of the language that generated kernels use, each with a function that
// runs it on one block of 32 threads, unless it says more.

#include <cuda_fp16.h>
#include <mma.h>

#define KERNEL extern "C" __global__ void

KERNEL __launch_bounds__(32) warp_sums(const int* in, int* out, int) {
  int sum = in[threadIdx.x];
  for (int delta = 16; delta > 0; delta /= 2) sum += __shfl_down_sync(0xffffffffu, sum, delta);
  int both = in[threadIdx.x];
  for (int mask = 16; mask > 0; mask /= 2) both += __shfl_xor_sync(0xffffffffu, both, mask);
  const int first = __shfl_sync(0xffffffffu, sum, 0);
  const int before = __shfl_up_sync(0xffffffffu, in[threadIdx.x], 1, 8);
  const unsigned int odd = __ballot_sync(0xffffffffu, in[threadIdx.x] & 1);
  const int some = __any_sync(0xffffffffu, in[threadIdx.x] == in[3]);
  const int all = __all_sync(0xffffffffu, in[threadIdx.x] == in[3]);
  out[threadIdx.x] = both;
  out[32 + threadIdx.x] = first;
  out[64 + threadIdx.x] = before;
  out[96 + threadIdx.x] = static_cast<int>(odd);
  out[128 + threadIdx.x] = 2 * some + all;
}

KERNEL bytes(const int* in, int* out, int zero) {
  const int a = in[threadIdx.x], b = __ldg(in + 31 - threadIdx.x);
  const unsigned int ua = static_cast<unsigned int>(a), ub = static_cast<unsigned int>(b);
  out[threadIdx.x] = __dp4a(a, b, zero + 5);
  out[32 + threadIdx.x] = static_cast<int>(__dp4a(ua, ub, 5u));
  const char4 parts = *reinterpret_cast<const char4*>(in + threadIdx.x);
  out[64 + threadIdx.x] = parts.x + 2 * parts.y + 3 * parts.z + 4 * parts.w;
  out[96 + threadIdx.x] = max(min(a, 100), -100);
  const long long scaled = (static_cast<long long>(a) * 1234567891 + (1LL << 30)) >> 31;
  out[128 + threadIdx.x] = static_cast<int>(min(max(scaled, -128LL), 127LL));
}

KERNEL halves(const half* in, half* out, int) {
  const half a = in[threadIdx.x], b = in[31 - threadIdx.x];
  out[threadIdx.x] = a + b;
  out[32 + threadIdx.x] = a * b;
  out[64 + threadIdx.x] = __hfma(a, b, a);
  out[96 + threadIdx.x] = __hgt(a, b) ? a : b;
  out[128 + threadIdx.x] = __float2half_rn(tanhf(__half2float(a)));
}

template <int m, int n>
__device__ void halves_of_a_tile(const half* a, const half* b, float* c) {
  using namespace nvcuda;
  wmma::fragment<wmma::matrix_a, m, n, 16, half, wmma::row_major> left;
  wmma::fragment<wmma::matrix_b, m, n, 16, half, wmma::col_major> right;
  wmma::fragment<wmma::accumulator, m, n, 16, float> sums;
  wmma::fill_fragment(sums, 0.5f);
  wmma::load_matrix_sync(left, a, 16);
  wmma::load_matrix_sync(right, b, 16);
  wmma::mma_sync(sums, left, right, sums);
  for (int k = 0; k < sums.num_elements; k++) sums.x[k] *= 2.0f;
  wmma::store_matrix_sync(c, sums, n, wmma::mem_row_major);
}

KERNEL half_tiles_16_16(const half* in, float* out, int) {
  halves_of_a_tile<16, 16>(in, in + 512, out);
}
KERNEL half_tiles_32_8(const half* in, float* out, int) {
  halves_of_a_tile<32, 8>(in, in + 512, out);
}
KERNEL half_tiles_8_32(const half* in, float* out, int) {
  halves_of_a_tile<8, 32>(in, in + 512, out);
}

template <class T>
__device__ void bytes_of_a_tile(const T* a, const T* b, int* c) {
  using namespace nvcuda;
  __shared__ alignas(32) int tile[16 * 20];
  wmma::fragment<wmma::matrix_a, 16, 16, 16, T, wmma::row_major> left;
  wmma::fragment<wmma::matrix_b, 16, 16, 16, T, wmma::row_major> right;
  wmma::fragment<wmma::accumulator, 16, 16, 16, int> sums;
  wmma::fill_fragment(sums, 7);
  wmma::load_matrix_sync(left, a, 16);
  wmma::load_matrix_sync(right, b, 16);
  wmma::mma_sync(sums, left, right, sums);
  wmma::store_matrix_sync(tile, sums, 20, wmma::mem_col_major);
  __syncthreads();
  for (int k = threadIdx.x; k < 256; k += 32) c[k] = tile[k % 16 * 20 + k / 16];
}

KERNEL signed_tiles(const signed char* in, int* out, int) {
  bytes_of_a_tile<signed char>(in, in + 256, out);
}
KERNEL unsigned_tiles(const unsigned char* in, int* out, int) {
  bytes_of_a_tile<unsigned char>(in, in + 256, out);
}

KERNEL scaled(const float* in, float* out, int factor) {
  const int at = blockIdx.x * blockDim.x + threadIdx.x;
  out[at] = in[at] * factor;
}

// --- the host

#define RETURN_IF(call)                                                   \
  do {                                                                    \
    const cudaError_t error = call;                                       \
    if (error != cudaSuccess) return static_cast<int>(error);             \
  } while (0)

template <class In, class Out>
static int run(void (*kernel)(const In*, Out*, int), const void* in, int in_bytes, void* out,
               int out_bytes) {
  void *device_in, *device_out;
  int number = 0;
  RETURN_IF(cudaMalloc(&device_in, in_bytes));
  RETURN_IF(cudaMalloc(&device_out, out_bytes));
  RETURN_IF(cudaMemcpy(device_in, in, in_bytes, cudaMemcpyHostToDevice));
  void* arguments[] = {&device_in, &device_out, &number};
  RETURN_IF(cudaLaunchKernel(kernel, dim3(1), dim3(32), arguments));
  RETURN_IF(cudaMemcpy(out, device_out, out_bytes, cudaMemcpyDeviceToHost));
  RETURN_IF(cudaFree(device_in));
  RETURN_IF(cudaFree(device_out));
  return 0;
}

#define RUN(kernel)                                                                      \
  extern "C" int run_##kernel(const void* in, int in_bytes, void* out, int out_bytes) {  \
    return run(kernel, in, in_bytes, out, out_bytes);                                    \
  }

RUN(warp_sums)
RUN(bytes)
RUN(halves)
RUN(half_tiles_16_16)
RUN(half_tiles_32_8)
RUN(half_tiles_8_32)
RUN(signed_tiles)
RUN(unsigned_tiles)

// --- calls whose arguments a test chooses

extern "C" int launch_scaled(float* in, float* out, int factor, const unsigned int* grid,
                             const unsigned int* block, int dynamic_shared, void* stream) {
  void* arguments[] = {&in, &out, &factor};
  return cudaLaunchKernel(scaled, dim3(grid[0], grid[1], grid[2]),
                          dim3(block[0], block[1], block[2]), arguments, dynamic_shared,
                          static_cast<cudaStream_t>(stream));
}

extern "C" int allow_shared(int bytes) {
  return cudaFuncSetAttribute(scaled, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
}

// A frame captured once, out = 3 in, and done again for each of the frames.
extern "C" int run_graph(const float* frames, float* results, int count, float* milliseconds) {
  const size_t bytes = 32 * sizeof(float);
  float *device_in, *device_out, *host;
  cudaStream_t stream;
  cudaGraph_t graph;
  cudaGraphExec_t executable;
  cudaEvent_t start, end;
  int factor = 3;
  RETURN_IF(cudaMalloc(&device_in, bytes));
  RETURN_IF(cudaMalloc(&device_out, bytes));
  RETURN_IF(cudaHostAlloc(&host, 2 * bytes, cudaHostAllocDefault));
  RETURN_IF(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  RETURN_IF(cudaEventCreate(&start));
  RETURN_IF(cudaEventCreate(&end));
  for (int k = 0; k < 64; k++) host[k] = -1.0f;

  void* arguments[] = {&device_in, &device_out, &factor};
  RETURN_IF(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  RETURN_IF(cudaMemcpyAsync(device_in, host, bytes, cudaMemcpyHostToDevice, stream));
  RETURN_IF(cudaLaunchKernel(scaled, dim3(1), dim3(32), arguments, 0, stream));
  RETURN_IF(cudaMemcpyAsync(host + 32, device_out, bytes, cudaMemcpyDeviceToHost, stream));
  RETURN_IF(cudaStreamEndCapture(stream, &graph));
  RETURN_IF(cudaGraphInstantiate(&executable, graph, 0));
  RETURN_IF(cudaGraphDestroy(graph));
  factor = 5;
  if (host[32] != -1.0f) return -1;

  RETURN_IF(cudaEventRecord(start, stream));
  for (int frame = 0; frame < count; frame++) {
    for (int k = 0; k < 32; k++) host[k] = frames[frame * 32 + k];
    RETURN_IF(cudaGraphLaunch(executable, stream));
    RETURN_IF(cudaStreamSynchronize(stream));
    for (int k = 0; k < 32; k++) results[frame * 32 + k] = host[32 + k];
  }
  RETURN_IF(cudaEventRecord(end, stream));
  RETURN_IF(cudaEventSynchronize(end));
  RETURN_IF(cudaEventElapsedTime(milliseconds, start, end));

  RETURN_IF(cudaEventDestroy(start));
  RETURN_IF(cudaEventDestroy(end));
  RETURN_IF(cudaGraphExecDestroy(executable));
  RETURN_IF(cudaStreamDestroy(stream));
  RETURN_IF(cudaFreeHost(host));
  RETURN_IF(cudaFree(device_in));
  RETURN_IF(cudaFree(device_out));
  return 0;
}

extern "C" int last_error() { return cudaGetLastError(); }
