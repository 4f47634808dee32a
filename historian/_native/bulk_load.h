/* Numbers in memory that belongs to the caller, and how they are loaded.
 *
 * Other threads, and other processes if the memory is shared, may write there at any moment. So each number is loaded
 * once, into memory of our own, and all that follows works on that copy: what has been checked is what is counted.
 */
#ifndef HISTORIAN_BULK_LOAD_H
#define HISTORIAN_BULK_LOAD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

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
} historian_array;

/* How often each value of a `historian_array` occurs: as many whole numbers. */
typedef struct {
    historian_count_loader load;
    const char *data;
    ptrdiff_t stride;
} historian_occurrences;

#define HISTORIAN_LOADER(function, type, result)                                                   \
    static void historian_##function(result out[], const char *data, ptrdiff_t stride, size_t n) { \
        type value;                                                                                \
        if (stride == (ptrdiff_t)sizeof value) {                                                   \
            for (size_t i = 0; i < n; i++) {                                                       \
                memcpy(&value, data + i * sizeof value, sizeof value);                             \
                out[i] = (result)value;                                                            \
            }                                                                                      \
            return;                                                                                \
        }                                                                                          \
        for (size_t i = 0; i < n; i++) {                                                           \
            memcpy(&value, data + (ptrdiff_t)i * stride, sizeof value);                            \
            out[i] = (result)value;                                                                \
        }                                                                                          \
    }
#define HISTORIAN_LOADERS(type)                     \
    HISTORIAN_LOADER(load_##type, type##_t, double) \
    HISTORIAN_LOADER(load_##type##_count, type##_t, uint64_t)
HISTORIAN_LOADER(load_double, double, double)
HISTORIAN_LOADER(load_float, float, double)
HISTORIAN_LOADERS(int8)
HISTORIAN_LOADERS(uint8)
HISTORIAN_LOADERS(int16)
HISTORIAN_LOADERS(uint16)
HISTORIAN_LOADERS(int32)
HISTORIAN_LOADERS(uint32)
HISTORIAN_LOADERS(int64)
HISTORIAN_LOADERS(uint64)

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
