// Memory of the device: addresses are never used twice, so that what was freed stays known.

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <deque>

#include "limits.h"
#include "regions.h"

namespace emulated {

namespace {

constexpr std::size_t ARENA = std::size_t(1) << 36;
constexpr std::size_t SLOT = 1 << 16;  // allocations begin at multiples of it

unsigned char* arena;
std::size_t used_slots;
std::size_t used_bytes;
std::deque<Region> regions;  // keeps its elements where they are
Region** by_slot;            // the allocation that a slot belongs to, gap included

std::size_t slot_of(const void* address) {
  return static_cast<std::size_t>(static_cast<const unsigned char*>(address) - arena) / SLOT;
}

std::size_t pages(std::size_t bytes) { return (bytes + 4095) / 4096 * 4096; }

}  // namespace

void* reserve_zeros(std::size_t bytes) {
  void* found = mmap(nullptr, pages(bytes), PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (found == MAP_FAILED) abort();
  return found;
}

void release_zeros(void* address, std::size_t bytes) { munmap(address, pages(bytes)); }

void make_shadows(Region& region, std::size_t bytes) {
  const std::size_t words = (bytes + 3) / 4;
  region.written = static_cast<unsigned char*>(reserve_zeros(words * 4));
  region.words = static_cast<Cell*>(reserve_zeros(words * sizeof(Cell)));
  region.bytes = static_cast<Cell*>(reserve_zeros(words * 4 * sizeof(Cell)));
}

void drop_shadows(Region& region, std::size_t bytes) {
  const std::size_t words = (bytes + 3) / 4;
  if (!region.written) return;
  release_zeros(region.written, words * 4);
  release_zeros(region.words, words * sizeof(Cell));
  release_zeros(region.bytes, words * 4 * sizeof(Cell));
  region.written = nullptr;
}

void poison(void* address, std::size_t bytes) {
  static const unsigned char pattern[4] = {0xcd, 0x7f, 0xcd, 0xff};
  auto* at = static_cast<unsigned char*>(address);
  std::size_t done = bytes < 4 ? bytes : 4;
  std::memcpy(at, pattern, done);
  // What is there already, twice as much each time.
  for (; done < bytes; done += done < bytes - done ? done : bytes - done)
    std::memcpy(at + done, at, done < bytes - done ? done : bytes - done);
}

Region* allocate(std::size_t bytes) {
  if (!arena) {
    arena = static_cast<unsigned char*>(reserve_zeros(ARENA));
    by_slot = static_cast<Region**>(reserve_zeros(ARENA / SLOT * sizeof(Region*)));
    used_slots = 1;  // a gap before the first
  }
  // A whole slot at least lies between two allocations.
  const std::size_t slots = (bytes + SLOT - 1) / SLOT + 1;
  if (bytes > DEVICE_BYTES - used_bytes || (used_slots + slots) * SLOT > ARENA) return nullptr;
  const std::string name = "allocation " + std::to_string(regions.size() + 1);
  regions.push_back({Region::GLOBAL, name, arena + used_slots * SLOT, bytes});
  Region& region = regions.back();
  for (std::size_t slot = 0; slot < slots; slot++) by_slot[used_slots + slot] = &region;
  used_slots += slots;
  used_bytes += bytes;
  poison(region.base, bytes);
  if (checked()) make_shadows(region, bytes);
  return &region;
}

void release(Region& region) {
  region.freed = true;
  used_bytes -= region.size;
  madvise(region.base, pages(region.size), MADV_DONTNEED);
  drop_shadows(region, region.size);
}

bool in_device_memory(const void* address) {
  return arena && address >= arena && address < arena + ARENA;
}

Region* allocation_near(const void* address) {
  if (!in_device_memory(address)) return nullptr;
  Region* found = by_slot[slot_of(address)];
  const std::size_t next = slot_of(address) + 1;
  // Late in a gap one is nearer to the allocation behind it.
  const bool late = static_cast<const unsigned char*>(address) >= arena + next * SLOT - SLOT / 2;
  const bool outside = !found || !found->contains(address, 1);
  Region* behind = next < ARENA / SLOT ? by_slot[next] : nullptr;
  return outside && late && behind ? behind : found;
}

Region* allocation_of(const void* address, std::size_t bytes) {
  Region* found = in_device_memory(address) ? by_slot[slot_of(address)] : nullptr;
  return found && !found->freed && found->contains(address, bytes) ? found : nullptr;
}

void mark_written(const void* address, std::size_t bytes) {
  Region* region = checked() ? allocation_of(address, bytes) : nullptr;
  const auto* first = static_cast<const unsigned char*>(address);
  if (region) std::memset(region->written + (first - region->base), 1, bytes);
}

std::size_t allocated_bytes() { return used_bytes; }

std::vector<const Region*> living_allocations() {
  std::vector<const Region*> found;
  for (const Region& region : regions)
    if (!region.freed) found.push_back(&region);
  return found;
}

}  // namespace emulated
