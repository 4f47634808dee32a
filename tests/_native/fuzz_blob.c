/* Coverage-guided fuzzing of what reads blobs: `nox -s fuzz` builds it with libFuzzer, AddressSanitizer and UBSan.
 *
 * The input is a blob without its CRC-32, which is put behind it, so that what comes after that check is reached. What
 * is accepted must be written as it was read. The same input then stands for counts, which must survive the way there
 * and back.
 */
#include <stdio.h>
#include <stdlib.h>

#include "wire.h"

#define CHECK(condition)                                                          \
    do {                                                                          \
        if (!(condition)) {                                                       \
            (void)fprintf(stderr, "not so: %s, line %d\n", #condition, __LINE__); \
            abort();                                                              \
        }                                                                         \
    } while (0)

static historian_merged merged;

/* Return memory of exactly that size, so that one byte beyond it is found. */
static void *exactly(size_t size) {
    void *memory = calloc(size ? size : 1, 1);
    CHECK(memory);
    return memory;
}

/* Read counts in each way that there is, which must come to the same. */
static int unpack(const uint8_t *bytes, size_t size, size_t slots, uint64_t *counts, uint64_t *total) {
    uint64_t *others = exactly(slots * sizeof *others), other_total;
    int good, other_good = historian_unpack(bytes, size, slots, others, &other_total);
    historian_choose_unpack("baseline");
    good = historian_unpack(bytes, size, slots, counts, total);
    historian_choose_unpack("");
    CHECK(good == other_good);
    CHECK(!good || (*total == other_total && memcmp(counts, others, slots * sizeof *counts) == 0));
    free(others);
    return good;
}

/* Check that counts are written as `size` bytes, unless NULL, and read back from there. */
static void check_counts(const uint64_t *counts, size_t slots, const uint8_t *bytes, size_t size) {
    uint8_t *room = exactly(HISTORIAN_PACKED_NBYTES(slots));
    size_t used = historian_pack(counts, slots, room);
    uint8_t *packed = exactly(used);
    uint64_t *read = exactly(slots * sizeof *read), total;
    CHECK(used + 16 <= HISTORIAN_PACKED_NBYTES(slots));
    CHECK(!bytes || (used == size && memcmp(room, bytes, size) == 0));
    memcpy(packed, room, used);
    CHECK(unpack(packed, used, slots, read, &total));
    CHECK(memcmp(counts, read, slots * sizeof *read) == 0);
    free(room);
    free(packed);
    free(read);
}

static void check_blob(const uint8_t *data, size_t size) {
    historian_blob blob;
    uint64_t *counts, total = 0;
    historian_verdict verdict = historian_read_blob(data, size, &blob), again;
    if (verdict != HISTORIAN_GOOD) return;
    memset(&merged, 0, sizeof merged);
    merged.min = ~(uint64_t)0;
    again = historian_merge_blob(&merged, &blob);
    if (!blob.slots) {
        CHECK(again == HISTORIAN_GOOD && merged.total == 0);
        return;
    }
    CHECK(blob.first + blob.slots <= HISTORIAN_SLOTS);
    counts = exactly(blob.slots * sizeof *counts);
    CHECK(unpack(blob.packed, blob.packed_nbytes, blob.slots, counts, &total) == (again != HISTORIAN_BAD_COUNTS));
    verdict = historian_read_counts(&blob, counts, &total);
    CHECK(verdict == again);
    CHECK(merged.total == (verdict == HISTORIAN_GOOD ? total : 0));
    if (verdict == HISTORIAN_GOOD) {
        CHECK(total > 0 && total <= INT64_MAX);
        CHECK(memcmp(merged.counts + blob.first, counts, blob.slots * sizeof *counts) == 0);
        check_counts(counts, blob.slots, blob.packed, blob.packed_nbytes);
    }
    free(counts);
}

/* Two bytes make a count: one of few bits, shifted. The first and the last must not be 0, nor the total reach 2^63. */
static void check_any_counts(const uint8_t *data, size_t size) {
    static uint64_t counts[HISTORIAN_SLOTS];
    size_t slots = size / 2 < HISTORIAN_SLOTS ? size / 2 : HISTORIAN_SLOTS;
    uint64_t total = 0;
    for (size_t i = 0; i < slots; i++) {
        counts[i] = (uint64_t)(data[2 * i] & 63) << (data[2 * i + 1] % 58);
        if (counts[i] > INT64_MAX - total) counts[i] = 0;
        total += counts[i];
    }
    while (slots && !counts[slots - 1]) slots--;
    if (slots && counts[0]) check_counts(counts, slots, NULL, 0);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    historian_make_crc_tables();
    historian_choose_unpack("");
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *blob = exactly(size + 4);
    uint32_t crc = historian_crc32(data, size);
    memcpy(blob, data, size);
    for (int i = 0; i < 4; i++) blob[size + i] = (uint8_t)(crc >> (8 * i));
    check_blob(blob, size + 4);
    free(blob);
    check_any_counts(data, size);
    return 0;
}
