#include "fibers.h"

#include <sys/mman.h>

#include <cstdint>

#include "limits.h"

// Saves what a function must preserve, and nothing else: thirty times as fast as swapcontext, which
// asks the kernel for the signal mask.
asm(R"(
.text
.p2align 4
.globl emulated_switch
.type emulated_switch, @function
emulated_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
.size emulated_switch, .-emulated_switch
)");

namespace emulated {

char *stacks_begin, *stacks_end;

namespace {

constexpr std::size_t STACK = 256 * 1024;
constexpr std::size_t ALL_STACKS = STACK * THREADS_OF_BLOCK;
constexpr std::size_t PAGE = 4096;

}  // namespace

// All at once; memory comes to those parts that are used. The lowest page of each is never mapped,
// so that a stack that overflows faults instead of running into the next.
bool prepare_stacks() {
  if (stacks_begin) return true;
  void* found = mmap(nullptr, ALL_STACKS, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (found == MAP_FAILED) return false;
  stacks_begin = static_cast<char*>(found);
  stacks_end = stacks_begin + ALL_STACKS;
  for (char* each = stacks_begin; each < stacks_end; each += STACK) {
    if (mprotect(each, PAGE, PROT_NONE) == 0) continue;
    drop_stacks();
    return false;
  }
  return true;
}

void drop_stacks() {
  if (stacks_begin) munmap(stacks_begin, ALL_STACKS);
  stacks_begin = stacks_end = nullptr;
}

Context new_fiber(unsigned int number, void (*entry)()) {
  // Begin at different places in a page, or all stacks meet in the same sets of the cache.
  const std::size_t shift = number % 16 * 192;
  auto** top = reinterpret_cast<void**>(stacks_begin + STACK * (number + 1) - shift);
  *--top = nullptr;  // keeps the alignment that a call leaves
  *--top = reinterpret_cast<void*>(entry);
  for (int preserved = 0; preserved < 6; preserved++) *--top = nullptr;
  return top;
}

}  // namespace emulated
