// Stacks that the emulated threads run on, and the switch from one to another.
#pragma once

#include <cstddef>

namespace emulated {

// A stack that is not running: where it stopped.
using Context = void*;

extern "C" void emulated_switch(Context* from, Context to);

// Stacks for all threads of a block; they are kept until they are dropped. False where there is no
// memory for them.
bool prepare_stacks();

// With their guards they are 2048 of the 65530 mappings that Linux gives a process, and many
// libraries may be loaded in it: one without memory of the device in use keeps none.
void drop_stacks();

// A stack that begins with `entry`, which never returns. `number` below THREADS_OF_BLOCK; asked
// again, the same stack begins anew.
Context new_fiber(unsigned int number, void (*entry)());

// Whether an address is on any of the stacks.
extern char *stacks_begin, *stacks_end;
inline bool on_a_stack(const void* address) {
  return address >= stacks_begin && address < stacks_end;
}

}  // namespace emulated
