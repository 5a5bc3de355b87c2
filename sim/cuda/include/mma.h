// Products of tiles by a whole warp: nvcuda::wmma, of halves and of bytes.
//
// On a device each lane holds a share of a tile, which share is not told. Here lane 0 holds all of
// it and does the work, the other lanes' fragments stay unused: `x[i]` for `i < num_elements` goes
// over all elements of the tile, so that what is done to each element comes out the same.
#pragma once

#include "cuda_fp16.h"

namespace nvcuda::wmma {

struct matrix_a;
struct matrix_b;
struct accumulator;
struct row_major;
struct col_major;
enum layout_t { mem_row_major, mem_col_major };

}  // namespace nvcuda::wmma

namespace emulated {

namespace wmma = nvcuda::wmma;

template <class Use, int m, int n, int k>
struct TileShape;
template <int m, int n, int k>
struct TileShape<wmma::matrix_a, m, n, k> {
  static constexpr int rows = m, columns = k;
};
template <int m, int n, int k>
struct TileShape<wmma::matrix_b, m, n, k> {
  static constexpr int rows = k, columns = n;
};
template <int m, int n, int k>
struct TileShape<wmma::accumulator, m, n, k> {
  static constexpr int rows = m, columns = n;
};

template <int m, int n, int k>
constexpr bool has_tile_shape = k == 16 && ((m == 16 && n == 16) || (m == 32 && n == 8) ||
                                            (m == 8 && n == 32));

template <class Use, class T>
constexpr bool has_tile_type =
    std::is_same_v<Use, wmma::accumulator>
        ? std::is_same_v<T, float> || std::is_same_v<T, half> || std::is_same_v<T, int>
        : std::is_same_v<T, half> || std::is_same_v<T, signed char> ||
              std::is_same_v<T, unsigned char>;

// Factors are kept as floats, which hold halves and bytes exactly.
template <class Use, class T>
using Kept = std::conditional_t<std::is_same_v<Use, wmma::accumulator>, T, float>;

// A lane's share of a tile in bytes. A tile in memory must begin at a multiple of it; rows, or
// columns, may also begin 16 bytes beyond one.
template <class Use, int m, int n, int k, class T>
constexpr unsigned int share =
    std::is_same_v<T, half> && !std::is_same_v<Use, wmma::accumulator>
        ? 32
        : TileShape<Use, m, n, k>::rows * TileShape<Use, m, n, k>::columns * sizeof(T) / 32;

// In runtime/block.cpp: ends the launch.
void stop_misaligned_tile(const void* address, unsigned int step, unsigned int alignment,
                          Place place);

template <class Use, int m, int n, int k, class T>
EMULATED_INLINE void meet_at_tile(const T* address, unsigned int step, Place place) {
  constexpr unsigned int alignment = share<Use, m, n, k, T>;
  meet_warp(place);
  const bool misplaced = reinterpret_cast<std::uintptr_t>(address) % alignment != 0;
  if (misplaced || step * sizeof(T) % (alignment < 16 ? alignment : 16) != 0)
    stop_misaligned_tile(address, step * sizeof(T), alignment, place);
}

// One address per element: `step` to the next row, or column.
template <class Fragment, class Visit>
EMULATED_INLINE void visit(bool by_rows, unsigned int step, Visit visit) {
  for (int row = 0; row < Fragment::rows; row++)
    for (int column = 0; column < Fragment::columns; column++)
      visit(row * Fragment::columns + column, by_rows ? row * step + column : column * step + row);
}

}  // namespace emulated

namespace nvcuda::wmma {

template <class Use, int m, int n, int k, class T, class Layout = void>
struct fragment {
  static_assert(emulated::has_tile_shape<m, n, k>, "a tile is 16x16x16, 32x8x16 or 8x32x16");
  static_assert(emulated::has_tile_type<Use, T>, "a tile has no elements of this type");
  static_assert(std::is_same_v<Use, accumulator> == std::is_void_v<Layout>,
                "factors have a layout, accumulators have none");
  static constexpr int rows = emulated::TileShape<Use, m, n, k>::rows;
  static constexpr int columns = emulated::TileShape<Use, m, n, k>::columns;
  static constexpr int num_elements = rows * columns;
  emulated::Kept<Use, T> x[num_elements];  // row by row
};

template <class Use, int m, int n, int k, class T, class Layout, class Value>
EMULATED_INLINE void fill_fragment(fragment<Use, m, n, k, T, Layout>& tile, const Value& value) {
  if (emulated::lane() != 0) return;
  for (auto& each : tile.x) each = static_cast<emulated::Kept<Use, T>>(static_cast<T>(value));
}

template <class Use, int m, int n, int k, class T, class Layout>
EMULATED_INLINE void load_matrix_sync(fragment<Use, m, n, k, T, Layout>& tile, const T* from,
                                      unsigned int step,
                                      emulated::Place place = emulated::here()) {
  emulated::meet_at_tile<Use, m, n, k>(from, step, place);
  if (emulated::lane() != 0) return;
  emulated::visit<fragment<Use, m, n, k, T, Layout>>(
      std::is_same_v<Layout, row_major>, step,
      [&](int element, unsigned int at) __attribute__((always_inline)) {
        tile.x[element] = static_cast<float>(from[at]);
      });
}

template <int m, int n, int k, class T>
EMULATED_INLINE void load_matrix_sync(fragment<accumulator, m, n, k, T>& tile, const T* from,
                                      unsigned int step, layout_t layout,
                                      emulated::Place place = emulated::here()) {
  emulated::meet_at_tile<accumulator, m, n, k>(from, step, place);
  if (emulated::lane() != 0) return;
  emulated::visit<fragment<accumulator, m, n, k, T>>(
      layout == mem_row_major, step,
      [&](int element, unsigned int at)
          __attribute__((always_inline)) { tile.x[element] = from[at]; });
}

template <int m, int n, int k, class T>
EMULATED_INLINE void store_matrix_sync(T* to, const fragment<accumulator, m, n, k, T>& tile,
                                       unsigned int step, layout_t layout,
                                       emulated::Place place = emulated::here()) {
  emulated::meet_at_tile<accumulator, m, n, k>(to, step, place);
  if (emulated::lane() != 0) return;
  emulated::visit<fragment<accumulator, m, n, k, T>>(
      layout == mem_row_major, step,
      [&](int element, unsigned int at)
          __attribute__((always_inline)) { to[at] = tile.x[element]; });
}

// d = a b + c. The sums of bytes are exact: below 2^24 in a tile, then added as integers.
template <int m, int n, int k, class T, class LayoutA, class LayoutB, class C, class D>
EMULATED_INLINE void mma_sync(fragment<accumulator, m, n, k, D>& d,
                              const fragment<matrix_a, m, n, k, T, LayoutA>& a,
                              const fragment<matrix_b, m, n, k, T, LayoutB>& b,
                              const fragment<accumulator, m, n, k, C>& c,
                              bool saturate = false,
                              emulated::Place place = emulated::here()) {
  static_assert(std::is_same_v<T, half> != std::is_same_v<D, int>, "bytes add up to int alone");
  static_assert(std::is_same_v<C, int> == std::is_same_v<D, int>, "sums are all int or all float");
  emulated::meet_warp(place);
  if (emulated::lane() != 0) return;
  for (int row = 0; row < m; row++) {
    float sums[n] = {};
    for (int depth = 0; depth < k; depth++)
      for (int column = 0; column < n; column++)
        sums[column] += a.x[row * k + depth] * b.x[depth * n + column];
    for (int column = 0; column < n; column++) {
      const int at = row * n + column;
      if constexpr (std::is_same_v<D, int>) {
        long long sum = static_cast<long long>(c.x[at]) + static_cast<int>(sums[column]);
        if (saturate) sum = max(min(sum, 0x7fffffffLL), -0x80000000LL);
        d.x[at] = static_cast<int>(sum);
      } else {
        d.x[at] = static_cast<D>(static_cast<float>(c.x[at]) + sums[column]);
      }
    }
  }
}

}  // namespace nvcuda::wmma
