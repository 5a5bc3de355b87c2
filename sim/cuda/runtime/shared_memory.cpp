// Shared arrays: thread_local variables, of which the build made a table.

#include <cstring>
#include <set>

#include "emulated/language.h"
#include "findings.h"
#include "limits.h"
#include "regions.h"

namespace {

// As ../shared_arrays.py lays them out.
constexpr std::size_t LINE = 64;  // every array begins at a multiple of it
constexpr std::size_t GAP = 256;

struct SharedArray {
  std::uint64_t offset;  // from the beginning of the library's thread-local memory
  std::uint64_t size;
  const char* symbol;
};

}  // namespace

// What every `extern __shared__ T name[]` is: the build gives them all this name. A gap follows.
extern "C" thread_local __attribute__((aligned(1024))) unsigned char
    emulated_dynamic_shared[emulated::SHARED_BYTES_OPTIN + GAP];

thread_local unsigned char emulated_dynamic_shared[emulated::SHARED_BYTES_OPTIN + GAP];

// The build writes these next to the kernels. The last array is the dynamic one.
extern "C" const SharedArray emulated_shared_arrays[];
extern "C" const std::uint64_t emulated_shared_count;
extern "C" const std::uint64_t emulated_is_checked;

namespace emulated {

namespace {

std::vector<Region> arrays;
std::vector<Region*> by_line;   // the array that a line of memory belongs to, if any
std::set<std::string> kernels;  // those launched so far
// What the kernel that runs now can use: its own arrays, and those of functions that it may call.
// The latter may be variables of the host that are thread_local too, so nothing is written there.
std::vector<Region*> own, others;
unsigned char *lowest, *beyond;

const SharedArray& dynamic_array() { return emulated_shared_arrays[emulated_shared_count - 1]; }

// The symbol of a static variable in a function is `_ZZ`, the function, `E`, its name.
bool belongs(const SharedArray& array, const std::string& kernel) {
  const bool mangled = kernel.rfind("_Z", 0) == 0;
  const std::string function =
      mangled ? kernel.substr(2) : std::to_string(kernel.size()) + kernel;
  return std::string(array.symbol).rfind("_ZZ" + function + "E", 0) == 0;
}

void make_arrays() {
  for (std::uint64_t k = 0; k < emulated_shared_count; k++) {
    const SharedArray& each = emulated_shared_arrays[k];
    const bool dynamic = k + 1 == emulated_shared_count;
    const std::size_t size = dynamic ? SHARED_BYTES_OPTIN : each.size;
    arrays.push_back({Region::SHARED, dynamic ? "the dynamic shared memory"
                                              : "shared array " + demangled(each.symbol)});
    arrays.back().size = size;
    if (checked()) make_shadows(arrays.back(), size);
  }
}

// Each host thread has thread-local memory of its own, so the arrays are where it has them.
void place_arrays() {
  unsigned char* first_byte = emulated_dynamic_shared - dynamic_array().offset;
  if (arrays.empty()) make_arrays();
  lowest = beyond = first_byte + dynamic_array().offset;
  for (std::size_t k = 0; k < arrays.size(); k++) {
    arrays[k].base = first_byte + emulated_shared_arrays[k].offset;
    if (arrays[k].base - GAP < lowest) lowest = arrays[k].base - GAP;
    const std::size_t room = k + 1 == arrays.size() ? SHARED_BYTES_OPTIN : arrays[k].size;
    if (arrays[k].base + room + GAP > beyond) beyond = arrays[k].base + room + GAP;
  }
  by_line.assign(static_cast<std::size_t>(beyond - lowest) / LINE + 1, nullptr);
  for (std::size_t k = 0; k < arrays.size(); k++) {
    const std::size_t room = k + 1 == arrays.size() ? SHARED_BYTES_OPTIN : arrays[k].size;
    const std::size_t first = static_cast<std::size_t>(arrays[k].base - lowest) / LINE;
    for (std::size_t line = 0; line * LINE < room; line++) by_line[first + line] = &arrays[k];
  }
}

}  // namespace

bool checked() { return emulated_is_checked != 0; }

void begin_shared(const std::string& symbol, std::size_t dynamic_bytes) {
  if (arrays.empty() || arrays.back().base != emulated_dynamic_shared) place_arrays();
  arrays.back().size = dynamic_bytes;
  kernels.insert(symbol);
  own.clear();
  others.clear();
  for (std::size_t k = 0; k < arrays.size(); k++) {
    const bool is_own = k + 1 == arrays.size() || belongs(emulated_shared_arrays[k], symbol);
    bool of_a_kernel = is_own;
    for (const std::string& kernel : kernels)
      of_a_kernel |= belongs(emulated_shared_arrays[k], kernel);
    if (is_own) own.push_back(&arrays[k]);
    if (!of_a_kernel) others.push_back(&arrays[k]);
  }
}

void poison_shared() {
  for (Region* array : own) poison(array->base, array->size);
  if (!checked()) return;
  for (Region* array : own) std::memset(array->written, 0, array->size);
  for (Region* array : others) std::memset(array->written, 0, array->size);
}

bool in_shared_memory(const void* address) { return address >= lowest && address < beyond; }

Region* array_near(const void* address) {
  const std::size_t line =
      static_cast<std::size_t>(static_cast<const unsigned char*>(address) - lowest) / LINE;
  if (by_line[line]) return by_line[line];
  for (std::size_t away = 1; away < by_line.size(); away++) {
    if (away <= line && by_line[line - away]) return by_line[line - away];
    if (line + away < by_line.size() && by_line[line + away]) return by_line[line + away];
  }
  return nullptr;
}

std::size_t static_bytes(const std::string& symbol) {
  std::size_t sum = 0;
  for (std::uint64_t k = 0; k + 1 < emulated_shared_count; k++)
    if (belongs(emulated_shared_arrays[k], symbol)) sum += emulated_shared_arrays[k].size;
  return sum;
}

}  // namespace emulated
