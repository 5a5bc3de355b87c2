// What was found wrong, told in full, and the places in the source that it names.
#pragma once

#include <cstdint>
#include <string>

#include "emulated/runtime_api.h"
#include "emulated/warp.h"

namespace emulated {

// Keep a text, and print it on the standard error.
void tell(const std::string& text);

// An address of the program, kept in four bytes: from the beginning of its library on.
std::uint32_t short_of(const void* program_counter);
std::string place_of(std::uint32_t short_address);  // "model.cu:12", or nothing
std::string place_of(Place place);

// The name of a kernel, as its author wrote it.
std::string name_of(void (*kernel)());
std::string symbol_of(void (*kernel)());  // the name in the library, mangled
std::string demangled(const char* symbol);

// Whether an address is in the library itself: its constants and variables.
bool in_the_library(const void* address);

}  // namespace emulated
