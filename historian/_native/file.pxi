# `CounterFile`: a file that is mapped into memory.  Several processes count in it; a process may also only read it.

cdef extern from *:
    """
    /* Records after which to ask for a block. A lease takes about 30 us, and saves about 7 ns for each record. A
     * process that records less does not make the file larger, either. */
    #define HISTORIAN_LEASE_AFTER ((size_t)4096)
    #define HISTORIAN_LEASE_AGAIN ((size_t)1 << 20) /* maximum number of records after which to ask again */
    /* Leases of a process: one for all threads that share the GIL, or one for each thread. */
    #define HISTORIAN_LEASES (HISTORIAN_HAS_GIL ? 1 : (int)HISTORIAN_THREADS)
    """
    const size_t LEASE_AFTER "HISTORIAN_LEASE_AFTER"
    const size_t LEASE_AGAIN "HISTORIAN_LEASE_AGAIN"
    const int LEASES "HISTORIAN_LEASES"


@cython.final
@cython.no_gc
cdef class CounterFile:
    """A mapped file of counters that many processes share; ``_native/file.h`` describes its layout.

    `fd` may be closed as soon as the object exists.  Raises OSError if the file cannot be mapped.  Raises ValueError if
    the file is too short for the blocks that it lists.  This may also happen while another process adds a block.
    """

    cdef historian_file *file
    cdef size_t size  # bytes that are mapped
    cdef readonly str path  # absolute; "" if the file is only read
    cdef bytes encoded_path
    cdef uint64_t device, inode  # they identify the file, even if another one now has its path
    cdef historian_lease *leases  # LEASES of them, by number of the thread; NULL if the file is only read

    def __cinit__(self, int fd, str path not None=""):
        status = os.fstat(fd)
        cdef bint writable = path != ""
        # At most the size of the layout: to map a sparse file of 1 TB would take minutes.
        self.size = historian_block_offset(HISTORIAN_FILE_MAX_BLOCKS)
        if not writable:
            self.size = min(self.size, <size_t>status.st_size)
        self.path = path
        self.encoded_path = os.fsencode(path)
        self.device, self.inode = status.st_dev, status.st_ino
        if writable:
            self.allocate_leases()
        if <size_t>status.st_size < historian_block_offset(1):
            raise ValueError(f"it is cut short: {status.st_size} bytes instead of at least {historian_block_offset(1)}")
        self.file = <historian_file *>historian_map_file(fd, self.size, writable)
        if self.file is NULL:
            raise OSError(errno, os.strerror(errno), path or None)
        if historian_count_blocks(self.file, status.st_size) == 0:
            raise ValueError(
                f"it is cut short or damaged: {status.st_size} bytes are too few for the blocks that it lists"
            )

    def __dealloc__(self):
        self.end_leases()
        PyMem_Free(self.leases)
        historian_free_pages(self.file, self.size)

    def is_at(self, status, /):
        """Return whether `status`, an `os.stat_result`, belongs to this file."""
        return self.device == status.st_dev and self.inode == status.st_ino

    def claim(self):
        """Return whether this is the first process that asks: it alone may take out the counts of a removed file."""
        return historian_atomic_exchange(&self.file.claimed, 1) == 0

    def is_claimed(self):
        """Return whether a process has claimed the file."""
        return historian_atomic_load(&self.file.claimed) != 0

    def mark_synthetic(self):
        """Mark the file: some of its values are estimates, not measured.  The mark stays."""
        historian_atomic_store(&self.file.synthetic, 1)

    def is_synthetic(self):
        """Return whether the file is marked (see `mark_synthetic`)."""
        return historian_atomic_load(&self.file.synthetic) != 0

    def read(self):
        """Return (counts, sum, min, max) of the records of all processes since the last drain: see `Counters._read`.

        O(slots of all blocks).  Raises ValueError if the file is damaged.
        """
        return self.total(-1)

    def drain(self, int fd):
        """Return the same as `read`, and leave these records out from now on.

        `fd` is a separate descriptor of the file, open for writing and locked with ``flock``.  O(slots of all blocks).
        Raises OSError if there is no space for the drained counts.  Raises ValueError if the file is damaged.  After an
        error, nothing has been drained.
        """
        self.reserve_drained(fd, HISTORIAN_ROLE_DRAINED_EVEN)
        self.reserve_drained(fd, HISTORIAN_ROLE_DRAINED_ODD)
        return self.total(fd)

    cdef int allocate_leases(self) except -1:
        cdef int i
        self.leases = <historian_lease *>PyMem_Calloc(LEASES, sizeof(historian_lease))
        if self.leases is NULL:
            raise MemoryError()
        for i in range(LEASES):
            self.leases[i].patience = self.leases[i].asked_after = LEASE_AFTER
        return 0

    cdef int end_leases(self) noexcept:
        cdef int i
        if self.leases is not NULL:
            for i in range(LEASES):
                historian_end_lease(&self.leases[i])
        return 0

    cdef int park_leases(self) noexcept:
        """Stop counting in this process' blocks, but keep them: a thread may be about to count there."""
        cdef int i
        if self.leases is not NULL:
            for i in range(LEASES):
                historian_park_lease(&self.leases[i])
        return 0

    cdef int reserve_drained(self, int fd, uint64_t role) except -1:
        """Add a block with this role to the file, unless there is one."""
        cdef int block, error
        for block in range(HISTORIAN_FILE_MAX_BLOCKS):
            if historian_atomic_load(&self.file.roles[block]) == role:
                return 0
            if historian_atomic_load(&self.file.roles[block]) == HISTORIAN_ROLE_NONE:
                error = historian_reserve(fd, historian_block_offset(block), HISTORIAN_BLOCK_NBYTES)
                if error:
                    raise OSError(error, os.strerror(error), self.path)
                historian_atomic_store_release(&self.file.roles[block], role)
                return 0
        raise ValueError(
            f"it is damaged: none of its {HISTORIAN_FILE_MAX_BLOCKS} blocks, the maximum, is one for drained counts"
        )

    cdef tuple total(self, int drain_fd):
        cdef historian_total *total = <historian_total *>malloc(sizeof(historian_total) + sizeof(historian_drained))
        cdef historian_drained *drained = <historian_drained *>(total + 1)
        cdef historian_sum read
        cdef const char *wrong
        cdef Counts counts
        if total is NULL:
            raise MemoryError()
        try:
            wrong = historian_read_file(self.file, self.size, total, drained)
            if wrong is not NULL:
                raise ValueError(f"it is damaged: {wrong.decode()}")
            counts = counts_of(total.counts, 0, HISTORIAN_SLOTS)
            if not counts.length:
                return counts, 0, NAN, NAN
            read = total.sum
            sum = whole(&read)
            if sum >> 8 * HISTORIAN_BLOB_SUM_TOP >= counts.total:
                raise ValueError(f"it is damaged: its sum is too large for {counts.total} values")
            if drain_fd >= 0:
                historian_commit_drain(self.file, total, drained)
            low = minimum_of(counts, total.not_min, total.not_min_bound)
            return counts, sum, low, maximum_of(counts, total.max, total.max_bound)
        finally:
            free(total)

    cdef int ask_for_lease(self, Counters counters, size_t records) noexcept:
        """Lease a block for this thread, if it is time to ask for one and a block is free."""
        cdef size_t thread = 0 if HISTORIAN_HAS_GIL else historian_take_thread()
        cdef historian_lease *lease
        if self.leases is NULL or thread == HISTORIAN_THREADS:
            return 0
        lease = &self.leases[thread]
        if lease.patience > records:
            lease.patience -= records
            return 0
        historian_take_lease(
            lease, &counters.exclusive if HISTORIAN_HAS_GIL else historian_own_place(counters.lanes), thread,
            self.file, <const char *>self.encoded_path, self.device, self.inode
        )
        lease.asked_after = min(2 * lease.asked_after, LEASE_AGAIN) if lease.exclusive is NULL else LEASE_AFTER
        lease.patience = lease.asked_after  # a child process counts it down, too
        return 0


cdef double minimum_of(Counts counts, uint64_t not_min, uint64_t not_min_bound) noexcept:
    """Return the minimum as `Counters._read` does: the negative of a lower bound, if only that is known.

    It is NaN if a record is in flight, or was when its process was killed.
    """
    if not_min_bound > not_min and counts.length and historian_touches(~not_min_bound, counts.first):
        return -historian_double(~not_min_bound) if ~not_min_bound else NAN
    if not_min and ~not_min <= HISTORIAN_MAX_BITS and counts.length and <int>historian_slot(~not_min) == counts.first:
        return historian_double(~not_min)
    return NAN


cdef double maximum_of(Counts counts, uint64_t max_bits, uint64_t max_bound) noexcept:
    """Return the maximum; see `minimum_of`."""
    cdef int last = counts.first + counts.length - 1
    if max_bound > max_bits and counts.length and historian_is_in(max_bound, last):
        return -historian_double(max_bound)
    if max_bits <= HISTORIAN_MAX_BITS and counts.length and <int>historian_slot(max_bits) == last:
        return historian_double(max_bits)
    return NAN
