#include "block.h"

#include <cstring>
#include <vector>

#include "emulated/tensor_cores.h"
#include "emulated/warp.h"
#include "faults.h"
#include "fibers.h"
#include "findings.h"
#include "regions.h"
#include "shadow.h"

namespace emulated {

// For kernels these are constants. The copy of the parameters too is in this library, where a
// kernel may read.
uint3 thread_index asm("threadIdx");
uint3 block_index asm("blockIdx");
uint3 block_size asm("blockDim");
uint3 grid_size asm("gridDim");

thread_local const Launch* running;
unsigned int current;

namespace {

enum State : unsigned char { UNSTARTED, READY, AT_BARRIER, AT_WARP, ENDED };

struct Lane {
  Place place;
  unsigned int mask;
  Context context;
  unsigned int fiber;
};

struct Warp {
  std::uint64_t values[2][WARP];  // of this exchange and the next: a lane may be one ahead
  Brought brought[2][WARP];       // likewise
  unsigned char turn[WARP];
};

Launch launch_now;
uint3 indices[THREADS_OF_BLOCK];
State states[THREADS_OF_BLOCK];
Lane lanes[THREADS_OF_BLOCK];
Warp warps[THREADS_OF_BLOCK / WARP];
unsigned int threads, waiting, ended;
unsigned int first_waiting;  // at the barrier: all others must come to its place

// A fiber whose thread ended takes the next thread that has not begun: a kernel without barriers
// needs one fiber, and no switch.
Context contexts[THREADS_OF_BLOCK];
unsigned int idle[THREADS_OF_BLOCK], idle_count, fibers_made;
unsigned int fiber;  // the one that runs
Context scheduler;
cudaError_t outcome;

void run_threads();

void go_to_thread(unsigned int number) {
  current = number;
  thread_index = indices[number];
}

unsigned int idle_fiber() {
  if (idle_count) return idle[--idle_count];
  const unsigned int number = fibers_made++;
  contexts[number] = new_fiber(number, run_threads);
  return number;
}

constexpr unsigned int NOBODY = ~0u;

// The next thread that can go on, after this one and around.
unsigned int next_thread() {
  for (unsigned int k = current + 1; k < threads; k++)
    if (states[k] <= READY) return k;
  for (unsigned int k = 0; k < current; k++)
    if (states[k] <= READY) return k;
  return NOBODY;
}

// All have come to the barrier: all go on.
void open_barrier() {
  std::memset(states, READY, threads);
  waiting = 0;
  next_epoch();
}

std::string list_of(State state) {
  for (unsigned int k = 0; k < threads; k++)
    if (states[k] == state) return thread_name(k);
  return "";
}

// Nobody can go on, and not because all are at the barrier.
std::string divergence() {
  const std::string kernel = name_of(running->kernel.function);
  for (unsigned int k = 0; k < threads; k++) {
    if (states[k] != AT_WARP) continue;
    return "divergent warp operation in kernel " + kernel + ": " + thread_name(k) + " waits at " +
           place_of(lanes[k].place) + " for lanes that do not come";
  }
  for (unsigned int k = 0; k < threads; k++) {
    if (states[k] != AT_BARRIER) continue;
    return "divergent barrier in kernel " + kernel + ": " + std::to_string(waiting) + " of " +
           std::to_string(threads) + " threads wait at a barrier, the first " + thread_name(k) +
           " at " + place_of(lanes[k].place) + "; the others have ended, the first " +
           list_of(ENDED);
  }
  return "";
}

// Leaves this fiber for the next thread, or for the scheduler when there is none.
void leave(bool with_thread) {
  const unsigned int from = fiber;
  if (!with_thread) idle[idle_count++] = from;
  const unsigned int number = next_thread();
  if (number == NOBODY) {
    emulated_switch(&contexts[from], scheduler);
    return;
  }
  const unsigned int to = states[number] == UNSTARTED ? idle_fiber() : lanes[number].fiber;
  go_to_thread(number);
  fiber = to;
  if (to != from) emulated_switch(&contexts[from], contexts[to]);
}

// What a fiber does: its thread, then others.
void run_threads() {
  for (;;) {
    states[current] = READY;
    lanes[current].fiber = fiber;
    running->kernel.call(running->kernel.function, running->parameters);
    states[current] = ENDED;
    ended++;
    if (current + 1 < threads && states[current + 1] == UNSTARTED)
      go_to_thread(current + 1);
    else
      leave(false);
  }
}

void begin_fibers() { idle_count = fibers_made = 0; }

void run_block() {
  std::memset(states, UNSTARTED, threads);
  std::memset(warps, 0, sizeof(Warp) * ((threads + WARP - 1) / WARP));
  waiting = ended = 0;
  begin_block_epoch();
  poison_shared();
  go_to_thread(0);
  fiber = idle_fiber();
  emulated_switch(&scheduler, contexts[fiber]);
  if (outcome == cudaSuccess && ended < threads) {
    outcome = cudaErrorLaunchFailure;
    tell(divergence());
  }
  if (outcome == cudaSuccess && read_unwritten(false)) outcome = cudaErrorLaunchFailure;
}

void run_blocks() {
  for (unsigned int z = 0; z < grid_size.z; z++)
    for (unsigned int y = 0; y < grid_size.y; y++)
      for (unsigned int x = 0; x < grid_size.x; x++) {
        block_index = {x, y, z};
        run_block();
        if (outcome != cudaSuccess) return;
      }
}

std::string triple(std::uint64_t number, const uint3& size) {
  return "(" + std::to_string(number % size.x) + "," + std::to_string(number / size.x % size.y) +
         "," + std::to_string(number / size.x / size.y) + ")";
}

// The lanes of a warp that exist, of those that a mask names.
unsigned int lanes_of(unsigned int first, unsigned int mask) {
  const unsigned int there = threads - first < WARP ? threads - first : WARP;
  return there == WARP ? mask : mask & ((1u << there) - 1);
}

// Waits until each lane of the mask is here with the same mask. A part of the warp orders nothing:
// that would take an order for each two lanes.
void gather_warp(unsigned int mask, Place place, bool orders) {
  const unsigned int first = current / WARP * WARP;
  lanes[current].mask = mask;
  lanes[current].place = place;
  states[current] = AT_WARP;
  const unsigned int named = lanes_of(first, mask);
  for (unsigned int k = 0; k < WARP; k++) {
    if (!(named >> k & 1)) continue;
    if (states[first + k] != AT_WARP || lanes[first + k].mask != mask) return leave(true);
  }
  for (unsigned int k = 0; k < WARP; k++)
    if (named >> k & 1) states[first + k] = READY;
  if (orders && named == lanes_of(first, ~0u)) order_warp();
}

std::uint64_t* exchange_all(unsigned int mask, std::uint64_t value, Place place) {
  Warp& warp = warps[current / WARP];
  const unsigned int lane = current % WARP;
  std::uint64_t* values = warp.values[warp.turn[lane]++ & 1];
  values[lane] = value;
  gather_warp(mask, place, false);
  return values;
}

}  // namespace

void wait_for_block(Place place) {
  lanes[current].place = place;
  if (waiting++ == 0) first_waiting = current;
  const Place first = lanes[first_waiting].place;
  const bool same_file = place.file == first.file || std::strcmp(place.file, first.file) == 0;
  if (place.line != first.line || !same_file)
    stop(cudaErrorLaunchFailure,
         "divergent barrier in kernel " + name_of(running->kernel.function) + ": " +
             thread_name(first_waiting) + " waits at " + place_of(first) + ", " +
             thread_name(current) + " at " + place_of(place));
  states[current] = AT_BARRIER;
  if (waiting < threads) return leave(true);
  open_barrier();
}

void wait_for_warp(unsigned int mask, Place place) {
  gather_warp(mask, place, true);
}

void meet_warp(Place place) {
  if (checked()) gather_warp(~0u, place, false);
}

const Brought* bring(const Brought& own, Place place) {
  Warp& warp = warps[current / WARP];
  const unsigned int lane = current % WARP;
  Brought* brought = warp.brought[warp.turn[lane]++ & 1];
  brought[lane] = own;
  gather_warp(~0u, place, false);
  return brought;
}

std::uint64_t exchange(unsigned int mask, std::uint64_t value, unsigned int source, Place place) {
  return exchange_all(mask, value, place)[source % WARP];
}

unsigned int vote(unsigned int mask, bool value, Place place) {
  const unsigned int first = current / WARP * WARP;
  const std::uint64_t* values = exchange_all(mask, value, place);
  unsigned int bits = 0;
  for (unsigned int k = 0; k < WARP; k++)
    if (lanes_of(first, mask) >> k & 1) bits |= static_cast<unsigned int>(values[k] != 0) << k;
  return bits;
}

void stop_misaligned_tile(const void* address, unsigned int step, unsigned int alignment,
                          Place place) {
  const auto beyond = reinterpret_cast<std::uintptr_t>(address) % alignment;
  stop(cudaErrorMisalignedAddress,
       "misaligned tile in kernel " + name_of(running->kernel.function) + ": " +
           thread_name(current) + " at " + place_of(place) + " begins " + std::to_string(beyond) +
           " bytes beyond a multiple of " + std::to_string(alignment) + ", with rows of " +
           std::to_string(step) + " bytes; a tile must begin at such a multiple, and rows are " +
           "multiples of " + std::to_string(alignment < 16 ? alignment : 16) + " bytes");
}

cudaError_t run(const Launch& launch) {
  if (!prepare_stacks()) return cudaErrorMemoryAllocation;
  launch_now = launch;
  block_size = launch.block;
  grid_size = launch.grid;
  threads = launch.block.x * launch.block.y * launch.block.z;
  for (unsigned int k = 0; k < threads; k++)
    indices[k] = {k % block_size.x, k / block_size.x % block_size.y,
                  k / block_size.x / block_size.y};
  outcome = cudaSuccess;
  begin_shared(symbol_of(launch.kernel.function), launch.dynamic_shared);
  begin_launch_epoch();
  begin_fibers();
  const FaultGuard guard;
  running = &launch_now;
  run_blocks();
  if (outcome == cudaSuccess && read_unwritten(true)) outcome = cudaErrorLaunchFailure;
  running = nullptr;
  return outcome;
}

void stop(cudaError_t error, const std::string& finding) {
  outcome = error;
  tell(finding);
  // What the stacks hold is left as it is, and never returned to.
  Context left;
  emulated_switch(&left, scheduler);
  __builtin_unreachable();
}

std::string thread_name(unsigned int number) {
  return "thread " + triple(number, block_size) + " of block " + block_name(block_number());
}

std::string block_name(std::uint64_t number) { return triple(number, grid_size); }

std::uint64_t block_number() {
  return (std::uint64_t(block_index.z) * grid_size.y + block_index.y) * grid_size.x +
         block_index.x;
}

}  // namespace emulated
