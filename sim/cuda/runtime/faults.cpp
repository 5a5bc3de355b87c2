#include "faults.h"

#include <signal.h>
#include <ucontext.h>

#include <string>

#include "block.h"
#include "fibers.h"
#include "findings.h"

namespace emulated {

namespace {

struct sigaction earlier_segv, earlier_bus;
stack_t earlier_stack;
char own_stack[256 * 1024];  // a thread's may have overflowed

void on_fault(int signal, siginfo_t*, void* context) {
  const auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  if (!running || !on_a_stack(reinterpret_cast<void*>(registers[REG_RSP]))) {
    // Not ours: the instruction faults again, for whoever was asked before.
    sigaction(signal, signal == SIGBUS ? &earlier_bus : &earlier_segv, nullptr);
    return;
  }
  stop(cudaErrorIllegalAddress,
       "memory fault in kernel " + name_of(running->kernel.function) + ": " +
           thread_name(current) +
           " uses an address that is misaligned or nowhere; a checked build tells which");
}

}  // namespace

FaultGuard::FaultGuard() {
  stack_t stack{};
  stack.ss_sp = own_stack;
  stack.ss_size = sizeof own_stack;
  sigaltstack(&stack, &earlier_stack);
  struct sigaction action {};
  action.sa_sigaction = on_fault;
  // The handler never returns from a kernel's fault, so that no signal must stay blocked by it.
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  sigaction(SIGSEGV, &action, &earlier_segv);
  sigaction(SIGBUS, &action, &earlier_bus);
}

FaultGuard::~FaultGuard() {
  sigaction(SIGSEGV, &earlier_segv, nullptr);
  sigaction(SIGBUS, &earlier_bus, nullptr);
  sigaltstack(&earlier_stack, nullptr);
}

}  // namespace emulated
