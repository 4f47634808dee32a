/* Scan and count chunks of values, with the widest registers, or value by value if there is a second argument (see
 * arm.py). Print how many values a chunk has. */
#include <stdio.h>
#include <stdlib.h>

#include "bulk_scan.h"

int main(int count, char **arguments) {
    static double values[HISTORIAN_CHUNK], copy[HISTORIAN_CHUNK];
    static uint16_t slots[HISTORIAN_CHUNK];
    static historian_tables tables;
    historian_meanwhile meanwhile = {tables.counts, (uintptr_t)values, sizeof *values};
    int good = 1;
    historian_choose_scan(count > 2 ? "baseline" : "");
    for (size_t i = 0; i < HISTORIAN_CHUNK; i++) values[i] = 1e-3 * (double)(1 + i * 2654435761u % 1000);
    for (int chunks = atoi(arguments[1]); chunks > 0; chunks--)
        good &= historian_scan(&tables.summary, slots, copy, values, HISTORIAN_CHUNK, meanwhile);
    printf("%d\n", HISTORIAN_CHUNK);
    return !good;
}
