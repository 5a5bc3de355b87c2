// Where threads wait for one another: in a block, and in a warp.
#pragma once

#include <cstdint>
#include <cstring>

#include "intrinsics.h"

namespace emulated {

// Line and file of whoever calls: default arguments are evaluated there.
struct Place {
  const char* file;
  int line;
};

EMULATED_INLINE constexpr Place here(const char* file = __builtin_FILE(),
                                     int line = __builtin_LINE()) {
  return {file, line};
}

// In runtime/block.cpp: return when every thread of the block, or of the mask, is at that place.
void wait_for_block(Place place);
void wait_for_warp(unsigned int mask, Place place);
// Orders nothing and, in an unchecked build, waits for nobody: for the matrix functions.
void meet_warp(Place place);
// Gives `value` to the warp, and returns what lane `source` gave.
std::uint64_t exchange(unsigned int mask, std::uint64_t value, unsigned int source, Place place);
// The bits of the lanes that gave true.
unsigned int vote(unsigned int mask, bool value, Place place);

template <class T>
EMULATED_INLINE T exchanged(unsigned int mask, T value, unsigned int source, Place place) {
  static_assert(sizeof(T) <= 8);
  std::uint64_t sent = 0;
  std::memcpy(&sent, &value, sizeof(T));
  const std::uint64_t received = exchange(mask, sent, source, place);
  std::memcpy(&value, &received, sizeof(T));
  return value;
}

EMULATED_INLINE unsigned int lane() { return emulated_thread_number % 32; }

}  // namespace emulated

EMULATED_INLINE void __syncthreads(emulated::Place place = emulated::here()) {
  emulated::wait_for_block(place);
}

EMULATED_INLINE void __syncwarp(unsigned int mask = 0xffffffffu,
                                emulated::Place place = emulated::here()) {
  emulated::wait_for_warp(mask, place);
}

// Fences order what other threads see; here every access is seen at once.
EMULATED_INLINE void __threadfence() {}
EMULATED_INLINE void __threadfence_block() {}

template <class T>
EMULATED_INLINE T __shfl_sync(unsigned int mask, T value, int source, int width = 32,
                              emulated::Place place = emulated::here()) {
  const unsigned int part = emulated::lane() & ~(static_cast<unsigned int>(width) - 1);
  const unsigned int from = static_cast<unsigned int>(source) & (width - 1);
  return emulated::exchanged(mask, value, part + from, place);
}

template <class T>
EMULATED_INLINE T __shfl_down_sync(unsigned int mask, T value, unsigned int delta, int width = 32,
                                   emulated::Place place = emulated::here()) {
  const unsigned int lane = emulated::lane(), size = static_cast<unsigned int>(width);
  const unsigned int source = (lane & (size - 1)) + delta < size ? lane + delta : lane;
  return emulated::exchanged(mask, value, source, place);
}

template <class T>
EMULATED_INLINE T __shfl_up_sync(unsigned int mask, T value, unsigned int delta, int width = 32,
                                 emulated::Place place = emulated::here()) {
  const unsigned int lane = emulated::lane(), size = static_cast<unsigned int>(width);
  const unsigned int source = (lane & (size - 1)) >= delta ? lane - delta : lane;
  return emulated::exchanged(mask, value, source, place);
}

template <class T>
EMULATED_INLINE T __shfl_xor_sync(unsigned int mask, T value, int lane_mask, int width = 32,
                                  emulated::Place place = emulated::here()) {
  const unsigned int lane = emulated::lane(), size = static_cast<unsigned int>(width);
  const unsigned int other = lane ^ static_cast<unsigned int>(lane_mask);
  // A lane of a later part of the warp is out of reach, one of an earlier part is not.
  const unsigned int source = other < (lane & ~(size - 1)) + size ? other : lane;
  return emulated::exchanged(mask, value, source, place);
}

EMULATED_INLINE unsigned int __ballot_sync(unsigned int mask, int value,
                                           emulated::Place place = emulated::here()) {
  return emulated::vote(mask, value != 0, place);
}

EMULATED_INLINE int __any_sync(unsigned int mask, int value,
                               emulated::Place place = emulated::here()) {
  return emulated::vote(mask, value != 0, place) != 0;
}

EMULATED_INLINE int __all_sync(unsigned int mask, int value,
                               emulated::Place place = emulated::here()) {
  return emulated::vote(mask, value == 0, place) == 0;
}
