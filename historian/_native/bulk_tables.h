/* Private tables, in which an array is counted before anything is added to a recorder. */
#ifndef HISTORIAN_BULK_TABLES_H
#define HISTORIAN_BULK_TABLES_H

#include <stddef.h>
#include <stdint.h>

#include "bucket.h"
#include "bulk_summary.h"
#include "platform.h"

enum { HISTORIAN_TABLES = 4 /* equal neighbours go to different tables, so an add need not wait for the last */ };

typedef uint64_t historian_table[HISTORIAN_SLOTS];

/* All zeros between uses. */
typedef struct {
    historian_summary summary;
    historian_table counts[HISTORIAN_TABLES];
} historian_tables;

/* What a scan does between its steps. The processor has time for it: a scan computes in registers, and to count is to
 * load and to store. */
typedef struct {
    historian_table *counts; /* where slots that were found are counted */
    uintptr_t ahead;         /* address of values of a later chunk, for which memory is asked; maybe beyond the array */
    ptrdiff_t stride;
} historian_meanwhile;

/* Count the slots of n values. */
HISTORIAN_INLINE void historian_count_slots(historian_table *counts, const uint16_t *slots, size_t n) {
    size_t i = 0;
    for (; i + HISTORIAN_TABLES <= n; i += HISTORIAN_TABLES)
        for (size_t table = 0; table < HISTORIAN_TABLES; table++) counts[table][slots[i + table]]++;
    for (; i < n; i++) counts[0][slots[i]]++;
}

/* Ask for the memory of n values, from number i of those ahead on: twice for each line of 64 bytes, if they lie side by
 * side. To ask for memory that does not exist is harmless. */
HISTORIAN_INLINE void historian_ask_ahead(historian_meanwhile meanwhile, size_t i, size_t n) {
#if defined(__GNUC__)
    for (size_t end = i + n; i < end; i += 4)
        __builtin_prefetch((const void *)(meanwhile.ahead + i * (uintptr_t)meanwhile.stride));
#else
    (void)meanwhile, (void)i, (void)n;
#endif
}

#endif
