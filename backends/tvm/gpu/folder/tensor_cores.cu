// Products of tiles on tensor cores: what a warp adds to the sums of its threads.

namespace {

// c[16 pixels][8 maps] += a[16 pixels][k] b[8 maps][k], one step of k, by a warp. Of lane 4 g + t,
//   a holds pixels g, g + 8 at numbers t of the first half of k, then of the second: four registers;
//   b holds map g at numbers t of either half: two;
//   c holds pixels g, g + 8 of maps 2 t, 2 t + 1.
// A register is two halves or four bytes of k. It is volatile so that it stays where all lanes come:
// nothing else forbids that a compiler moves it into a branch. What runs this without PTX brings its own.
#ifndef TENSOR_CORES
#define TENSOR_CORES(shape, types, sum, constraint, pixel, weight)                                \
  [[maybe_unused]] __device__ __forceinline__ void multiply_tiles(                                \
      sum* c, const unsigned (&a)[4], const unsigned (&b)[2], pixel, weight) {                    \
    asm volatile("mma.sync.aligned." shape ".row.col." types                                      \
        " {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"                        \
        : "+" constraint(c[0]), "+" constraint(c[1]), "+" constraint(c[2]), "+" constraint(c[3])  \
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));                      \
  }
TENSOR_CORES("m16n8k16", "f32.f16.f16.f32", float, "f", half, half)
TENSOR_CORES("m16n8k32", "s32.s8.s8.s32", int, "r", signed char, signed char)
TENSOR_CORES("m16n8k32", "s32.u8.s8.s32", int, "r", unsigned char, signed char)
#endif

template <class Number>
__device__ __forceinline__ unsigned word_at(const Number* place, bool is_inside) {
  return is_inside ? *reinterpret_cast<const unsigned*>(place) : 0u;
}

// A row of taps: sums[MAP_TILES][ROWS][TALL][WIDE][pixel g, g + 8][map 2 t, 2 t + 1] +=
// pixels[COLUMNS][PLANES] taps[map][COLUMNS][PLANES]. `pixels` is the thread's first pixel, in shared
// memory. `taps` would be its first map; but what begins at its warp's, in the device's memory, lies as
// it is read: [step][tile of maps][lane][half of the step][numbers of a register], which goes by the
// multiprocessor's cache, and needs no barrier. The other numbers are the steps from a pixel, or map,
// to the next of each kind.
template <int MAP_TILES, int ROWS, int TALL, int WIDE, int COLUMNS, int PLANES, class Sum, class Pixel,
          class Weight>
__device__ __forceinline__ void add_products(Sum* sums, const Pixel* pixels, const Weight* taps,
                                             int to_half, int to_row, int to_cell_row,
                                             int to_cell_column, int to_column, int to_map) {
  constexpr int WORD = 4 / sizeof(Pixel), GROUP = 4 * WORD, LENGTH = COLUMNS * PLANES;
  constexpr int GROUPS = PLANES % GROUP ? 1 : PLANES / GROUP;  // of a column
  constexpr int STEPS = (LENGTH + 2 * GROUP - 1) / (2 * GROUP);
  const int own = static_cast<int>(threadIdx.x) * WORD;
  const uint2* words = reinterpret_cast<const uint2*>(taps - 2 * static_cast<int>(threadIdx.x) * to_map) +
                       4 * threadIdx.y + threadIdx.x;
#pragma unroll 2
  for (int step = 0; step < STEPS; step++) {
    int places[2];
    bool inside[2];
    unsigned b[MAP_TILES][2];
#pragma unroll
    for (int tile = 0; tile < MAP_TILES; tile++) {
      const uint2 both = __ldg(words + 32 * (step * MAP_TILES + tile));
      b[tile][0] = both.x;
      b[tile][1] = both.y;
    }
#pragma unroll
    for (int part = 0; part < 2; part++) {
      const int group = 2 * step + part, number = group * GROUP + own;
      // The compiler does not know that threadIdx.x < 4.
      inside[part] = LENGTH % (2 * GROUP) == 0 || number < LENGTH;
      // Without whole groups of planes, columns lie one right behind the other.
      places[part] = PLANES % GROUP ? number
                                    : group / GROUPS * to_column + group % GROUPS * GROUP + own;
    }
#pragma unroll
    for (int pixel = 0; pixel < ROWS * TALL * WIDE; pixel++) {
      const Pixel* from = pixels + pixel / (TALL * WIDE) * to_row +
                          pixel / WIDE % TALL * to_cell_row + pixel % WIDE * to_cell_column;
      unsigned a[4];
#pragma unroll
      for (int number = 0; number < 4; number++)
        a[number] = word_at(from + number % 2 * to_half + places[number / 2], inside[number / 2]);
#pragma unroll
      for (int tile = 0; tile < MAP_TILES; tile++)
        multiply_tiles(sums + 4 * (tile * ROWS * TALL * WIDE + pixel), a, b[tile], Pixel(), Weight());
    }
  }
}

}  // namespace
