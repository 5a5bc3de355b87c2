// Runs the kernels of a frame, and gives their parallel loops to the threads of one pool.
//
// It is linked into every library of kernels. A process uses the pool of the first library that it
// loads: threads of several would spin for nothing, and take the cores of one another.

#include <pthread.h>

#include <cstdint>

#include "pool.h"

#define HIDDEN __attribute__((visibility("hidden")))

// What TVM hands to a function (TVMFFIAny): here always a DLTensor.
struct Any {
    int32_t type;
    uint32_t padding;
    void* tensor;
};
static_assert(sizeof(Any) == 16, "as TVM's kernels read it");

using Kernel = int (*)(void* self, const Any* arguments, int32_t count, Any* result);
using Launch = int (*)(sightline::Lambda lambda, void* data, int parts);

// A kernel and its arguments; backends/tvm/frame.py has the same.
struct Call {
    Kernel kernel;
    const Any* arguments;
    int32_t count;
};

namespace {

// Never destroyed, since workers may look at it until the process ends.
sightline::Pool* pool = new sightline::Pool;

// How many threads the frame that this thread runs may have.
thread_local int threads = 1;

// A forked process has none of the workers, and whoever was busy is not there.
void after_fork() { pool = new sightline::Pool; }

const int forks = pthread_atfork(nullptr, nullptr, after_fork);

}  // namespace

extern "C" {

// What kernels call for a parallel loop (TVMBackendParallelLaunch). TVM cuts a loop into as many
// parts as it is told; `parts` is 0, which leaves the number to us.
int sightline_launch(sightline::Lambda lambda, void* data, int) {
    return pool->run(lambda, data, threads);
}

// Kernels find the function here. TVM would put its own in when it loads the library, but does not
// see a symbol that is hidden.
HIDDEN Launch __TVMBackendParallelLaunch = sightline_launch;

// Have the kernels of this library use the pool of another.
void sightline_share(Launch launch) { __TVMBackendParallelLaunch = launch; }

// Run the calls in order, on so many threads; the number of the one that failed, or -1.
int32_t sightline_run(const Call* calls, int32_t count, int32_t frame_threads) {
    threads = frame_threads;
    for (int32_t number = 0; number < count; ++number) {
        const Call& call = calls[number];
        Any result{0, 0, nullptr};
        if (call.kernel(nullptr, call.arguments, call.count, &result)) return number;
    }
    return -1;
}
}
