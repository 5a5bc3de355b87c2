// Many small loops on one pool, from several callers at once: each part must run exactly once.
//
//     stress CALLERS LOOPS      prints how many loops ran wrong; exit status 1 if any did

#include <pthread.h>
#include <time.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "pool.h"

namespace {

constexpr int MOST_THREADS = 8;
constexpr int LONGEST = 200;

sightline::Pool pool;
std::atomic<int> wrong{0};
int loops;

// A loop as TVM writes it: the parts cut its turns evenly, and the last ones may have none.
struct Loop {
    int turns;
    int fails_at;
    long sums[LONGEST];  // written by whoever runs the turn, without a lock
};

int run_part(int part, sightline::Environment* environment, void* data) {
    Loop& loop = *static_cast<Loop*>(data);
    const int size = (loop.turns + environment->parts - 1) / environment->parts;
    bool failed = false;
    for (int turn = part * size; turn < (part + 1) * size && turn < loop.turns; ++turn) {
        loop.sums[turn] += turn + 1;
        failed |= turn == loop.fails_at;
    }
    return failed ? -1 : 0;
}

// Repeatable, and other numbers for each caller.
struct Dice {
    uint32_t state;
    int below(int bound) {
        state = state * 1664525 + 1013904223;
        return static_cast<int>((state >> 8) % static_cast<uint32_t>(bound));
    }
};

void* call(void* seed) {
    Dice dice{static_cast<uint32_t>(reinterpret_cast<uintptr_t>(seed)) * 2654435761u};
    for (int number = 0; number < loops; ++number) {
        const auto loop = std::make_unique<Loop>();
        loop->turns = dice.below(LONGEST) + 1;
        loop->fails_at = dice.below(10) ? -1 : dice.below(loop->turns);
        const int result = pool.run(run_part, loop.get(), dice.below(MOST_THREADS) + 1);
        bool right = result == (loop->fails_at < 0 ? 0 : -1);
        for (int turn = 0; turn < LONGEST; ++turn)
            right &= loop->sums[turn] == (turn < loop->turns ? turn + 1 : 0);
        wrong += !right;
        if (dice.below(500) == 0) {
            // The workers fall asleep, or are about to.
            const timespec pause{0, 50'000 + dice.below(100'000)};
            nanosleep(&pause, nullptr);
        }
    }
    return nullptr;
}

}  // namespace

int main(int, char** words) {
    const int callers = std::atoi(words[1]);
    loops = std::atoi(words[2]);
    pthread_t threads[16];
    for (int number = 0; number < callers; ++number)
        pthread_create(&threads[number], nullptr, call, reinterpret_cast<void*>(number + 1L));
    for (int number = 0; number < callers; ++number) pthread_join(threads[number], nullptr);
    std::printf("%d\n", wrong.load());
    return wrong ? 1 : 0;
}
