// Pieces of memory that kernels may use, each by its own: allocations and shared arrays.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace emulated {

// Who touched some bytes last, and when: see shadow.h.
struct Cell {
  std::uint32_t write_epoch, write_place, read_epoch, read_place;
  std::uint16_t writer, reader;
  std::uint8_t write_turn, read_turn, readers, split;
};

struct Region {
  enum Kind { GLOBAL, SHARED };

  Kind kind;
  std::string name;
  unsigned char* base = nullptr;
  std::size_t size = 0;
  bool freed = false;
  // Shadows, of a checked build alone: for each byte whether it was written; a cell for each four
  // bytes, and one for each byte of those that are touched in parts. All zero at first.
  unsigned char* written = nullptr;
  Cell* words = nullptr;
  Cell* bytes = nullptr;

  bool contains(const void* address, std::size_t count) const {
    const auto* first = static_cast<const unsigned char*>(address);
    return first >= base && first + count <= base + size;
  }
};

// Memory of zeros, which takes room only where it is touched.
void* reserve_zeros(std::size_t bytes);
void release_zeros(void* address, std::size_t bytes);
void make_shadows(Region& region, std::size_t bytes);
void drop_shadows(Region& region, std::size_t bytes);

// Bytes that no one wrote: as a float of 32 or 16 bits it is NaN, as an integer it is absurd.
void poison(void* address, std::size_t bytes);

// --- memory of the device, in global_memory.cpp

// Nothing if there is not enough left.
Region* allocate(std::size_t bytes);
void release(Region& region);
bool in_device_memory(const void* address);
// The allocation whose room an address is in: of it, or of the gap that follows it.
Region* allocation_near(const void* address);
// The allocation that holds all these bytes.
Region* allocation_of(const void* address, std::size_t bytes);
void mark_written(const void* address, std::size_t bytes);
std::size_t allocated_bytes();
std::vector<const Region*> living_allocations();

// --- shared arrays, in shared_memory.cpp

// Poison what the kernel of this symbol can use, with so many bytes of dynamic shared memory.
void begin_shared(const std::string& symbol, std::size_t dynamic_bytes);
void poison_shared();
bool in_shared_memory(const void* address);
Region* array_near(const void* address);
std::size_t static_bytes(const std::string& symbol);

// Whether the program was built to be checked.
bool checked();

}  // namespace emulated
