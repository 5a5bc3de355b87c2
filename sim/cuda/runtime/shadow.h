// Finds what two threads do to the same bytes without order, and reads of what no one wrote.
//
// Time goes in epochs: a new one begins with every block and with every barrier. So the epoch of an
// access tells its block and the barriers around it:
//
//   epoch      | launch begins ...        | block begins ...          | barrier ... now |
//   an access  | by another block:        | same block, earlier:      | same epoch:     |
//   of then    | global bytes have no     | the barrier between       | in order only if|
//              | order, shared bytes are  | orders it                 | by one thread,  |
//              | not the same bytes       |                           | or by one warp  |
//                                                                       before __syncwarp
#pragma once

#include <cstddef>
#include <cstdint>

namespace emulated {

void begin_launch_epoch();
void begin_block_epoch();
void next_epoch();
// At the end of a block, or of the launch: whether a thread read what nobody wrote, which is told.
bool read_unwritten(bool at_the_end);
// All of the warp of the thread that runs have met.
void order_warp();

// One access of the thread that runs, by the instruction before `program_counter`. Returns if
// nothing is wrong with it.
void check_access(const void* address, std::size_t bytes, bool write, const void* program_counter);

}  // namespace emulated
