// Faults of the processor while a kernel runs: they end the launch, not the program.
#pragma once

namespace emulated {

// As long as one lives, a fault on one of our stacks stops the launch that runs.
class FaultGuard {
 public:
  FaultGuard();
  ~FaultGuard();
  FaultGuard(const FaultGuard&) = delete;
  FaultGuard& operator=(const FaultGuard&) = delete;
};

}  // namespace emulated
