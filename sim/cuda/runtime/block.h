// Runs the threads of one block after the other, a block after the other.
#pragma once

#include <cstdint>
#include <string>

#include "emulated/launch.h"
#include "limits.h"

namespace emulated {

struct Launch {
  Kernel kernel;
  dim3 grid, block;
  std::size_t dynamic_shared;
  alignas(16) unsigned char parameters[PARAMETER_BYTES];
};

// Returns what went wrong, of which the text is told already.
cudaError_t run(const Launch& launch);

// The launch that this thread of the host runs now, or nothing: others go on, and touch what is
// none of its affair. And the thread of the device that runs.
extern thread_local const Launch* running;
extern unsigned int current asm("emulated_thread_number");

// Ends the launch from within a thread of it, with this error.
[[noreturn]] void stop(cudaError_t error, const std::string& finding);

// "thread (1,0,0) of block (2,0,0)"
std::string thread_name(unsigned int number);
std::string block_name(std::uint64_t number);
std::uint64_t block_number();

}  // namespace emulated
