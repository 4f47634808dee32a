/* What differs between compilers and systems: inlining, hints, static assertions, <windows.h>.
 *
 * C99 or later for gcc, clang and MSVC; C++11 or later, too, since modules that Cython makes of C++ include the
 * counters.
 */
#ifndef HISTORIAN_PLATFORM_H
#define HISTORIAN_PLATFORM_H

#include <assert.h>
#include <limits.h>

/* Files and blobs are little-endian, and are read and written as they lie in memory. Windows is little-endian
 * everywhere. */
#if !defined(_WIN32) && (!defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__)
#error "historian needs a little-endian processor: it maps files that are little-endian into memory"
#endif

/* gcc and clang know _Static_assert in C99, too, where <assert.h> does not define its other name. It is a keyword in
 * C++, in C23 and in MSVC. */
#if !defined(static_assert) && !defined(__cplusplus) && defined(__GNUC__) && \
    (!defined(__STDC_VERSION__) || __STDC_VERSION__ < 202311L)
#define static_assert _Static_assert
#endif

static_assert(CHAR_BIT == 8, "sizes in files and blobs are in bytes of 8 bits");
static_assert(sizeof(double) == 8, "a value is a float64");

#if defined(_WIN32)
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#ifndef NOMINMAX
#define NOMINMAX /* <windows.h> would define min() and max() */
#endif
#include <windows.h>
#endif

/* HISTORIAN_FORGET(p): the compiler must read again what p points to, instead of what it was copied from. */
#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
#define HISTORIAN_INLINE static __forceinline
#define HISTORIAN_COLD static __declspec(noinline)
#define HISTORIAN_LIKELY(x) (x)
#define HISTORIAN_UNLIKELY(x) (x)
#define HISTORIAN_FORGET(p) ((void)(p), _ReadWriteBarrier())
#else
#define HISTORIAN_INLINE static inline __attribute__((always_inline, unused))
#define HISTORIAN_COLD static __attribute__((cold, noinline, unused))
#define HISTORIAN_LIKELY(x) __builtin_expect(!!(x), 1)
#define HISTORIAN_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define HISTORIAN_FORGET(p) __asm__ volatile("" : : "r"(p) : "memory")
#endif

#endif
