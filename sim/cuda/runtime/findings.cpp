#include "findings.h"

#include <cxxabi.h>
#include <dlfcn.h>
#include <link.h>

#include <cstdio>
#include <cstdlib>

namespace emulated {

namespace {

std::string all;

struct Library {
  std::string path;
  std::uintptr_t base = 0, end = 0;
};

// Where this library lies: dl_iterate_phdr tells the extent of it.
const Library& library() {
  static const Library found = [] {
    Library self;
    Dl_info info;
    if (!dladdr(reinterpret_cast<void*>(&tell), &info)) return self;
    self.path = info.dli_fname;
    self.base = reinterpret_cast<std::uintptr_t>(info.dli_fbase);
    auto visit = [](dl_phdr_info* each, std::size_t, void* data) {
      Library& self = *static_cast<Library*>(data);
      if (each->dlpi_addr != self.base) return 0;
      for (int k = 0; k < each->dlpi_phnum; k++) {
        const auto& part = each->dlpi_phdr[k];
        if (part.p_type == PT_LOAD && self.base + part.p_vaddr + part.p_memsz > self.end)
          self.end = self.base + part.p_vaddr + part.p_memsz;
      }
      return 1;
    };
    dl_iterate_phdr(visit, &self);
    return self;
  }();
  return found;
}

std::string file_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

void tell(const std::string& text) {
  all += text + "\n";
  std::fprintf(stderr, "%s\n", text.c_str());
}

std::uint32_t short_of(const void* program_counter) {
  static const std::uintptr_t base = library().base;
  return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(program_counter) - base);
}

// addr2line tells the line, and those that it was inlined into: the first outside of our headers
// is the user's.
std::string place_of(std::uint32_t short_address) {
  char command[4400], line[4400];
  // One less: what the callback returns to is behind the call.
  std::snprintf(command, sizeof command, "addr2line -i -e '%s' 0x%x 2>/dev/null",
                library().path.c_str(), short_address - 1);
  FILE* pipe = popen(command, "r");
  if (!pipe) return "";
  std::string found;
  while (std::fgets(line, sizeof line, pipe)) {
    std::string text(line);
    text.resize(text.find_first_of(" \n", 0) == std::string::npos ? text.size()
                                                                   : text.find_first_of(" \n", 0));
    const bool ours = text.find("/sim/cuda/include/") != std::string::npos;
    if (found.empty() && !ours && text.find('?') == std::string::npos) found = file_of(text);
  }
  pclose(pipe);
  return found;
}

std::string place_of(Place place) {
  return file_of(place.file) + ":" + std::to_string(place.line);
}

std::string symbol_of(void (*kernel)()) {
  Dl_info info;
  const bool found = dladdr(reinterpret_cast<void*>(kernel), &info) && info.dli_sname;
  return found && info.dli_saddr == reinterpret_cast<void*>(kernel) ? info.dli_sname : "";
}

std::string name_of(void (*kernel)()) {
  const std::string name = demangled(symbol_of(kernel).c_str());
  return name.empty() ? "of no name (declared static)" : "'" + name.substr(0, name.find('(')) + "'";
}

std::string demangled(const char* symbol) {
  int status = 0;
  char* plain = abi::__cxa_demangle(symbol, nullptr, nullptr, &status);
  std::string text(plain ? plain : symbol);
  std::free(plain);
  return text;
}

bool in_the_library(const void* address) {
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  return at >= library().base && at < library().end;
}

}  // namespace emulated

extern "C" {

const char* sightline_findings() { return emulated::all.c_str(); }

void sightline_forget_findings() { emulated::all.clear(); }
}
