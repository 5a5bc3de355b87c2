// Threads that share the parts of a loop: whoever is free takes the next ones.
//
//   caller                                          workers
//   ------                                          -------
//   job = lambda, data, parts, helpers              spin for a while, then sleep
//   ticket = generation + 1, all parts left   ──→   see parts left, or are woken
//   take parts until none is left                   take parts until none is left
//   wait for the parts that others took       ←──   finished += what they ran
//
// Parts are taken from the last to the first, many at a time as long as many are left: a core that
// something else uses takes fewer, and is not waited for longer than a few parts take. A worker that
// is not there, or wakes too late, costs nothing, since only parts that it took are waited for.
//
// One caller at a time has the workers; another one meanwhile runs all parts by itself.

#pragma once

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <time.h>

#include <atomic>
#include <cstdint>

namespace sightline {

// What TVM's code is told of a parallel loop (TVMParallelGroupEnv), and how it runs one part.
struct Environment {
    void* barrier;  // for barriers, which our schedules have none of
    int32_t parts;
};
using Lambda = int (*)(int part, Environment* environment, void* data);

constexpr int MOST_WORKERS = 255;
constexpr int PARTS_PER_THREAD = 16;  // so finely a loop is cut, if it has as many turns
constexpr int CHUNKS_PER_THREAD = 2;  // of what is left: a thread takes one of these at a time
constexpr uint64_t SPIN_NANOSECONDS = 2'000'000;  // a worker that had nothing to do sleeps after it
constexpr unsigned TURNS_PER_LOOK = 64;  // of a spinning thread, between looks at the clock

inline void pause() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

inline uint64_t nanoseconds() {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

// The parts of one loop, run by the thread that came to it.
inline int run_alone(Lambda lambda, void* data) {
    Environment environment{nullptr, 1};
    return lambda(0, &environment, data);
}

class Pool {
  public:
    // All parts of a loop, on so many threads, of which the caller is one. 0, or -1 if a part failed.
    int run(Lambda lambda, void* data, int threads) {
        if (threads < 2 || busy_.exchange(true, std::memory_order_acquire))
            return run_alone(lambda, data);
        const int helpers = hire(threads - 1);
        const int result = helpers ? share(lambda, data, helpers) : run_alone(lambda, data);
        busy_.store(false, std::memory_order_release);
        return result;
    }

  private:
    struct Worker {
        Pool* pool;
        int number;
        pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
        pthread_cond_t woken = PTHREAD_COND_INITIALIZER;
        std::atomic<bool> sleeps{false};  // changes under the lock
    };

    static constexpr uint64_t GENERATION = uint64_t{1} << 32;

    static int left(uint64_t ticket) { return static_cast<int>(ticket & (GENERATION - 1)); }

    int share(Lambda lambda, void* data, int helpers) {
        const int threads = helpers + 1;
        const int parts = threads * PARTS_PER_THREAD;
        lambda_.store(lambda, std::memory_order_relaxed);
        data_.store(data, std::memory_order_relaxed);
        parts_.store(parts, std::memory_order_relaxed);
        helpers_.store(helpers, std::memory_order_relaxed);
        failed_.store(false, std::memory_order_relaxed);
        finished_.store(0, std::memory_order_relaxed);
        const uint64_t generation = ticket_.load(std::memory_order_relaxed) / GENERATION + 1;
        // In one order with `sleeps`: a worker that this loop sees awake sees the parts itself.
        ticket_.store(generation * GENERATION + static_cast<uint64_t>(parts));
        for (int number = 0; number < helpers; ++number) wake(*workers_[number]);
        const int others = parts - take(-1);
        for (unsigned turn = 1; finished_.load(std::memory_order_acquire) < others; ++turn) {
            // Whoever is waited for may need this very core.
            turn % TURNS_PER_LOOK ? pause() : static_cast<void>(sched_yield());
        }
        return failed_.load(std::memory_order_relaxed) ? -1 : 0;
    }

    // Run parts until none is left; how many. The caller is number -1.
    //
    // The ticket holds the generation and the parts left, and only ever changes to what it never was.
    // So if it is still the same when parts are taken, the job that was read meanwhile is its job:
    // the next one is written after all of its parts have been taken and run.
    int take(int number) {
        int ran = 0;
        uint64_t seen = ticket_.load(std::memory_order_acquire);
        while (const int rest = left(seen)) {
            const Lambda lambda = lambda_.load(std::memory_order_relaxed);
            void* const data = data_.load(std::memory_order_relaxed);
            Environment environment{nullptr, parts_.load(std::memory_order_relaxed)};
            const int helpers = helpers_.load(std::memory_order_relaxed);
            if (number >= helpers) break;
            const int chunk = rest / ((helpers + 1) * CHUNKS_PER_THREAD) + 1;
            if (!ticket_.compare_exchange_weak(seen, seen - static_cast<uint64_t>(chunk),
                                               std::memory_order_acq_rel,
                                               std::memory_order_acquire))
                continue;
            for (int part = rest - chunk; part < rest; ++part)
                if (lambda(part, &environment, data))
                    failed_.store(true, std::memory_order_relaxed);
            ran += chunk;
            seen = ticket_.load(std::memory_order_acquire);
        }
        return ran;
    }

    bool is_wanted(const Worker& worker) const {
        return left(ticket_.load()) && worker.number < helpers_.load(std::memory_order_relaxed);
    }

    void wake(Worker& worker) {
        if (!worker.sleeps.load()) return;
        pthread_mutex_lock(&worker.lock);
        worker.sleeps.store(false);
        pthread_cond_signal(&worker.woken);
        pthread_mutex_unlock(&worker.lock);
    }

    void sleep(Worker& worker) {
        pthread_mutex_lock(&worker.lock);
        worker.sleeps.store(true);
        if (is_wanted(worker)) worker.sleeps.store(false);
        while (worker.sleeps.load()) pthread_cond_wait(&worker.woken, &worker.lock);
        pthread_mutex_unlock(&worker.lock);
    }

    void work(Worker& worker) {
        for (;;) {
            uint64_t until = nanoseconds() + SPIN_NANOSECONDS;
            for (unsigned turn = 1; !is_wanted(worker); ++turn) {
                pause();
                if (turn % TURNS_PER_LOOK || nanoseconds() < until) continue;
                sleep(worker);
                // Should it come too late for this loop, it is there for the next one.
                until = nanoseconds() + SPIN_NANOSECONDS;
            }
            if (const int ran = take(worker.number))
                finished_.fetch_add(ran, std::memory_order_release);
        }
    }

    static void* start(void* worker) {
        static_cast<Worker*>(worker)->pool->work(*static_cast<Worker*>(worker));
        return nullptr;
    }

    // Have so many workers, if the system gives as many; how many of those there are.
    int hire(int wanted) {
        while (hired_ < wanted && hired_ < allowed_) {
            // Signals are for the threads of the program.
            sigset_t all, before;
            sigfillset(&all);
            pthread_sigmask(SIG_SETMASK, &all, &before);
            Worker* const worker = new Worker{this, hired_};
            pthread_t thread;
            if (pthread_create(&thread, nullptr, start, worker)) {
                delete worker;
                allowed_ = hired_;
            } else {
                pthread_detach(thread);
                workers_[hired_++] = worker;
            }
            pthread_sigmask(SIG_SETMASK, &before, nullptr);
        }
        return hired_ < wanted ? hired_ : wanted;
    }

    // What many threads write, each on a line of the cache of its own.
    alignas(64) std::atomic<uint64_t> ticket_{0};
    alignas(64) std::atomic<int> finished_{0};
    // The job, which is written before the ticket.
    alignas(64) std::atomic<Lambda> lambda_{nullptr};
    std::atomic<void*> data_{nullptr};
    std::atomic<int> parts_{0};
    std::atomic<int> helpers_{0};
    std::atomic<bool> failed_{false};
    alignas(64) std::atomic<bool> busy_{false};
    // Of the caller that is busy.
    int hired_ = 0;
    int allowed_ = MOST_WORKERS;
    Worker* workers_[MOST_WORKERS];
};

}  // namespace sightline
