// Numbers of 16 bits with 11 bits of fraction: `half`, arithmetic rounded after every operation.
#pragma once

#include "cuda_runtime.h"

struct __half {
  _Float16 value;

  // Else a shared array of them would be constructed, by whichever thread comes first.
  EMULATED_INLINE constexpr __half() : value(0) {}
  EMULATED_INLINE constexpr __half(_Float16 value) : value(value) {}
  EMULATED_INLINE __half(float value) : value(static_cast<_Float16>(value)) {}
  EMULATED_INLINE __half(double value) : value(static_cast<_Float16>(value)) {}
  EMULATED_INLINE __half(int value) : value(static_cast<_Float16>(value)) {}
  EMULATED_INLINE __half(unsigned int value) : value(static_cast<_Float16>(value)) {}
  EMULATED_INLINE __half(short value) : __half(static_cast<int>(value)) {}
  EMULATED_INLINE __half(unsigned short value) : __half(static_cast<int>(value)) {}
  EMULATED_INLINE __half(long value) : __half(static_cast<float>(value)) {}
  EMULATED_INLINE __half(unsigned long value) : __half(static_cast<float>(value)) {}
  EMULATED_INLINE __half(long long value) : __half(static_cast<float>(value)) {}
  EMULATED_INLINE __half(unsigned long long value) : __half(static_cast<float>(value)) {}
  EMULATED_INLINE operator float() const { return static_cast<float>(value); }
};

struct __align__(4) __half2 {
  __half x, y;
};

using half = __half;
using half2 = __half2;

// Floats hold the exact product, and sums nearly so: rounding once more gives the nearest half.
#define EMULATED_HALF_OPERATOR(name, sign)                                \
  EMULATED_INLINE half operator sign(half a, half b) {                    \
    return half(static_cast<float>(a) sign static_cast<float>(b));        \
  }                                                                       \
  EMULATED_INLINE half& operator sign##=(half& a, half b) { return a = a sign b; } \
  EMULATED_INLINE half name(half a, half b) { return a sign b; }          \
  EMULATED_INLINE half2 name##2(half2 a, half2 b) { return {a.x sign b.x, a.y sign b.y}; } \
  EMULATED_INLINE half2 operator sign(half2 a, half2 b) { return name##2(a, b); }

EMULATED_HALF_OPERATOR(__hadd, +)
EMULATED_HALF_OPERATOR(__hsub, -)
EMULATED_HALF_OPERATOR(__hmul, *)
EMULATED_HALF_OPERATOR(__hdiv, /)

#undef EMULATED_HALF_OPERATOR

#define EMULATED_HALF_COMPARISON(name, sign)                              \
  EMULATED_INLINE bool operator sign(half a, half b) {                    \
    return static_cast<float>(a) sign static_cast<float>(b);              \
  }                                                                       \
  EMULATED_INLINE bool name(half a, half b) { return a sign b; }

EMULATED_HALF_COMPARISON(__hgt, >)
EMULATED_HALF_COMPARISON(__hge, >=)
EMULATED_HALF_COMPARISON(__hlt, <)
EMULATED_HALF_COMPARISON(__hle, <=)
EMULATED_HALF_COMPARISON(__heq, ==)
EMULATED_HALF_COMPARISON(__hne, !=)

#undef EMULATED_HALF_COMPARISON

EMULATED_INLINE half operator-(half a) { return half(-static_cast<float>(a)); }
EMULATED_INLINE half __hneg(half a) { return -a; }
EMULATED_INLINE bool __hisnan(half a) { return a != a; }

// A double holds the product and the sum exactly enough to round once.
EMULATED_INLINE half __hfma(half a, half b, half c) {
  const double product = static_cast<double>(static_cast<float>(a)) * static_cast<float>(b);
  return half(product + static_cast<float>(c));
}
EMULATED_INLINE half2 __hfma2(half2 a, half2 b, half2 c) {
  return {__hfma(a.x, b.x, c.x), __hfma(a.y, b.y, c.y)};
}

// NaN loses, as on a device.
EMULATED_INLINE half __hmax(half a, half b) { return half(fmaxf(a, b)); }
EMULATED_INLINE half __hmin(half a, half b) { return half(fminf(a, b)); }

EMULATED_INLINE half __float2half(float a) { return half(a); }
EMULATED_INLINE half __float2half_rn(float a) { return half(a); }
EMULATED_INLINE float __half2float(half a) { return static_cast<float>(a); }
EMULATED_INLINE half __int2half_rn(int a) { return half(a); }
EMULATED_INLINE int __half2int_rn(half a) { return __float2int_rn(a); }
EMULATED_INLINE half2 __floats2half2_rn(float x, float y) { return {half(x), half(y)}; }
EMULATED_INLINE half2 __halves2half2(half x, half y) { return {x, y}; }
EMULATED_INLINE half2 make_half2(half x, half y) { return {x, y}; }
EMULATED_INLINE float2 __half22float2(half2 a) { return {__half2float(a.x), __half2float(a.y)}; }
EMULATED_INLINE half __low2half(half2 a) { return a.x; }
EMULATED_INLINE half __high2half(half2 a) { return a.y; }
EMULATED_INLINE half __ushort_as_half(unsigned short a) { return emulated::bits<half>(a); }
EMULATED_INLINE unsigned short __half_as_ushort(half a) {
  return emulated::bits<unsigned short>(a);
}

#define EMULATED_HALF_FUNCTION(name, function) \
  EMULATED_INLINE half name(half a) { return half(function(static_cast<float>(a))); }

EMULATED_HALF_FUNCTION(__habs, fabsf)
EMULATED_HALF_FUNCTION(hceil, ceilf)
EMULATED_HALF_FUNCTION(hcos, cosf)
EMULATED_HALF_FUNCTION(hexp, expf)
EMULATED_HALF_FUNCTION(hexp10, exp10f)
EMULATED_HALF_FUNCTION(hexp2, exp2f)
EMULATED_HALF_FUNCTION(hfloor, floorf)
EMULATED_HALF_FUNCTION(hlog, logf)
EMULATED_HALF_FUNCTION(hlog10, log10f)
EMULATED_HALF_FUNCTION(hlog2, log2f)
EMULATED_HALF_FUNCTION(hrcp, __frcp_rn)
EMULATED_HALF_FUNCTION(hrint, nearbyintf)
EMULATED_HALF_FUNCTION(hrsqrt, rsqrtf)
EMULATED_HALF_FUNCTION(hsin, sinf)
EMULATED_HALF_FUNCTION(hsqrt, sqrtf)
EMULATED_HALF_FUNCTION(htanh, tanhf)
EMULATED_HALF_FUNCTION(htrunc, truncf)
// These the code generator defines itself, where it is compiled for a device.
EMULATED_HALF_FUNCTION(hatan, atanf)
EMULATED_HALF_FUNCTION(herf, erff)
EMULATED_HALF_FUNCTION(htan, tanf)
EMULATED_INLINE half hpow(half a, half b) { return half(powf(a, b)); }

#undef EMULATED_HALF_FUNCTION
