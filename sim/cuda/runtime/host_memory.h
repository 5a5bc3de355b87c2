// Memory of the host that kernels may use, because the program said so.
#pragma once

#include <cstddef>

namespace emulated {

bool in_host_memory(const void* address, std::size_t bytes);

}  // namespace emulated
