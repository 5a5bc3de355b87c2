// Vectors of two to four numbers, aligned as on a device, and the functions that make them.
#pragma once

#include "language.h"

#define EMULATED_VECTORS(name, element, align_2, align_4)                                   \
  struct name##1 {                                                                          \
    element x;                                                                              \
  };                                                                                        \
  struct __align__(align_2) name##2 {                                                       \
    element x, y;                                                                           \
  };                                                                                        \
  struct name##3 {                                                                          \
    element x, y, z;                                                                        \
  };                                                                                        \
  struct __align__(align_4) name##4 {                                                       \
    element x, y, z, w;                                                                     \
  };                                                                                        \
  inline name##1 make_##name##1(element x) { return {x}; }                                  \
  inline name##2 make_##name##2(element x, element y) { return {x, y}; }                    \
  inline name##3 make_##name##3(element x, element y, element z) { return {x, y, z}; }      \
  inline name##4 make_##name##4(element x, element y, element z, element w) {               \
    return {x, y, z, w};                                                                    \
  }

EMULATED_VECTORS(char, signed char, 2, 4)
EMULATED_VECTORS(uchar, unsigned char, 2, 4)
EMULATED_VECTORS(short, short, 4, 8)
EMULATED_VECTORS(ushort, unsigned short, 4, 8)
EMULATED_VECTORS(int, int, 8, 16)
EMULATED_VECTORS(long, long, 16, 16)
EMULATED_VECTORS(ulong, unsigned long, 16, 16)
EMULATED_VECTORS(longlong, long long, 16, 16)
EMULATED_VECTORS(ulonglong, unsigned long long, 16, 16)
EMULATED_VECTORS(float, float, 8, 16)
EMULATED_VECTORS(double, double, 16, 16)

#undef EMULATED_VECTORS

// Not by the macro: uint3 is the type of threadIdx.
struct uint1 {
  unsigned int x;
};
struct __align__(8) uint2 {
  unsigned int x, y;
};
struct __align__(16) uint4 {
  unsigned int x, y, z, w;
};
inline uint1 make_uint1(unsigned int x) { return {x}; }
inline uint2 make_uint2(unsigned int x, unsigned int y) { return {x, y}; }
inline uint3 make_uint3(unsigned int x, unsigned int y, unsigned int z) { return {x, y, z}; }
inline uint4 make_uint4(unsigned int x, unsigned int y, unsigned int z, unsigned int w) {
  return {x, y, z, w};
}
