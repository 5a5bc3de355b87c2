// Stands in for NVIDIA's header of this name: what a .cu file may use, on the host's processor.
//
//   emulated/language.h     __global__, __shared__, alignas, threadIdx and the like
//   emulated/vectors.h      float4, int2, uchar4, …
//   emulated/intrinsics.h   max and min, __ldg, __dp4a, rounding and bits
//   emulated/warp.h         __syncthreads, __syncwarp, shuffles, votes
//   emulated/tensor_cores.h products of tiles, which a device has as PTX
//   emulated/runtime_api.h  cudaMalloc, streams, events, graphs
//   emulated/launch.h       cudaLaunchKernel and the attributes of kernels
//
// nvcc includes cuda_runtime.h into every .cu file by itself; here `-include cuda_runtime.h` does.
#pragma once

#include <math.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "emulated/language.h"
// The order matters: each may use those above it.
#include "emulated/vectors.h"
#include "emulated/intrinsics.h"
#include "emulated/warp.h"
#include "emulated/tensor_cores.h"
#include "emulated/runtime_api.h"
#include "emulated/launch.h"
