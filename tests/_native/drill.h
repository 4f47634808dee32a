/* What the drills share: how they fail, their random numbers, and a file of recorders in memory. */
#ifndef DRILL_H
#define DRILL_H

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "space.h"

static inline void fail(const char *what, unsigned long long found, unsigned long long expected) {
    printf("%s: %llu, not %llu\n", what, found, expected);
    exit(1);
}

static __thread uint64_t random_state = 1;
static inline uint64_t random_number(void) { /* xorshift64, Marsaglia 2003 */
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    return random_state ^= random_state << 17;
}

/* Map a file of recorders for reading and writing. */
static inline void drill_map(historian_space *space, const char *path) {
    struct stat status;
    int fd = open(path, O_RDWR);
    memset(space, 0, sizeof *space);
    if (fd < 0 || fstat(fd, &status)) fail("open", 0, 1);
    space->path = path;
    space->device = (uint64_t)status.st_dev;
    space->inode = (uint64_t)status.st_ino;
    space->size = historian_map_space(fd, (size_t)status.st_size, 1, (void **)&space->file);
    if (!space->file) fail("map", 0, 1);
    space->chunks = historian_chunks_within((size_t)status.st_size);
    (void)close(fd);
}

#endif
