// Calls that give, take, copy and fill memory.

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

#include "calls.h"
#include "fibers.h"
#include "host_memory.h"
#include "limits.h"
#include "regions.h"
#include "streams.h"

namespace emulated {

namespace {

struct HostBlock {
  std::size_t bytes;
  bool allocated;  // by cudaHostAlloc, not registered
};

std::map<const unsigned char*, HostBlock> host_blocks;

// The block that an address is in, or the end.
auto host_block_of(const void* address) {
  const auto* at = static_cast<const unsigned char*>(address);
  auto found = host_blocks.upper_bound(at);
  if (found == host_blocks.begin()) return host_blocks.end();
  --found;
  return at < found->first + found->second.bytes ? found : host_blocks.end();
}

cudaError_t give_host(void** address, std::size_t bytes) {
  if (!address) return cudaErrorInvalidValue;
  *address = bytes ? std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096) : nullptr;
  if (!bytes) return cudaSuccess;
  if (!*address) return cudaErrorMemoryAllocation;
  poison(*address, bytes);
  host_blocks[static_cast<unsigned char*>(*address)] = {bytes, true};
  return cudaSuccess;
}

cudaError_t take_host(void* address, bool allocated) {
  if (!address && allocated) return cudaSuccess;
  const auto found = host_blocks.find(static_cast<unsigned char*>(address));
  if (found == host_blocks.end() || found->second.allocated != allocated)
    return allocated ? cudaErrorInvalidValue : cudaErrorHostMemoryNotRegistered;
  host_blocks.erase(found);
  if (allocated) std::free(address);
  return cudaSuccess;
}

// A range must be what the direction says it is: in one allocation, or outside of the device.
bool fits(const void* address, std::size_t bytes, bool on_device) {
  return on_device ? allocation_of(address, bytes) != nullptr : !in_device_memory(address);
}

cudaError_t copy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  if (!bytes) return cudaSuccess;
  if (kind < cudaMemcpyHostToHost || kind > cudaMemcpyDefault)
    return cudaErrorInvalidMemcpyDirection;
  const bool guess = kind == cudaMemcpyDefault;
  const bool to_device = guess ? in_device_memory(to) : kind & cudaMemcpyHostToDevice;
  const bool from_device = guess ? in_device_memory(from) : kind & cudaMemcpyDeviceToHost;
  if (!to || !from || !fits(to, bytes, to_device) || !fits(from, bytes, from_device))
    return cudaErrorInvalidValue;
  std::memmove(to, from, bytes);
  if (!to_device) return cudaSuccess;
  mark_written(to, bytes);
  if (!from_device || !checked()) return cudaSuccess;
  // What was not written there is not written here.
  Region &there = *allocation_of(from, bytes), &here = *allocation_of(to, bytes);
  std::memmove(here.written + (static_cast<unsigned char*>(to) - here.base),
               there.written + (static_cast<const unsigned char*>(from) - there.base), bytes);
  return cudaSuccess;
}

cudaError_t fill(void* to, int value, std::size_t bytes) {
  if (!bytes) return cudaSuccess;
  if (!allocation_of(to, bytes)) return cudaErrorInvalidValue;
  std::memset(to, value, bytes);
  mark_written(to, bytes);
  return cudaSuccess;
}

std::string left;

void add_left(std::size_t count, const char* what, const std::string& more = "") {
  if (count) left += std::to_string(count) + " " + what + " not given back" + more + "\n";
}

}  // namespace

bool in_host_memory(const void* address, std::size_t bytes) {
  const auto found = host_block_of(address);
  if (found == host_blocks.end()) return false;
  const auto* end = static_cast<const unsigned char*>(address) + bytes;
  return end <= found->first + found->second.bytes;
}

}  // namespace emulated

using namespace emulated;

extern "C" {

cudaError_t cudaMalloc(void** address, std::size_t bytes) {
  return call(During::NO_CAPTURE, [&] {
    if (!address) return cudaErrorInvalidValue;
    *address = nullptr;
    if (!bytes) return cudaSuccess;
    Region* region = allocate(bytes);
    if (!region) return cudaErrorMemoryAllocation;
    *address = region->base;
    return cudaSuccess;
  });
}

cudaError_t cudaFree(void* address) {
  return call(During::NO_CAPTURE, [&] {
    if (!address) return cudaSuccess;
    Region* region = allocation_of(address, 1);
    if (!region || region->base != address) return cudaErrorInvalidValue;
    release(*region);
    if (!allocated_bytes()) drop_stacks();
    return cudaSuccess;
  });
}

cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  return call(During::CAPTURE, [&] {
    if (!free || !total) return cudaErrorInvalidValue;
    *total = DEVICE_BYTES;
    *free = DEVICE_BYTES - allocated_bytes();
    return cudaSuccess;
  });
}

cudaError_t cudaMallocHost(void** address, std::size_t bytes) {
  return call(During::NO_CAPTURE, [&] { return give_host(address, bytes); });
}

cudaError_t cudaHostAlloc(void** address, std::size_t bytes, unsigned int flags) {
  return call(During::NO_CAPTURE,
              [&] { return flags > 7 ? cudaErrorInvalidValue : give_host(address, bytes); });
}

cudaError_t cudaFreeHost(void* address) {
  return call(During::NO_CAPTURE, [&] { return take_host(address, true); });
}

cudaError_t cudaHostRegister(void* address, std::size_t bytes, unsigned int) {
  return call(During::NO_CAPTURE, [&] {
    if (!address || !bytes || in_device_memory(address)) return cudaErrorInvalidValue;
    if (host_block_of(address) != host_blocks.end()) return cudaErrorHostMemoryAlreadyRegistered;
    host_blocks[static_cast<unsigned char*>(address)] = {bytes, false};
    return cudaSuccess;
  });
}

cudaError_t cudaHostUnregister(void* address) {
  return call(During::NO_CAPTURE, [&] { return take_host(address, false); });
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* address) {
  return call(During::CAPTURE, [&] {
    if (!attributes) return cudaErrorInvalidValue;
    void* same = const_cast<void*>(address);
    if (allocation_of(address, 1))
      *attributes = {cudaMemoryTypeDevice, 0, same, nullptr};
    else if (host_block_of(address) != host_blocks.end())
      *attributes = {cudaMemoryTypeHost, 0, same, same};
    else
      *attributes = {cudaMemoryTypeUnregistered, -2, nullptr, nullptr};
    return cudaSuccess;
  });
}

cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  return call(During::NO_CAPTURE, [&] { return copy(to, from, bytes, kind); });
}

cudaError_t cudaMemset(void* to, int value, std::size_t bytes) {
  return call(During::NO_CAPTURE, [&] { return fill(to, value, bytes); });
}

// What the program did not give back, a line for each kind; nothing if all is.
const char* sightline_left() {
  left.clear();
  std::string sizes;
  for (const Region* each : living_allocations())
    sizes += (sizes.empty() ? ": " : ", ") + each->name + " of " + std::to_string(each->size) +
             " bytes";
  add_left(living_allocations().size(), "allocations", sizes);
  add_left(host_blocks.size(), "blocks of host memory");
  add_left(living_streams(), "streams");
  add_left(living_events(), "events");
  add_left(living_graphs(), "graphs");
  return left.c_str();
}

}  // extern "C"

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  return call(During::CAPTURE, [&] {
    return enqueue(stream, [=] { return copy(to, from, bytes, kind); });
  });
}

cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t stream) {
  return call(During::CAPTURE, [&] {
    return enqueue(stream, [=] { return fill(to, value, bytes); });
  });
}
