// Products of tiles by a warp, in place of the instruction mma.sync: of a lane 4 g + t,
//   a holds rows g, g + 8 of the left tile, at numbers t of the first half of k, then of the second,
//   b holds column g of the right one, at numbers t of either half,
//   c holds rows g, g + 8 of columns 2 t, 2 t + 1 of the sums.
// A number is a word of two halves, or of four bytes. What our generated programs call is
// `multiply_tiles`; that TENSOR_CORES is defined tells them not to bring their own.
#pragma once

#include "warp.h"

#define TENSOR_CORES

namespace emulated {

// What a lane brings to a product.
struct Brought {
  unsigned int a[4], b[2];
};

// In runtime/block.cpp: what all 32 lanes bring, when every lane has come.
const Brought* bring(const Brought& own, Place place);

template <class Number, class Word>
EMULATED_INLINE void unpack(Word word, Number* numbers) {
  std::memcpy(numbers, &word, sizeof(word));
}

// Sums of halves are exact but for the last rounding, which a device does otherwise.
template <class Pixel, class Weight, class Sum>
EMULATED_INLINE void multiply(Sum* c, const unsigned int (&a)[4], const unsigned int (&b)[2],
                              Place place) {
  constexpr int numbers = 4 / sizeof(Pixel);
  Brought own;
  std::memcpy(own.a, a, sizeof(own.a));
  std::memcpy(own.b, b, sizeof(own.b));
  const Brought* all = bring(own, place);
  const unsigned int g = lane() / 4, t = lane() % 4;
  for (int row = 0; row < 2; row++)
    for (int column = 0; column < 2; column++) {
      Sum sum = c[2 * row + column];
      for (int half = 0; half < 2; half++)
        for (unsigned int k = 0; k < 4; k++) {
          Pixel pixels[numbers];
          Weight weights[numbers];
          unpack(all[4 * g + k].a[2 * half + row], pixels);
          unpack(all[4 * (2 * t + column) + k].b[half], weights);
          for (int number = 0; number < numbers; number++)
            sum += static_cast<Sum>(pixels[number]) * static_cast<Sum>(weights[number]);
        }
      c[2 * row + column] = sum;
    }
}

}  // namespace emulated

struct __half;

template <class Pixel, class Weight>
EMULATED_INLINE void multiply_tiles(float* c, const unsigned int (&a)[4],
                                    const unsigned int (&b)[2], Pixel, Weight,
                                    emulated::Place place = emulated::here()) {
  static_assert(std::is_same_v<Pixel, __half> && std::is_same_v<Weight, __half>,
                "tensor cores add up halves as floats");
  emulated::multiply<Pixel, Weight>(c, a, b, place);
}

template <class Pixel, class Weight>
EMULATED_INLINE void multiply_tiles(int* c, const unsigned int (&a)[4],
                                    const unsigned int (&b)[2], Pixel, Weight,
                                    emulated::Place place = emulated::here()) {
  static_assert(sizeof(Pixel) == 1 && std::is_same_v<Weight, signed char>,
                "tensor cores add up bytes as integers");
  emulated::multiply<Pixel, Weight>(c, a, b, place);
}
