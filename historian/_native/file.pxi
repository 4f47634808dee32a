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

    `fd` may be closed as soon as the object exists.  Raises OSError if the file cannot be mapped, or if it has holes
    and there is no space to fill them.  Raises ValueError if the file is too short for the blocks that it lists.  This
    may also happen while another process adds a block.

    Another process may damage the file later.  So each method first compares the blocks that are listed with the size
    of the file, as it was when it was last asked for: see `is_at`.
    """

    cdef historian_file *file
    cdef size_t mapped  # bytes that are mapped
    cdef uint64_t size  # bytes of the file as last seen, by any thread; what is mapped beyond it may not be used
    cdef readonly str path  # absolute; "" if the file is only read
    cdef bytes encoded_path
    cdef uint64_t device, inode  # they identify the file, even if another one now has its path
    cdef historian_lease *leases  # LEASES of them, by number of the thread; NULL if the file is only read

    def __cinit__(self, int fd, str path not None=""):
        status = os.fstat(fd)
        cdef bint writable = path != ""
        # At most the size of the layout: to map a sparse file of 1 TB would take minutes.
        self.mapped = historian_block_offset(HISTORIAN_FILE_MAX_BLOCKS)
        historian_atomic_store(&self.size, status.st_size)
        if not writable:
            self.mapped = min(self.mapped, <size_t>status.st_size)
        self.path = path
        self.encoded_path = os.fsencode(path)
        self.device, self.inode = status.st_dev, status.st_ino
        if writable:
            self.allocate_leases()
        self.check_size()
        self.file = <historian_file *>historian_map_file(fd, self.mapped, writable)
        if self.file is NULL:
            raise OSError(errno, os.strerror(errno), path or None)
        if not writable and not self.is_backed():
            self.copy(fd)
        self.check_blocks()
        if writable:
            self.fill_holes(fd)

    def __dealloc__(self):
        self.end_leases()
        PyMem_Free(self.leases)
        historian_free_pages(self.file, self.mapped)

    def is_at(self, status, /):
        """Return whether `status`, an `os.stat_result`, belongs to this file.  If so, its size is noted."""
        if self.device != status.st_dev or self.inode != status.st_ino:
            return False
        historian_atomic_store(&self.size, status.st_size)
        return True

    def is_same(self, CounterFile other not None, /):
        """Return whether another object has mapped the same file."""
        return self.device == other.device and self.inode == other.inode

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

    def check(self):
        """Raise ValueError if the file is damaged, or has been truncated since it was opened.  See `is_at`."""
        cdef uint64_t size = 0
        self.check_size()
        while historian_count_blocks(self.file, historian_atomic_load(&self.size)) == 0 and size != self.size:
            size = self.size
            try:  # another process may have added a block after the size was asked for
                self.is_at(os.stat(self.path, follow_symlinks=False))
            except OSError:
                break
        self.check_blocks()

    def read(self):
        """Return (counts, sum, min, max) of the records of all processes since the last drain: see `Counters._read`.

        O(slots of all blocks).  Raises ValueError if the file is damaged.
        """
        return self.total(False)

    def drain(self, int fd):
        """Return the same as `read`, and leave these records out from now on.

        `fd` is a separate descriptor of the file, open for writing and locked with ``flock``.  O(slots of all blocks).
        Raises OSError if there is no space for the drained counts.  Raises ValueError if the file is damaged.  After an
        error, nothing has been drained.
        """
        status = os.fstat(fd)
        historian_atomic_store(&self.size, status.st_size)
        self.check_size()
        self.check_blocks()
        if 512 * status.st_blocks < status.st_size:  # it was made sparse since it was opened
            self.fill_holes(fd)
        self.reserve_drained(fd, HISTORIAN_ROLE_DRAINED_EVEN)
        self.reserve_drained(fd, HISTORIAN_ROLE_DRAINED_ODD)
        return self.total(True)

    cdef bint is_backed(self) noexcept:
        """Return whether the blocks that are listed can be read without a signal that kills the process."""
        cdef size_t end
        if not historian_is_backed(self.file, historian_block_offset(0)):
            return False
        end = historian_block_offset(historian_listed_blocks(self.file))
        return end <= self.mapped and historian_is_backed(self.file, end)

    cdef int copy(self, int fd) except -1:
        """Read a copy, since the file cannot be read where it is mapped.

        Nobody writes to such a file: its holes must be filled to count in it.
        """
        historian_free_pages(self.file, self.mapped)
        self.file = <historian_file *>historian_copy_file(fd, self.mapped)
        if self.file is NULL:
            raise ValueError(f"it cannot be read: {os.strerror(errno)}")
        return 0

    cdef int check_size(self) except -1:
        """Raise ValueError if the file is too short for the list of its blocks and the first one."""
        size, least = historian_atomic_load(&self.size), historian_block_offset(1)
        if size < least:
            raise ValueError(f"it is cut short: {size} bytes instead of at least {least}")
        return 0

    cdef int check_blocks(self) except -1:
        """Raise ValueError unless all blocks that are listed are there."""
        size = historian_atomic_load(&self.size)
        if historian_count_blocks(self.file, size) == 0:
            raise ValueError(f"it is cut short or damaged: {size} bytes are too few for the blocks that it lists")
        return 0

    cdef int fill_holes(self, int fd) except -1:
        """Reserve the space of all blocks again: a copy of a file may have holes."""
        cdef size_t end = historian_block_offset(historian_listed_blocks(self.file))
        with nogil:
            error = historian_fill_holes(fd, 0, end)
        self.check_space(error)
        if not self.is_backed():
            raise ValueError("it cannot be read where it is mapped")
        return 0

    cdef int check_space(self, int error) except -1:
        if error:
            raise OSError(error, os.strerror(error), self.path)
        return 0

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
        """Add a block with this role to the file, unless there is one.  Nobody else can add one meanwhile."""
        cdef size_t block, blocks = historian_listed_blocks(self.file)
        cdef int error
        for block in range(blocks):
            if historian_atomic_load(&self.file.roles[block]) == role:
                return 0
        if blocks == 0 or blocks == HISTORIAN_FILE_MAX_BLOCKS:
            raise ValueError(
                f"it is damaged: none of its {HISTORIAN_FILE_MAX_BLOCKS} blocks, the maximum, is one for drained counts"
            )
        with nogil:
            error = historian_reserve(fd, historian_block_offset(blocks), HISTORIAN_BLOCK_NBYTES)
        self.check_space(error)
        historian_atomic_store(&self.size, max(historian_atomic_load(&self.size), historian_block_offset(blocks + 1)))
        historian_atomic_store_release(&self.file.roles[blocks], role)
        return 0

    cdef size_t readable(self) noexcept:
        """Return the number of bytes that can be read now, 0 if not all of the blocks can.

        If the file was removed, its size can no longer be asked for.  Other processes may have added blocks before.
        """
        cdef size_t size = historian_atomic_load(&self.size), end
        if not self.is_backed():
            return 0
        end = historian_block_offset(historian_listed_blocks(self.file))
        if size < end <= self.mapped:
            historian_atomic_store(&self.size, end)
            return end
        return min(size, self.mapped)

    cdef tuple total(self, bint drain):
        cdef historian_total *total = <historian_total *>malloc(sizeof(historian_total) + sizeof(historian_drained))
        cdef historian_drained *drained = <historian_drained *>(total + 1)
        cdef historian_sum read
        cdef const char *wrong
        cdef Counts counts
        cdef size_t readable = self.readable()
        if total is NULL:
            raise MemoryError()
        try:
            if readable < historian_block_offset(1):
                raise ValueError("it is cut short, or lists blocks that it does not contain")
            wrong = historian_read_file(self.file, readable, total, drained)
            while wrong is not NULL and total.blocks == 0 and self.readable() > readable:
                readable = self.readable()  # another process has added a block in the meantime
                wrong = historian_read_file(self.file, readable, total, drained)
            if wrong is not NULL:
                raise ValueError(f"it is damaged: {wrong.decode()}")
            counts = counts_of(total.counts, 0, HISTORIAN_SLOTS)
            if not counts.length:
                return counts, 0, NAN, NAN
            read = total.sum
            sum = whole(&read)
            if sum >> 8 * HISTORIAN_BLOB_SUM_TOP >= counts.total:
                raise ValueError(f"it is damaged: its sum is too large for {counts.total} values")
            if drain:
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


def reserve(int fd, Py_ssize_t size, /):
    """Extend a file with zeros to at least `size` bytes, and reserve their space.  Nobody else uses the file yet."""
    with nogil:
        error = historian_reserve(fd, 0, size)
    if error:
        raise OSError(error, os.strerror(error))
