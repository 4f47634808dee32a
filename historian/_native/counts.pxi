# `Counts`: the number of records in each slot, copied from live counters or made from sequences of numbers.

@cython.final
cdef class Counts:
    """The number of records in each slot: an immutable value.

    Stored as running totals from the first populated slot to the last, so that bisection finds a rank.
    """

    cdef readonly int first  # first populated slot, in [0, SLOTS); 0 if there is none
    cdef int length  # number of slots from the first populated one to the last, in [0, SLOTS]
    cdef uint64_t *totals  # totals[j]: number of records in slots up to first + j, in [1, 2^63); not NULL if length > 0

    def __dealloc__(self):
        PyMem_Free(self.totals)

    @staticmethod
    def of(slots, counts, /):
        """Return the `Counts` of a sequence of ascending slots and a sequence of their counts.

        O(SLOTS).  Raises ValueError if the lengths differ, or if a slot or a count is out of range.
        """
        cdef uint64_t *raw = <uint64_t *>calloc(HISTORIAN_SLOTS, sizeof(uint64_t))
        cdef uint64_t total = 0
        cdef Py_ssize_t last = -1
        if raw is NULL:
            raise MemoryError()
        try:
            if len(slots) != len(counts):
                raise ValueError(f"indices and counts must have the same length, not {len(slots)} and {len(counts)}")
            for slot, count in zip(map(index, slots), map(index, counts)):
                if not last < slot < HISTORIAN_SLOTS:
                    raise ValueError(f"bucket index {slot - 1 + HISTORIAN_FIRST_INDEX} is out of order or out of range")
                if not 0 < count <= INT64_MAX - total:
                    raise ValueError(f"count {count} is not positive, or makes the total 2**63 or more")
                last = slot
                raw[last] = count
                total += raw[last]
            return counts_of(raw, 0, HISTORIAN_SLOTS)
        finally:
            free(raw)

    @property
    def total(self):
        """Number of records in all slots."""
        return self.totals[self.length - 1] if self.length else 0

    @property
    def last(self):
        """Last populated slot; -1 if there is none."""
        return self.first + self.length - 1

    def through(self, int slot, /):
        """Return the number of records in slots up to `slot`, inclusive.  O(1)."""
        return self.total_through(slot)

    def slot_at(self, uint64_t rank, /):
        """Return the slot of the record with that rank, from 1 (smallest) to `total` (largest).  O(log slots)."""
        cdef int low = 0, high = self.length - 1, middle
        while low < high:
            middle = (low + high) >> 1
            if self.totals[middle] < rank:
                low = middle + 1
            else:
                high = middle
        return self.first + low

    def pairs(self):
        """Return two lists: the populated slots in ascending order, and their counts.  O(slots)."""
        cdef list slots = [], counts = []
        cdef uint64_t before = 0
        cdef int j
        for j in range(self.length):
            if self.totals[j] != before:
                slots.append(self.first + j)
                counts.append(self.totals[j] - before)
                before = self.totals[j]
        return slots, counts

    def plus(self, Counts other not None, /):
        """Return the sum.  Raises OverflowError if the total would reach 2**63.  O(slots)."""
        cdef int first, last
        cdef Counts result
        if not self.length or not other.length:
            return self if self.length else other
        if self.totals[self.length - 1] + other.totals[other.length - 1] > <uint64_t>INT64_MAX:
            raise OverflowError("the merged count would reach 2**63")
        first = min(self.first, other.first)
        last = max(self.first + self.length, other.first + other.length)
        result = Counts.__new__(Counts)
        result.allocate(first, last - first)
        if self.first <= other.first:
            self.add_to(result, other)
        else:
            other.add_to(result, self)
        return result

    def minus(self, Counts other not None, /):
        """Return the difference.  Raises ValueError if a slot would go below zero.  O(slots)."""
        cdef int end = max(self.first + self.length, other.first + other.length)
        cdef int first = min(self.first, other.first)
        cdef int slot
        cdef uint64_t count, taken, total = 0
        cdef Counts result = Counts.__new__(Counts)
        result.allocate(first, end - first)
        for slot in range(first, end):
            count = self.total_through(slot) - self.total_through(slot - 1)
            taken = other.total_through(slot) - other.total_through(slot - 1)
            if taken > count:
                raise ValueError(
                    f"cannot subtract {taken} records from {count} in bucket {slot - 1 + HISTORIAN_FIRST_INDEX}: "
                    "the right-hand histogram must be an earlier snapshot of the left-hand one"
                )
            total += count - taken
            result.totals[slot - first] = total
        result.trim()
        return result

    def __eq__(self, other):
        if not isinstance(other, Counts):
            return NotImplemented
        cdef Counts that = other
        return self.length == that.length and (
            self.length == 0
            or (self.first == that.first and memcmp(self.totals, that.totals, self.length * sizeof(uint64_t)) == 0)
        )

    def __hash__(self):
        cdef uint64_t mixed = self.first
        cdef int j
        for j in range(self.length):
            mixed = mixed * 0x9E3779B97F4A7C15ULL + self.totals[j]
        return hash(mixed)

    cdef inline uint64_t total_through(self, int slot) noexcept nogil:
        cdef int j = slot - self.first
        if j < 0 or self.length == 0:
            return 0
        return self.totals[j if j < self.length else self.length - 1]

    cdef void add_to(self, Counts result, Counts other) noexcept:
        """Write the sum into `result`, whose range is that of both.  The range of this begins first; no range is empty.
        """
        # Only local variables, so that compilers vectorise the loops.
        cdef int length = self.length, skip = other.first - self.first, end = skip + other.length, j
        cdef uint64_t *totals = self.totals
        cdef uint64_t *more = other.totals
        cdef uint64_t *into = result.totals
        cdef uint64_t total = totals[length - 1], rest = other.totals[other.length - 1]
        for j in range(min(skip, length)):
            into[j] = totals[j]
        for j in range(length, skip):  # between the two
            into[j] = total
        for j in range(skip, min(length, end)):
            into[j] = totals[j] + more[j - skip]
        for j in range(max(skip, length), end):
            into[j] = total + more[j - skip]
        for j in range(end, length):
            into[j] = totals[j] + rest

    cdef void trim(self) noexcept nogil:
        """Drop the empty slots at both ends."""
        cdef int skip = 0
        while self.length > 1 and self.totals[self.length - 1] == self.totals[self.length - 2]:
            self.length -= 1
        while skip < self.length and self.totals[skip] == 0:
            skip += 1
        self.length -= skip
        memmove(self.totals, self.totals + skip, self.length * sizeof(uint64_t))
        self.first = self.first + skip if self.length else 0

    cdef int allocate(self, int first, int length) except -1:
        self.totals = <uint64_t *>PyMem_Malloc(length * sizeof(uint64_t))
        if self.totals is NULL:
            raise MemoryError()
        self.first = first
        self.length = length
        return 0


cdef Counts counts_of(const uint64_t *raw, int first, int end):
    """Return the `Counts` of the slots from `first` to `end` - 1, without the empty slots at both ends.

    `raw` may change at the same time, if it belongs to live counters.  So it is the copy that is trimmed.
    """
    cdef Counts result = Counts.__new__(Counts)
    while first < end and historian_atomic_load(raw + first) == 0:
        first += 1
    while first < end and historian_atomic_load(raw + end - 1) == 0:
        end -= 1
    if first == end:
        return result
    result.allocate(first, end - first)
    historian_running_totals(raw + first, end - first, result.totals)
    result.trim()  # another thread may have drained between the search and the copy
    return result
