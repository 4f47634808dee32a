/* Numbers in memory that belongs to the caller, and how they are loaded.
 *
 * Other threads, and other processes if the memory is shared, may write there at any moment. So each number is loaded
 * once, into memory of our own, and all that follows works on that copy: what has been checked is what is counted.
 */
#ifndef HISTORIAN_BULK_LOAD_H
#define HISTORIAN_BULK_LOAD_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "bucket.h"
#include "platform.h"

/* Load n values of a strided array of one C type as float64. */
typedef void (*historian_loader)(double *out, const char *data, ptrdiff_t stride, size_t n);

/* Load n whole numbers of a strided array of one C type. A negative one becomes 2^63 or more. */
typedef void (*historian_count_loader)(uint64_t *out, const char *data, ptrdiff_t stride, size_t n);

/* An array of values. */
typedef struct {
    historian_loader load;
    const char *data;
    ptrdiff_t stride; /* bytes from one value to the next; may be negative */
    size_t n;
    double multiple, divisor; /* of durations: those of the loaded number that make it a value; 0 for other numbers */
} historian_array;

/* How often each value of a `historian_array` occurs: as many whole numbers. */
typedef struct {
    historian_count_loader load;
    const char *data;
    ptrdiff_t stride;
} historian_occurrences;

/* ---- numbers as float64 ---- */

/* Processors convert 64 bits one number at a time, if they have no AVX-512. But a float64 from 2^52 on whose unit is 1
 * has a whole number in its low bits. So the two halves of a number are written there, each with a power of two that is
 * subtracted again, without rounding. Only the last addition rounds, as a conversion does. */
HISTORIAN_INLINE double historian_from_uint64(uint64_t x) {
    double upper = historian_double(x >> 32 | 0x4530000000000000ULL); /* 2^84 + upper half * 2^32 */
    double lower = historian_double((x & UINT32_MAX) | 0x4330000000000000ULL);
    return (upper - (0x1p84 + 0x1p52)) + lower;
}

HISTORIAN_INLINE double historian_from_int64(int64_t x) {
    double upper = historian_double(((uint64_t)x ^ 1ULL << 63) >> 32 | 0x4530000000000000ULL); /* 2^63 more */
    double lower = historian_double(((uint64_t)x & UINT32_MAX) | 0x4330000000000000ULL);
    return (upper - (0x1p84 + 0x1p63 + 0x1p52)) + lower;
}

HISTORIAN_INLINE double historian_from_uint32(uint32_t x) {
    return historian_double(x | 0x4330000000000000ULL) - 0x1p52;
}

#define HISTORIAN_AS_DOUBLE(x) ((double)(x))
#define HISTORIAN_AS_COUNT(x) ((uint64_t)(x))

/* ---- loading ---- */

/* Whether the processor's widest registers are used: see historian_choose_scan. */
static int historian_loads_wide;

#if defined(__x86_64__) && defined(__GNUC__)
#define HISTORIAN_LOADS_WIDE __attribute__((target("avx2,fma")))
#define HISTORIAN_FMA __builtin_fma
#else
#define HISTORIAN_LOADS_WIDE
#define HISTORIAN_FMA fma
#endif

/* Return how many numbers of `size` bytes a stride is: 1, 2 or -1; 0 for another stride. */
HISTORIAN_INLINE ptrdiff_t historian_step_of(ptrdiff_t stride, size_t size) {
    return stride == (ptrdiff_t)size ? 1 : stride == 2 * (ptrdiff_t)size ? 2 : stride == -(ptrdiff_t)size ? -1 : 0;
}

/* Define a loader. The compiler vectorises what loads each number, each second one, or each from the last one on. */
#define HISTORIAN_LOADER(function, type, result, convert)                                                        \
    HISTORIAN_INLINE void historian_##function##_by(ptrdiff_t step, result out[], const char *data, size_t n) {  \
        type value;                                                                                              \
        for (size_t i = 0; i < n; i++) {                                                                         \
            memcpy(&value, data + (ptrdiff_t)i * step * (ptrdiff_t)sizeof value, sizeof value);                  \
            out[i] = convert(value);                                                                             \
        }                                                                                                        \
    }                                                                                                            \
    HISTORIAN_INLINE void historian_##function##_run(ptrdiff_t step, result out[], const char *data, size_t n) { \
        if (step == 1)                                                                                           \
            historian_##function##_by(1, out, data, n);                                                          \
        else if (step == 2)                                                                                      \
            historian_##function##_by(2, out, data, n);                                                          \
        else                                                                                                     \
            historian_##function##_by(-1, out, data, n);                                                         \
    }                                                                                                            \
    HISTORIAN_LOADS_WIDE static void historian_##function##_wide(ptrdiff_t step, result out[], const char *data, \
                                                                 size_t n) {                                     \
        historian_##function##_run(step, out, data, n);                                                          \
    }                                                                                                            \
    static void historian_##function(result out[], const char *data, ptrdiff_t stride, size_t n) {               \
        ptrdiff_t step = historian_step_of(stride, sizeof(type));                                                \
        type value[4];                                                                                           \
        if (step) {                                                                                              \
            if (historian_loads_wide)                                                                            \
                historian_##function##_wide(step, out, data, n);                                                 \
            else                                                                                                 \
                historian_##function##_run(step, out, data, n);                                                  \
            return;                                                                                              \
        }                                                                                                        \
        for (; n >= 4; n -= 4, out += 4, data += 4 * stride) {                                                   \
            for (ptrdiff_t k = 0; k < 4; k++) memcpy(value + k, data + k * stride, sizeof *value);               \
            for (size_t k = 0; k < 4; k++) out[k] = convert(value[k]);                                           \
        }                                                                                                        \
        for (; n > 0; n--, out++, data += stride) {                                                              \
            memcpy(value, data, sizeof *value);                                                                  \
            *out = convert(*value);                                                                              \
        }                                                                                                        \
    }
#define HISTORIAN_LOADERS(type, convert)                     \
    HISTORIAN_LOADER(load_##type, type##_t, double, convert) \
    HISTORIAN_LOADER(load_##type##_count, type##_t, uint64_t, HISTORIAN_AS_COUNT)
HISTORIAN_LOADER(load_double, double, double, HISTORIAN_AS_DOUBLE)
HISTORIAN_LOADER(load_float, float, double, HISTORIAN_AS_DOUBLE)
HISTORIAN_LOADERS(int8, HISTORIAN_AS_DOUBLE)
HISTORIAN_LOADERS(uint8, HISTORIAN_AS_DOUBLE)
HISTORIAN_LOADERS(int16, HISTORIAN_AS_DOUBLE)
HISTORIAN_LOADERS(uint16, HISTORIAN_AS_DOUBLE)
HISTORIAN_LOADERS(int32, HISTORIAN_AS_DOUBLE)
HISTORIAN_LOADERS(uint32, historian_from_uint32)
HISTORIAN_LOADERS(int64, historian_from_int64)
HISTORIAN_LOADERS(uint64, historian_from_uint64)

/* ---- durations ---- */

/* Return x / divisor for a whole number x and a whole divisor below 2^52, given `inverse`, its rounded reciprocal.
 *
 * The first quotient is at most 1.1 units of its last bit off, so `rest` is exact. What is added to it is wrong by less
 * than 2^-52 of such a unit. But x / divisor is at least 1 / (2 divisor) units away from the middle between two floats.
 * So the result is rounded as that of a division, which takes longer (Markstein, IBM Journal of Research and
 * Development 34, 1990, 111-119). */
HISTORIAN_INLINE double historian_divide(double x, double divisor, double inverse) {
    double first = x * inverse, rest = HISTORIAN_FMA(-first, divisor, x);
    return HISTORIAN_FMA(rest, inverse, first);
}

HISTORIAN_LOADS_WIDE static void historian_load_quotients(double *out, const char *data, size_t n, double divisor) {
    double inverse = 1 / divisor;
    int64_t value;
    for (size_t i = 0; i < n; i++) {
        memcpy(&value, data + i * sizeof value, sizeof value);
        out[i] = historian_divide(historian_from_int64(value), divisor, inverse);
    }
}

/* Load n values of an array from `first` on. One of `multiple` and `divisor` is 1, so a duration, an int64, is rounded
 * once. */
static void historian_load_values(double *values, const historian_array *array, size_t first, size_t n) {
    const char *data = array->data + (ptrdiff_t)first * array->stride;
    double divisor = array->divisor;
    if (historian_loads_wide && array->stride == (ptrdiff_t)sizeof(int64_t) && divisor > 1 && divisor < 0x1p52 &&
        (double)(int64_t)divisor == divisor) {
        historian_load_quotients(values, data, n, divisor);
        return;
    }
    array->load(values, data, array->stride, n);
    if (HISTORIAN_UNLIKELY(divisor != 0))
        for (size_t i = 0; i < n; i++) values[i] = values[i] * array->multiple / divisor;
}

/* The place of a whole number's loaders in the tables below, from a buffer's format character and item size; -1 if the
 * format is not one of whole numbers. */
static int historian_whole_kind(char format, size_t size) {
    int kind = size == 8 ? 3 : size == 4 ? 2 : size == 2 ? 1 : 0;
    if (format && strchr("bhilqn", format)) return kind;
    return format && strchr("?BHILQN", format) ? kind + 4 : -1;
}

/* The loader of a buffer's format character and item size, or NULL if there is none. */
static historian_loader historian_find_loader(char format, size_t size) {
    static const historian_loader whole[] = {historian_load_int8,   historian_load_int16, historian_load_int32,
                                             historian_load_int64,  historian_load_uint8, historian_load_uint16,
                                             historian_load_uint32, historian_load_uint64};
    int kind = historian_whole_kind(format, size);
    return kind >= 0       ? whole[kind]
           : format == 'd' ? historian_load_double
           : format == 'f' ? historian_load_float
                           : NULL;
}

/* Likewise, for whole numbers only. */
static historian_count_loader historian_find_count_loader(char format, size_t size) {
    static const historian_count_loader whole[] = {historian_load_int8_count,   historian_load_int16_count,
                                                   historian_load_int32_count,  historian_load_int64_count,
                                                   historian_load_uint8_count,  historian_load_uint16_count,
                                                   historian_load_uint32_count, historian_load_uint64_count};
    int kind = historian_whole_kind(format, size);
    return kind >= 0 ? whole[kind] : NULL;
}

#endif
