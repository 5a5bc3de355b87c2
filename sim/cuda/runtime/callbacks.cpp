// What g++ calls for every access when it compiles with -fsanitize=thread,alignment,bounds: its own
// libraries are not linked, these take their place.

#include <cstdint>
#include <string>

#include "block.h"
#include "fibers.h"
#include "findings.h"
#include "shadow.h"

namespace emulated {

namespace {

// Where a sanitizer found something: laid out as GCC does it.
struct SourcePlace {
  const char* file;
  std::uint32_t line, column;
};

struct TypeName {
  std::uint16_t kind, info;
  char name[1];
};

struct Mismatch {
  SourcePlace place;
  const TypeName* type;
  unsigned char log_alignment, access;
};

struct OutOfBounds {
  SourcePlace place;
  const TypeName* array;
  const TypeName* index;
};

inline void touched(const void* address, std::size_t bytes, bool write, const void* counter) {
  if (running) check_access(address, bytes, write, counter);
}

std::string in_kernel(const char* what, const SourcePlace& place) {
  return std::string(what) + " in kernel " + name_of(running->kernel.function) + ": " +
         thread_name(current) + " at " + place_of(Place{place.file, int(place.line)});
}

}  // namespace

}  // namespace emulated

using emulated::touched;

extern "C" {

#define EMULATED_ACCESS(bytes)                                              \
  void __tsan_read##bytes(void* address) {                                  \
    touched(address, bytes, false, __builtin_return_address(0));            \
  }                                                                         \
  void __tsan_write##bytes(void* address) {                                 \
    touched(address, bytes, true, __builtin_return_address(0));             \
  }

EMULATED_ACCESS(1)
EMULATED_ACCESS(2)
EMULATED_ACCESS(4)
EMULATED_ACCESS(8)
EMULATED_ACCESS(16)

void __tsan_read_range(void* address, std::size_t bytes) {
  touched(address, bytes, false, __builtin_return_address(0));
}

void __tsan_write_range(void* address, std::size_t bytes) {
  touched(address, bytes, true, __builtin_return_address(0));
}

void __tsan_vptr_update(void**, void*) {}
void __tsan_init() {}

// The host's own code may use atomics, which g++ turns into these: static variables' guards do.
#define EMULATED_ATOMIC(bits, type)                                                             \
  type __tsan_atomic##bits##_load(const volatile type* at, int) {                               \
    return __atomic_load_n(at, __ATOMIC_SEQ_CST);                                               \
  }                                                                                             \
  void __tsan_atomic##bits##_store(volatile type* at, type value, int) {                        \
    __atomic_store_n(at, value, __ATOMIC_SEQ_CST);                                              \
  }                                                                                             \
  type __tsan_atomic##bits##_exchange(volatile type* at, type value, int) {                     \
    return __atomic_exchange_n(at, value, __ATOMIC_SEQ_CST);                                    \
  }                                                                                             \
  type __tsan_atomic##bits##_fetch_add(volatile type* at, type value, int) {                    \
    return __atomic_fetch_add(at, value, __ATOMIC_SEQ_CST);                                     \
  }                                                                                             \
  type __tsan_atomic##bits##_fetch_sub(volatile type* at, type value, int) {                    \
    return __atomic_fetch_sub(at, value, __ATOMIC_SEQ_CST);                                     \
  }                                                                                             \
  bool __tsan_atomic##bits##_compare_exchange_strong(volatile type* at, type* expected,         \
                                                     type value, int, int) {                    \
    return __atomic_compare_exchange_n(at, expected, value, false, __ATOMIC_SEQ_CST,            \
                                       __ATOMIC_SEQ_CST);                                       \
  }                                                                                             \
  bool __tsan_atomic##bits##_compare_exchange_weak(volatile type* at, type* expected,           \
                                                   type value, int, int) {                      \
    return __atomic_compare_exchange_n(at, expected, value, false, __ATOMIC_SEQ_CST,            \
                                       __ATOMIC_SEQ_CST);                                       \
  }

EMULATED_ATOMIC(8, std::uint8_t)
EMULATED_ATOMIC(16, std::uint16_t)
EMULATED_ATOMIC(32, std::uint32_t)
EMULATED_ATOMIC(64, std::uint64_t)

// An address of a type that needs more alignment than it has; of null, the access itself tells.
void __ubsan_handle_type_mismatch_v1(emulated::Mismatch* data, std::uintptr_t address) {
  const std::uintptr_t alignment = std::uintptr_t(1) << data->log_alignment;
  if (!emulated::running || address % alignment == 0) return;
  emulated::stop(cudaErrorMisalignedAddress,
                 emulated::in_kernel("misaligned access", data->place) + " uses a " +
                     data->type->name + ", which needs addresses that are multiples of " +
                     std::to_string(alignment) + ", " + std::to_string(address % alignment) +
                     " bytes beyond one");
}

// An index outside of an array whose type tells its size: of those too that are not in memory.
void __ubsan_handle_out_of_bounds(emulated::OutOfBounds* data, std::uintptr_t index) {
  if (!emulated::running) return;
  emulated::stop(cudaErrorIllegalAddress,
                 emulated::in_kernel("out of bounds", data->place) + " uses index " +
                     std::to_string(static_cast<std::int64_t>(index)) + " of an array of type " +
                     data->array->name);
}

}  // extern "C"
