#include "shadow.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "block.h"
#include "fibers.h"
#include "findings.h"
#include "host_memory.h"
#include "regions.h"

namespace emulated {

namespace {

std::uint32_t epoch = 1, block_epoch = 1, launch_epoch = 1;
std::vector<std::uint32_t> block_epochs;  // with which epoch each block of the launch began
std::uint8_t turns[THREADS_OF_BLOCK / WARP];

// Besides the last reader, who else read since the last write that is in order.
enum Readers : std::uint8_t { ONE = 0, MORE_OF_WARP = 1, OTHER_WARPS = 2, OTHER_BLOCKS = 4 };

// A read of what no one wrote. It is told late, for a write that follows shows that a barrier is
// missing.
struct Unwritten {
  bool found = false;
  Region::Kind kind = Region::SHARED;
  std::string text;
} unwritten;

struct Access {
  const unsigned char* address;
  std::size_t bytes;
  bool write;
  std::uint32_t place;
};

// What was done before, by whom, that has no order with what is done now.
struct Conflict {
  const char* did = nullptr;
  std::uint32_t epoch = 0, place = 0;
  unsigned int thread = 0;
};

bool in_order(std::uint32_t then, unsigned int thread, std::uint8_t turn, std::uint32_t since) {
  if (then < since) return true;
  if (then < block_epoch) return false;
  if (then < epoch || thread == current) return true;
  return thread / WARP == current / WARP && turn != turns[current / WARP];
}

bool readers_in_order(const Cell& cell, std::uint32_t since) {
  if (cell.read_epoch < since) return true;
  if (cell.readers & OTHER_BLOCKS) return false;
  if (cell.read_epoch >= block_epoch && cell.read_epoch < epoch) return true;
  if (cell.read_epoch == epoch && cell.readers & OTHER_WARPS) return false;
  const std::uint8_t now = turns[current / WARP];
  if (cell.read_epoch == epoch && cell.readers & MORE_OF_WARP && cell.read_turn == now)
    return false;
  return in_order(cell.read_epoch, cell.reader, cell.read_turn, since);
}

void note_read(Cell& cell, std::uint32_t since, std::uint32_t place) {
  const std::uint8_t now = turns[current / WARP];
  std::uint8_t readers = ONE;
  if (cell.read_epoch >= since) {
    readers = cell.readers & OTHER_BLOCKS;
    if (cell.read_epoch < block_epoch) readers = OTHER_BLOCKS;
    if (cell.read_epoch == epoch) {
      const bool same_warp = cell.reader / WARP == current / WARP;
      readers |= cell.readers & OTHER_WARPS;
      if (!same_warp) readers |= OTHER_WARPS;
      if (same_warp && cell.read_turn == now)
        readers |= cell.reader == current ? cell.readers & MORE_OF_WARP : MORE_OF_WARP;
    }
  }
  cell.readers = readers;
  cell.read_epoch = epoch;
  cell.read_place = place;
  cell.read_turn = now;
  cell.reader = static_cast<std::uint16_t>(current);
}

bool touch(Cell& cell, bool write, std::uint32_t since, std::uint32_t place, Conflict& conflict) {
  if (!in_order(cell.write_epoch, cell.writer, cell.write_turn, since)) {
    conflict = {"wrote", cell.write_epoch, cell.write_place, cell.writer};
    return false;
  }
  if (!write) {
    note_read(cell, since, place);
    return true;
  }
  if (!readers_in_order(cell, since)) {
    conflict = {"read", cell.read_epoch, cell.read_place, cell.reader};
    return false;
  }
  cell.write_epoch = epoch;
  cell.write_place = place;
  cell.write_turn = turns[current / WARP];
  cell.writer = static_cast<std::uint16_t>(current);
  return true;
}

// Four bytes that are touched in parts get a cell each.
void split(Region& region, std::size_t word) {
  Cell& whole = region.words[word];
  if (whole.split) return;
  for (std::size_t k = 0; k < 4; k++) region.bytes[4 * word + k] = whole;
  whole.split = 1;
}

bool touch_all(Region& region, std::size_t first, const Access& access, Conflict& conflict) {
  const std::uint32_t since = region.kind == Region::GLOBAL ? launch_epoch : block_epoch;
  const std::size_t end = first + access.bytes;
  for (std::size_t at = first; at < end;) {
    const std::size_t word = at / 4;
    if (at % 4 == 0 && at + 4 <= end && !region.words[word].split) {
      if (!touch(region.words[word], access.write, since, access.place, conflict)) return false;
      at += 4;
      continue;
    }
    split(region, word);
    if (!touch(region.bytes[at], access.write, since, access.place, conflict)) return false;
    at++;
  }
  return true;
}

std::string times(std::size_t count, const char* unit) {
  return std::to_string(count) + " " + unit + (count == 1 ? "" : "s");
}

// "thread (1,0,0) of block (0,0,0) writes 4 bytes at model.cu:12"
std::string told(const Access& access) {
  const std::string place = place_of(access.place);
  return thread_name(current) + (access.write ? " writes " : " reads ") +
         times(access.bytes, "byte") + (place.empty() ? "" : " at " + place);
}

std::string in_kernel() { return " in kernel " + name_of(running->kernel.function) + ": "; }

// ", argument 2 of the kernel", if a pointer among its arguments points there.
std::string argument_of(const Region& region) {
  const unsigned char* at = running->parameters;
  for (std::size_t k = 0; k < running->kernel.count; k++) {
    const unsigned char* pointer = nullptr;
    if (running->kernel.sizes[k] == sizeof pointer) std::memcpy(&pointer, at, sizeof pointer);
    if (pointer && pointer >= region.base && pointer < region.base + region.size)
      return ", argument " + std::to_string(k + 1) + " of the kernel";
    at += slots(running->kernel.sizes[k]);
  }
  return "";
}

// "shared array tile of 256 bytes"
std::string told(const Region& region) {
  const std::string text = region.name + " of " + times(region.size, "byte");
  return region.kind == Region::GLOBAL ? text + argument_of(region) : text;
}

// An access that went wrong may have used what was read before it was written: tell that first.
[[noreturn]] void fail(cudaError_t error, const std::string& text) {
  if (unwritten.found) tell(unwritten.text);
  stop(error, text);
}

[[noreturn]] void stop_outside(const Access& access, const Region& region) {
  const std::string begin = "out of bounds" + in_kernel() + told(access) + ", ";
  const auto size = static_cast<long>(region.size), from = access.address - region.base;
  const long width = static_cast<long>(access.bytes);
  std::string where;
  if (from < 0)
    where = times(static_cast<std::size_t>(-from), "byte") + " before the beginning of ";
  else if (from < size)
    where = "across the end of ";
  else
    where = times(static_cast<std::size_t>(from - size), "byte") + " past the end of ";
  std::string index;
  if (from % width == 0)
    index = ": index " + std::to_string(from / width) + " of " + std::to_string(size / width);
  fail(cudaErrorIllegalAddress, begin + where + told(region) + index);
}

[[noreturn]] void stop_foreign(const Access& access) {
  const auto address = reinterpret_cast<std::uintptr_t>(access.address);
  const std::string what = address < 4096 ? "a null pointer" : "memory of the host";
  fail(cudaErrorIllegalAddress, "illegal address" + in_kernel() + told(access) + " of " + what +
                                    ", which a kernel cannot reach");
}

void note_unwritten(const Access& access, const Region& region, std::size_t first) {
  if (unwritten.found) return;
  const std::string when = region.kind == Region::SHARED ? " in this block" : "";
  unwritten = {true, region.kind,
               "uninitialized read" + in_kernel() + told(access) + " from byte " +
                   std::to_string(first) + " of " + told(region) + ", where nothing was written" +
                   when};
}

[[noreturn]] void stop_race(const Access& access, const Region& region, std::size_t first,
                            const Conflict& before) {
  const bool same_block = before.epoch >= block_epoch;
  std::string who = "another thread";
  if (same_block && before.thread != current) {
    who = thread_name(before.thread);
  } else if (!same_block) {
    const auto next = std::upper_bound(block_epochs.begin(), block_epochs.end(), before.epoch);
    who = "a thread of block " + block_name(static_cast<std::uint64_t>(
                                     next - block_epochs.begin() - 1));
  }
  const std::string place = place_of(before.place);
  stop(cudaErrorLaunchFailure,
       "data race" + in_kernel() + told(access) + ", which " + who + " " + before.did +
           (place.empty() ? "" : " at " + place) +
           (same_block ? " with no barrier between" : " and blocks have no order") + ": byte " +
           std::to_string(first) + " of " + told(region));
}

// The region that an access is in, or an end of the launch.
Region* region_of(const Access& access) {
  const bool shared = in_shared_memory(access.address);
  Region* region = shared ? array_near(access.address) : allocation_near(access.address);
  if (!region) {
    if (in_the_library(access.address) || in_host_memory(access.address, access.bytes))
      return nullptr;
    stop_foreign(access);
  }
  if (region->freed)
    fail(cudaErrorIllegalAddress, "use after free" + in_kernel() + told(access) + " of " +
                                      told(*region) + ", which was freed");
  if (!region->contains(access.address, access.bytes)) stop_outside(access, *region);
  return region;
}

}  // namespace

void begin_launch_epoch() {
  launch_epoch = epoch + 1;
  block_epochs.clear();
  unwritten.found = false;
}

void begin_block_epoch() {
  block_epoch = ++epoch;
  if (checked()) block_epochs.push_back(block_epoch);
  std::memset(turns, 0, sizeof turns);
}

void next_epoch() {
  epoch++;
  if (unwritten.found && unwritten.kind == Region::SHARED)
    stop(cudaErrorLaunchFailure, unwritten.text);
}

bool read_unwritten(bool at_the_end) {
  if (!unwritten.found || (unwritten.kind == Region::GLOBAL && !at_the_end)) return false;
  tell(unwritten.text);
  return true;
}

void order_warp() { turns[current / WARP]++; }

void check_access(const void* address, std::size_t bytes, bool write, const void* counter) {
  if (on_a_stack(address)) return;
  const Access access{static_cast<const unsigned char*>(address), bytes, write, short_of(counter)};
  Region* region = region_of(access);
  if (!region) return;
  const auto first = static_cast<std::size_t>(access.address - region->base);
  if (write)
    std::memset(region->written + first, 1, bytes);
  else if (std::memchr(region->written + first, 0, bytes))
    note_unwritten(access, *region, first);
  Conflict conflict;
  if (!touch_all(*region, first, access, conflict)) stop_race(access, *region, first, conflict);
}

}  // namespace emulated
