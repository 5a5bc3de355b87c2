// Products of tiles on tensor cores: what a warp adds to the sums of its threads.

namespace {

// c[16 pixels][8 maps] += a[16 pixels][k] b[8 maps][k], one step of k, by a warp. Of lane 4 g + t,
//   a holds pixels g, g + 8 at numbers t of the first half of k, then of the second: four registers;
//   b holds map g at numbers t of either half: two;
//   c holds pixels g, g + 8 of maps 2 t, 2 t + 1.
// A register is two halves or four bytes of k. What runs this without PTX brings its own.
#ifndef TENSOR_CORES
#define TENSOR_CORES(shape, types, sum, constraint, pixel, weight)                                \
  [[maybe_unused]] __device__ __forceinline__ void multiply_tiles(                                \
      sum* c, const unsigned (&a)[4], const unsigned (&b)[2], pixel, weight) {                    \
    asm("mma.sync.aligned." shape ".row.col." types                                               \
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

// A row of taps, in shared memory: sums[MAP_TILES][ROWS][TALL][WIDE][pixel g, g + 8][map 2 t, 2 t + 1]
// += pixels[COLUMNS][PLANES] taps[map][COLUMNS][PLANES]. `pixels` is the thread's first pixel, `taps`
// its first map; the other numbers are the steps from a pixel, or map, to the next of each kind.
template <int MAP_TILES, int ROWS, int TALL, int WIDE, int COLUMNS, int PLANES, class Sum, class Pixel,
          class Weight>
__device__ __forceinline__ void add_products(Sum* sums, const Pixel* pixels, const Weight* taps,
                                             int to_half, int to_row, int to_cell_row,
                                             int to_cell_column, int to_column, int to_map) {
  constexpr int WORD = 4 / sizeof(Pixel), GROUP = 4 * WORD, LENGTH = COLUMNS * PLANES;
  constexpr int GROUPS = PLANES % GROUP ? 1 : PLANES / GROUP;  // of a column
  const int own = static_cast<int>(threadIdx.x) * WORD;
  taps += (static_cast<int>(threadIdx.y) - 2 * static_cast<int>(threadIdx.x)) * to_map;
#pragma unroll 2
  for (int group = 0; group * GROUP < LENGTH; group += 2) {
    int places[2];
    bool inside[2];
    unsigned b[MAP_TILES][2];
#pragma unroll
    for (int part = 0; part < 2; part++) {
      const int next = group + part, number = next * GROUP + own;
      inside[part] = number < LENGTH;
      // Without whole groups of planes, columns lie one right behind the other.
      places[part] = PLANES % GROUP ? number
                                    : next / GROUPS * to_column + next % GROUPS * GROUP + own;
#pragma unroll
      for (int tile = 0; tile < MAP_TILES; tile++)
        b[tile][part] = word_at(taps + 8 * tile * to_map + number, inside[part]);
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
