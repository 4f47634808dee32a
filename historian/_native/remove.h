/* Removing a recorder, so that its space is used again.
 *
 *     remove             drain it; then its place in the index says "removed", with one store: it is hidden while it
 *                        holds nothing. Processes that have it open go on counting there, and it shows again
 *     free               only if no process has it open (see seats.h), and it holds nothing:
 *       close            its place says "closed": nobody can open it; if somebody just has, it is "removed" again
 *       commit           its place says "free"
 *                        its rows and chunks become free; its entry stays, for the next recorder of this place
 *     create again       before it is freed: its place says that it is there, and it goes on
 *     create another     at a free place: the entry is written again, then the place says that it is there, with the
 *                        next generation
 *
 * A process that is killed in between leaves a valid file: who locks the file next goes on. What is "closed" then may
 * be closed again or be there again; the rows of a free place are freed when the place is used again.
 */
#ifndef HISTORIAN_REMOVE_H
#define HISTORIAN_REMOVE_H

#include <stddef.h>
#include <stdint.h>

#include "atomics.h"
#include "entries.h"
#include "file.h"
#include "names.h"
#include "seats.h"
#include "space.h"
#include "total.h"

#if !defined(_WIN32)
enum { HISTORIAN_SWEEP = 4 }; /* removed recorders to look at, at a time */

/* Return whether a recorder holds nothing. */
static int historian_is_empty(const historian_space *space, historian_entry *entry, uint64_t place) {
    historian_totals *totals = historian_take_totals();
    uint64_t seen;
    int is_empty = 0;
    if (!totals) return 0;
    if (!historian_read_entry(space, entry, place, &totals->all, &totals->drained, &seen))
        is_empty = historian_total_records(&totals->all) == 0;
    historian_give_totals(totals);
    return is_empty;
}

/* Free a removed recorder, if no process has it open and it holds nothing. Return whether it is free now. The caller
 * has locked the file, and scanned its names. */
static int historian_free_recorder(historian_space *space, historian_names *names, int fd, size_t index) {
    historian_entry *entry = index < names->scanned ? historian_entry_of(space, names, index) : NULL;
    uint64_t word = historian_read_place(space, index), number = word & 0xffffff;
    uint64_t seats;
    if (!entry || !historian_is_there(word) || historian_state(word) == HISTORIAN_THERE) return 0;
    seats = historian_atomic_load(&entry->seats);
    if (historian_is_held(entry, fd, 0) || !historian_is_empty(space, entry, historian_place_of(word, index))) return 0;
    historian_set_state(space, names, index, HISTORIAN_CLOSED);
    historian_atomic_fence();
    /* A process that has taken a seat since then may have set the bit of an earlier one again: look at all of them. */
    if ((historian_atomic_load(&entry->seats) | seats) != seats || historian_is_held(entry, fd, 0) ||
        !historian_is_empty(space, entry, historian_place_of(word, index))) {
        historian_set_state(space, names, index, HISTORIAN_REMOVED);
        return 0;
    }
    historian_change_place(space, names, index, historian_place_word(word >> 32, HISTORIAN_FREE, number));
    historian_free_rows(space, entry, index);
    return 1;
}

/* Return whether nobody can have a recorder open but one object of this process, whose seat is in `holds`. */
static int historian_is_ours(const historian_holds *holds, const historian_entry *entry, int fd, size_t index) {
    int is_ours;
    historian_lock();
    is_ours = holds->seat && index < holds->room && (holds->held[index] & ~HISTORIAN_IS_MARKED) <= 1 &&
              !historian_is_held(entry, fd, (uint64_t)1 << holds->seat);
    historian_unlock();
    return is_ours;
}

/* Free some of the recorders that were removed while processes had them open. The caller as above. */
static void historian_sweep(historian_space *space, historian_names *names, int fd) {
    size_t looked = 0;
    for (size_t seen = 0; names->removed && seen < names->scanned && looked < HISTORIAN_SWEEP; seen++) {
        size_t index = names->unfreed++ % names->scanned;
        if (names->unfreed >= names->scanned) names->unfreed = 0;
        if (!historian_is_there(names->words[index]) || historian_state(names->words[index]) == HISTORIAN_THERE)
            continue;
        looked++;
        (void)historian_free_recorder(space, names, fd, index);
    }
}

/* Free all that can be freed of them, since there is no space. */
static void historian_sweep_all(historian_space *space, historian_names *names, int fd) {
    size_t removed = names->removed;
    for (size_t looked = 0; looked < removed; looked += HISTORIAN_SWEEP) historian_sweep(space, names, fd);
}
#endif

#endif
