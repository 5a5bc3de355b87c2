// Functions that every kernel may call without a header.
#pragma once

#include <math.h>

#include <cstdint>
#include <cstring>

#include "language.h"

#define EMULATED_INLINE inline __attribute__((always_inline))

// max and min of mixed numbers, as CUDA declares them; of floats, NaN loses.
#define EMULATED_EXTREMES(result, left, right)                                      \
  EMULATED_INLINE result max(left a, right b) {                                     \
    return static_cast<result>(a) > static_cast<result>(b) ? static_cast<result>(a) \
                                                           : static_cast<result>(b); \
  }                                                                                 \
  EMULATED_INLINE result min(left a, right b) {                                     \
    return static_cast<result>(a) < static_cast<result>(b) ? static_cast<result>(a) \
                                                           : static_cast<result>(b); \
  }

EMULATED_EXTREMES(int, int, int)
EMULATED_EXTREMES(unsigned int, unsigned int, unsigned int)
EMULATED_EXTREMES(unsigned int, int, unsigned int)
EMULATED_EXTREMES(unsigned int, unsigned int, int)
EMULATED_EXTREMES(long, long, long)
EMULATED_EXTREMES(unsigned long, unsigned long, unsigned long)
EMULATED_EXTREMES(unsigned long, long, unsigned long)
EMULATED_EXTREMES(unsigned long, unsigned long, long)
EMULATED_EXTREMES(long long, long long, long long)
EMULATED_EXTREMES(unsigned long long, unsigned long long, unsigned long long)
EMULATED_EXTREMES(unsigned long long, long long, unsigned long long)
EMULATED_EXTREMES(unsigned long long, unsigned long long, long long)

#undef EMULATED_EXTREMES

EMULATED_INLINE float max(float a, float b) { return fmaxf(a, b); }
EMULATED_INLINE float min(float a, float b) { return fminf(a, b); }
EMULATED_INLINE double max(double a, double b) { return fmax(a, b); }
EMULATED_INLINE double min(double a, double b) { return fmin(a, b); }
EMULATED_INLINE double max(float a, double b) { return fmax(a, b); }
EMULATED_INLINE double min(float a, double b) { return fmin(a, b); }
EMULATED_INLINE double max(double a, float b) { return fmax(a, b); }
EMULATED_INLINE double min(double a, float b) { return fmin(a, b); }

// The C library has declared some of these names already, for itself alone: so macros. They are
// more exact than a device's.
#define __expf(x) expf(x)
#define __exp10f(x) exp10f(x)
#define __logf(x) logf(x)
#define __log2f(x) log2f(x)
#define __log10f(x) log10f(x)
#define __powf(x, y) powf(x, y)
#define __sinf(x) sinf(x)
#define __cosf(x) cosf(x)
#define __tanf(x) tanf(x)
#define __tanhf(x) tanhf(x)
#define rsqrtf(x) (1.0f / sqrtf(x))
#define rsqrt(x) (1.0 / sqrt(x))

EMULATED_INLINE float __fdividef(float a, float b) { return a / b; }
EMULATED_INLINE float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
EMULATED_INLINE float __frcp_rn(float a) { return 1.0f / a; }
EMULATED_INLINE float __fsqrt_rn(float a) { return sqrtf(a); }
EMULATED_INLINE float __saturatef(float a) { return fminf(fmaxf(a, 0.0f), 1.0f); }

// The nearest float of one operation: volatile keeps it from being fused with another.
EMULATED_INLINE float __fmul_rn(float a, float b) {
  volatile float product = a * b;
  return product;
}
EMULATED_INLINE float __fadd_rn(float a, float b) {
  volatile float sum = a + b;
  return sum;
}
EMULATED_INLINE float __fsub_rn(float a, float b) { return __fadd_rn(a, -b); }

namespace emulated {

// A float to an integer as a device does it: beyond the range to its end, NaN to zero.
template <class Integer>
EMULATED_INLINE Integer saturated(float whole, float low, float beyond) {
  if (!(whole == whole)) return 0;
  if (whole < low) return static_cast<Integer>(low);
  if (whole >= beyond) return static_cast<Integer>(~(static_cast<Integer>(low)));
  return static_cast<Integer>(whole);
}

template <class To, class From>
EMULATED_INLINE To bits(From value) {
  static_assert(sizeof(To) == sizeof(From));
  return __builtin_bit_cast(To, value);
}

EMULATED_INLINE int to_int(float whole) { return saturated<int>(whole, -0x1p31f, 0x1p31f); }

}  // namespace emulated

EMULATED_INLINE int __float2int_rn(float a) { return emulated::to_int(nearbyintf(a)); }
EMULATED_INLINE int __float2int_rz(float a) { return emulated::to_int(truncf(a)); }
EMULATED_INLINE int __float2int_rd(float a) { return emulated::to_int(floorf(a)); }
EMULATED_INLINE int __float2int_ru(float a) { return emulated::to_int(ceilf(a)); }
EMULATED_INLINE long long __float2ll_rn(float a) {
  return emulated::saturated<long long>(nearbyintf(a), -0x1p63f, 0x1p63f);
}
EMULATED_INLINE float __int2float_rn(int a) { return static_cast<float>(a); }
EMULATED_INLINE float __ll2float_rn(long long a) { return static_cast<float>(a); }
EMULATED_INLINE int __float_as_int(float a) { return emulated::bits<int>(a); }
EMULATED_INLINE unsigned int __float_as_uint(float a) { return emulated::bits<unsigned int>(a); }
EMULATED_INLINE float __int_as_float(int a) { return emulated::bits<float>(a); }
EMULATED_INLINE float __uint_as_float(unsigned int a) { return emulated::bits<float>(a); }

EMULATED_INLINE int __mulhi(int a, int b) {
  return static_cast<int>((static_cast<std::int64_t>(a) * b) >> 32);
}
EMULATED_INLINE unsigned int __umulhi(unsigned int a, unsigned int b) {
  return static_cast<unsigned int>((static_cast<std::uint64_t>(a) * b) >> 32);
}
EMULATED_INLINE long long __mul64hi(long long a, long long b) {
  return static_cast<long long>((static_cast<__int128>(a) * b) >> 64);
}
EMULATED_INLINE int __clz(int a) { return a == 0 ? 32 : __builtin_clz(static_cast<unsigned>(a)); }
EMULATED_INLINE int __popc(unsigned int a) { return __builtin_popcount(a); }
EMULATED_INLINE int __ffs(int a) { return __builtin_ffs(a); }

template <class T>
EMULATED_INLINE T __ldg(const T* address) {
  return *address;
}

// c + the sum of four products of bytes, each operand signed or not as its type is.
namespace emulated {

template <class Left, class Right, class Sum>
EMULATED_INLINE Sum dot_of_bytes(unsigned int a, unsigned int b, Sum c) {
  for (int shift = 0; shift < 32; shift += 8) {
    const int product = static_cast<Left>(a >> shift) * static_cast<Right>(b >> shift);
    c = static_cast<Sum>(static_cast<unsigned int>(c) + static_cast<unsigned int>(product));
  }
  return c;
}

}  // namespace emulated

EMULATED_INLINE int __dp4a(int a, int b, int c) {
  return emulated::dot_of_bytes<signed char, signed char>(a, b, c);
}
EMULATED_INLINE unsigned int __dp4a(unsigned int a, unsigned int b, unsigned int c) {
  return emulated::dot_of_bytes<unsigned char, unsigned char>(a, b, c);
}
EMULATED_INLINE int __dp4a(unsigned int a, int b, int c) {
  return emulated::dot_of_bytes<unsigned char, signed char>(a, b, c);
}
EMULATED_INLINE int __dp4a(int a, unsigned int b, int c) {
  return emulated::dot_of_bytes<signed char, unsigned char>(a, b, c);
}
