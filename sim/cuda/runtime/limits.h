// What a device of compute capability 9.0 allows.
#pragma once

#include <cstddef>

namespace emulated {

constexpr unsigned int THREADS_OF_BLOCK = 1024;
constexpr unsigned int BLOCK_LIMITS[3] = {1024, 1024, 64};
constexpr unsigned int GRID_LIMITS[3] = {2147483647, 65535, 65535};
constexpr std::size_t SHARED_BYTES = 48 * 1024;          // without asking
constexpr std::size_t SHARED_BYTES_OPTIN = 227 * 1024;   // with cudaFuncSetAttribute
constexpr std::size_t PARAMETER_BYTES = 4096;
constexpr std::size_t DEVICE_BYTES = std::size_t(4) << 30;
constexpr unsigned int WARP = 32;

}  // namespace emulated
